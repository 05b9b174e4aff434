//! Reading and writing the wire's integers and byte strings: little-endian,
//! every length checked against what is left before anything is allocated.

use thiserror::Error;

use crate::MAX_NUMBER;

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
    /// A number that must be at least 1.
    #[error("{field} is 0")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// More entries than the wire's 32-bit counts hold.
    #[error("{field} has more than 2^31 - 1 entries")]
    TooMany {
        /// The field.
        field: &'static str,
    },
    /// A text of white space only, or a byte string without a byte.
    #[error("{field} is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A number outside what its field may say.
    #[error("{field} is {found}, allowed are {least} to {most}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it says.
        found: u64,
        /// The smallest value allowed.
        least: u64,
        /// The largest value allowed.
        most: u64,
    },
    /// A path whose siblings and orientation bits differ in number.
    #[error("the path has {siblings} siblings, but {bits} orientation bits")]
    UnevenPath {
        /// How many siblings.
        siblings: usize,
        /// How many orientation bits.
        bits: usize,
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

/// Refuses a number that the wire's signed 64-bit integers cannot hold.
pub(crate) fn fits(field: &'static str, number: u64) -> Result<(), EncodeError> {
    if number > MAX_NUMBER { Err(EncodeError::TooLarge { field }) } else { Ok(()) }
}

/// The wire's form of a count.
pub(crate) fn count(field: &'static str, count: usize) -> Result<[u8; 4], EncodeError> {
    match i32::try_from(count) {
        Ok(count) => Ok(count.to_le_bytes()),
        Err(_) => Err(EncodeError::TooMany { field }),
    }
}

/// Reads fields one after the other; errors count offsets from where it began.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.short(field, N));
        };
        self.rest = rest;
        self.offset += N;
        Ok(*bytes)
    }

    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// A boolean: any byte but 0 is true.
    pub(crate) fn boolean(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        self.byte(field).map(|byte| byte != 0)
    }

    /// A signed 64-bit number that must not be negative.
    pub(crate) fn number(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let offset = self.offset;
        let number = i64::from_le_bytes(self.array(field)?);
        u64::try_from(number).map_err(|_| DecodeError {
            offset,
            field,
            problem: format!("{number} is negative"),
        })
    }

    /// A number that must be at least 1.
    pub(crate) fn positive(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let offset = self.offset;
        match self.number(field)? {
            0 => Err(DecodeError { offset, field, problem: "0 is not positive".to_owned() }),
            number => Ok(number),
        }
    }

    /// A signed 32-bit count of entries that take at least `each` bytes; refused when they
    /// cannot be in what is left, so that a made-up count allocates nothing.
    pub(crate) fn count(&mut self, field: &'static str, each: usize) -> Result<usize, DecodeError> {
        let offset = self.offset;
        let count = i32::from_le_bytes(self.array(field)?);
        let refuse = |problem| Err(DecodeError { offset, field, problem });
        match usize::try_from(count) {
            Err(_) => refuse(format!("{count} is negative")),
            Ok(entries) if entries > self.remaining() / each.max(1) => {
                refuse(format!("{count} entries cannot be in the {} bytes left", self.remaining()))
            }
            Ok(entries) => Ok(entries),
        }
    }

    /// A part of its own of `len` bytes; errors in it still count from the whole's beginning.
    pub(crate) fn part(&mut self, field: &'static str, len: usize) -> Result<Self, DecodeError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.short(field, len));
        };
        let part = Self { rest: bytes, offset: self.offset };
        self.rest = rest;
        self.offset += len;
        Ok(part)
    }

    fn short(&self, field: &'static str, wanted: usize) -> DecodeError {
        DecodeError {
            offset: self.offset,
            field,
            problem: format!("it takes {wanted} bytes, {} are left", self.rest.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_beyond_what_is_left_is_refused_before_allocation() {
        let mut bytes = i32::MAX.to_le_bytes().to_vec();
        bytes.extend([0; 64]);
        let error = Reader::new(&bytes).count("siblings", 32).unwrap_err();
        assert_eq!(
            error.to_string(),
            "siblings at offset 0: 2147483647 entries cannot be in the 64 bytes left"
        );
        assert_eq!(Reader::new(&[2, 0, 0, 0, 1, 1]).count("bits", 1), Ok(2));
    }

    #[test]
    fn errors_in_a_part_count_from_the_beginning() {
        let mut reader = Reader::new(&[0; 10]);
        reader.array::<4>("skipped").unwrap();
        let mut part = reader.part("slot", 3).unwrap();
        assert_eq!(part.number("amount").unwrap_err().offset, 4);
        assert_eq!((reader.offset(), reader.remaining()), (7, 3));
    }

    #[test]
    fn negative_numbers_are_refused() {
        let bytes = (-5_i64).to_le_bytes();
        let error = Reader::new(&bytes).number("fee").unwrap_err();
        assert_eq!(error.to_string(), "fee at offset 0: -5 is negative");
        assert!(Reader::new(&[0; 8]).positive("amount").is_err());
    }
}
