//! Repairs plots in place: what is damaged is made again from the key and the
//! seed, and only that is written.
//!
//! Two passes. The first makes every leaf, hashes the tree over them, and notes
//! where the file differs; it writes nothing but a cache beside the plot. Only
//! if the root of what was made is the plot's own does the second pass write,
//! and each byte that it writes is the right one: whenever it is killed, the
//! plot is no worse than before.

mod cache;
mod disk;
mod error;
mod examine;
mod identity;
mod mend;
mod record;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    path::PathBuf,
};

use serde::Serialize;
use spacetime_protocol::{
    Leaf, NodeHash, PlotKey, PlotSeed,
    plot::{PlotHeader, PlotHeaderError, leaf_offset},
};

use self::{
    cache::CacheRepair,
    disk::Disk,
    examine::{Examination, Findings, sample},
    identity::Identity,
    mend::{Content, Mended, blocks_of, mend, wrong},
};
use super::{
    PlotError, cache::path_beside, cache_check::CacheCheck, made::Made, regions::Region, room,
};
use crate::lock::{LockError, lock};

pub use error::RepairError;
pub use record::Record;

/// What to repair, and with what.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The plot.
    pub plot: PathBuf,
    /// The key that it was made with.
    pub key: PlotKey,
    /// Its seed, for a plot whose header is damaged; `None`: the header's.
    pub seed: Option<PlotSeed>,
    /// What the plot metadata remember of it.
    pub record: Option<Record>,
    /// Whether nothing shall be written.
    pub dry_run: bool,
    /// Whether to go on where none of the leaves looked at is right.
    pub all_lost: bool,
}

impl Spec {
    fn recorded_root(&self) -> Option<NodeHash> {
        self.record.as_ref().and_then(|record| record.root)
    }

    fn cache_path(&self) -> PathBuf {
        let recorded = self.record.as_ref().and_then(|record| record.cache.clone());
        recorded.unwrap_or_else(|| path_beside(&self.plot))
    }
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Leaves are made and compared with the file.
    Examining,
    /// What is damaged is written.
    Writing,
    /// What was written is read again.
    Checking,
}

/// Follows a repair: what is being done, how many bytes of it are done, and
/// how many there are; whether to go on is what it returns.
pub type Follow<'a> = &'a dyn Fn(Stage, u64, u64) -> bool;

/// What was found, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Repaired {
    /// Whether the plot is whole now, its cache not considered.
    pub whole: bool,
    /// Its leaves.
    pub leaves: u64,
    /// Its root.
    pub root: NodeHash,
    /// Its seed.
    pub seed: PlotSeed,
    /// The header.
    pub header: HeaderState,
    /// Leaves that were damaged, unreadable or missing; one that lies where the
    /// disk cannot be read counts as damaged.
    pub damaged_leaves: u64,
    /// Where, in order.
    pub damaged: Vec<Region>,
    /// Bytes that the file was too short.
    pub missing_bytes: u64,
    /// Bytes that the file is longer than its plot; they are left alone.
    pub excess_bytes: u64,
    /// Bytes written to the plot.
    pub written_bytes: u64,
    /// What is still damaged.
    pub left: Vec<Region>,
    /// The cache.
    pub cache: CacheOutcome,
}

/// What was found of the header, and done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum HeaderState {
    /// It was whole.
    Whole,
    /// It was damaged, and is written anew.
    Restored {
        /// What was wrong with it.
        reason: String,
    },
    /// It is damaged.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
}

/// What was found of the cache, and done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum CacheOutcome {
    /// The plot is too small for one.
    None,
    /// Every node of it is right.
    Valid {
        /// The file.
        path: PathBuf,
    },
    /// It was absent or of no use, and is made anew.
    Rebuilt {
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
    /// It is absent or of no use, and was to be left or could not be made.
    Stale {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// Why it could not be made; `None`: it was to be left.
        unwritten: Option<String>,
    },
}

/// Repairs a plot, beside a miner that uses it if need be.
///
/// # Errors
///
/// See [`RepairError`]. What the disk does not take is no error, but
/// [`Repaired::left`].
pub fn repair(spec: &Spec, follow: Follow<'_>) -> Result<Repaired, RepairError> {
    repair_on(&open(spec)?, spec, follow)
}

/// Opens the file, and unless it is only to be looked at, locks it.
fn open(spec: &Spec) -> Result<File, RepairError> {
    let path = &spec.plot;
    let failed = |error| PlotError::io("open", path, error);
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(PlotError::NotFound { path: path.clone() }.into());
    }
    let file = OpenOptions::new().read(true).write(!spec.dry_run).open(path).map_err(failed)?;
    if !spec.dry_run {
        lock(&file, path).map_err(|error| match error {
            LockError::Held(holder) => RepairError::Busy { path: path.clone(), holder },
            LockError::Io(source) => RepairError::io("lock", path)(source),
        })?;
    }
    Ok(file)
}

