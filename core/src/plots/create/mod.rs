//! Makes plots: on all cores, in one pass, in bounded memory, and so that a
//! killed run costs only its last few per cent.
//!
//! Order of effects: leaves and cache go into files with temporary names, a
//! checkpoint follows them at intervals; then the cache gets its name, then
//! the header is written, then the plot gets its name, then the checkpoint
//! goes. Whatever happens in between, the same command goes on from there, and
//! no file with the plot's name is ever anything but a whole plot.

mod checkpoint;
mod error;
mod finish;
mod names;
mod partial;
mod produce;
mod write;

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use spacetime_protocol::{
    PlotKey, PlotSeed,
    cache::{CacheLayout, auto_top_levels},
    plot::{PlotHeader, leaf_offset},
};

use self::{
    names::Names,
    partial::{Partial, Stage, is_same, read_checkpoint},
};
use super::{PlotFile, cache_writer::CacheWriter, room};
use crate::durable;

pub use error::CreateError;

/// Bytes that leaves in the making may take, all buffers together.
pub const DEFAULT_MEMORY: usize = 64 << 20;

/// What plot to make.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Where it shall lie; missing folders are made.
    pub target: PathBuf,
    /// What its leaves are derived from.
    pub key: PlotKey,
    /// Its seed; `None`: a random one.
    pub seed: Option<PlotSeed>,
    /// Number of leaves, 32 bytes each.
    pub leaf_count: u64,
    /// Levels of the Merkle cache.
    pub cache_levels: CacheLevels,
    /// Bytes that buffers may take, about; at least a few hundred KiB are.
    pub memory: usize,
}

/// How many levels under the root the Merkle cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheLevels {
    /// Down to level 12, so that a proof reads 4,096 leaves: 1/2048 of the plot.
    Auto,
    /// So many; 0: no cache.
    Top(u32),
}

impl CacheLevels {
    fn resolve(self, leaf_count: u64) -> u32 {
        match self {
            Self::Auto => auto_top_levels(leaf_count),
            Self::Top(levels) => levels,
        }
    }
}

/// Follows the work, from the thread that asked for it.
pub trait Watch {
    /// Something to tell.
    fn event(&self, event: Event);
    /// Whether to stop; asked after every batch.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Nobody follows it.
impl Watch for () {
    fn event(&self, _: Event) {}
}

/// What a plotter has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It goes on with what a killed run left.
    Resumed {
        /// Leaves that are there already.
        leaves: u64,
    },
    /// What a killed run left is of no use; it begins anew.
    StartedAgain {
        /// Why.
        reason: String,
    },
    /// A cache of an older plot of that name stays, although none was asked for.
    OldCacheStays {
        /// The file.
        path: PathBuf,
    },
    /// Leaves are on their way to the disk.
    Progress {
        /// Leaves done.
        done: u64,
        /// Leaves in all.
        total: u64,
    },
}

/// A finished plot.
#[derive(Clone, Debug)]
pub struct Created {
    /// Its header.
    pub header: PlotHeader,
    /// Its cache, if it has one.
    pub cache: Option<PathBuf>,
    /// Leaves that a killed run had left.
    pub resumed_leaves: u64,
    /// How long this run took.
    pub took: Duration,
}

/// Makes a plot.
///
/// # Errors
///
/// See [`CreateError`]. A finished plot is never overwritten.
pub fn create(spec: &Spec, watch: &dyn Watch) -> Result<Created, CreateError> {
    let started = Instant::now();
    error::check_leaf_count(spec.leaf_count)?;
    let names = Names::of(&spec.target);
    let folder = durable::folder_of(&spec.target);
    fs::create_dir_all(folder).map_err(CreateError::io("create the folder", folder))?;
    let levels = spec.cache_levels.resolve(spec.leaf_count);
    let layout = CacheLayout::new(spec.leaf_count, levels);
    if let Some(created) = existing(&names, spec, levels, layout.is_some(), started)? {
        return Ok(created);
    }
    let file = Arc::new(partial::open(&names)?);
    // A plotter that was there before may just have finished.
    if let Some(created) = existing_locked(&names, spec, levels, layout.is_some(), started)? {
        return Ok(created);
    }
    if layout.is_none() && names.cache.exists() {
        watch.event(Event::OldCacheStays { path: names.cache.clone() });
    }
    let (mut partial, stage) = take_up(&names, &file, spec, levels, layout.as_ref(), watch)?;
    let resumed_leaves = partial.done;
    let root = match stage {
        Stage::Leaves(assembler) => produce::leaves(&mut partial, assembler, spec, levels, watch)?,
        Stage::Finish(root) => root,
    };
    let header = finish::finish(&partial, spec, root)?;
    let cache = layout.map(|_| names.cache);
    Ok(Created { header, cache, resumed_leaves, took: started.elapsed() })
}

