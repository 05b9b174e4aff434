//! Why a plot was not repaired.

use std::{
    io,
    path::{Path, PathBuf},
};

use spacetime_protocol::{NodeHash, PlotSeed, plot::PlotHeaderError};
use thiserror::Error;

use super::super::PlotError;
use crate::lock::Holder;

/// Why a plot was not repaired. Nothing was written, unless it says otherwise.
#[derive(Debug, Error)]
pub enum RepairError {
    /// There is no such plot, or it cannot be opened.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// Another repair is at it.
    #[error("{} is being repaired by {holder}", path.display())]
    Busy {
        /// The plot.
        path: PathBuf,
        /// Who repairs it.
        holder: Holder,
    },
    /// The header names a seed, and another one was given.
    #[error("the header of {} is whole, and its seed is {found}, not {given}", path.display())]
    OtherSeed {
        /// The plot.
        path: PathBuf,
        /// The header's.
        found: PlotSeed,
        /// What was given.
        given: PlotSeed,
    },
    /// The header does not say which plot it is.
    #[error(
        "the header of {} is damaged ({reason}), and neither it nor the length of the file nor \
         the plot metadata tell how many leaves it had: make another plot",
        path.display()
    )]
    NoLeafCount {
        /// The plot.
        path: PathBuf,
        /// What is wrong with the header.
        reason: PlotHeaderError,
    },
    /// No leaf that was looked at is right.
    #[error(
        "none of {looked_at} leaves of {} that were looked at is what this key and the seed \
         {seed} make: {}; if it is certain that all leaves are lost, \
         --all-lost goes on, and the root decides",
        path.display(),
        match *seed_is_certain {
            true => "give the key that it was made with (--key, --plot-key)",
            false => "give the key that it was made with (--key, --plot-key), and as the header \
                      is damaged, the seed (--seed; `plot create` and `plot info` showed it)",
        }
    )]
    NotOwn {
        /// The plot.
        path: PathBuf,
        /// The seed that was tried.
        seed: PlotSeed,
        /// How many leaves were looked at.
        looked_at: usize,
        /// Whether the seed is certain.
        seed_is_certain: bool,
    },
    /// The key and the seed are right, the header's root is not.
    #[error(
        "the root in the header of {} is wrong: key and seed make its leaves, and these hash to \
         {computed}, not to {root}; whatever wrote this header, make another plot",
        path.display()
    )]
    WrongRoot {
        /// The plot.
        path: PathBuf,
        /// The header's.
        root: NodeHash,
        /// Of the leaves that were made.
        computed: NodeHash,
    },
    /// The header and its root are right, the key is not.
    #[error(
        "{} was made with another key: the leaves of this one hash to {computed}, not to the \
         root {root} of the header; give the key that it was made with (--key, --plot-key)",
        path.display()
    )]
    WrongKey {
        /// The plot.
        path: PathBuf,
        /// The header's.
        root: NodeHash,
        /// Of the leaves that were made.
        computed: NodeHash,
    },
    /// The header is damaged, and nothing confirms what it was.
    #[error(
        "the header of {} is damaged ({reason}), and nothing confirms what it was: with \
         {leaf_count} leaves the root would be {computed}, which neither the rest of the header \
         nor the cache nor the plot metadata has; name the manifest whose metadata file remembers \
         the plot (--manifest), or make another plot",
        path.display()
    )]
    HeaderLost {
        /// The plot.
        path: PathBuf,
        /// What is wrong with the header.
        reason: PlotHeaderError,
        /// How many leaves were made.
        leaf_count: u64,
        /// Their root.
        computed: NodeHash,
    },
    /// The disk has no room for what is missing.
    #[error(
        "the disk of {} has no room for the {missing} bytes that are missing: what was written \
         is right and stays; free some room and run the same command",
        path.display()
    )]
    NoRoom {
        /// The plot.
        path: PathBuf,
        /// Bytes that the file was too short.
        missing: u64,
    },
    /// The system refused; what was written before is right and stays.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Whoever asked does not want it any more; what was written is right.
    #[error("stopped; run the same command to go on with {}", path.display())]
    Stopped {
        /// The plot.
        path: PathBuf,
    },
}

impl RepairError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
