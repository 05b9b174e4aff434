//! Blocks (`blocks.md` section 6).

use crate::{
    BlockHash, DecodeError, EncodeError, header::BlockHeader, proof::BlockProof,
    transaction::Transaction,
};

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its header.
    pub header: BlockHeader,
    /// Its transactions, in order.
    pub transactions: Vec<Transaction>,
    /// What won it.
    pub proof: BlockProof,
}

impl Block {
    /// The largest block that the wire carries, in bytes.
    pub const MAX_SIZE: usize = 16_777_215;
    /// Its header's hash.
    pub fn hash(&self) -> BlockHash {
        self.header.hash()
    }
    /// `415 + 159t + 33n` bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        todo!()
    }
    /// Reads a block; bytes after the proof are ignored.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }
}
