//! The chain on disk: one database file in a data directory, changed by whole
//! blocks (or whole reorganisations) at a time, durable before anybody hears
//! of them. Knows no consensus rule.
//!
//! One writer at a time, by the lock on the file itself: nothing is left
//! behind by a process that was killed.

mod change;
#[cfg(test)]
#[cfg(unix)]
mod earlier;
mod error;
mod holder;
mod lookup;
mod origin;
mod rules;
mod snapshot;
mod tables;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase};
use spacetime_protocol::Identity;
use spacetime_protocol::accounts::Account;
use spacetime_protocol::network::Network;

pub(crate) use change::Change;
pub use error::StoreError;
pub use holder::Holder;
pub use origin::Origin;
pub use rules::Rules;
pub use snapshot::Snapshot;
pub use tables::StoredHeader;

/// Name of the database in the data directory.
pub const FILE_NAME: &str = "chain.redb";
/// Name of a database until it holds its genesis block.
const NEW_FILE_NAME: &str = "chain.redb.new";
/// Memory for pages, in bytes: blocks are small, and the miner's memory is
/// for plots.
const PAGE_CACHE: usize = 16 << 20;

/// An open chain store, with the right to write.
pub struct Store {
    database: Database,
    path: PathBuf,
}

impl Store {
    /// Opens the store in a directory, and creates both where they are
    /// missing. `genesis` are the accounts after the network's genesis block.
    ///
    /// # Errors
    /// When another process has it, when it belongs to another network, or
    /// when it cannot be read or written.
    pub fn open(
        directory: &Path,
        network: &Network,
        genesis: &[(Identity, Account)],
    ) -> Result<Self, StoreError> {
        fs::create_dir_all(directory).map_err(StoreError::io("create", directory))?;
        let path = directory.join(FILE_NAME);
        let database =
            if path.exists() { open_existing(&path)? } else { create(&path, network, genesis)? };
        let store = Self { database, path };
        remove_if_there(&directory.join(NEW_FILE_NAME))?;
        store.snapshot()?.origin()?.check(directory, network)?;
        store.update(network)?;
        Ok(store)
    }

    /// Brings a store of an earlier layout up to date, in one commit. The rules
    /// that it is opened with are taken for those that it was made with.
    fn update(&self, network: &Network) -> Result<(), StoreError> {
        let change = self.change()?;
        let format = change.format()?;
        if format == tables::FORMAT {
            return Ok(());
        }
        if format == tables::FORMAT_WITHOUT_INDEX {
            change.add_index()?;
        }
        change.put_rules(network)?;
        change.commit()?;
        tracing::info!(
            store = %self.path.display(),
            format = tables::FORMAT,
            "the store of an earlier version is brought up to date"
        );
        Ok(())
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is committed now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        snapshot_of(&self.database, &self.path)
    }

    /// Starts a change; at most one lives at a time.
    pub(crate) fn change(&self) -> Result<Change, StoreError> {
        change_of(&self.database, &self.path)
    }
}

/// Reads a store that no process writes to. `None`: there is none.
///
/// # Errors
/// When another process has it, or when it cannot be read.
pub fn read(directory: &Path) -> Result<Option<Snapshot>, StoreError> {
    let path = directory.join(FILE_NAME);
    if !path.exists() {
        return Ok(None);
    }
    match ReadOnlyDatabase::open(&path) {
        Ok(database) => snapshot_of(&database, &path).map(Some),
        // A killed process left it to be repaired: opening for writing does.
        Err(DatabaseError::RepairAborted) => snapshot_of(&open_existing(&path)?, &path).map(Some),
        Err(error) => Err(refused(&path, error)),
    }
}

fn snapshot_of(database: &impl ReadableDatabase, path: &Path) -> Result<Snapshot, StoreError> {
    let transaction = database.begin_read().map_err(|e| StoreError::database("read", path, e))?;
    Snapshot::new(path, &transaction)
}

fn change_of(database: &Database, path: &Path) -> Result<Change, StoreError> {
    let mut transaction =
        database.begin_write().map_err(|e| StoreError::database("write", path, e))?;
    // A store that was killed opens at once instead of being read as a whole.
    transaction.set_quick_repair(true);
    Ok(Change::new(path.to_owned(), transaction))
}

fn open_existing(path: &Path) -> Result<Database, StoreError> {
    Database::builder().set_cache_size(PAGE_CACHE).open(path).map_err(|e| refused(path, e))
}

/// Makes the database under another name, and gives it its own once it holds
/// the genesis block: a process killed on the way leaves no half-made store.
fn create(
    path: &Path,
    network: &Network,
    genesis: &[(Identity, Account)],
) -> Result<Database, StoreError> {
    let new = path.with_file_name(NEW_FILE_NAME);
    let file = lock_new(&new)?;
    let database = Database::builder()
        .set_cache_size(PAGE_CACHE)
        .create_file(file)
        .map_err(|error| refused(&new, error))?;
    let change = change_of(&database, &new)?;
    change.put_network(network)?;
    let block = &network.genesis;
    let hash = change.put_block(block, u128::from(block.header.difficulty))?;
    change.connect(&hash, block, genesis)?;
    change.commit()?;
    publish(&new, path)?;
    Ok(database)
}

/// Locks the new file before it is emptied: it may be another process's.
fn lock_new(new: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(new)
        .map_err(StoreError::io("create", new))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(new)),
        // A file system without locks: redb goes on without one, too.
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", new)(error)),
    }
    file.set_len(0).map_err(StoreError::io("empty", new))?;
    Ok(file)
}

/// Names the finished database. A link never replaces a store that another
/// process finished first; where there are no links, a rename must do.
fn publish(new: &Path, path: &Path) -> Result<(), StoreError> {
    match fs::hard_link(new, path) {
        Ok(()) => remove_if_there(new)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            remove_if_there(new)?;
            return Err(in_use(path));
        }
        Err(_) => fs::rename(new, path).map_err(StoreError::io("rename", new))?,
    }
    sync_directory(path)
}

/// Makes a name durable. Other systems than Unix do it by themselves.
fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let Some(directory) = path.parent().filter(|_| cfg!(unix)) else { return Ok(()) };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(StoreError::io("sync", directory))
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn refused(path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => in_use(path),
        error => StoreError::database("open the store", path, error),
    }
}

fn in_use(path: &Path) -> StoreError {
    let directory = path.parent().unwrap_or(path).to_owned();
    let recorded = crate::local::recorded_pid(&directory);
    StoreError::InUse { holder: Holder::of(path, recorded), directory }
}
