//! The local socket of a running chain, which its store records: the way for
//! `check` and other commands to work beside a running miner. Only the user
//! who runs the chain can reach it.

#[cfg(unix)]
mod client;
#[cfg(unix)]
mod endpoint;
mod message;
#[cfg(unix)]
mod server;

use std::path::{Path, PathBuf};

#[cfg(unix)]
pub use client::{Client, connect};
#[cfg(unix)]
pub use endpoint::{Endpoint, FILE_NAME};
pub use message::{AccountReply, BytesReply, ErrorReply, Outlook, Select, Status};
#[cfg(unix)]
pub use server::Server;

use crate::store::StoreError;
use spacetime_protocol::network::Network;

/// Why a local socket could not be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A file or socket operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The record beside the store does not parse.
    #[error("endpoint record {} cannot be used: {reason}", path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Every folder for the socket has too long a path.
    #[error("no folder is short enough for the local socket of {}: set XDG_RUNTIME_DIR or TMPDIR to a short path", directory.display())]
    SocketPath {
        /// The data directory.
        directory: PathBuf,
    },
    /// Others could use the folder of the socket.
    #[error("{} is not a private folder of this user (mode 0700): remove it or set XDG_RUNTIME_DIR", folder.display())]
    NotPrivate {
        /// The folder.
        folder: PathBuf,
    },
    /// The other side sent something else than a reply.
    #[error("the process at {} sent an unusable reply: {reason}", socket.display())]
    Reply {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The other side refused the request.
    #[error("{message}")]
    Refused {
        /// The kind of [`ErrorReply`].
        kind: String,
        /// Its message.
        message: String,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LocalError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// How the chain of a data directory stands, asked of the process that runs
/// it or else read from the store. `None`: there is no chain yet.
///
/// # Errors
/// When the store belongs to another network, or to other rules, is held by a process that does
/// not answer, or cannot be read.
pub fn status(directory: &Path, network: &Network) -> Result<Option<Status>, LocalError> {
    #[cfg(unix)]
    if let Some(mut client) = connect(directory)? {
        let status = client.status()?;
        status.origin().check(directory, network)?;
        return Ok(Some(status));
    }
    let Some(snapshot) = crate::store::read(directory)? else { return Ok(None) };
    snapshot.origin()?.check(directory, network)?;
    Ok(Some(crate::chain::status(&snapshot, network)?))
}

/// The process that a data directory's record names, if there is one.
pub(crate) fn recorded_pid(directory: &Path) -> Option<u32> {
    #[cfg(unix)]
    return Endpoint::read(directory).ok().flatten().map(|endpoint| endpoint.pid);
    #[cfg(not(unix))]
    {
        let _ = directory;
        None
    }
}
