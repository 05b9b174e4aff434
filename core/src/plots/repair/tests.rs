//! Repairs on a disk that fails: a real file, of which some blocks cannot be
//! read, and some do not take what is written to them.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    super::{CacheLevels, CreateSpec, PlotFile, create, verify},
    *,
};

const KEY: PlotKey = PlotKey::new([7; 32]);
/// More than one batch.
const LEAVES: u64 = 40 * 4096 + 99;
const BLOCK: u64 = 4096;

/// A file on a disk that is dying.
struct Dying {
    file: File,
    /// Blocks that cannot be read until they are written as a whole.
    unreadable: Mutex<BTreeSet<u64>>,
    /// Blocks that cannot be written either.
    dead: BTreeSet<u64>,
    /// No room for bytes from here on.
    full_at: u64,
    written: AtomicU64,
}

impl Dying {
    fn of(path: &Path) -> Self {
        Self {
            file: OpenOptions::new().read(true).write(true).open(path).unwrap(),
            unreadable: Mutex::default(),
            dead: BTreeSet::new(),
            full_at: u64::MAX,
            written: AtomicU64::new(0),
        }
    }
}

fn blocks(offset: u64, len: usize) -> Range<u64> {
    offset / BLOCK..(offset + len as u64).div_ceil(BLOCK)
}

fn input_output_error() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

