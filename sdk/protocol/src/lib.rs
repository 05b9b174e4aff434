//! The Spacetime protocol, pure: no I/O, no clock, no randomness, no unsafe.

#![forbid(unsafe_code)]

mod bytes;

pub use bytes::{
    BlockHash, BytesError, Challenge, Identity, Leaf, NodeHash, PlotHeaderHash, PlotKey, PlotSeed,
    Score, Signature, Target, TxHash,
};
