//! The Spacetime protocol, pure: no I/O, no clock, no randomness, no unsafe.
//!
//! Byte strings are types of their own ([`Leaf`], [`Score`], …). Numbers that
//! the wire carries as signed 64-bit integers are `u64` here and never exceed
//! [`MAX_NUMBER`]; decoding and arithmetic refuse what would.

#![forbid(unsafe_code)]

pub mod accounts;
pub mod ask;
pub mod block;
pub mod builder;
mod bytes;
pub mod cache;
pub mod chain;
pub mod challenge;
mod codec;
pub mod difficulty;
pub mod epoch;
mod hash;
pub mod header;
pub mod json;
pub mod keys;
pub mod merkle;
pub mod network;
pub mod plot;
pub mod proof;
pub mod relay;
pub mod score;
pub mod transaction;
pub mod validity;
pub mod wire;

pub use bytes::{
    BlockHash, BytesError, Challenge, Identity, Leaf, NodeHash, PlotHeaderHash, PlotKey, PlotSeed,
    Score, Signature, Target, TxHash,
};
pub use codec::{DecodeError, EncodeError};

/// The largest number that the wire's signed 64-bit integers hold.
pub const MAX_NUMBER: u64 = i64::MAX as u64;
