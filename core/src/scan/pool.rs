//! The threads of scanning: hashing workers for all jobs, and readers, started
//! per job and drive, so that a reader that is stuck in a dead drive is left
//! behind with its job.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use spacetime_sdk_loader::abi::Turn;

use super::{
    Component, Plots, ReadError, Report, ScanSpec,
    buffer::Buffers,
    course::{Course, Live, Machine},
    drive::{AtWork, Drive, Drives, Io, Meter},
    fetch::{Fetch, Fetchers},
    hasher::{Filled, Hasher, Work},
    job::ScanJob,
    notes::Note,
    planner::{Followed, Planner, all_in_order},
    reader::{Means, Reader},
    rest::Rest,
    supply::{Load, Making, Supply},
    watch::{Call, Seat, Watchdog},
};

/// Readers of one drive that may be stuck before it is left out of scans.
const STUCK_READERS: usize = 8;

/// Scans plot sets. Dropping it ends its threads once their work is done.
pub struct Scanner {
    shared: Arc<Shared>,
}

struct Shared {
    planner: Planner,
    hasher: Arc<Hasher>,
    buffers: Buffers,
    filled: Sender<Work>,
    work: Receiver<Work>,
    drives: Drives,
    supply: Supply,
    watchdog: Arc<Watchdog>,
    workers: usize,
    /// Plots that are read at once per drive.
    per_drive: NonZeroUsize,
    /// What may be left of the scan that was started last.
    last: Mutex<Arc<Rest>>,
}

impl Scanner {
    /// Starts the hashing workers, one per core if `workers` is `None`. All
    /// leaves are read.
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
        Self::supplied(planner, hasher, per_drive, workers, Supply::default())
    }

    /// As [`new`](Self::new), with leaves from wherever `supply` says.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn supplied(
        planner: Planner,
        hasher: Hasher,
        per_drive: NonZeroUsize,
        workers: Option<NonZeroUsize>,
        supply: Supply,
    ) -> io::Result<Self> {
        supply.try_out(&hasher);
        let workers =
            workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        // Bounded by the number of buffers, of which each message holds one.
        let (filled, work) = unbounded();
        let shared = Arc::new(Shared {
            planner,
            hasher: Arc::new(hasher),
            buffers: Buffers::new(workers)?,
            filled,
            work,
            drives: Drives::default(),
            supply,
            watchdog: Watchdog::start()?,
            workers,
            per_drive,
            last: Mutex::default(),
        });
        for _ in 0..workers {
            start_worker(&shared)?;
        }
        Ok(Self { shared })
    }

    /// Reads drives that it has not read yet in this way.
    pub fn set_io(&self, io: Io) {
        self.shared.drives.set_io(io);
    }

    /// Hashing workers.
    pub fn workers(&self) -> usize {
        self.shared.workers
    }

    /// Plots that are read at once per drive.
    pub fn per_drive(&self) -> NonZeroUsize {
        self.shared.per_drive
    }

    /// Measured hashing rate, all workers together, in leaves per second; 0
    /// before the first batch.
    pub fn scan_rate(&self) -> u64 {
        self.shared.machine().scan_rate()
    }

    /// Starts a scan; it runs until its plots are done, its stop rule says so,
    /// or it is cancelled.
    pub fn start(&self, spec: ScanSpec, plots: Plots, report: Arc<dyn Report>) -> Arc<ScanJob> {
        let drives: Vec<_> =
            plots.iter().map(|plot| self.shared.drives.get(plot.drive())).collect();
        let making = self.shared.making(&plots, &drives);
        let job = ScanJob::new(spec, plots, drives, report).making(making);
        let before = {
            let mut last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, job.rest())
        };
        let job = Arc::new(job.after(before));
        self.shared.note_start(&job);
        if job.plots().is_empty() {
            // As if its last plot had been dealt with.
            job.open_one();
            job.close_one();
        } else if !self.shared.planner.arranges() || start_arranger(&self.shared, &job).is_err() {
            start_readers(&self.shared, &job, None);
        }
        job
    }
}

impl Shared {
    /// A scan as far as its plans are concerned.
    fn course<'a>(&'a self, job: &'a ScanJob) -> Live<'a> {
        Live { job, machine: self.machine() }
    }

