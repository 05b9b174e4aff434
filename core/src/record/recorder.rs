//! Records from a thread of its own: whoever has something to record never
//! waits, and a disk that is full or slow costs the record only.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{
    entry::{Entry, PlotList, Run},
    writer::{WriteError, Writer},
};
use crate::{background::work_in_background, observe::Fault};

/// Challenges that may wait to be written.
const QUEUE: usize = 64;

/// What is done about it, in faults.
const NEXT: &str = "mining goes on; challenges are missing in the record until it can be written";

/// Where faults are told: one at the most.
type Tell = Box<dyn Fn(Fault) + Send + Sync>;

/// A record that is being written.
pub struct Recorder {
    queue: Sender<(Entry, PlotList)>,
    ended: Receiver<()>,
    tell: Arc<Teller>,
    file: PathBuf,
}

/// Tells of the first fault only.
struct Teller {
    told: AtomicBool,
    tell: Tell,
}

impl Teller {
    fn tell(&self, file: &Path, message: impl ToString) {
        if !self.told.swap(true, Ordering::AcqRel) {
            let culprit = format!("record {}", file.display());
            (self.tell)(Fault::new(culprit, message, NEXT));
        }
    }
}

impl Recorder {
    /// Starts to record a run in a file, which takes at most `limit` bytes with
    /// the one before it. The first thing that goes wrong is told, and nothing
    /// more.
    ///
    /// # Errors
    ///
    /// The system has no threads.
    pub fn start(
        file: PathBuf,
        limit: u64,
        run: Run,
        tell: impl Fn(Fault) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (queue, entries) = bounded(QUEUE);
        let (end, ended) = bounded(0);
        let tell = Arc::new(Teller { told: AtomicBool::new(false), tell: Box::new(tell) });
        let recording =
            Recording { file: file.clone(), limit, run, writer: None, tell: tell.clone() };
        thread::Builder::new().name("record".to_owned()).spawn(move || {
            work_in_background();
            recording.run(&entries);
            drop(end);
        })?;
        Ok(Self { queue, ended, tell, file })
    }

    /// Records a challenge; never waits.
    pub fn record(&self, entry: Entry, plots: PlotList) {
        if self.queue.try_send((entry, plots)).is_err() {
            self.tell.tell(&self.file, "it is written more slowly than challenges come");
        }
    }

    /// Waits until all is written, but no longer than this.
    pub fn finish(self, limit: Duration) {
        drop(self.queue);
        // Ends with the thread; one that hangs is left behind.
        let _ = self.ended.recv_timeout(limit);
    }
}

struct Recording {
    file: PathBuf,
    limit: u64,
    run: Run,
    writer: Option<Writer>,
    tell: Arc<Teller>,
}

impl Recording {
    fn run(mut self, entries: &Receiver<(Entry, PlotList)>) {
        while let Ok((entry, plots)) = entries.recv() {
            if let Err(error) = self.write(entry, &plots) {
                self.tell.tell(&self.file, error);
            }
        }
    }

    fn write(&mut self, entry: Entry, plots: &PlotList) -> Result<(), WriteError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::open(&self.file, self.limit, self.run.clone())?,
        };
        let added = writer.add(entry, plots);
        // After an error the file is looked at anew: it may be gone.
        self.writer = added.is_ok().then_some(writer);
        added
    }
}