impl Disk for Dying {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let unreadable = self.unreadable.lock().unwrap();
        match blocks(offset, out.len()).any(|block| unreadable.contains(&block)) {
            true => Err(input_output_error()),
            false => self.file.read(out, offset),
        }
    }

    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset + bytes.len() as u64 > self.full_at {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let len = self.file.len().unwrap();
        let mut unreadable = self.unreadable.lock().unwrap();
        for block in blocks(offset, bytes.len()) {
            let (start, end) = (block * BLOCK, ((block + 1) * BLOCK).min(len));
            let is_whole = offset <= start && end <= offset + bytes.len() as u64;
            if self.dead.contains(&block) || (unreadable.contains(&block) && !is_whole) {
                return Err(input_output_error());
            }
            unreadable.remove(&block);
        }
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

fn plot(folder: &Path) -> (PathBuf, Vec<u8>) {
    let target = folder.join("a.plot");
    let cache_levels = CacheLevels::Auto;
    let (key, seed, leaf_count, memory) = (KEY, None, LEAVES, 1 << 20);
    let spec = CreateSpec { target: target.clone(), key, seed, leaf_count, cache_levels, memory };
    create(&spec, &()).unwrap();
    let bytes = fs::read(&target).unwrap();
    (target, bytes)
}

fn spec(plot: &Path) -> Spec {
    let plot = plot.to_owned();
    Spec { plot, key: KEY, seed: None, record: None, dry_run: false, all_lost: false }
}

#[test]
fn sectors_that_cannot_be_read_are_written_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = plot(folder.path());
    let last = (whole.len() as u64 - 1) / BLOCK;
    for bad in [vec![1], vec![7, 8, 9, 31], vec![32, 33], vec![last], vec![1, 500, 1279, last]] {
        let disk = Dying::of(&path);
        disk.unreadable.lock().unwrap().extend(&bad);
        let found = repair_on(&disk, &spec(&path), &|_, _, _| true).unwrap();
        assert!(found.whole && found.left.is_empty(), "{found:?}");
        assert!(found.damaged.iter().all(|region| region.reason.is_some()), "{found:?}");
        let rewritten: u64 =
            bad.iter().map(|block| (whole.len() as u64 - block * BLOCK).min(BLOCK)).sum();
        assert_eq!(found.written_bytes, rewritten, "only the sectors");
        assert_eq!(disk.written.load(Ordering::Relaxed), rewritten);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_header_that_cannot_be_read_is_restored_from_seed_and_record() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = plot(folder.path());
    let header = PlotFile::open(&path).unwrap().header().clone();
    let disk = Dying::of(&path);
    disk.unreadable.lock().unwrap().insert(0);
    let error = repair_on(&disk, &spec(&path), &|_, _, _| true).unwrap_err();
    assert!(error.to_string().contains("--seed"), "{error}");
    // The cache leads to the root.
    let with_seed = Spec { seed: Some(header.seed), ..spec(&path) };
    let found = repair_on(&disk, &with_seed, &|_, _, _| true).unwrap();
    assert!(found.whole && matches!(found.header, HeaderState::Restored { .. }), "{found:?}");
    assert_eq!(fs::read(&path).unwrap(), whole);
    // Without it, nothing does, but for the record.
    fs::remove_file(path_beside(&path)).unwrap();
    disk.unreadable.lock().unwrap().insert(0);
    let error = repair_on(&disk, &with_seed, &|_, _, _| true).unwrap_err();
    assert!(matches!(error, RepairError::HeaderLost { leaf_count: LEAVES, .. }), "{error}");
    assert_eq!(disk.written.load(Ordering::Relaxed), BLOCK, "nothing more");
    let record = Record { root: Some(header.root), bytes: whole.len() as u64, cache: None };
    let with_both = Spec { record: Some(record), ..with_seed };
    let found = repair_on(&disk, &with_both, &|_, _, _| true).unwrap();
    assert!(found.whole, "{found:?}");
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn what_the_disk_does_not_take_is_told_and_the_rest_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = plot(folder.path());
    let mut damaged = whole.clone();
    damaged[5 * 4096..12 * 4096].fill(0xAA);
    fs::write(&path, &damaged).unwrap();
    let disk = Dying { dead: BTreeSet::from([8]), ..Dying::of(&path) };
    disk.unreadable.lock().unwrap().insert(8);
    let found = repair_on(&disk, &spec(&path), &|_, _, _| true).unwrap();
    assert!(!found.whole);
    let [left] = &*found.left else { panic!("{:?}", found.left) };
    assert!(left.reason.as_ref().unwrap().contains("error"), "{left:?}");
    assert_eq!(left.leaves(), (8 * BLOCK - 121) / 32..(9 * BLOCK - 121).div_ceil(32));
    let now = fs::read(&path).unwrap();
    damaged.copy_from_slice(&whole);
    damaged[8 * 4096..9 * 4096].fill(0xAA);
    assert_eq!(now, damaged, "all but the dead sector");
}

#[test]
fn a_disk_that_fills_up_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = plot(folder.path());
    let cut = 9 * 4096 + 1234;
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
    let full_at = 300 * BLOCK;
    let disk = Dying { full_at, ..Dying::of(&path) };
    let error = repair_on(&disk, &spec(&path), &|_, _, _| true).unwrap_err();
    assert!(matches!(error, RepairError::NoRoom { .. }), "{error}");
    let now = fs::read(&path).unwrap();
    assert!(now.len() as u64 >= cut && whole.starts_with(&now), "no worse than before");
    let disk = Dying::of(&path);
    let found = repair_on(&disk, &spec(&path), &|_, _, _| true).unwrap();
    assert!(found.whole, "{found:?}");
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn stopped_anywhere_it_has_only_done_less() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = plot(folder.path());
    let mut damaged = whole.clone();
    for block in (3..1200).step_by(2) {
        damaged[block * 4096 + 7] ^= 1;
    }
    let wrong_bytes = |now: &[u8]| now.iter().zip(&whole).filter(|(a, b)| a != b).count();
    for stop_at in [Stage::Examining, Stage::Writing, Stage::Checking] {
        fs::write(&path, &damaged).unwrap();
        let seen = RefCell::new(Vec::new());
        let follow = |stage, done, total| {
            seen.borrow_mut().push((stage, done, total));
            stage != stop_at
        };
        let error = repair_on(&Dying::of(&path), &spec(&path), &follow).unwrap_err();
        assert!(matches!(error, RepairError::Stopped { .. }), "{error}");
        let now = fs::read(&path).unwrap();
        match stop_at {
            Stage::Examining => assert_eq!(now, damaged),
            Stage::Writing => assert!((1..599).contains(&wrong_bytes(&now)), "some of it"),
            Stage::Checking => assert_eq!(now, whole),
        }
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "plot and cache: {names:?}");
    }
    let found = repair_on(&Dying::of(&path), &spec(&path), &|_, _, _| true).unwrap();
    assert!(found.whole && found.damaged.is_empty(), "{found:?}");
    let verdict = verify(&PlotFile::open(&path).unwrap(), Some(&KEY), &|_, _| true).unwrap();
    assert!(verdict.intact);
}
