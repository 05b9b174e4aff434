//! A consistent view of a store: what was committed when it was taken.

use std::path::{Path, PathBuf};

use redb::{ReadOnlyTable, ReadTransaction, TableDefinition, TableError};
use spacetime_protocol::accounts::Account;
use spacetime_protocol::block::Block;
use spacetime_protocol::{BlockHash, Identity, TxHash};

use super::error::StoreError;
use super::lookup;
use super::origin::Origin;
use super::rules::Rules;
use super::tables::{self, StoredHeader};

/// A consistent view of a store. Later commits do not show in it.
pub struct Snapshot {
    path: PathBuf,
    meta: ReadOnlyTable<&'static str, &'static [u8]>,
    headers: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
    bodies: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
    best: ReadOnlyTable<u64, &'static [u8; 32]>,
    accounts: ReadOnlyTable<&'static [u8; 33], &'static [u8; 16]>,
    undo: ReadOnlyTable<u64, &'static [u8]>,
    /// `None`: the store has a layout without it.
    transactions: Option<ReadOnlyTable<&'static [u8; 32], (u64, u32)>>,
}

impl Snapshot {
    pub(crate) fn new(path: &Path, transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.to_owned(),
            meta: open(path, transaction, tables::META)?,
            headers: open(path, transaction, tables::HEADERS)?,
            bodies: open(path, transaction, tables::BODIES)?,
            best: open(path, transaction, tables::BEST)?,
            accounts: open(path, transaction, tables::ACCOUNTS)?,
            undo: open(path, transaction, tables::UNDO)?,
            transactions: match transaction.open_table(tables::TRANSACTIONS) {
                Ok(table) => Some(table),
                Err(TableError::TableDoesNotExist(_)) => None,
                Err(error) => return Err(StoreError::database("open a table", path, error)),
            },
        })
    }

    /// Hash of the best chain's last block.
    ///
    /// # Errors
    /// When the store cannot be read or is damaged, as for all methods here.
    pub fn tip(&self) -> Result<BlockHash, StoreError> {
        lookup::meta_hash(&self.path, &self.meta, tables::META_TIP)
    }

    /// The header with this hash, on the best chain or beside it.
    ///
    /// # Errors
    /// As [`Snapshot::tip`].
    pub fn header(&self, hash: &BlockHash) -> Result<Option<StoredHeader>, StoreError> {
        lookup::header(&self.path, &self.headers, hash)
    }

    /// The header with this hash, which another record points to.
    ///
    /// # Errors
    /// As [`Snapshot::tip`]; an absent header is damage.
    pub(crate) fn known_header(&self, hash: &BlockHash) -> Result<StoredHeader, StoreError> {
        self.header(hash)?.ok_or_else(|| self.damaged(format!("header {hash} is missing")))
    }

    /// Whether the best chain's block at a height can still be taken off.
    pub(crate) fn can_undo(&self, height: u64) -> Result<bool, StoreError> {
        let undo = self.undo.get(height);
        undo.map(|undo| undo.is_some()).map_err(|e| StoreError::database("read", &self.path, e))
    }

    /// The error for a store that holds something impossible.
    pub(crate) fn damaged(&self, what: String) -> StoreError {
        StoreError::damaged(&self.path, what)
    }

    /// The block with this hash, on the best chain or beside it.
    ///
    /// # Errors
    /// As [`Snapshot::tip`].
    pub fn block(&self, hash: &BlockHash) -> Result<Option<Block>, StoreError> {
        lookup::body(&self.path, &self.bodies, hash)
    }

    /// Hash of the best chain's block at a height; `None` above the tip.
    ///
    /// # Errors
    /// As [`Snapshot::tip`].
    pub fn best_at(&self, height: u64) -> Result<Option<BlockHash>, StoreError> {
        lookup::best(&self.path, &self.best, height)
    }

    /// Whether a header is on the best chain.
    pub(crate) fn is_best(&self, height: u64, hash: &BlockHash) -> Result<bool, StoreError> {
        Ok(self.best_at(height)?.as_ref() == Some(hash))
    }

    /// Height of the best chain's block with this transaction, and its position
    /// there, from 0.
    ///
    /// # Errors
    /// As [`Snapshot::tip`], and when the store is of an earlier version, which
    /// has no index of its transactions.
    pub fn transaction(&self, hash: &TxHash) -> Result<Option<(u64, u32)>, StoreError> {
        let no_index = || StoreError::NoIndex { path: self.path.clone() };
        let index = self.transactions.as_ref().ok_or_else(no_index)?;
        lookup::transaction(&self.path, index, hash)
    }

    /// An account at the tip; an absent one is empty.
    ///
    /// # Errors
    /// As [`Snapshot::tip`].
    pub fn account(&self, identity: &Identity) -> Result<Account, StoreError> {
        Ok(lookup::account(&self.path, &self.accounts, identity)?.unwrap_or_default())
    }

    /// Every account at the tip, by identity. For tests and tools: the whole
    /// table is read.
    ///
    /// # Errors
    /// As [`Snapshot::tip`].
    pub fn accounts(&self) -> Result<Vec<(Identity, Account)>, StoreError> {
        use redb::ReadableTable;
        let failed = |error| StoreError::database("read", &self.path, error);
        self.accounts
            .iter()
            .map_err(failed)?
            .map(|entry| {
                let (identity, account) = entry.map_err(failed)?;
                let account = tables::account_from_record(account.value());
                Ok((Identity::new(*identity.value()), account))
            })
            .collect()
    }

    /// The network of the store.
    ///
    /// # Errors
    /// As [`Snapshot::tip`], and when the store has another format.
    pub fn origin(&self) -> Result<Origin, StoreError> {
        let rules = match lookup::format(&self.path, &self.meta)? {
            tables::FORMAT => Some(self.rules()?),
            tables::FORMAT_WITHOUT_RULES | tables::FORMAT_WITHOUT_INDEX => None,
            found => {
                let (path, expected) = (self.path.clone(), tables::FORMAT);
                return Err(StoreError::Format { path, found, expected });
            }
        };
        let id = lookup::meta(&self.path, &self.meta, tables::META_NETWORK)?;
        let id = String::from_utf8_lossy(&id).into_owned();
        let genesis = lookup::meta_hash(&self.path, &self.meta, tables::META_GENESIS)?;
        Ok(Origin { id, genesis, rules })
    }

    fn rules(&self) -> Result<Rules, StoreError> {
        let record = lookup::meta(&self.path, &self.meta, tables::META_RULES)?;
        Rules::from_record(&record)
            .ok_or_else(|| self.damaged("its rules entry does not parse".to_owned()))
    }
}

fn open<K: redb::Key, V: redb::Value>(
    path: &Path,
    transaction: &ReadTransaction,
    definition: TableDefinition<'_, K, V>,
) -> Result<ReadOnlyTable<K, V>, StoreError> {
    transaction.open_table(definition).map_err(|e| StoreError::database("open a table", path, e))
}
