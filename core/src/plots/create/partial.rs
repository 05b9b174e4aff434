//! A plot in the making: locked, and at the start of its run either taken up
//! where a killed run left it or begun anew.

use std::{
    fs::{self, File},
    io,
    sync::Arc,
};

use spacetime_protocol::{
    Leaf, NodeHash, PlotKey, PlotSeed,
    cache::CacheLayout,
    plot::{PlotHeader, leaf_offset},
};

use super::{
    super::{
        cache::CacheFile,
        positioned::{read_at, write_all_at},
        tree::{Assembler, SUBTREE_BYTES, SUBTREE_LEAVES, subtree_top},
    },
    CreateError, Spec,
    cache_writer::CacheWriter,
    checkpoint::Checkpoint,
    names::Names,
};
use crate::{
    durable, kernels,
    lock::{LockError, open_locked},
};

/// The locked file, with what is known of it.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) names: Names,
    pub(super) file: Arc<File>,
    pub(super) seed: PlotSeed,
    pub(super) cache: Option<CacheWriter>,
    /// Leaves that are there already.
    pub(super) done: u64,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Stage {
    /// Leaves from `done` on.
    Leaves(Assembler),
    /// The finish: all leaves are there, under this root.
    Finish(NodeHash),
}

/// Locks the plot in the making.
pub(super) fn open(names: &Names) -> Result<File, CreateError> {
    open_locked(&names.partial).map_err(|error| match error {
        LockError::Held(holder) => CreateError::Busy { path: names.plot.clone(), holder },
        LockError::Io(source) => {
            CreateError::Io { action: "create", path: names.partial.clone(), source }
        }
    })
}

/// The checkpoint beside it; `Ok(None)`: there is none.
pub(super) fn read_checkpoint(names: &Names) -> Result<Option<Checkpoint>, String> {
    match fs::read(&names.checkpoint) {
        Ok(bytes) => Checkpoint::decode(&bytes).map(Some).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a checkpoint is of the plot that is asked for. A seed that nobody
/// named is the one drawn by the run before.
pub(super) fn is_same(checkpoint: &Checkpoint, spec: &Spec, cache_levels: u32) -> bool {
    checkpoint.key == spec.key
        && checkpoint.leaf_count == spec.leaf_count
        && checkpoint.cache_levels == cache_levels
        && spec.seed.is_none_or(|seed| seed == checkpoint.seed)
}

impl Partial {
    /// Takes the file up where its checkpoint says.
    ///
    /// # Errors
    ///
    /// Outer: the system refused. Inner: why it has to be begun anew.
    pub(super) fn resume(
        names: &Names,
        file: &Arc<File>,
        checkpoint: &Checkpoint,
        layout: Option<&CacheLayout>,
    ) -> Result<Result<(Self, Stage), &'static str>, CreateError> {
        let intact =
            is_intact(file, checkpoint).map_err(CreateError::io("read", &names.partial))?;
        if !intact {
            return Ok(Err("its leaves are not those that its checkpoint promises"));
        }
        let cache = match layout {
            Some(layout) => {
                let path = &names.partial_cache;
                let cache = CacheWriter::open(path, layout.clone(), true)
                    .map_err(CreateError::io("open", path))?;
                if cache.is_none() {
                    return Ok(Err("its cache is not there"));
                }
                cache
            }
            None => None,
        };
        if checkpoint.is_complete() && cache.is_some() && !leads_to_root(names, checkpoint) {
            return Ok(Err("its cache is not its own"));
        }
        let top = subtree_top(checkpoint.leaf_count);
        let stage = match (checkpoint.is_complete(), &*checkpoint.nodes) {
            (true, [root]) => Some(Stage::Finish(*root)),
            (true, _) => None,
            (false, nodes) => Assembler::resume(top, checkpoint.done, nodes).map(Stage::Leaves),
        };
        let Some(stage) = stage else { return Ok(Err("its checkpoint contradicts itself")) };
        let (names, file) = (names.clone(), file.clone());
        let (seed, done) = (checkpoint.seed, checkpoint.done);
        Ok(Ok((Self { names, file, seed, cache, done }, stage)))
    }

    /// Begins anew, in a file that begins with 121 zero bytes and so loads
    /// nowhere.
    pub(super) fn begin(
        names: &Names,
        file: &Arc<File>,
        seed: PlotSeed,
        spec: &Spec,
        layout: Option<&CacheLayout>,
    ) -> Result<(Self, Stage), CreateError> {
        for path in [&names.checkpoint, &names.partial_cache] {
            durable::remove(path).map_err(CreateError::io("remove", path))?;
        }
        let failed = CreateError::io("write", &names.partial);
        file.set_len(0)
            .and_then(|()| write_all_at(file, &[0; PlotHeader::SIZE], 0))
            .map_err(failed)?;
        let path = &names.partial_cache;
        let cache = layout
            .map(|layout| CacheWriter::open(path, layout.clone(), false))
            .transpose()
            .map_err(CreateError::io("create", path))?
            .flatten();
        let stage = Stage::Leaves(Assembler::new(subtree_top(spec.leaf_count), 0));
        Ok((Self { names: names.clone(), file: file.clone(), seed, cache, done: 0 }, stage))
    }
}

/// Whether the leaves that were written last and first are there: a file that
/// was cut, replaced or never synced is not.
fn is_intact(file: &File, checkpoint: &Checkpoint) -> io::Result<bool> {
    let last = checkpoint.done.saturating_sub(1) / SUBTREE_LEAVES * SUBTREE_LEAVES;
    for first in [0, last] {
        let leaves = (checkpoint.done - first).min(SUBTREE_LEAVES) as usize;
        let mut expected = vec![0; leaves * Leaf::SIZE];
        leaves_of(&checkpoint.key, &checkpoint.seed, first, &mut expected);
        let mut found = vec![0; expected.len()];
        let Some(offset) = leaf_offset(first) else { return Ok(false) };
        if read_at(file, &mut found, offset)? != found.len() || found != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the finished cache belongs to the finished leaves: one of an older
/// plot may have had its name.
fn leads_to_root(names: &Names, checkpoint: &Checkpoint) -> bool {
    let cache = CacheFile::open(&names.partial_cache, checkpoint.leaf_count).ok().flatten();
    let root = cache.and_then(|cache| cache.root().ok().flatten());
    root.is_some() && root.as_ref() == checkpoint.nodes.first()
}

/// Leaves from `first` on, as many as `out` holds.
pub(super) fn leaves_of(key: &PlotKey, seed: &PlotSeed, first: u64, out: &mut [u8]) {
    debug_assert!(out.len() <= SUBTREE_BYTES, "more than one subtree would be one core's work");
    kernels::in_use().generate(key.as_bytes(), seed.as_bytes(), first, out);
}
