//! Block headers (`blocks.md` section 3).

use sha2::{Digest, Sha256};

use crate::{
    BlockHash, Challenge, DecodeError, EncodeError, Identity, NodeHash, Score, Signature,
    codec::{Reader, fits},
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
    /// Bytes that are hashed and signed.
    const UNSIGNED: usize = Self::SIZE - Signature::SIZE;

    /// The bytes that are hashed and signed.
    pub fn unsigned_bytes(&self) -> [u8; Self::UNSIGNED] {
        let mut bytes = [0; Self::UNSIGNED];
        bytes[0] = self.version;
        bytes[1..33].copy_from_slice(self.parent.as_bytes());
        bytes[33..41].copy_from_slice(&self.height.to_le_bytes());
        bytes[41..49].copy_from_slice(&self.timestamp.to_le_bytes());
        bytes[49..57].copy_from_slice(&self.difficulty.to_le_bytes());
        bytes[57..65].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[65..97].copy_from_slice(self.challenge.as_bytes());
        bytes[97..129].copy_from_slice(self.plot_root.as_bytes());
        bytes[129..161].copy_from_slice(self.score.as_bytes());
        bytes[161..193].copy_from_slice(self.tx_root.as_bytes());
        bytes[193..].copy_from_slice(self.miner.as_bytes());
        bytes
    }

    /// SHA-256 of the unsigned bytes.
    pub fn hash(&self) -> BlockHash {
        BlockHash::new(Sha256::digest(self.unsigned_bytes()).into())
    }

    /// Signs it; the key's identity becomes the miner.
    #[must_use]
    pub fn sign(mut self, key: &SecretKey) -> Self {
        self.miner = key.identity();
        self.signature = Some(key.sign(self.hash().as_bytes()));
        self
    }

    /// The 290 bytes.
    ///
    /// # Errors
    /// It is not signed, or a number has no wire form.
    pub fn encode(&self) -> Result<[u8; Self::SIZE], EncodeError> {
        fits("height", self.height)?;
        fits("timestamp", self.timestamp)?;
        fits("difficulty", self.difficulty)?;
        fits("epoch", self.epoch)?;
        let signature = self.signature.ok_or(EncodeError::Unsigned)?;
        let mut bytes = [0; Self::SIZE];
        bytes[..Self::UNSIGNED].copy_from_slice(&self.unsigned_bytes());
        bytes[Self::UNSIGNED..].copy_from_slice(signature.as_bytes());
        Ok(bytes)
    }

    /// Reads the first 290 bytes.
    ///
    /// # Errors
    /// Too few bytes, or a negative number.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read(&mut Reader::new(bytes))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: reader.byte("header version")?,
            parent: BlockHash::new(reader.array("parent hash")?),
            height: reader.number("height")?,
            timestamp: reader.number("timestamp")?,
            difficulty: reader.number("difficulty")?,
            epoch: reader.number("epoch")?,
            challenge: Challenge::new(reader.array("challenge")?),
            plot_root: NodeHash::new(reader.array("plot root")?),
            score: Score::new(reader.array("proof score")?),
            tx_root: NodeHash::new(reader.array("transaction root")?),
            miner: Identity::new(reader.array("miner id")?),
            signature: Some(Signature::new(reader.array("header signature")?)),
        })
    }
}
