//! The cache of a plot under repair: compared while the tree is hashed, and
//! written anew beside it in the same pass, for nobody knows before its end
//! whether that is needed.

use std::{io, path::PathBuf};

use spacetime_protocol::{
    NodeHash,
    cache::{CacheLayout, auto_top_levels},
    merkle::height,
};

use super::{
    super::{cache::CacheFile, cache_writer::CacheWriter},
    CacheOutcome, Spec,
};
use crate::durable;

/// The cache that was found, and the one that may replace it.
pub(super) struct CacheRepair {
    path: PathBuf,
    new: PathBuf,
    pub(super) found: Result<Option<CacheFile>, String>,
    /// The new one; `None`: not to be made, or it cannot be.
    pub(super) writer: Option<CacheWriter>,
    /// Why it cannot be made.
    refused: Option<io::Error>,
    /// Whether a plot of this size has one at all.
    is_possible: bool,
}

impl CacheRepair {
    /// Looks for the cache, and begins a new one with the levels of the old.
    pub(super) fn begin(spec: &Spec, leaf_count: u64) -> Self {
        let path = spec.cache_path();
        let new = durable::with_suffix(&path, ".repairing");
        let found = CacheFile::open(&path, leaf_count);
        let levels = match &found {
            Ok(Some(cache)) => height(leaf_count) - cache.lowest_level(),
            _ => auto_top_levels(leaf_count),
        };
        let layout = CacheLayout::new(leaf_count, levels);
        let is_possible = layout.is_some();
        let (mut writer, mut refused) = (None, None);
        if let Some(layout) = layout.filter(|_| !spec.dry_run) {
            match CacheWriter::open(&new, layout, false) {
                Ok(made) => writer = made,
                Err(error) => refused = Some(error),
            }
        }
        Self { path, new, found, writer, refused, is_possible }
    }

    /// The root that the cache that was found leads to.
    pub(super) fn root(&self) -> Option<NodeHash> {
        self.found.as_ref().ok()?.as_ref()?.root().ok()?
    }

    /// Names the new cache if the old one is of no use; `reason` is what a node
    /// of it was found to be.
    pub(super) fn finish(mut self, reason: Option<String>) -> CacheOutcome {
        let path = self.path.clone();
        let reason = match (&self.found, reason) {
            (Ok(Some(_)), None) => return CacheOutcome::Valid { path },
            (Ok(Some(_)), Some(reason)) => reason,
            (Err(reason), _) => reason.clone(),
            (Ok(None), _) if !self.is_possible => return CacheOutcome::None,
            (Ok(None), _) => "there is none".to_owned(),
        };
        match self.replace() {
            Some(Ok(())) => CacheOutcome::Rebuilt { path, reason },
            Some(Err(error)) => {
                CacheOutcome::Stale { path, reason, unwritten: Some(error.to_string()) }
            }
            None => CacheOutcome::Stale { path, reason, unwritten: None },
        }
    }

    /// `None`: it is not to be replaced.
    fn replace(&mut self) -> Option<io::Result<()>> {
        if let Some(error) = self.refused.take() {
            return Some(Err(error));
        }
        let mut writer = self.writer.take()?;
        let written = writer
            .flush()
            .and_then(|()| writer.file().sync_all())
            .and_then(|()| std::fs::rename(&self.new, &self.path))
            .and_then(|()| durable::sync_folder(&self.path));
        Some(written)
    }
}

impl Drop for CacheRepair {
    /// Leaves nothing of a new cache that was not needed.
    fn drop(&mut self) {
        if self.writer.take().is_some() || self.refused.is_some() {
            let _ = durable::remove(&self.new);
        }
    }
}
