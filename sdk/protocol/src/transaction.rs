//! Transactions (`blocks.md` section 2).

use std::cmp::Reverse;

use sha2::{Digest, Sha256};

use crate::{
    DecodeError, EncodeError, Identity, MAX_NUMBER, Signature, TxHash,
    codec::{Reader, fits},
    keys::{self, SecretKey},
};

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
    /// Bytes that are hashed and signed.
    const UNSIGNED: usize = Self::SIZE - Signature::SIZE;

    /// The bytes that are hashed and signed.
    pub fn unsigned_bytes(&self) -> [u8; Self::UNSIGNED] {
        let mut bytes = [0; Self::UNSIGNED];
        bytes[0] = self.version;
        bytes[1..34].copy_from_slice(self.sender.as_bytes());
        bytes[34..67].copy_from_slice(self.recipient.as_bytes());
        bytes[67..75].copy_from_slice(&self.amount.to_le_bytes());
        bytes[75..83].copy_from_slice(&self.nonce.to_le_bytes());
        bytes[83..].copy_from_slice(&self.fee.to_le_bytes());
        bytes
    }

    /// SHA-256 of the unsigned bytes.
    pub fn hash(&self) -> TxHash {
        TxHash::new(Sha256::digest(self.unsigned_bytes()).into())
    }

    /// Signs it with the sender's key.
    #[must_use]
    pub fn sign(mut self, key: &SecretKey) -> Self {
        self.signature = Some(key.sign(self.hash().as_bytes()));
        self
    }

    /// Rule 1 of `consensus.md` section 8.
    pub fn keeps_basic_rules(&self) -> bool {
        self.signature.is_some()
            && self.amount > 0
            && [self.amount, self.nonce, self.fee].iter().all(|number| *number <= MAX_NUMBER)
            && self.sender != self.recipient
    }

    /// Whether it carries the sender's signature.
    pub fn is_signed_by_sender(&self) -> bool {
        self.signature
            .is_some_and(|signature| keys::verify(&self.sender, self.hash().as_bytes(), &signature))
    }

    /// Its place in the order of the memory pool, the first to be taken into a block lowest:
    /// fee descending, then hash ascending (`consensus.md` section 9).
    pub fn priority(&self) -> (Reverse<u64>, TxHash) {
        (Reverse(self.fee), self.hash())
    }

    /// The 155 bytes.
    ///
    /// # Errors
    /// It is not signed, or a number has no wire form.
    pub fn encode(&self) -> Result<[u8; Self::SIZE], EncodeError> {
        if self.amount == 0 {
            return Err(EncodeError::Zero { field: "amount" });
        }
        fits("amount", self.amount)?;
        fits("nonce", self.nonce)?;
        fits("fee", self.fee)?;
        let signature = self.signature.ok_or(EncodeError::Unsigned)?;
        let mut bytes = [0; Self::SIZE];
        bytes[..Self::UNSIGNED].copy_from_slice(&self.unsigned_bytes());
        bytes[Self::UNSIGNED..].copy_from_slice(signature.as_bytes());
        Ok(bytes)
    }

    /// Reads the first 155 bytes; further ones are ignored, as in a block's slots.
    ///
    /// # Errors
    /// Too few bytes, an amount of 0 or a negative number.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read(&mut Reader::new(bytes))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: reader.byte("transaction version")?,
            sender: Identity::new(reader.array("sender")?),
            recipient: Identity::new(reader.array("recipient")?),
            amount: reader.positive("amount")?,
            nonce: reader.number("nonce")?,
            fee: reader.number("fee")?,
            signature: Some(Signature::new(reader.array("transaction signature")?)),
        })
    }
}
