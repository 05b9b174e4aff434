//! Reading a little of a drive whose leaves are made, now and then: it may have
//! been slow for a while only.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Leaves that are read: 32 MiB.
const TRIAL: u64 = 1 << 20;

/// Of a small drive, only this part.
const PART: u64 = 16;

/// How long reading them may take: what has been read until then says enough.
const LONGEST: Duration = Duration::from_secs(1);

/// What is read of a drive whose leaves are made.
#[derive(Debug, Default)]
pub(crate) struct Retrial(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When its leaves began to be made, or when it was tried last.
    since: Option<Instant>,
    /// Leaves of a scan that are made before the trial begins: each time others
    /// are read, as the last ones may be in the system's memory.
    skips: u64,
    trial: Option<Trial>,
}

/// One that is under way.
#[derive(Debug)]
struct Trial {
    /// Leaves that it is to read.
    most: u64,
    /// Leaves that readers have yet to pass by.
    ahead: u64,
    /// Leaves that readers have begun to read.
    given: u64,
    leaves: u64,
    took: Duration,
}

impl State {
    /// No more is read until the next trial.
    fn end(&mut self) {
        (self.trial, self.since) = (None, Some(Instant::now()));
    }
}

impl Retrial {
    /// A scan begins, in which so many leaves of the drive are made, or all are
    /// read: then there is nothing to try.
    pub(crate) fn scan_begins(&self, made: Option<u64>, every: Duration) {
        let mut state = self.lock();
        let Some(leaves) = made else {
            return *state = State { skips: state.skips, ..State::default() };
        };
        let since = *state.since.get_or_insert_with(Instant::now);
        match &mut state.trial {
            // It hangs, or is as slow as that.
            Some(Trial { given: 1.., leaves: 0, .. }) => state.end(),
            // The last scan ended too early for it.
            Some(trial) => {
                (trial.ahead, trial.given) = (0, trial.leaves);
                state.skips = 0;
            }
            None if since.elapsed() >= every => {
                let (most, ahead) = (TRIAL.min(leaves / PART).max(1), state.skips);
                state.skips += most;
                state.trial =
                    Some(Trial { most, ahead, given: 0, leaves: 0, took: Duration::ZERO });
            }
            None => {}
        }
    }

    /// Whether a batch of about so many leaves is to be read instead of made.
    pub(crate) fn takes(&self, leaves: u64) -> bool {
        let mut state = self.lock();
        let Some(trial) = &mut state.trial else { return false };
        if trial.ahead > 0 {
            trial.ahead = trial.ahead.saturating_sub(leaves);
            return false;
        }
        let takes = trial.given < trial.most;
        if takes {
            trial.given += leaves;
        }
        takes
    }

    /// Leaves were read, in so much of a reader's time. `Some`: that was enough,
    /// and these and the time they took are what the drive gives now.
    pub(crate) fn add(&self, leaves: u64, took: Duration) -> Option<(u64, Duration)> {
        let mut state = self.lock();
        let trial = state.trial.as_mut()?;
        trial.leaves += leaves;
        trial.took += took;
        if trial.leaves < trial.most && trial.took < LONGEST {
            return None;
        }
        let measured = (trial.leaves, trial.took);
        state.end();
        Some(measured)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Duration = Duration::ZERO;
    const BATCH: u64 = 1 << 15;
    /// Of a drive whose trials are whole ones.
    const LEAVES: u64 = PART * TRIAL;

    /// Batches that are read, of so many.
    fn read(retrial: &Retrial, batches: u64) -> Vec<u64> {
        (0..batches).filter(|_| retrial.takes(BATCH)).collect()
    }

    #[test]
    fn a_drive_that_is_read_or_was_tried_just_now_is_not_tried() {
        let retrial = Retrial::default();
        retrial.scan_begins(None, ALWAYS);
        assert!(!retrial.takes(BATCH));
        retrial.scan_begins(Some(LEAVES), Duration::from_secs(600));
        assert!(!retrial.takes(BATCH), "it was chosen just now");
        assert_eq!(retrial.add(BATCH, Duration::from_millis(1)), None);
    }

    #[test]
    fn each_trial_reads_leaves_behind_those_of_the_last_one() {
        let retrial = Retrial::default();
        let batches = TRIAL / BATCH;
        for trial in 0..3 {
            retrial.scan_begins(Some(LEAVES), ALWAYS);
            let first = trial * batches;
            assert!(read(&retrial, 5 * batches).into_iter().eq(first..first + batches));
            assert_eq!(retrial.add(TRIAL - 1, Duration::from_millis(7)), None);
            let measured = retrial.add(1, Duration::from_millis(1));
            assert_eq!(measured, Some((TRIAL, Duration::from_millis(8))));
        }
        // A scan that ends before it gets there: the next one begins with it.
        retrial.scan_begins(Some(LEAVES), ALWAYS);
        assert!(read(&retrial, 2).is_empty());
        retrial.scan_begins(Some(LEAVES), ALWAYS);
        assert!(read(&retrial, 2).into_iter().eq(0..2));
    }

    #[test]
    fn a_slow_drive_is_not_waited_for_and_one_that_hangs_not_tried_in_each_scan() {
        let retrial = Retrial::default();
        retrial.scan_begins(Some(LEAVES), ALWAYS);
        assert!(retrial.takes(BATCH));
        assert_eq!(retrial.add(BATCH, LONGEST), Some((BATCH, LONGEST)));
        assert!(!retrial.takes(BATCH));
        retrial.scan_begins(Some(LEAVES), ALWAYS);
        assert_eq!(read(&retrial, 2 * TRIAL / BATCH).len() as u64, TRIAL / BATCH);
        retrial.scan_begins(Some(LEAVES), ALWAYS);
        assert!(read(&retrial, 2 * TRIAL / BATCH).is_empty());
    }

    #[test]
    fn of_a_small_drive_little_is_read() {
        let retrial = Retrial::default();
        retrial.scan_begins(Some(PART * 3), ALWAYS);
        assert!(read(&retrial, 9).into_iter().eq(0..1));
        assert_eq!(retrial.add(3, Duration::ZERO), Some((3, Duration::ZERO)));
    }
}
