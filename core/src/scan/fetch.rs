//! Reads past the system's memory that are under way at once. Nobody reads
//! ahead for those: a drive that is asked for one piece at a time does nothing
//! while the next one is being asked for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use spacetime_protocol::Leaf;

use super::{
    BLOCK, ReadError,
    buffer::{Buffers, Loan},
    drive::{Drive, Fetching, Meter, Way},
    hasher::{Filled, Work},
};

/// Reads of one drive that are under way at once: enough for a drive to be
/// busy all the time, so few that a cancel finds little to wait for.
const DEPTH: usize = 4;

/// The same of all drives of a scan, which bounds its memory.
const ALL: usize = 16;

/// How often a wait for a fetcher looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(5);

/// A batch whose leaves, one piece of the plot, have yet to be read. Its buffer
/// has room for the blocks that they lie in.
pub(super) struct Fetch {
    pub(super) batch: Filled,
    pub(super) way: Way,
    /// Whose time it takes.
    pub(super) meter: Arc<Meter>,
    /// Whether the drive has to find another place.
    pub(super) seeks: bool,
}

impl Fetch {
    /// Reads the leaves, and hands them on.
    pub(super) fn run(mut self, work: &Sender<Work>) {
        let (job, plot) = (self.batch.job.clone(), self.batch.plot);
        let wanted = job.reads(plot, self.batch.number);
        let read = if wanted { self.read().map(|()| true) } else { Ok(false) };
        let on_its_way = match read {
            Ok(true) => work.send(Work::Scan(Arc::new(self.batch))).is_ok(),
            Ok(false) => false,
            Err(error) => {
                // The buffer is free again before the job can have ended.
                drop(self.batch);
                job.fail(plot, &error);
                false
            }
        };
        if !on_its_way {
            job.close_one();
        }
    }

    /// Takes the leaves from the system's memory. Given back: they are not
    /// there any more.
    pub(super) fn take(mut self) -> Result<Filled, Box<Self>> {
        let Filled { job, plot, buffer, begin, leaves, spans, .. } = &mut self.batch;
        let out = &mut buffer.bytes_mut()[*begin..][..*leaves as usize * Leaf::SIZE];
        let reading = self.meter.begin();
        if !job.plots()[*plot].read_in_memory(first_of(spans), out) {
            drop(reading);
            return Err(Box::new(self));
        }
        let took = reading.took();
        self.was_read(Way::Buffered, took);
        Ok(self.batch)
    }

    fn read(&mut self) -> Result<(), ReadError> {
        let Filled { job, plot, buffer, begin, leaves, spans, .. } = &mut self.batch;
        let (source, first) = (&job.plots()[*plot], first_of(spans));
        let end = *begin + *leaves as usize * Leaf::SIZE;
        let reading = self.meter.begin();
        let blocks = &mut buffer.bytes_mut()[..end.next_multiple_of(BLOCK)];
        let way = match self.way {
            Way::Direct if source.read_blocks(first, *leaves, blocks)? => Way::Direct,
            _ => {
                source.read(first, &mut buffer.bytes_mut()[*begin..end])?;
                Way::Buffered
            }
        };
        let took = reading.took();
        self.was_read(way, took);
        Ok(())
    }

    fn was_read(&self, way: Way, took: Duration) {
        let Filled { job, plot, leaves, .. } = &self.batch;
        job.drive(*plot).was_read(way, *leaves, took);
        job.notes().read(*plot, *leaves, took, self.seeks);
    }
}

fn first_of(spans: &[(u64, u64)]) -> u64 {
    spans.first().map_or(0, |(first, _)| *first)
}

/// The threads that read for the readers of one drive under one scan. They end
/// with its readers, or when their last read does.
pub(super) struct Fetchers {
    drive: Arc<Drive>,
    most: usize,
    /// Those that run.
    running: Arc<AtomicUsize>,
    // A handshake, not a queue: who finds no fetcher free starts one.
    desk: (Sender<Fetch>, Receiver<Fetch>),
}

impl Fetchers {
    /// None yet, for a drive of a scan of so many drives.
    pub(super) fn of(drive: Arc<Drive>, drives: usize) -> Self {
        let most = (ALL / drives.max(1)).min(DEPTH);
        // One read at a time is what the reader itself does.
        let most = if most < 2 { 0 } else { most };
        Self { drive, most, running: Arc::default(), desk: bounded(0) }
    }

    /// Has a batch fetched; waits until somebody is free to do that.
    pub(super) fn fetch(&self, mut fetch: Fetch, buffers: &Buffers, work: &Sender<Work>) {
        loop {
            match self.desk.0.try_send(fetch) {
                Ok(()) => return,
                Err(refused) => fetch = refused.into_inner(),
            }
            self.start_one(buffers, work);
            if self.running.load(Ordering::Acquire) == 0 || fetch.batch.job.is_over() {
                return fetch.run(work);
            }
            match self.desk.0.send_timeout(fetch, LOOK) {
                Ok(()) => return,
                Err(SendTimeoutError::Timeout(back) | SendTimeoutError::Disconnected(back)) => {
                    fetch = back;
                }
            }
        }
    }

    /// Starts one, if there are not enough on the drive: those of earlier scans
    /// count, which may be stuck.
    fn start_one(&self, buffers: &Buffers, work: &Sender<Work>) {
        let Some(counted) = Fetching::on(&self.drive, self.most) else { return };
        let Ok(loan) = buffers.lend() else { return };
        let at_work = AtWork::new(&self.running, counted, loan);
        let (desk, work) = (self.desk.1.clone(), work.clone());
        let fetcher = move || {
            for fetch in &desk {
                fetch.run(&work);
            }
            drop(at_work);
        };
        let name = format!("fetch-{}", self.drive.number);
        // Without a thread, the reader reads itself.
        let _ = thread::Builder::new().name(name).spawn(fetcher);
    }
}

/// What a fetcher counts as for as long as it lives.
struct AtWork {
    running: Arc<AtomicUsize>,
    _counted: Fetching,
    _loan: Loan,
}

impl AtWork {
    fn new(running: &Arc<AtomicUsize>, counted: Fetching, loan: Loan) -> Self {
        running.fetch_add(1, Ordering::AcqRel);
        Self { running: running.clone(), _counted: counted, _loan: loan }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::AcqRel);
    }
}