/// Repairs the plot on a disk.
fn repair_on(disk: &dyn Disk, spec: &Spec, follow: Follow<'_>) -> Result<Repaired, RepairError> {
    let path = &spec.plot;
    let len = disk.len().map_err(RepairError::io("ask for the length of", path))?;
    let mut identity = Identity::of(&read_header(disk), len, spec)?;
    let leaf_count = identity.header.leaf_count;
    check_room(&identity, len, spec)?;
    let made = Made { key: spec.key, seed: identity.header.seed };
    let progress = |done, total| follow(Stage::Examining, bytes(done), bytes(total));
    let examination = Examination { disk, path, made, leaf_count, len, progress: &progress };
    let (own, looked_at) = sample(&examination);
    if own == 0 && !spec.all_lost {
        let (path, seed) = (path.clone(), made.seed);
        let seed_is_certain = identity.is_certain();
        return Err(RepairError::NotOwn { path, seed, looked_at, seed_is_certain });
    }
    let mut cache = CacheRepair::begin(spec, leaf_count);
    let mut check = CacheCheck::new(cache.found.as_ref().ok().and_then(Option::as_ref));
    let findings = examination
        .run(&mut check, cache.writer.as_mut())
        .ok_or_else(|| RepairError::Stopped { path: path.clone() })?;
    let stale = check.reason().map(str::to_owned);
    let own_leaves = own > 0 || findings.damaged_leaves < leaf_count;
    identity.confirm(findings.root, own_leaves, cache.root(), spec)?;
    let content = Content { made, header: identity.header.encode(), leaf_count };
    let outcome = match spec.dry_run {
        true => Outcome::of_dry_run(&findings, &identity),
        false => write(disk, &content, &findings, &identity, len, spec, follow)?,
    };
    let header = match identity.damage().map(ToString::to_string) {
        None => HeaderState::Whole,
        Some(reason) if outcome.header_written => HeaderState::Restored { reason },
        Some(reason) => HeaderState::Damaged { reason },
    };
    Ok(Repaired {
        whole: outcome.is_whole,
        leaves: leaf_count,
        root: findings.root,
        seed: made.seed,
        header,
        damaged_leaves: findings.damaged_leaves,
        damaged: findings.regions(),
        missing_bytes: content.len().saturating_sub(len),
        excess_bytes: len.saturating_sub(content.len()),
        written_bytes: outcome.written,
        left: outcome.left,
        cache: cache.finish(stale),
    })
}

/// As much of the header as can be read.
fn read_header(disk: &dyn Disk) -> Vec<u8> {
    let mut first = vec![0; PlotHeader::SIZE];
    let got = disk.read(&mut first, 0).unwrap_or(0);
    first.truncate(got);
    first
}

/// Refuses what no file, or not this disk, can hold.
fn check_room(identity: &Identity, len: u64, spec: &Spec) -> Result<(), RepairError> {
    let (path, expected) = (spec.plot.clone(), identity.header.file_len());
    let Some(whole) = expected.filter(|_| leaf_offset(identity.header.leaf_count).is_some()) else {
        let reason = PlotHeaderError::Truncated { expected, actual: len };
        return Err(PlotError::Header { path, reason }.into());
    };
    let missing = whole.saturating_sub(len);
    let available =
        room::available(&path).map_err(RepairError::io("ask for the room of", &path))?;
    match missing > available && !spec.dry_run {
        true => Err(RepairError::NoRoom { path, missing }),
        false => Ok(()),
    }
}

/// What the second pass came to.
struct Outcome {
    is_whole: bool,
    written: u64,
    header_written: bool,
    left: Vec<Region>,
}

impl Outcome {
    fn of_dry_run(findings: &Findings, identity: &Identity) -> Self {
        let is_whole = findings.damaged_leaves == 0 && identity.damage().is_none();
        Self { is_whole, written: 0, header_written: false, left: findings.regions() }
    }
}

/// Writes what is damaged, and reads it again.
fn write(
    disk: &dyn Disk,
    content: &Content,
    findings: &Findings,
    identity: &Identity,
    len: u64,
    spec: &Spec,
    follow: Follow<'_>,
) -> Result<Outcome, RepairError> {
    let path = &spec.plot;
    let stopped = || RepairError::Stopped { path: path.clone() };
    let header = identity.damage().is_some();
    let blocks = blocks_of(&findings.damaged.0, header, content.len());
    let progress = |done, total| follow(Stage::Writing, done, total);
    let Mended { written, refused } = mend(disk, content, &blocks, len, &progress)
        .map_err(|error| match mend::is_full(&error) {
            true => {
                let missing = content.len().saturating_sub(len);
                RepairError::NoRoom { path: path.clone(), missing }
            }
            false => RepairError::io("write", path)(error),
        })?
        .ok_or_else(stopped)?;
    if written > 0 {
        disk.sync().map_err(RepairError::io("sync", path))?;
    }
    let progress = |done, total| follow(Stage::Checking, done, total);
    let mut left = wrong(disk, content, &blocks, &progress).ok_or_else(stopped)?;
    for region in left.iter_mut().filter(|region| region.reason.is_none()) {
        region.reason.clone_from(&refused);
    }
    let header_written = header && read_header(disk) == content.header;
    let is_whole = left.is_empty() && (header_written || !header);
    Ok(Outcome { is_whole, written, header_written, left })
}

fn bytes(leaves: u64) -> u64 {
    leaves * Leaf::SIZE as u64
}
