//! Why a plot was not made.

use std::{
    io,
    path::{Path, PathBuf},
};

use spacetime_protocol::plot::leaf_offset;
use thiserror::Error;

use crate::lock::Holder;

/// Why a plot was not made. What had been done is kept, unless it says
/// otherwise: the same command goes on with it.
#[derive(Debug, Error)]
pub enum CreateError {
    /// A plot has the name already.
    #[error("{} exists already: choose another name, or remove it first", path.display())]
    Exists {
        /// The plot.
        path: PathBuf,
    },
    /// Another plotter is at it.
    #[error("{} is being made by {holder}", path.display())]
    Busy {
        /// The plot.
        path: PathBuf,
        /// Who makes it.
        holder: Holder,
    },
    /// No leaves, or more than a file can hold.
    #[error("a plot cannot have {leaf_count} leaves")]
    BadLeafCount {
        /// The number asked for.
        leaf_count: u64,
    },
    /// The disk has no room, before or while writing.
    #[error(
        "the disk of {} has no room: {needed} bytes more are needed, {available} are free{}",
        path.display(),
        if *.started { "; what has been written is kept: free some room and run the same command" } else { "" }
    )]
    NoRoom {
        /// The plot.
        path: PathBuf,
        /// Bytes that are still to be written.
        needed: u64,
        /// Bytes that are free for us.
        available: u64,
        /// Whether a part has been written.
        started: bool,
    },
    /// Whoever asked does not want it any more.
    #[error("stopped; run the same command to go on with {}", path.display())]
    Stopped {
        /// The plot.
        path: PathBuf,
    },
    /// The system gives no random seed.
    #[error("the system gives no random numbers for a seed: {0}; give one with --seed")]
    NoSeed(String),
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl CreateError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// Whether a file can hold a plot of so many leaves.
pub(super) fn check_leaf_count(leaf_count: u64) -> Result<(), CreateError> {
    match leaf_offset(leaf_count) {
        Some(_) if leaf_count > 0 => Ok(()),
        _ => Err(CreateError::BadLeafCount { leaf_count }),
    }
}
