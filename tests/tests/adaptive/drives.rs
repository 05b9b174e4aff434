//! Drives that deliver so many bytes per second, and plots on them.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use spacetime_core::scan::{LeafSource, Plots, ReadError};
use spacetime_protocol::PlotSeed;

/// What a drive has read ahead of those who ask late: what a busy machine
/// takes to wake a thread costs a drive nothing.
const AHEAD: Duration = Duration::from_millis(20);

/// A drive.
pub(crate) struct Drive {
    number: u64,
    bytes_per_second: f64,
    /// When it will have delivered all that it was asked for.
    free_at: Mutex<Instant>,
    /// Leaves delivered.
    pub(crate) leaves: AtomicU64,
}

impl Drive {
    pub(crate) fn new(number: u64, bytes_per_second: f64) -> Arc<Self> {
        let (free_at, leaves) = (Mutex::new(Instant::now()), AtomicU64::new(0));
        Arc::new(Self { number, bytes_per_second, free_at, leaves })
    }

    /// Returns when it has delivered so many bytes more.
    fn deliver(&self, bytes: usize) {
        let until = {
            let mut free_at = self.free_at.lock().unwrap();
            let from = (*free_at).max(Instant::now() - AHEAD);
            *free_at = from + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
            *free_at
        };
        // The pace is what is tested, not what waits for it.
        thread::sleep(until.saturating_duration_since(Instant::now()));
        self.leaves.fetch_add(bytes as u64 / 32, Ordering::Relaxed);
    }

    /// A plot on it; the leaves of plots with the same number are the same.
    pub(crate) fn plot(self: &Arc<Self>, number: u64, leaves: u64) -> Arc<dyn LeafSource> {
        Arc::new(Plot { drive: self.clone(), number, leaves })
    }

    /// Leaves that it delivers in some time to who only reads, and is there
    /// all the time.
    pub(crate) fn delivers(self: &Arc<Self>, time: Duration) -> u64 {
        let (started, before) = (Instant::now(), self.leaves.load(Ordering::Relaxed));
        while started.elapsed() < time {
            self.deliver(4096);
        }
        let leaves = self.leaves.load(Ordering::Relaxed) - before;
        (leaves as f64 * time.as_secs_f64() / started.elapsed().as_secs_f64()) as u64
    }
}

struct Plot {
    drive: Arc<Drive>,
    number: u64,
    leaves: u64,
}

impl LeafSource for Plot {
    fn leaf_count(&self) -> u64 {
        self.leaves
    }

    fn id(&self) -> PlotSeed {
        PlotSeed::ZERO
    }

    fn drive(&self) -> u64 {
        self.drive.number
    }

    fn path(&self) -> &Path {
        Path::new("paced")
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        for (leaf, index) in out.chunks_exact_mut(32).zip(first..) {
            leaf[..8].copy_from_slice(&index.to_le_bytes());
            leaf[8..16].copy_from_slice(&self.number.to_le_bytes());
        }
        self.drive.deliver(out.len());
        Ok(())
    }
}

/// A list of plots.
pub(crate) fn plots(list: impl IntoIterator<Item = Arc<dyn LeafSource>>) -> Plots {
    list.into_iter().collect()
}
