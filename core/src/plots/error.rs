//! Why a plot cannot be used, always with its path.

use std::{
    io,
    path::{Path, PathBuf},
};

use spacetime_protocol::plot::PlotHeaderError;
use spacetime_sdk::text::count;
use thiserror::Error;

/// A file that is not a usable plot.
#[derive(Debug, Error)]
pub enum PlotError {
    /// Nothing lies there, or something that is not a file.
    #[error("there is no plot {}", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
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
    /// A check of `plot-format.md` section 5, or our own on the leaf size.
    #[error("{} is not a usable plot: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The first check that failed.
        reason: PlotHeaderError,
    },
    /// A good plot, of which the miner's network wants none.
    #[error(
        "this plot was made with another key: {}; on this network only plots of the miner's own \
         key win (`spacetime-miner plot create` makes one)",
        path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// The same, for its size.
    #[error(
        "this plot has {}: {}; on this network only plots of at least {least} leaves \
         win (`spacetime-miner plot create --leaves {least}` makes one)",
        count(*leaves, "leaf"),
        path.display()
    )]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// Leaves in it.
        leaves: u64,
        /// The fewest that may win.
        least: u64,
    },
}

impl PlotError {
    /// An error of the system while doing `action` (a verb) with `path`.
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            // Nothing can lie under a name that no file can have.
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput => Self::NotFound { path: path.to_owned() },
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    /// Whether the file is absent, rather than damaged or unreadable.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