/// What lies there under the plot's name: `None`: nothing.
fn existing(
    names: &Names,
    spec: &Spec,
    levels: u32,
    cached: bool,
    started: Instant,
) -> Result<Option<Created>, CreateError> {
    if fs::symlink_metadata(&names.plot).is_err() {
        return Ok(None);
    }
    // Only whoever holds the lock may remove what a killed run left; where
    // nothing can be made, nothing was left.
    let _lock = match partial::open(names) {
        Err(CreateError::Io { .. }) => {
            return Err(CreateError::Exists { path: names.plot.clone() });
        }
        lock => lock?,
    };
    existing_locked(names, spec, levels, cached, started)
}

/// As [`existing`], by the holder of the lock. A run that was killed after the
/// plot had its name is finished by removing its checkpoint.
fn existing_locked(
    names: &Names,
    spec: &Spec,
    levels: u32,
    cached: bool,
    started: Instant,
) -> Result<Option<Created>, CreateError> {
    if fs::symlink_metadata(&names.plot).is_err() {
        return Ok(None);
    }
    let checkpoint = read_checkpoint(names).ok().flatten();
    names.clean().map_err(CreateError::io("remove", &names.partial))?;
    let same = checkpoint.filter(|found| found.is_complete() && is_same(found, spec, levels));
    match (same, PlotFile::open(&names.plot)) {
        (Some(checkpoint), Ok(plot)) if plot.header().seed == checkpoint.seed => {
            Ok(Some(Created {
                header: plot.header().clone(),
                cache: cached.then(|| names.cache.clone()),
                resumed_leaves: spec.leaf_count,
                took: started.elapsed(),
            }))
        }
        _ => Err(CreateError::Exists { path: names.plot.clone() }),
    }
}

/// Goes on with what lies there, or begins anew.
fn take_up(
    names: &Names,
    file: &Arc<File>,
    spec: &Spec,
    levels: u32,
    layout: Option<&CacheLayout>,
    watch: &dyn Watch,
) -> Result<(Partial, Stage), CreateError> {
    finish::restore_cache_name(names)?;
    let reason = match read_checkpoint(names) {
        Ok(Some(checkpoint)) if is_same(&checkpoint, spec, levels) => {
            match Partial::resume(names, file, &checkpoint, layout)? {
                Ok((partial, stage)) => {
                    check_room(names, file, spec, layout, partial.done)?;
                    watch.event(Event::Resumed { leaves: partial.done });
                    return Ok((partial, stage));
                }
                Err(reason) => Some(reason.to_owned()),
            }
        }
        Ok(Some(_)) => Some("it is of a plot with other parameters".to_owned()),
        Ok(None) => None,
        Err(reason) => Some(reason),
    };
    if let Some(reason) = reason {
        watch.event(Event::StartedAgain { reason });
    }
    check_room(names, file, spec, layout, 0)?;
    Partial::begin(names, file, spec.seed.map_or_else(random_seed, Ok)?, spec, layout)
}

fn random_seed() -> Result<PlotSeed, CreateError> {
    let mut seed = [0; PlotSeed::SIZE];
    getrandom::fill(&mut seed).map_err(|error| CreateError::NoSeed(error.to_string()))?;
    Ok(seed.into())
}

/// Refuses before a byte is written what the disk cannot hold. `done` leaves
/// are there; without any, what the file takes will be given back first.
fn check_room(
    names: &Names,
    file: &File,
    spec: &Spec,
    layout: Option<&CacheLayout>,
    done: u64,
) -> Result<(), CreateError> {
    let plot = leaf_offset(spec.leaf_count).unwrap_or(u64::MAX);
    let cache = layout.map_or(0, CacheLayout::file_len);
    let metadata = file.metadata().map_err(CreateError::io("open", &names.partial))?;
    let there = match done {
        0 => room::taken(&metadata),
        _ => {
            room::taken(&metadata).min(leaf_offset(done).unwrap_or(0))
                + layout.map_or(0, |layout| CacheWriter::bytes_under(layout, done))
        }
    };
    let needed = plot.saturating_add(cache).saturating_sub(there);
    let path = &names.plot;
    let available = room::available(path).map_err(CreateError::io("ask for the room of", path))?;
    if needed <= available {
        return Ok(());
    }
    if done == 0 {
        names.clean().map_err(CreateError::io("remove", &names.partial))?;
    }
    Err(CreateError::NoRoom { path: path.clone(), needed, available, started: done > 0 })
}

/// Whether bytes are the checkpoint of a plot in the making; for fuzzing.
pub(crate) fn is_checkpoint(bytes: &[u8]) -> bool {
    checkpoint::Checkpoint::decode(bytes).is_ok()
}
