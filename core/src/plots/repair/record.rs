//! What the plot metadata remember of a plot.

use std::path::{Path, PathBuf};

use spacetime_protocol::NodeHash;

use super::super::{
    discover::canonical,
    metadata::{Entry, MetadataError, read_only},
};

/// What the plot metadata remember of a plot, from when it was last whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its root; `None`: it was never seen whole.
    pub root: Option<NodeHash>,
    /// Bytes of its file.
    pub bytes: u64,
    /// Its cache; `None`: none is recorded.
    pub cache: Option<PathBuf>,
}

impl Record {
    /// Looks a plot up in a metadata file, without writing to it; `None`: there
    /// is nothing about it.
    ///
    /// # Errors
    ///
    /// The metadata file cannot be read. One that is damaged remembers nothing.
    pub fn of(plot: &Path, metadata: &Path) -> Result<Option<Self>, MetadataError> {
        let plot = canonical(plot);
        let is_its = |entry: &&Entry| {
            entry.path.as_deref().is_some_and(|path| canonical(Path::new(path)) == plot)
        };
        let loaded = read_only(metadata)?;
        Ok(loaded.entries.iter().find(is_its).map(|entry| Self {
            root: NodeHash::try_from(&*entry.root).ok(),
            bytes: u64::try_from(entry.space).unwrap_or(0),
            cache: (!entry.cache_path.is_empty()).then(|| PathBuf::from(&entry.cache_path)),
        }))
    }
}