    fn machine(&self) -> Machine<'_> {
        Machine { hasher: &self.hasher, workers: self.workers, per_drive: self.per_drive.get() }
    }

    /// Which leaves of a scan of these plots are made instead of read.
    fn making(&self, plots: &Plots, drives: &[Arc<Drive>]) -> Option<Making> {
        let mut loads: BTreeMap<u64, (Load, usize)> = BTreeMap::new();
        for (plot, drive) in plots.iter().zip(drives) {
            let new = Load { drive: drive.number, leaves: 0, read_rate: drive.rate.get() };
            let (load, plots) = loads.entry(drive.number).or_insert((new, 0));
            load.leaves = load.leaves.saturating_add(plot.leaf_count());
            *plots += 1;
        }
        let loads: Vec<Load> = loads
            .into_values()
            .map(|(load, plots)| {
                let readers = plots.min(self.per_drive.get()) as u64;
                Load { read_rate: load.read_rate.saturating_mul(readers), ..load }
            })
            .collect();
        let making = self.supply.choose(&loads, self.machine().rates());
        if let Some(every) = self.supply.retries() {
            for Load { drive: number, leaves, .. } in loads {
                let is_made = making.as_ref().is_some_and(|made| made.drives.contains(&number));
                let drive = drives.iter().find(|drive| drive.number == number);
                if let Some(drive) = drive {
                    drive.retrial.scan_begins(is_made.then_some(leaves), every);
                }
            }
        }
        making
    }

    /// Takes note of what a strategy would see, should none be asked.
    fn note_start(&self, job: &ScanJob) {
        let course = self.course(job);
        let plots: Vec<_> = (0..course.plots()).map(|index| course.plot(index)).collect();
        course.note(Note::Started { job: &course.job(), plots: &plots });
    }
}

/// Lets the strategy arrange the plots, on a thread of its own: a scan is
/// started by those who must not wait for it.
fn start_arranger(shared: &Arc<Shared>, job: &Arc<ScanJob>) -> io::Result<()> {
    let seat = {
        let (weak, job) = (Arc::downgrade(shared), job.clone());
        let take_over = move |call| {
            let Some(shared) = weak.upgrade() else { return };
            if let Some(call) = call {
                shared.planner.hung(&shared.course(&job), call);
            }
            start_readers(&shared, &job, None);
        };
        shared.watchdog.seat(Component::Strategy, take_over)
    };
    let (shared, job) = (shared.clone(), job.clone());
    let arrange = move || {
        if let Ok(turns) = shared.planner.arrange(&shared.course(&job), &seat) {
            start_readers(&shared, &job, turns);
        }
    };
    thread::Builder::new().name("arrange".to_owned()).spawn(arrange).map(drop)
}

/// Starts the readers of a job, for the plots that have a turn, in the order
/// of their turns; `None`: for all of them, as they are listed.
fn start_readers(shared: &Arc<Shared>, job: &Arc<ScanJob>, turns: Option<Vec<Turn>>) {
    let plots: Vec<usize> = match turns {
        None => (0..job.plots().len()).collect(),
        Some(turns) => take_turns(job, &turns),
    };
    // In the order of each drive's first plot.
    let mut drives: Vec<(Arc<Drive>, VecDeque<usize>)> = Vec::new();
    let mut by_number = BTreeMap::new();
    for plot in plots {
        let drive = job.drive(plot);
        let position = *by_number.entry(drive.number).or_insert_with(|| {
            drives.push((drive.clone(), VecDeque::new()));
            drives.len() - 1
        });
        drives[position].1.push_back(plot);
    }
    let count = drives.len();
    let queues: Vec<_> =
        drives.into_iter().map(|(drive, plots)| Queue::new(drive, plots, count)).collect();
    let new: usize = queues.iter().map(|queue| queue.len().min(shared.per_drive.get())).sum();
    if let Err(error) = shared.buffers.provide_for(shared.drives.readers() + new) {
        // It works with those there are.
        tracing::warn!("no memory for more scan buffers: {error}");
    }
    for queue in queues {
        start_readers_of(shared, job, &Arc::new(queue));
    }
}

/// Keeps to the turns; the plots that have one.
fn take_turns(job: &Arc<ScanJob>, turns: &[Turn]) -> Vec<usize> {
    // The loader has seen that they are positions in the list, each once.
    let plots: Vec<usize> = turns.iter().map(|turn| turn.plot as usize).collect();
    for turn in turns {
        job.limit(turn.plot as usize, turn.leaves);
    }
    for _ in plots.len()..job.plots().len() {
        job.close_one();
    }
    plots
}

