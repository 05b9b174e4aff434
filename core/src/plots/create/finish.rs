//! The last steps of a plot: its cache gets its name, its header is written,
//! it gets its name, and nothing else is left.

use std::{fs, io};

use spacetime_protocol::{NodeHash, plot::PlotHeader};

use super::{super::positioned::write_all_at, CreateError, Spec, names::Names, partial::Partial};
use crate::durable;

/// Names a plot whose leaves and cache are on disk.
pub(super) fn finish(
    partial: &Partial,
    spec: &Spec,
    root: NodeHash,
) -> Result<PlotHeader, CreateError> {
    let names = &partial.names;
    if partial.cache.is_some() {
        fs::rename(&names.partial_cache, &names.cache)
            .and_then(|()| durable::sync_folder(&names.cache))
            .map_err(CreateError::io("name", &names.cache))?;
    }
    let header = PlotHeader::new(partial.seed, spec.leaf_count, root);
    write_all_at(&partial.file, &header.encode(), 0)
        .and_then(|()| partial.file.sync_all())
        .map_err(CreateError::io("write", &names.partial))?;
    durable::rename_new(&names.partial, &names.plot).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CreateError::Exists { path: names.plot.clone() },
        _ => CreateError::io("name", &names.plot)(error),
    })?;
    // The lock goes with the file, so what is removed here is still ours.
    names.clean().map_err(CreateError::io("remove", &names.checkpoint))?;
    Ok(header)
}

/// Undoes the first step of a finish that was killed before its last: the
/// cache in the making has its temporary name again. Only while the plot has
/// not got its name; the cache is checked before it is used.
pub(super) fn restore_cache_name(names: &Names) -> Result<(), CreateError> {
    let renamed = names.checkpoint.exists() && !names.partial_cache.exists();
    if !renamed || !names.cache.exists() {
        return Ok(());
    }
    fs::rename(&names.cache, &names.partial_cache).map_err(CreateError::io("rename", &names.cache))
}
