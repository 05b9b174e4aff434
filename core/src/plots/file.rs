//! A plot on disk: its checked header, and positioned reads of its leaves.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use spacetime_maps::Window;
use spacetime_protocol::{
    Leaf, PlotHeaderHash, PlotKey, PlotSeed,
    plot::{self, PlotHeader, leaf_offset},
};

use super::{
    PlotError,
    blocks::{self, BLOCK},
    cache::{self, CacheFile, CacheState, Structure},
    handles::Slot,
    positioned::{read_at, read_in_memory},
    source::{LeafSource, ReadError},
};
use crate::stamp::FileStamp;

/// A plot whose header passed all checks. Its leaves are read on demand, from
/// any number of threads.
#[derive(Debug)]
pub struct PlotFile {
    path: PathBuf,
    header: PlotHeader,
    stamp: FileStamp,
    slot: Slot,
    /// The same, open for reads past the system's memory.
    blocks: Slot,
    has_blocks: AtomicBool,
    /// Whether what is in the system's memory can be told from what is not.
    looks_in_memory: AtomicBool,
    cache_path: PathBuf,
    /// What the cache was found to be when it was last of use.
    structure: Mutex<Option<Structure>>,
    /// The version of the cache file that gave a wrong path, and why.
    stale: Mutex<Option<(FileStamp, String)>>,
    /// A key that a sample of its leaves was compared with, and whether it is
    /// theirs.
    sampled: Mutex<Option<(PlotKey, bool)>>,
}

impl PlotFile {
    /// Opens a plot, with the cache file `<path>.cache` if there is one. Reads
    /// the header only.
    ///
    /// # Errors
    ///
    /// The first check of `plot-format.md` section 5 that fails, or what the
    /// system says.
    pub fn open(path: &Path) -> Result<Self, PlotError> {
        Self::open_with_cache(path, &cache::path_beside(path))
    }