fn start_readers_of(shared: &Arc<Shared>, job: &Arc<ScanJob>, queue: &Arc<Queue>) {
    if queue.drive.readers() >= STUCK_READERS * shared.per_drive.get() {
        return queue.give_up(job, "its drive does not answer: earlier reads still hang");
    }
    let mut running = 0;
    for _ in 0..queue.len().min(shared.per_drive.get()) {
        let desk = Desk { job: job.clone(), queue: queue.clone() };
        running += usize::from(start_reader(shared, desk, None).is_ok());
    }
    if running == 0 {
        queue.give_up(job, "the system has no thread to read it with");
    }
}

/// The plots of one drive that wait for a reader.
struct Queue {
    drive: Arc<Drive>,
    plots: Mutex<VecDeque<usize>>,
    fetchers: Fetchers,
}

impl Queue {
    /// Of a scan of so many drives.
    fn new(drive: Arc<Drive>, plots: VecDeque<usize>, drives: usize) -> Self {
        Self { fetchers: Fetchers::of(drive.clone(), drives), drive, plots: Mutex::new(plots) }
    }

    fn len(&self) -> usize {
        self.plots.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn pop(&self) -> Option<usize> {
        self.plots.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Reports the plots that no reader will take: the first one for all of
    /// them, as they fail for the same reason.
    fn give_up(&self, job: &Arc<ScanJob>, reason: &str) {
        let Some(first) = self.pop() else { return };
        let others = self.len();
        let reason = match others {
            0 => reason.to_owned(),
            others => format!("{reason}; the same holds for {others} more on this drive"),
        };
        job.fail(first, &ReadError(reason));
        job.close_one();
        while self.pop().is_some() {
            job.close_one();
        }
    }
}

/// What a reader works on.
#[derive(Clone)]
struct Desk {
    job: Arc<ScanJob>,
    queue: Arc<Queue>,
}

/// No plot.
const NONE: usize = usize::MAX;

/// Starts a reader. `first`: a plot whose strategy hangs in another reader,
/// and which is to be read by the built-in plan.
fn start_reader(shared: &Arc<Shared>, desk: Desk, first: Option<usize>) -> io::Result<()> {
    let at = Arc::new(AtomicUsize::new(NONE));
    let seat = {
        let (weak, desk, at) = (Arc::downgrade(shared), desk.clone(), at.clone());
        let take_over = move |call| {
            replace_reader(&weak, desk, at.load(Ordering::Acquire), call);
        };
        shared.watchdog.seat(Component::Strategy, take_over)
    };
    let at_work = AtWork::on(desk.queue.drive.clone());
    let name = format!("read-{}", desk.queue.drive.number);
    let shared = shared.clone();
    let reader = move || {
        desk.job.wait_for_turn();
        let meter = Arc::new(Meter::new());
        let means = Means {
            buffers: &shared.buffers,
            work: &shared.filled,
            fetchers: &desk.queue.fetchers,
            meter: &meter,
        };
        if let Some(plot) = first {
            read_in_order(&shared, &desk.job, plot, means);
        }
        while let Some(plot) = desk.queue.pop() {
            at.store(plot, Ordering::Release);
            if read_plot(&shared, &desk.job, plot, &seat, means) == Followed::Abandoned {
                break;
            }
        }
        drop(at_work);
    };
    thread::Builder::new().name(name).spawn(reader).map(drop)
}

/// A reader hangs in its strategy: another one goes on without it.
fn replace_reader(shared: &Weak<Shared>, desk: Desk, plot: usize, call: Option<Call>) {
    let Some(shared) = shared.upgrade() else { return };
    if let Some(call) = call {
        shared.planner.hung(&shared.course(&desk.job), call);
    }
    desk.job.start_over(plot);
    let (job, queue) = (desk.job.clone(), desk.queue.clone());
    if start_reader(&shared, desk, Some(plot)).is_err() {
        let reason = "the system has no thread to read it with";
        job.fail(plot, &ReadError(reason.to_owned()));
        job.close_one();
        queue.give_up(&job, reason);
    }
}

/// Scans one plot for a job; returns when it is read, has failed, or the job
/// is over. Hashing may still be under way then.
fn read_plot(
    shared: &Shared,
    job: &Arc<ScanJob>,
    plot: usize,
    seat: &Seat,
    means: Means<'_>,
) -> Followed {
    if !job.wants(plot, 0) {
        job.close_one();
        return Followed::Done;
    }
    let mut reader = Reader::of(job, plot, means);
    let followed = shared.planner.follow(&shared.course(job), plot, seat, &mut reader);
    if followed == Followed::Done {
        end_plot(job, plot, reader);
    }
    followed
}

fn read_in_order(shared: &Shared, job: &Arc<ScanJob>, plot: usize, means: Means<'_>) {
    let course = shared.course(job);
    course.note(Note::Own { plot: &course.plot(plot) });
    let mut reader = Reader::of(job, plot, means);
    all_in_order(job.plots()[plot].leaf_count(), &mut reader);
    end_plot(job, plot, reader);
}

fn end_plot(job: &Arc<ScanJob>, plot: usize, reader: Reader<'_>) {
    if let Some(error) = reader.finish() {
        job.fail(plot, &error);
    }
    job.close_one();
}

/// Starts a hashing worker.
fn start_worker(shared: &Arc<Shared>) -> io::Result<()> {
    let current: Arc<Mutex<Option<Arc<Filled>>>> = Arc::default();
    // Not the scanner itself, which would never end then.
    let weak = Arc::downgrade(shared);
    let seat = {
        let (weak, current) = (weak.clone(), current.clone());
        let take_over = move |call| {
            let batch = current.lock().unwrap_or_else(PoisonError::into_inner).take();
            replace_worker(&weak, batch, call);
        };
        shared.watchdog.seat(Component::Engine, take_over)
    };
    let (hasher, work) = (shared.hasher.clone(), shared.work.clone());
    let workers = u32::try_from(shared.workers).unwrap_or(u32::MAX);
    let worker = move || {
        while let Ok(work) = work.recv() {
            let begun = Instant::now();
            let job = work.batch().job.clone();
            if !job.wants(work.batch().plot, work.batch().number) {
                // The buffer is free again before the job can be seen to have ended.
                drop(work);
                job.close_one();
                continue;
            }
            let batch = match work {
                Work::Scan(batch) => batch,
                Work::Make(mut batch, key) => {
                    hasher.make(&mut batch, &key);
                    Arc::new(batch)
                }
                Work::Take(fetch) => match fetch.take() {
                    Ok(batch) => Arc::new(batch),
                    Err(fetch) => {
                        fetch_elsewhere(&weak, *fetch);
                        continue;
                    }
                },
            };
            *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch.clone());
            let wanted = batch.job.wants(batch.plot, batch.number);
            if wanted && !hasher.scan(&batch, &seat) {
                return;
            }
            if batch.made && wanted {
                // As if the others were idle: each takes a share of the time.
                let took = begun.elapsed() / workers;
                job.notes().read(batch.plot, batch.leaves, took, false);
            }
            *current.lock().unwrap_or_else(PoisonError::into_inner) = None;
            // The buffer is free again before the job can be seen to have ended.
            drop(batch);
            job.close_one();
        }
    };
    thread::Builder::new().name("hash".to_owned()).spawn(worker).map(drop)
}

/// Has a batch read that is not in the system's memory, by a thread that may
/// get stuck in its drive.
fn fetch_elsewhere(shared: &Weak<Shared>, fetch: Fetch) {
    let (job, plot) = (fetch.batch.job.clone(), fetch.batch.plot);
    let work = shared.upgrade().map(|shared| shared.filled.clone());
    let started = work.is_some_and(|work| {
        let fetcher = move || fetch.run(&work);
        thread::Builder::new().name("fetch".to_owned()).spawn(fetcher).is_ok()
    });
    if !started {
        // When the scanner ends, there is none to read with, and nothing to tell.
        if !job.is_over() {
            job.fail(plot, &ReadError("the system has no thread to read it with".to_owned()));
        }
        job.close_one();
    }
}

/// A worker hangs in the engine: another one takes its batch and its place.
fn replace_worker(shared: &Weak<Shared>, batch: Option<Arc<Filled>>, call: Option<Call>) {
    let (Some(shared), Some(batch)) = (shared.upgrade(), batch) else { return };
    if let Some(call) = call {
        shared.hasher.hung(&batch.job, call);
    }
    if let Err(error) = start_worker(&shared) {
        tracing::error!("no thread to hash with in place of one that hangs: {error}");
    }
    // Open as long as the scanner lives.
    let _ = shared.filled.send(Work::Scan(batch));
}
