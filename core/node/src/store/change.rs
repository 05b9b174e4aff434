//! One atomic change of a store: either all of it is on the disk after
//! [`Change::commit`], or nothing is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use redb::{Table, TableDefinition, WriteTransaction};
use spacetime_protocol::accounts::Account;
use spacetime_protocol::block::Block;
use spacetime_protocol::network::Network;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::{BlockHash, Identity};

use super::error::StoreError;
use super::lookup;
use super::rules::Rules;
use super::tables::{self, Before, StoredHeader};

/// Blocks between two words about how far an index is.
const INDEX_PROGRESS: u64 = 100_000;

/// One atomic change of a store. Dropped without a commit, it leaves no trace.
pub(crate) struct Change {
    path: PathBuf,
    transaction: WriteTransaction,
}

impl Change {
    pub(crate) fn new(path: PathBuf, transaction: WriteTransaction) -> Self {
        Self { path, transaction }
    }

    /// Puts everything on the disk, and returns once it is there.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().map_err(|e| StoreError::database("commit", &self.path, e))
    }

    /// Writes the records of an empty store: network and tables.
    pub(crate) fn put_network(&self, network: &Network) -> Result<(), StoreError> {
        let mut meta = self.table(tables::META)?;
        let genesis = network.genesis.header.hash();
        for (key, value) in [
            (tables::META_NETWORK, network.id.as_bytes()),
            (tables::META_GENESIS, genesis.as_bytes().as_slice()),
        ] {
            meta.insert(key, value).map_err(|e| self.failed(e))?;
        }
        drop(meta);
        self.put_rules(network)?;
        self.table(tables::SIDE)?;
        self.table(tables::UNDO)?;
        Ok(())
    }

    /// Stores a block with the weight of its chain, beside the best chain.
    pub(crate) fn put_block(&self, block: &Block, total: u128) -> Result<BlockHash, StoreError> {
        let hash = block.header.hash();
        let height = block.header.height;
        let stored = StoredHeader { header: block.header.clone(), total_difficulty: total };
        let unfit = || StoreError::damaged(&self.path, format!("block {hash} has no wire form"));
        let header = stored.to_record().ok_or_else(unfit)?;
        let body = block.encode().map_err(|_| unfit())?;
        let key = hash.as_bytes();
        let failed = |e| self.failed(e);
        self.table(tables::HEADERS)?.insert(key, header.as_slice()).map_err(failed)?;
        self.table(tables::BODIES)?.insert(key, body.as_slice()).map_err(failed)?;
        self.table(tables::SIDE)?.insert((height, key), ()).map_err(failed)?;
        Ok(hash)
    }

    /// Makes a stored block the best chain's last one, with the accounts that
    /// it changes; they are remembered for [`Change::disconnect`].
    pub(crate) fn connect(
        &self,
        hash: &BlockHash,
        block: &Block,
        changed: &[(Identity, Account)],
    ) -> Result<(), StoreError> {
        let (height, failed) = (block.header.height, |e| self.failed(e));
        self.index(height, &block.transactions)?;
        let before = self.replace_accounts(changed)?;
        let undo = tables::undo_to_record(&before);
        self.table(tables::UNDO)?.insert(height, undo.as_slice()).map_err(failed)?;
        self.table(tables::BEST)?.insert(height, hash.as_bytes()).map_err(failed)?;
        self.table(tables::SIDE)?.remove((height, hash.as_bytes())).map_err(failed)?;
        self.set_tip(hash)
    }

    fn replace_accounts(&self, changed: &[(Identity, Account)]) -> Result<Vec<Before>, StoreError> {
        let mut accounts = self.table(tables::ACCOUNTS)?;
        let mut before = Vec::with_capacity(changed.len());
        for (identity, account) in changed {
            let record = tables::account_to_record(account);
            let old = accounts.insert(identity.as_bytes(), &record).map_err(|e| self.failed(e))?;
            let old = old.map(|old| tables::account_from_record(old.value()));
            before.push((*identity, old));
        }
        Ok(before)
    }

    /// Notes where on the best chain a block's transactions are.
    fn index(&self, height: u64, transactions: &[Transaction]) -> Result<(), StoreError> {
        let mut index = self.table(tables::TRANSACTIONS)?;
        for (position, transaction) in (0..).zip(transactions) {
            let hash = transaction.hash();
            index.insert(hash.as_bytes(), (height, position)).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// Writes the network's rules, and that nothing of this layout is lacking.
    pub(crate) fn put_rules(&self, network: &Network) -> Result<(), StoreError> {
        let mut meta = self.table(tables::META)?;
        for (key, value) in [
            (tables::META_RULES, Rules::of(network).to_record()),
            (tables::META_FORMAT, tables::FORMAT.to_le_bytes().to_vec()),
        ] {
            meta.insert(key, value.as_slice()).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// Builds the index that an earlier layout does not have.
    pub(crate) fn add_index(&self) -> Result<(), StoreError> {
        let tip = lookup::meta_hash(&self.path, &self.table(tables::META)?, tables::META_TIP)?;
        let last = self.known_header(&tip)?.header.height;
        tracing::warn!(
            store = %self.path.display(),
            "an earlier version made this store: the index of its transactions is built, once, from {} blocks",
            last.saturating_add(1)
        );
        // Should a later version have left one behind.
        self.transaction.delete_table(tables::TRANSACTIONS).map_err(|e| self.failed(e))?;
        self.table(tables::TRANSACTIONS)?;
        for height in 0..=last {
            let hash = lookup::best(&self.path, &self.table(tables::BEST)?, height)?;
            let missing = || StoreError::damaged(&self.path, format!("block {height} is missing"));
            let block = self.block(&hash.ok_or_else(missing)?)?;
            self.index(height, &block.transactions)?;
            if height > 0 && height % INDEX_PROGRESS == 0 {
                tracing::info!("the transactions of {height} of {last} blocks are indexed");
            }
        }
        Ok(())
    }

    /// The number of the store's layout.
    pub(crate) fn format(&self) -> Result<u32, StoreError> {
        lookup::format(&self.path, &self.table(tables::META)?)
    }

    /// Takes the last block off the best chain, and its accounts back.
    pub(crate) fn disconnect(&self, hash: &BlockHash, block: &Block) -> Result<(), StoreError> {
        let (height, failed) = (block.header.height, |e| self.failed(e));
        let mut index = self.table(tables::TRANSACTIONS)?;
        for transaction in &block.transactions {
            index.remove(transaction.hash().as_bytes()).map_err(failed)?;
        }
        drop(index);
        for (identity, account) in self.take_undo(height)? {
            let mut accounts = self.table(tables::ACCOUNTS)?;
            match account.as_ref().map(tables::account_to_record) {
                Some(record) => accounts.insert(identity.as_bytes(), &record).map_err(failed)?,
                None => accounts.remove(identity.as_bytes()).map_err(failed)?,
            };
        }
        self.table(tables::BEST)?.remove(height).map_err(failed)?;
        self.table(tables::SIDE)?.insert((height, hash.as_bytes()), ()).map_err(failed)?;
        self.set_tip(&block.header.parent)
    }

    fn take_undo(&self, height: u64) -> Result<Vec<Before>, StoreError> {
        let mut undo = self.table(tables::UNDO)?;
        let record = undo.remove(height).map_err(|e| self.failed(e))?;
        record.and_then(|record| tables::undo_from_record(record.value())).ok_or_else(|| {
            StoreError::damaged(&self.path, format!("block {height} cannot be undone"))
        })
    }

    /// Forgets a stored block that is not on the best chain.
    pub(crate) fn remove_side(&self, height: u64, hash: &BlockHash) -> Result<(), StoreError> {
        let failed = |e| self.failed(e);
        let key = hash.as_bytes();
        self.table(tables::HEADERS)?.remove(key).map_err(failed)?;
        self.table(tables::BODIES)?.remove(key).map_err(failed)?;
        self.table(tables::SIDE)?.remove((height, key)).map_err(failed)?;
        Ok(())
    }

    /// Forgets side blocks and undo records below a height: no
    /// reorganisation reaches them any more.
    pub(crate) fn prune_below(&self, height: u64) -> Result<(), StoreError> {
        for (at, hash) in self.side_from(0, height)? {
            self.remove_side(at, &hash)?;
        }
        self.table(tables::UNDO)?.retain_in(..height, |_, _| false).map_err(|e| self.failed(e))
    }

    /// Forgets a side block and every side block above that builds on it.
    pub(crate) fn remove_branch(&self, root: BlockHash, height: u64) -> Result<(), StoreError> {
        let mut gone = BTreeSet::from([root]);
        self.remove_side(height, &root)?;
        for (at, hash) in self.side_from(height.saturating_add(1), u64::MAX)? {
            let parent = self.header(&hash)?.map(|stored| stored.header.parent);
            if parent.is_some_and(|parent| gone.contains(&parent)) {
                self.remove_side(at, &hash)?;
                gone.insert(hash);
            }
        }
        Ok(())
    }

    fn side_from(&self, low: u64, high: u64) -> Result<Vec<(u64, BlockHash)>, StoreError> {
        use redb::ReadableTable;
        let zero = [0; 32];
        let failed = |e| self.failed(e);
        let side = self.table(tables::SIDE)?;
        let range = side.range((low, &zero)..(high, &zero)).map_err(failed)?;
        range
            .map(|entry| {
                let (key, _) = entry.map_err(failed)?;
                let (height, hash) = key.value();
                Ok((height, BlockHash::new(*hash)))
            })
            .collect()
    }

    /// The header with this hash, this change included.
    pub(crate) fn header(&self, hash: &BlockHash) -> Result<Option<StoredHeader>, StoreError> {
        lookup::header(&self.path, &self.table(tables::HEADERS)?, hash)
    }

    /// A header that another record points to, this change included.
    pub(crate) fn known_header(&self, hash: &BlockHash) -> Result<StoredHeader, StoreError> {
        self.header(hash)?
            .ok_or_else(|| StoreError::damaged(&self.path, format!("header {hash} is missing")))
    }

    /// A block that a header points to, this change included.
    pub(crate) fn block(&self, hash: &BlockHash) -> Result<Block, StoreError> {
        lookup::body(&self.path, &self.table(tables::BODIES)?, hash)?
            .ok_or_else(|| StoreError::damaged(&self.path, format!("block {hash} is missing")))
    }

    /// An account, this change included; an absent one is empty.
    pub(crate) fn account(&self, identity: &Identity) -> Result<Account, StoreError> {
        let accounts = self.table(tables::ACCOUNTS)?;
        Ok(lookup::account(&self.path, &accounts, identity)?.unwrap_or_default())
    }

    fn set_tip(&self, hash: &BlockHash) -> Result<(), StoreError> {
        let mut meta = self.table(tables::META)?;
        meta.insert(tables::META_TIP, hash.as_bytes().as_slice()).map_err(|e| self.failed(e))?;
        Ok(())
    }

    fn table<K: redb::Key, V: redb::Value>(
        &self,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<Table<'_, K, V>, StoreError> {
        self.transaction
            .open_table(definition)
            .map_err(|e| StoreError::database("open a table", &self.path, e))
    }

    fn failed(&self, error: impl Into<redb::Error>) -> StoreError {
        StoreError::database("write", &self.path, error)
    }
}