    /// Opens a plot whose Merkle cache lies elsewhere.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_with_cache(path: &Path, cache_path: &Path) -> Result<Self, PlotError> {
        let (file, stamp) = open_regular(path)?;
        let first = read_header(&file).map_err(|error| PlotError::io("read", path, error))?;
        let header = PlotHeader::check_file(&first, stamp.len)
            .map_err(|reason| PlotError::Header { path: path.to_owned(), reason })?;
        Ok(Self {
            path: path.to_owned(),
            header,
            stamp,
            slot: Slot::new(),
            blocks: Slot::new(),
            has_blocks: AtomicBool::new(cfg!(target_os = "linux")),
            looks_in_memory: AtomicBool::new(cfg!(target_os = "linux")),
            cache_path: cache_path.to_owned(),
            structure: Mutex::default(),
            stale: Mutex::default(),
            sampled: Mutex::default(),
        })
    }

    /// Its header.
    pub fn header(&self) -> &PlotHeader {
        &self.header
    }

    /// What block proofs carry of the header.
    pub fn header_hash(&self) -> PlotHeaderHash {
        self.header.hash()
    }

    /// Length of the file in bytes when it was opened.
    pub fn size_bytes(&self) -> u64 {
        self.stamp.len
    }

    /// Where its Merkle cache lies, if it has one.
    pub fn cache_path(&self) -> &Path {
        &self.cache_path
    }

    /// What is known of its Merkle cache; opens it to find out.
    pub fn cache_state(&self) -> CacheState {
        match self.open_cache() {
            Ok(Some(cache)) => CacheState::Fits { lowest_level: cache.lowest_level() },
            Ok(None) => CacheState::Absent,
            Err(reason) => CacheState::Stale { reason },
        }
    }

    /// Whether its leaves were made with this key. A few are looked at: in a
    /// damaged plot some are wrong, in a stranger's all of them.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub(super) fn is_of(&self, key: &PlotKey) -> Result<bool, ReadError> {
        let last = self.header.leaf_count - 1;
        for index in [0, last / 3, last / 2, last] {
            let mut bytes = [0; Leaf::SIZE];
            self.read(index, &mut bytes)?;
            if plot::leaf(key, &self.header.seed, index) == Leaf::new(bytes) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether all leaves of a sample are what a key makes.
    fn sample_is_of(&self, key: &PlotKey) -> Result<bool, ReadError> {
        let last = u128::from(self.header.leaf_count - 1);
        for number in 0..SAMPLE {
            let index = u64::try_from(last * number / (SAMPLE - 1)).unwrap_or(0);
            let mut bytes = [0; Leaf::SIZE];
            self.read(index, &mut bytes)?;
            if plot::leaf(key, &self.header.seed, index) != Leaf::new(bytes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn stamp(&self) -> FileStamp {
        self.stamp
    }

    /// Its cache, unless this version of it is known to be stale.
    pub(super) fn open_cache(&self) -> Result<Option<CacheFile>, String> {
        let known = self.stale.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((stamp, reason)) = known
            && fs::metadata(&self.cache_path).is_ok_and(|now| FileStamp::of(&now) == stamp)
        {
            return Err(reason);
        }
        let known = self.structure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let cache = CacheFile::open_known(&self.cache_path, self.header.leaf_count, known)?;
        *self.structure.lock().unwrap_or_else(PoisonError::into_inner) =
            cache.as_ref().map(CacheFile::structure);
        Ok(cache)
    }

    /// Remembers and reports that the cache, as it lies there now, is of no use.
    pub(super) fn set_stale_cache(&self, reason: &str) {
        let Ok(metadata) = fs::metadata(&self.cache_path) else { return };
        let entry = (FileStamp::of(&metadata), reason.to_owned());
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        if stale.as_ref() != Some(&entry) {
            tracing::warn!(
                plot = %self.path.display(),
                cache = %self.cache_path.display(),
                reason,
                "stale cache: proofs of this plot read all of it until the cache is made anew"
            );
            *stale = Some(entry);
        }
    }

    /// Opens the file again, if it still is the same plot.
    fn reopen(&self) -> Result<File, ReadError> {
        let (file, _) = open_regular(&self.path).map_err(|error| ReadError(error.to_string()))?;
        let first = read_header(&file).map_err(|error| self.failed("read", &error))?;
        if first != self.header.encode() {
            return Err(ReadError(format!("{}: another plot took its place", self.path.display())));
        }
        Ok(file)
    }

    fn file(&self) -> Result<Arc<File>, ReadError> {
        self.slot.get(|| self.reopen())
    }

    /// The file for reads past the system's memory; `None`: it has no such.
    fn block_file(&self) -> Result<Option<Arc<File>>, ReadError> {
        // It is the plot that it was; and so is the other one, if it is the same file.
        let checked = self.file()?;
        let stamp = |file: &File| file.metadata().map(|metadata| FileStamp::of(&metadata));
        let opened = self.blocks.get(|| {
            let file = blocks::open(&self.path)?;
            match stamp(&file)?.is_same_file(&stamp(&checked)?) {
                true => Ok(file),
                false => Err(io::Error::other("another file took its place")),
            }
        });
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(error) if blocks::is_refusal(&error) => Ok(None),
            Err(error) => Err(self.failed("open it again", &error)),
        }
    }

    fn outside(&self, first: u64, count: u64) -> ReadError {
        let (path, last) = (self.path.display(), self.header.leaf_count - 1);
        ReadError(format!("{path}: leaves {first} and on ({count}) are outside 0 to {last}"))
    }

    /// Where leaves begin, if they are the plot's.
    fn offset_of(&self, first: u64, count: u64) -> Result<u64, ReadError> {
        let inside = first.checked_add(count).is_some_and(|end| end <= self.header.leaf_count);
        leaf_offset(first).filter(|_| inside).ok_or_else(|| self.outside(first, count))
    }

    /// The file ends before leaves that it should have, at the latest after so
    /// many bytes of the leaves from `first` on.
    fn ended(&self, file: &File, first: u64, got: usize) -> ReadError {
        let latest = leaf_offset(first).unwrap_or(u64::MAX).saturating_add(got as u64);
        let end = file.metadata().map_or(latest, |metadata| metadata.len().min(latest));
        let end = end.saturating_sub(PlotHeader::SIZE as u64);
        let (leaf, rest) = (end / Leaf::SIZE as u64, end % Leaf::SIZE as u64);
        let path = self.path.display();
        ReadError(format!("{path}: the file ends in leaf {leaf}, {rest} of its 32 bytes are there"))
    }

    fn failed(&self, what: &str, error: &io::Error) -> ReadError {
        ReadError(format!("{}: cannot {what}: {error}", self.path.display()))
    }
}

impl LeafSource for PlotFile {
    fn leaf_count(&self) -> u64 {
        self.header.leaf_count
    }

    fn id(&self) -> PlotSeed {
        self.header.seed
    }

    fn drive(&self) -> u64 {
        self.stamp.device
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let offset = self.offset_of(first, (out.len() / Leaf::SIZE) as u64)?;
        let file = self.file()?;
        let got = read_at(&file, out, offset)
            .map_err(|error| self.failed(&format!("read leaf {first} and on"), &error));
        match got {
            Ok(got) if got == out.len() => Ok(()),
            Ok(got) => {
                self.slot.close();
                Err(self.ended(&file, first, got))
            }
            Err(error) => {
                self.slot.close();
                Err(error)
            }
        }
    }

    fn read_in_memory(&self, first: u64, out: &mut [u8]) -> bool {
        if !self.looks_in_memory.load(Ordering::Relaxed) {
            return false;
        }
        let offset = self.offset_of(first, (out.len() / Leaf::SIZE) as u64);
        let (Ok(offset), Ok(file)) = (offset, self.file()) else { return false };
        match read_in_memory(&file, out, offset) {
            Ok(got) => got == out.len(),
            Err(_) => {
                self.looks_in_memory.store(false, Ordering::Relaxed);
                false
            }
        }
    }

    fn place_in_block(&self, leaf: u64) -> Option<usize> {
        let offset = leaf_offset(leaf)?;
        self.has_blocks.load(Ordering::Relaxed).then_some((offset % BLOCK as u64) as usize)
    }

    fn read_blocks(&self, first: u64, leaves: u64, out: &mut [u8]) -> Result<bool, ReadError> {
        let offset = self.offset_of(first, leaves)?;
        let Some(file) = self.block_file()? else {
            self.has_blocks.store(false, Ordering::Relaxed);
            return Ok(false);
        };
        let before = offset % BLOCK as u64;
        let least = before as usize + leaves as usize * Leaf::SIZE;
        match blocks::read(&file, out, offset - before, least) {
            Ok(got) if got >= least => Ok(true),
            Ok(got) => {
                self.slot.close();
                self.blocks.close();
                Err(self.ended(&file, first, got.saturating_sub(before as usize)))
            }
            Err(error) if blocks::is_refusal(&error) => {
                self.has_blocks.store(false, Ordering::Relaxed);
                Ok(false)
            }
            Err(error) => {
                self.slot.close();
                self.blocks.close();
                Err(self.failed(&format!("read leaf {first} and on"), &error))
            }
        }
    }

    fn map(&self, first: u64, leaves: u64) -> Option<Window> {
        Window::open(&*self.file().ok()?, self.offset_of(first, leaves).ok()?, bytes_of(leaves)?)
            .ok()
    }

    fn load(&self, window: &Window, from: u64, leaves: u64) -> bool {
        let (Ok(file), Some(from), Some(len)) = (self.file(), bytes_of(from), bytes_of(leaves))
        else {
            return false;
        };
        window.load(&file, from, len).is_ok()
    }

    fn is_made_with(&self, key: &PlotKey) -> bool {
        let known = *self.sampled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, is_its)) = known.filter(|(sampled, _)| sampled == key) {
            return is_its;
        }
        // Not under the lock: a dead drive would hold up all who ask.
        match self.sample_is_of(key) {
            Ok(is_its) => {
                *self.sampled.lock().unwrap_or_else(PoisonError::into_inner) = Some((*key, is_its));
                if !is_its {
                    tracing::warn!(
                        plot = %self.path.display(),
                        "its leaves are read, not made again: not all of a sample are what the key makes"
                    );
                }
                is_its
            }
            // A scan that reads it tells why it cannot.
            Err(_) => false,
        }
    }
}

fn bytes_of(leaves: u64) -> Option<usize> {
    usize::try_from(leaves).ok()?.checked_mul(Leaf::SIZE)
}

/// Leaves that are looked at before a plot's leaves are made instead of read:
/// one tells whose it is, some more whether it is damaged throughout.
const SAMPLE: u128 = 8;

/// Opens a regular file only: opening a pipe would wait for its writer.
fn open_regular(path: &Path) -> Result<(File, FileStamp), PlotError> {
    let failed = |error| PlotError::io("open", path, error);
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(PlotError::NotFound { path: path.to_owned() });
    }
    let file = File::open(path).map_err(failed)?;
    let stamp = FileStamp::of(&file.metadata().map_err(failed)?);
    Ok((file, stamp))
}

/// As much of the header as there is.
fn read_header(file: &File) -> io::Result<Vec<u8>> {
    let mut first = vec![0; PlotHeader::SIZE];
    let got = read_at(file, &mut first, 0)?;
    first.truncate(got);
    Ok(first)
}
