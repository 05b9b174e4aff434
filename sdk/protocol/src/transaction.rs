//! Transactions (`blocks.md` section 2).

use crate::{DecodeError, EncodeError, Identity, Signature, TxHash, keys::SecretKey};

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// 1 in every valid transaction.
    pub version: u8,
    /// Who pays.
    pub sender: Identity,
    /// Who is paid.
    pub recipient: Identity,
    /// At least 1.
    pub amount: u64,
    /// Place in the sender's sequence, from 0.
    pub nonce: u64,
    /// What the miner gets.
    pub fee: u64,
    /// Over the hash; `None`: not signed yet.
    pub signature: Option<Signature>,
}

impl Transaction {
    /// Bytes of a signed transaction.
    pub const SIZE: usize = 155;
    /// The bytes that are hashed and signed.
    pub fn unsigned_bytes(&self) -> [u8; 91] {
        todo!()
    }
    /// SHA-256 of the unsigned bytes.
    pub fn hash(&self) -> TxHash {
        todo!()
    }
    /// Signs it with the sender's key.
    #[must_use]
    pub fn sign(self, key: &SecretKey) -> Self {
        todo!()
    }
    /// Rule 1 of `consensus.md` section 8.
    pub fn keeps_basic_rules(&self) -> bool {
        todo!()
    }
    /// The 155 bytes.
    pub fn encode(&self) -> Result<[u8; Self::SIZE], EncodeError> {
        todo!()
    }
    /// Reads the first 155 bytes; further ones are ignored, as in a block's slots.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }
}
