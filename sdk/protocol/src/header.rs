//! Block headers (`blocks.md` section 3).

use crate::{
    BlockHash, Challenge, DecodeError, EncodeError, Identity, NodeHash, Score, Signature,
    keys::SecretKey,
};

/// A block header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// 1 in every valid header.
    pub version: u8,
    /// Hash of the block before; zero in a genesis block.
    pub parent: BlockHash,
    /// 0 for the genesis block.
    pub height: u64,
    /// Unix seconds.
    pub timestamp: u64,
    /// The target is `(2^256 - 1) / difficulty`.
    pub difficulty: u64,
    /// The window that it was won in.
    pub epoch: u64,
    /// What was scanned for.
    pub challenge: Challenge,
    /// Root of the winning plot.
    pub plot_root: NodeHash,
    /// Score of the winning leaf.
    pub score: Score,
    /// Root over the transactions.
    pub tx_root: NodeHash,
    /// Who mined it.
    pub miner: Identity,
    /// Over the hash; `None`: not signed yet.
    pub signature: Option<Signature>,
}

impl BlockHeader {
    /// Bytes of a signed header.
    pub const SIZE: usize = 290;
    /// The bytes that are hashed and signed.
    pub fn unsigned_bytes(&self) -> [u8; 226] {
        todo!()
    }
    /// SHA-256 of the unsigned bytes.
    pub fn hash(&self) -> BlockHash {
        todo!()
    }
    /// Signs it; the key's identity becomes the miner.
    #[must_use]
    pub fn sign(self, key: &SecretKey) -> Self {
        todo!()
    }
    /// The 290 bytes.
    pub fn encode(&self) -> Result<[u8; Self::SIZE], EncodeError> {
        todo!()
    }
    /// Reads the first 290 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }
}
