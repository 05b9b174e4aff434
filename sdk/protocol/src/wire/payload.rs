//! Why a payload is not a message, in the terms of `wire.md` section 10.

use thiserror::Error;

use crate::DecodeError;

/// How the reference refuses a payload; the frame was consumed whole, so the
/// stream goes on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// "invalid data": it breaks a rule of its layout.
    InvalidData,
    /// "argument error": a value that its type refuses.
    Argument,
    /// "format error": a string's length takes more than 32 bits.
    Format,
    /// It ends within an integer, which the reference takes for a lost
    /// connection.
    Closed,
}

/// A payload that is not a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{error}")]
pub struct PayloadError {
    /// How the reference refuses it.
    pub refusal: Refusal,
    /// Where, and what is wrong.
    pub error: DecodeError,
}
