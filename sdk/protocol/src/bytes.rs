//! The byte strings of the protocol, each its own type.
//!
//! A challenge, a leaf and a block hash are all 32 bytes; mixing them up is a
//! bug that the compiler can find. Every type has a `SIZE`, prints as
//! lower-case hexadecimal, parses from it (either case), and serialises with
//! `serde` as that text.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Bytes or text that are not a value of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BytesError {
    /// A slice of another length.
    #[error("{name} takes {expected} bytes, not {actual}")]
    Length {
        /// The type that was asked for.
        name: &'static str,
        /// Its size in bytes.
        expected: usize,
        /// The size found, in bytes.
        actual: usize,
    },
    /// Text that is not hexadecimal of the right length.
    #[error("{name} is written as {digits} hexadecimal digits, not `{text}`")]
    Hex {
        /// The type that was asked for.
        name: &'static str,
        /// The number of digits it takes.
        digits: usize,
        /// The text found, cut to 80 characters.
        text: String,
    },
}

macro_rules! byte_string {
    ($(#[$doc:meta])* $name:ident, $size:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name([u8; $size]);

        impl $name {
            /// Length in bytes.
            pub const SIZE: usize = $size;
            /// All bytes zero.
            pub const ZERO: Self = Self([0; $size]);

            /// Wraps the bytes.
            pub const fn new(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }

            /// The bytes, by value.
            pub const fn to_bytes(self) -> [u8; $size] {
                self.0
            }

            /// Whether every byte is zero.
            pub fn is_zero(&self) -> bool {
                self.0.iter().all(|byte| *byte == 0)
            }
        }

        impl From<[u8; $size]> for $name {
            fn from(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = BytesError;

            fn try_from(bytes: &[u8]) -> Result<Self, BytesError> {
                bytes.try_into().map(Self).map_err(|_| BytesError::Length {
                    name: stringify!($name),
                    expected: $size,
                    actual: bytes.len(),
                })
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&const_hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BytesError;

            fn from_str(text: &str) -> Result<Self, BytesError> {
                let mut bytes = [0; $size];
                // A `0x` prefix is not part of the notation.
                if text.len() != 2 * $size || const_hex::decode_to_slice(text, &mut bytes).is_err() {
                    return Err(BytesError::Hex {
                        name: stringify!($name),
                        digits: 2 * $size,
                        text: text.chars().take(80).collect(),
                    });
                }
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

byte_string!(
    /// What an epoch asks of the plots: `H(parent hash, LE64(epoch))`.
    Challenge, 32
);
byte_string!(
    /// One 32-byte leaf of a plot.
    Leaf, 32
);
byte_string!(
    /// `H(challenge, leaf)`, a big-endian number; the comparison operators
    /// order it as such, and lower is better.
    Score, 32
);
byte_string!(
    /// A big-endian number that a score must be strictly less than.
    Target, 32
);
byte_string!(
    /// A node of a Merkle tree, its root included.
    NodeHash, 32
);
byte_string!(
    /// The seed of a plot; block proofs carry it as the plot's id.
    PlotSeed, 32
);
byte_string!(
    /// The miner's 32 bytes from which its leaves are derived. Not secret.
    PlotKey, 32
);
byte_string!(
    /// SHA-256 of the 121 bytes of a plot header.
    PlotHeaderHash, 32
);
byte_string!(
    /// SHA-256 of a block header without its signature.
    BlockHash, 32
);
byte_string!(
    /// SHA-256 of a transaction without its signature.
    TxHash, 32
);
byte_string!(
    /// Who owns an account or mined a block: a 33-byte public key, either
    /// compressed secp256k1 (`02`/`03` + x) or `ED` + an ed25519 key.
    Identity, 33
);
byte_string!(
    /// A 64-byte signature over a block or transaction hash.
    Signature, 64
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_refuses_other_lengths() {
        let leaf = Leaf::new([0xAB; 32]);
        assert_eq!(leaf.to_string().parse::<Leaf>().unwrap(), leaf);
        assert_eq!(leaf.to_string().to_uppercase().parse::<Leaf>().unwrap(), leaf);
        assert!(format!("0x{leaf}").parse::<Leaf>().is_err());
        assert!(leaf.to_string()[2..].parse::<Leaf>().is_err());
        let error = Leaf::try_from(&[0_u8; 31][..]).unwrap_err();
        assert_eq!(error.to_string(), "Leaf takes 32 bytes, not 31");
    }

    #[test]
    fn scores_order_as_big_endian_numbers() {
        let mut low = [0; 32];
        low[31] = 0xFF;
        let mut high = [0; 32];
        high[0] = 1;
        assert!(Score::new(low) < Score::new(high));
    }
}
