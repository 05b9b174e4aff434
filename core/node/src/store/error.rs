//! Why a store could not be opened, read or written. Every message names the
//! directory or the file.

use std::path::{Path, PathBuf};

use spacetime_protocol::BlockHash;
use spacetime_protocol::accounts::ApplyError;

use super::holder::Holder;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process (or another handle of this one) writes to the store.
    #[error("store {} is in use by {holder}", directory.display())]
    InUse {
        /// The store's directory.
        directory: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The directory holds the chain of another network.
    #[error(
        "store {} belongs to network {found_id} (genesis {found_genesis}), not to network \
         {expected_id} (genesis {expected_genesis}): choose another directory or network",
        directory.display()
    )]
    OtherNetwork {
        /// The store's directory.
        directory: PathBuf,
        /// Network id in the store.
        found_id: String,
        /// Genesis hash in the store.
        found_genesis: BlockHash,
        /// Network id that was asked for.
        expected_id: String,
        /// Genesis hash that was asked for.
        expected_genesis: BlockHash,
    },
    /// The directory holds a chain of the same network with other rules.
    #[error(
        "store {} holds a chain of network {network} that was made with other rules: {}; use the \
         network file that it was made with, or another directory",
        directory.display(), differences.join(", ")
    )]
    OtherRules {
        /// The store's directory.
        directory: PathBuf,
        /// The network's id.
        network: String,
        /// What each rule is in the store, and what was asked for.
        differences: Vec<String>,
    },
    /// The network's genesis block cannot be applied.
    #[error("the genesis block of network {network} cannot be applied: {source}")]
    Genesis {
        /// The network's id.
        network: String,
        /// Why.
        source: ApplyError,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The database engine failed.
    #[error("cannot {action} in {}: {source}", path.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// Why it failed.
        source: Box<redb::Error>,
    },
    /// The database holds something that this program never writes.
    #[error("store file {} is damaged: {what}", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// An earlier version made the store, and nothing has opened it for writing since.
    #[error(
        "store file {} is of an earlier version and has no index of its transactions yet: \
         start the miner (or node) once, which builds it",
        path.display()
    )]
    NoIndex {
        /// The database file.
        path: PathBuf,
    },
    /// The store was written by another version of this program.
    #[error(
        "store file {} has format {found}, this program reads format {expected}: use the version \
         of the program that made it, or another directory",
        path.display()
    )]
    Format {
        /// The database file.
        path: PathBuf,
        /// Format number in the file.
        found: u32,
        /// Format number of this program.
        expected: u32,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn database(
        action: &'static str,
        path: &Path,
        source: impl Into<redb::Error>,
    ) -> Self {
        Self::Database { action, path: path.to_owned(), source: Box::new(source.into()) }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    /// Whether the database engine refuses all further work until the store
    /// is opened again (it does after a failed write, such as on a full disk).
    pub(crate) fn needs_reopen(&self) -> bool {
        let Self::Database { source, .. } = self else { return false };
        matches!(**source, redb::Error::PreviousIo | redb::Error::Io(_))
    }
}
