//! Reading tables, the same for a snapshot and within a change.

use std::path::Path;

use redb::ReadableTable;
use spacetime_protocol::accounts::Account;
use spacetime_protocol::block::Block;
use spacetime_protocol::{BlockHash, Identity, TxHash};

use super::error::StoreError;
use super::tables::{self, StoredHeader};

const READ: &str = "read";

pub(crate) fn header(
    path: &Path,
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    hash: &BlockHash,
) -> Result<Option<StoredHeader>, StoreError> {
    let record = table.get(hash.as_bytes()).map_err(|e| StoreError::database(READ, path, e))?;
    record
        .map(|record| {
            StoredHeader::from_record(record.value())
                .ok_or_else(|| StoreError::damaged(path, format!("header {hash} does not parse")))
        })
        .transpose()
}

pub(crate) fn body(
    path: &Path,
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    hash: &BlockHash,
) -> Result<Option<Block>, StoreError> {
    let record = table.get(hash.as_bytes()).map_err(|e| StoreError::database(READ, path, e))?;
    record
        .map(|record| {
            Block::decode(record.value())
                .map_err(|error| StoreError::damaged(path, format!("block {hash}: {error}")))
        })
        .transpose()
}

pub(crate) fn best(
    path: &Path,
    table: &impl ReadableTable<u64, &'static [u8; 32]>,
    height: u64,
) -> Result<Option<BlockHash>, StoreError> {
    let hash = table.get(height).map_err(|e| StoreError::database(READ, path, e))?;
    Ok(hash.map(|hash| BlockHash::new(*hash.value())))
}

pub(crate) fn account(
    path: &Path,
    table: &impl ReadableTable<&'static [u8; 33], &'static [u8; 16]>,
    identity: &Identity,
) -> Result<Option<Account>, StoreError> {
    let record = table.get(identity.as_bytes()).map_err(|e| StoreError::database(READ, path, e))?;
    Ok(record.map(|record| tables::account_from_record(record.value())))
}

/// Height of the best chain's block with a transaction, and its position there.
pub(crate) fn transaction(
    path: &Path,
    table: &impl ReadableTable<&'static [u8; 32], (u64, u32)>,
    hash: &TxHash,
) -> Result<Option<(u64, u32)>, StoreError> {
    let place = table.get(hash.as_bytes()).map_err(|e| StoreError::database(READ, path, e))?;
    Ok(place.map(|place| place.value()))
}

/// The number of a store's layout; 0 if there is none that makes sense.
pub(crate) fn format(
    path: &Path,
    table: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<u32, StoreError> {
    let format = meta(path, table, tables::META_FORMAT)?;
    Ok(<[u8; 4]>::try_from(format.as_slice()).map_or(0, u32::from_le_bytes))
}

/// A value of the meta table, which every store has.
pub(crate) fn meta(
    path: &Path,
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<Vec<u8>, StoreError> {
    let value = table.get(key).map_err(|e| StoreError::database(READ, path, e))?;
    value
        .map(|value| value.value().to_vec())
        .ok_or_else(|| StoreError::damaged(path, format!("it has no {key} entry")))
}

pub(crate) fn meta_hash(
    path: &Path,
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<BlockHash, StoreError> {
    let value = meta(path, table, key)?;
    tables::hash_from_record(&value)
        .ok_or_else(|| StoreError::damaged(path, format!("its {key} entry is not a hash")))
}
