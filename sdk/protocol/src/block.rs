//! Blocks (`blocks.md` section 6).

use crate::{
    BlockHash, DecodeError, EncodeError,
    codec::{Reader, count},
    header::BlockHeader,
    proof::BlockProof,
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

    /// `415 + 159t + 33n` bytes, t the transactions, n the length of the proof's path.
    ///
    /// # Errors
    /// The header or a transaction is not signed, or a number has no wire form.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = self.header.encode()?.to_vec();
        bytes.extend(self.encode_body()?);
        Ok(bytes)
    }

    /// The bytes after the header: transactions and proof.
    ///
    /// # Errors
    /// A transaction is not signed, or a number has no wire form.
    pub fn encode_body(&self) -> Result<Vec<u8>, EncodeError> {
        let slot = count("transaction", Transaction::SIZE)?;
        let mut bytes = count("transactions", self.transactions.len())?.to_vec();
        for transaction in &self.transactions {
            bytes.extend(slot);
            bytes.extend(transaction.encode()?);
        }
        bytes.extend(self.proof.encode()?);
        Ok(bytes)
    }

    /// Reads a block; bytes after the proof are ignored.
    ///
    /// # Errors
    /// Too few bytes, or a field that breaks its rule.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_prefix(bytes).map(|(block, _)| block)
    }

    /// Reads a block from the front; how many bytes it took.
    ///
    /// # Errors
    /// As [`Block::decode`].
    pub fn decode_prefix(bytes: &[u8]) -> Result<(Self, usize), DecodeError> {
        let mut reader = Reader::new(bytes);
        let block = Self {
            header: BlockHeader::read(&mut reader)?,
            transactions: read_transactions(&mut reader)?,
            proof: BlockProof::read(&mut reader)?,
        };
        Ok((block, reader.offset()))
    }

    /// Puts a block together from a header and the bytes after it.
    ///
    /// # Errors
    /// As [`Block::decode`]; offsets count from the body's beginning.
    pub fn with_body(header: BlockHeader, body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let transactions = read_transactions(&mut reader)?;
        Ok(Self { header, transactions, proof: BlockProof::read(&mut reader)? })
    }
}

/// Slots may be longer than a transaction; what follows it in its slot is ignored.
fn read_transactions(reader: &mut Reader<'_>) -> Result<Vec<Transaction>, DecodeError> {
    let count = reader.count("transactions", 4 + Transaction::SIZE)?;
    (0..count)
        .map(|_| {
            let len = reader.count("transaction length", 1)?;
            Transaction::read(&mut reader.part("transaction", len)?)
        })
        .collect()
}
