//! The tables of the database and the bytes of their values. Nothing else in
//! the crate knows a byte of the layout. A change to any of it raises
//! [`FORMAT`].

use redb::TableDefinition;
use spacetime_protocol::accounts::Account;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::{BlockHash, Identity};

/// Number of this layout; in the store under [`META_FORMAT`].
pub(crate) const FORMAT: u32 = 3;
/// The layout before it, which has no [`META_RULES`]: it is brought up to date
/// when the store is opened for writing.
pub(crate) const FORMAT_WITHOUT_RULES: u32 = 2;
/// The layout before that one, which has no [`TRANSACTIONS`], either.
pub(crate) const FORMAT_WITHOUT_INDEX: u32 = 1;

/// Name -> bytes: the values below.
pub(crate) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// [`FORMAT`], 4 bytes little-endian.
pub(crate) const META_FORMAT: &str = "format";
/// The network's id, UTF-8.
pub(crate) const META_NETWORK: &str = "network";
/// The genesis block's hash, 32 bytes.
pub(crate) const META_GENESIS: &str = "genesis";
/// The network's rules, JSON.
pub(crate) const META_RULES: &str = "rules";
/// The hash of the best chain's last block, 32 bytes.
pub(crate) const META_TIP: &str = "tip";

/// Block hash -> header (290 bytes), then the sum of difficulties from
/// genesis to it (u128, little-endian). Blocks of side chains are here too.
pub(crate) const HEADERS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("headers");
/// Block hash -> the whole block in its wire form.
pub(crate) const BODIES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("bodies");
/// Height -> hash of the best chain's block.
pub(crate) const BEST: TableDefinition<u64, &[u8; 32]> = TableDefinition::new("best");
/// (Height, hash) of blocks that are stored and not on the best chain.
pub(crate) const SIDE: TableDefinition<(u64, &[u8; 32]), ()> = TableDefinition::new("side");
/// Identity -> account, at the tip. Absent accounts are empty.
pub(crate) const ACCOUNTS: TableDefinition<&[u8; 33], &[u8; 16]> = TableDefinition::new("accounts");
/// Height of a best-chain block -> the accounts that it changed, as they were
/// before it: entries of [`UNDO_ENTRY`] bytes.
pub(crate) const UNDO: TableDefinition<u64, &[u8]> = TableDefinition::new("undo");

/// Transaction hash -> height of the best chain's block that holds it, and its
/// position there, from 0.
pub(crate) const TRANSACTIONS: TableDefinition<&[u8; 32], (u64, u32)> =
    TableDefinition::new("transactions");

/// Identity, then 0 and 16 unused bytes (no such account), or 1 and the account.
const UNDO_ENTRY: usize = Identity::SIZE + 1 + 16;

/// A header with the weight of its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHeader {
    /// The header.
    pub header: BlockHeader,
    /// Sum of the difficulties from genesis to this block, both included.
    pub total_difficulty: u128,
}

impl StoredHeader {
    pub(crate) fn to_record(&self) -> Option<Vec<u8>> {
        let mut record = self.header.encode().ok()?.to_vec();
        record.extend_from_slice(&self.total_difficulty.to_le_bytes());
        Some(record)
    }

    pub(crate) fn from_record(record: &[u8]) -> Option<Self> {
        let (header, total) = record.split_last_chunk::<16>()?;
        let header = BlockHeader::decode(header).ok()?;
        Some(Self { header, total_difficulty: u128::from_le_bytes(*total) })
    }
}

/// What an account was before a block; `None` where it did not exist.
pub(crate) type Before = (Identity, Option<Account>);

/// 8 bytes balance, 8 bytes nonce, little-endian.
pub(crate) fn account_to_record(account: &Account) -> [u8; 16] {
    let mut record = [0; 16];
    record[..8].copy_from_slice(&account.balance.to_le_bytes());
    record[8..].copy_from_slice(&account.nonce.to_le_bytes());
    record
}

pub(crate) fn account_from_record(record: &[u8; 16]) -> Account {
    let (balance, nonce) = record.split_at(8);
    Account { balance: le64(balance), nonce: le64(nonce) }
}

fn le64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

pub(crate) fn undo_to_record(before: &[Before]) -> Vec<u8> {
    let mut record = Vec::with_capacity(before.len().saturating_mul(UNDO_ENTRY));
    for (identity, account) in before {
        record.extend_from_slice(identity.as_bytes());
        record.push(u8::from(account.is_some()));
        record.extend_from_slice(&account.as_ref().map_or([0; 16], account_to_record));
    }
    record
}

pub(crate) fn undo_from_record(record: &[u8]) -> Option<Vec<Before>> {
    let (entries, rest) = record.as_chunks::<UNDO_ENTRY>();
    if !rest.is_empty() {
        return None;
    }
    entries.iter().map(|entry| undo_entry(entry)).collect()
}

fn undo_entry(entry: &[u8]) -> Option<Before> {
    let (identity, rest) = entry.split_first_chunk::<{ Identity::SIZE }>()?;
    let (exists, account) = rest.split_first()?;
    let account = account_from_record(account.try_into().ok()?);
    match exists {
        0 => Some((Identity::new(*identity), None)),
        1 => Some((Identity::new(*identity), Some(account))),
        _ => None,
    }
}

/// A hash as it stands in the database.
pub(crate) fn hash_from_record(record: &[u8]) -> Option<BlockHash> {
    BlockHash::try_from(record).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account() -> impl Strategy<Value = Account> {
        (any::<u64>(), any::<u64>()).prop_map(|(balance, nonce)| Account { balance, nonce })
    }

    proptest! {
        #[test]
        fn accounts_and_undo_records_come_back(
            entries in prop::collection::vec(
                (any::<[u8; 32]>(), prop::option::of(account())), 0..20),
        ) {
            let before: Vec<Before> = entries
                .into_iter()
                .map(|(bytes, account)| {
                    let mut identity = [7; 33];
                    identity[1..].copy_from_slice(&bytes);
                    (Identity::new(identity), account)
                })
                .collect();
            prop_assert_eq!(undo_from_record(&undo_to_record(&before)), Some(before));
        }

        #[test]
        fn foreign_undo_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(before) = undo_from_record(&bytes) {
                prop_assert_eq!(before.len() * UNDO_ENTRY, bytes.len());
            }
            let _ = StoredHeader::from_record(&bytes);
        }
    }
}
