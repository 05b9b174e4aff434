//! The files of a plot in the making. Their names follow from the plot's, so
//! that the same command finds what a killed run left.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::super::cache::path_beside;
use crate::durable::{self, with_suffix};

/// All names that a plotter uses beside its plot.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The finished plot.
    pub(super) plot: PathBuf,
    /// The finished cache.
    pub(super) cache: PathBuf,
    /// The plot in the making; its plotter holds a lock on it.
    pub(super) partial: PathBuf,
    /// The cache in the making.
    pub(super) partial_cache: PathBuf,
    /// The checkpoint.
    pub(super) checkpoint: PathBuf,
}

impl Names {
    pub(super) fn of(plot: &Path) -> Self {
        let cache = path_beside(plot);
        Self {
            partial: with_suffix(plot, ".plotting"),
            checkpoint: with_suffix(plot, ".plotting.checkpoint"),
            partial_cache: with_suffix(&cache, ".plotting"),
            plot: plot.to_owned(),
            cache,
        }
    }

    /// Removes all that a plotter leaves, the plot in the making last: whoever
    /// holds its lock still holds it then.
    pub(super) fn clean(&self) -> io::Result<()> {
        durable::remove(&durable::temporary(&self.checkpoint))?;
        durable::remove(&self.checkpoint)?;
        durable::remove(&self.partial_cache)?;
        durable::remove(&self.partial)
    }
}
