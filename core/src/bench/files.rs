//! Files that are made to measure with, and taken away again.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use spacetime_protocol::{Leaf, PlotKey, PlotSeed};
use tempfile::TempDir;

use super::BenchError;
use crate::plots::{CacheLevels, CreateSpec, CreateWatch, DEFAULT_MEMORY, create};

/// A folder that goes when it is dropped.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// One within a folder.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn within(folder: &Path) -> Result<Self, BenchError> {
        let made = tempfile::Builder::new().prefix("spacetime-bench-").tempdir_in(folder);
        made.map(Self).map_err(BenchError::io("make a folder in", folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Makes a plot of about so many bytes, with its cache.
///
/// # Errors
///
/// See [`CreateError`](crate::plots::CreateError).
pub fn make_plot(
    scratch: &Scratch,
    bytes: u64,
    watch: &dyn CreateWatch,
) -> Result<PathBuf, BenchError> {
    let target = scratch.file("measured.plot");
    create(&spec(target.clone(), bytes, CacheLevels::Auto), watch)?;
    Ok(target)
}

pub(super) fn spec(target: PathBuf, bytes: u64, cache_levels: CacheLevels) -> CreateSpec {
    CreateSpec {
        target,
        key: PlotKey::new([0xA5; 32]),
        seed: Some(PlotSeed::new([0x3C; 32])),
        leaf_count: (bytes / Leaf::SIZE as u64).max(1),
        cache_levels,
        memory: DEFAULT_MEMORY,
    }
}

/// Takes a file out of the system's memory, as far as the system can be asked to:
/// the next read is the drive's.
pub(super) fn make_cold(path: &Path) -> Result<(), BenchError> {
    let file = File::open(path).map_err(BenchError::io("open", path))?;
    // What is not written yet stays in memory.
    file.sync_all().map_err(BenchError::io("sync", path))?;
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)
        .map_err(|error| BenchError::io("make cold", path)(error.into()))?;
    Ok(())
}

/// What is read at a time where nothing but that is done.
const PIECE: usize = 1 << 20;

/// Reads a file from front to back; how many bytes it has.
pub(super) fn read_through(path: &Path) -> Result<u64, BenchError> {
    let read = || {
        let (mut file, mut piece, mut all) = (File::open(path)?, vec![0; PIECE], 0);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(all),
                read => all += read as u64,
            }
        }
    };
    read().map_err(BenchError::io("read", path))
}
