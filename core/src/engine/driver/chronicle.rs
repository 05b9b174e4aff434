//! Who is told of scans that have ended: the record of challenges, and the
//! shadows. Neither is waited for.

use std::{sync::Arc, time::Duration};

use spacetime_protocol::Challenge;

use super::shadows::Shadows;
use crate::{
    observe::Ended,
    record::{self, Entry, PlotList, Recorder, Run},
    replay::Drives,
    scan::ScanJob,
};

/// What writing the rest of the record may take when the miner ends.
const FINISH_LIMIT: Duration = Duration::from_millis(250);

/// The scans of a run, as they end.
pub(super) struct Chronicle {
    run: Run,
    recorder: Option<Recorder>,
    shadows: Shadows,
    drives: Drives,
    /// The last scan, as long as its challenge is open.
    open: Option<(Entry, PlotList)>,
    last: Option<Challenge>,
}

impl Chronicle {
    pub(super) fn new(run: Run, recorder: Option<Recorder>, shadows: Shadows) -> Self {
        Self { run, recorder, shadows, drives: Drives::default(), open: None, last: None }
    }

    /// Another scan begins, at this time.
    pub(super) fn begins(&mut self, now_ms: u64) {
        self.shadows.live_begins();
        self.close(now_ms);
    }

    /// A scan has ended. `scan_rate`: the machine's by now.
    pub(super) fn ended(&mut self, job: &Arc<ScanJob>, ended: Ended, scan_rate: u64) {
        let (mut entry, plots) = (Entry::of(job, ended, scan_rate), record::plots(job));
        entry.again = self.last.replace(entry.challenge) == Some(entry.challenge);
        self.drives.learn(&entry, &plots);
        self.shadows.show(job, &self.run, &entry, &plots, &self.drives);
        if ended == Ended::Complete {
            self.open = Some((entry, plots));
        } else {
            self.record(entry, plots);
        }
    }

    /// Lets shadows read, unless a proof is being made.
    pub(super) fn settle(&mut self, is_proving: bool) {
        if !is_proving {
            self.shadows.may_read();
        }
    }

    /// The end.
    pub(super) fn finish(mut self, now_ms: u64) {
        self.close(now_ms);
        if let Some(recorder) = self.recorder {
            recorder.finish(FINISH_LIMIT);
        }
    }

    /// Something takes the last challenge's place, if that is open.
    fn close(&mut self, now_ms: u64) {
        if let Some((mut entry, plots)) = self.open.take() {
            let was_open = now_ms.saturating_sub(entry.started_ms);
            // The clock may have been set.
            entry.open_ms = entry.open_ms.min(was_open).max(entry.took_us.div_ceil(1000));
            self.record(entry, plots);
        }
    }

    fn record(&self, entry: Entry, plots: PlotList) {
        if let Some(recorder) = &self.recorder {
            recorder.record(entry, plots);
        }
    }
}

#[cfg(test)]
impl Chronicle {
    /// Of which nobody is told.
    pub(super) fn of_nothing() -> Self {
        let run = Run {
            record: record::FORMAT,
            run: String::new(),
            miner: String::new(),
            network: String::new(),
            strategy: None,
            workers: 1,
            readers: 1,
        };
        Self::new(run, None, Shadows::none())
    }
}
