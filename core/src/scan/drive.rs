//! Drives: numbered for strategies, with the rate at which each was read.

mod meter;
mod retrial;
mod ways;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

pub use self::ways::Io;
pub(super) use self::{
    meter::Meter,
    retrial::Retrial,
    ways::{Way, Ways},
};

/// A rate over the last few seconds of work.
#[derive(Debug, Default)]
pub(super) struct Rate(Mutex<(u64, u64)>);

/// Work that a rate remembers, nanoseconds.
const MEMORY: u64 = 8_000_000_000;

impl Rate {
    pub(super) fn add(&self, leaves: u64, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sums = (sums.0.saturating_add(leaves), sums.1.saturating_add(nanos));
        if sums.1 > MEMORY {
            *sums = (sums.0 / 2, sums.1 / 2);
        }
    }

    /// Forgets all but this.
    fn replace(&self, leaves: u64, took: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (0, 0);
        self.add(leaves, took);
    }

    /// Leaves per second; 0 = not known yet.
    pub(super) fn get(&self) -> u64 {
        let (leaves, nanos) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = u128::from(leaves) * 1_000_000_000 / u128::from(nanos.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

/// A drive, as far as a scanner has seen it.
#[derive(Debug)]
pub(super) struct Drive {
    /// Counted from 0 in the order of first sight.
    pub(super) number: u64,
    /// How fast it was read.
    pub(super) rate: Rate,
    /// How long spans of it are read.
    pub(super) ways: Ways,
    /// What is read of it while its leaves are made.
    pub(super) retrial: Retrial,
    /// Readers at work on it, stuck ones included.
    readers: AtomicUsize,
    /// Threads that read for them, stuck ones included.
    fetchers: AtomicUsize,
}

impl Drive {
    pub(super) fn readers(&self) -> usize {
        self.readers.load(Ordering::Acquire)
    }

    /// Leaves were read, in so much of a reader's time.
    pub(super) fn was_read(&self, way: Way, leaves: u64, took: Duration) {
        self.ways.add(way, leaves, took);
        self.rate.add(leaves, took);
        if let Some((leaves, took)) = self.retrial.add(leaves, took) {
            self.rate.replace(leaves, took);
        }
    }
}

/// Counts a reader for as long as it lives.
pub(super) struct AtWork(Arc<Drive>);

impl AtWork {
    pub(super) fn on(drive: Arc<Drive>) -> Self {
        drive.readers.fetch_add(1, Ordering::AcqRel);
        Self(drive)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.readers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Counts a thread that reads for readers for as long as it lives.
pub(super) struct Fetching(Arc<Drive>);

impl Fetching {
    /// One more, if there are fewer than so many.
    pub(super) fn on(drive: &Arc<Drive>, most: usize) -> Option<Self> {
        let one_more = |count: usize| (count < most).then_some(count + 1);
        let counted = drive.fetchers.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        counted.is_ok().then(|| Self(drive.clone()))
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.fetchers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The drives of a scanner, by the system's number.
#[derive(Debug, Default)]
pub(super) struct Drives(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    io: Io,
    drives: BTreeMap<u64, Arc<Drive>>,
}

impl Drives {
    pub(super) fn get(&self, id: u64) -> Arc<Drive> {
        let mut seen = self.lock();
        let (io, number) = (seen.io, seen.drives.len() as u64);
        let new = || Drive {
            number,
            rate: Rate::default(),
            ways: Ways::new(io, number),
            retrial: Retrial::default(),
            readers: AtomicUsize::new(0),
            fetchers: AtomicUsize::new(0),
        };
        seen.drives.entry(id).or_insert_with(|| Arc::new(new())).clone()
    }

    /// Readers at work on all drives.
    pub(super) fn readers(&self) -> usize {
        self.lock().drives.values().map(|drive| drive.readers()).sum()
    }

    /// How drives are read that have not been seen yet.
    pub(super) fn set_io(&self, io: Io) {
        self.lock().io = io;
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
