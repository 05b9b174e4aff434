//! Reading and writing the wire's integers and byte strings: little-endian,
//! every length checked against what is left before anything is allocated.

use thiserror::Error;

/// A value that has no wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The header or transaction carries no signature.
    #[error("it is not signed")]
    Unsigned,
    /// A number exceeds what the wire can carry.
    #[error("{field} is larger than 2^63 - 1")]
    TooLarge {
        /// The field.
        field: &'static str,
    },
}

/// Bytes that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} at offset {offset}: {problem}")]
pub struct DecodeError {
    /// Bytes from the beginning to the field at fault.
    pub offset: usize,
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}
