//! The threads of scanning: hashing workers for all jobs, and readers, started
//! per job and drive, so that a reader that is stuck in a dead drive is left
//! behind with its job.

use std::{
    collections::BTreeMap,
    io,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{
    Plots, ReadError, Report, ScanSpec,
    buffer::Buffers,
    hasher::{Batch, Hasher},
    job::ScanJob,
    planner::Planner,
    reader::{Filled, read_plot},
};

/// Readers of one drive that may be stuck before it is left out of scans.
const STUCK_READERS: usize = 8;

/// Scans plot sets. Dropping it ends its threads once their work is done.
pub struct Scanner {
    shared: Arc<Shared>,
    /// Plots that are read at once per drive.
    per_drive: usize,
}

struct Shared {
    planner: Planner,
    hasher: Arc<Hasher>,
    buffers: Buffers,
    filled: Sender<Filled>,
    /// Readers that are running, by drive.
    readers: Mutex<BTreeMap<u64, Arc<AtomicUsize>>>,
}

impl Scanner {
    /// Starts the hashing workers, one per core if `workers` is `None`.
    ///
    /// # Errors
    ///
    /// The system has no memory or threads.
    pub fn new(
        planner: Planner,
        hasher: Hasher,
        per_drive: NonZeroUsize,
        workers: Option<NonZeroUsize>,
    ) -> io::Result<Self> {
        let workers =
            workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let hasher = Arc::new(hasher);
        // Bounded by the number of buffers, of which each message holds one.
        let (filled, work) = unbounded();
        for number in 0..workers {
            let (hasher, work) = (hasher.clone(), work.clone());
            thread::Builder::new()
                .name(format!("scan-{number}"))
                .spawn(move || hash(&hasher, &work))?;
        }
        let buffers = Buffers::new(workers)?;
        let shared = Shared { planner, hasher, buffers, filled, readers: Mutex::default() };
        Ok(Self { shared: Arc::new(shared), per_drive: per_drive.get() })
    }

    /// The strategies in use.
    pub fn planner(&self) -> &Planner {
        &self.shared.planner
    }

    /// Measured hashing rate of this machine in leaves per second per worker.
    pub fn hash_rate(&self) -> u64 {
        self.shared.hasher.rate()
    }

    /// Starts a scan; it runs until its plots are done, its stop rule says so,
    /// or it is cancelled.
    pub fn start(&self, spec: ScanSpec, plots: Plots, report: Arc<dyn Report>) -> Arc<ScanJob> {
        let job = Arc::new(ScanJob::new(spec, plots, report));
        let mut drives: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, plot) in job.plots().iter().enumerate() {
            drives.entry(plot.drive()).or_default().push(index);
        }
        if drives.is_empty() {
            job.cancel();
        }
        for (drive, plots) in drives {
            self.start_drive(&job, drive, plots);
        }
        job
    }

    fn start_drive(&self, job: &Arc<ScanJob>, drive: u64, plots: Vec<usize>) {
        let running = self
            .shared
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(drive)
            .or_default()
            .clone();
        let queue = Arc::new(Mutex::new(plots.into_iter()));
        let count = self.per_drive.min(queue.lock().map_or(1, |queue| queue.len()));
        let stuck = running.load(Ordering::Acquire) >= STUCK_READERS * self.per_drive;
        for number in 0..count {
            let (shared, job, next) = (self.shared.clone(), job.clone(), queue.clone());
            let counter = running.clone();
            let reader = move || {
                counter.fetch_add(1, Ordering::AcqRel);
                while let Some(plot) = pop(&next) {
                    let rate = shared.hasher.rate();
                    read_plot(&job, plot, &shared.planner, rate, &shared.buffers, &shared.filled);
                }
                counter.fetch_sub(1, Ordering::AcqRel);
            };
            let name = format!("read-{drive}-{number}");
            if stuck || thread::Builder::new().name(name).spawn(reader).is_err() {
                break;
            }
            if number + 1 == count {
                return;
            }
        }
        // Only reached when no (further) reader could be started.
        give_up(job, &queue, stuck);
    }
}

fn pop(queue: &Mutex<std::vec::IntoIter<usize>>) -> Option<usize> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Reports the plots that no reader will take.
fn give_up(job: &Arc<ScanJob>, queue: &Mutex<std::vec::IntoIter<usize>>, stuck: bool) {
    let reason = if stuck {
        "its drive does not answer: earlier reads of it still hang"
    } else {
        "the system has no thread to read it with"
    };
    while let Some(plot) = pop(queue) {
        job.report().plot_failed(job, plot, &ReadError(reason.to_owned()));
        job.close_one();
    }
}

fn hash(hasher: &Hasher, work: &Receiver<Filled>) {
    while let Ok(filled) = work.recv() {
        if filled.job.wants(filled.plot, filled.number) {
            let bytes = filled.leaves as usize * spacetime_protocol::Leaf::SIZE;
            let batch = Batch {
                plot: filled.plot,
                number: filled.number,
                leaves: &filled.buffer.bytes()[..bytes],
                spans: &filled.spans,
            };
            hasher.scan(&filled.job, &batch);
        }
        let job = filled.job.clone();
        // The buffer is free again before the job can be seen to have ended.
        drop(filled);
        job.close_one();
    }
}
