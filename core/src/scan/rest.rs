//! What is left of a scan that is over: a read that is under way, a worker that
//! has yet to look whether it is still wanted. On busy cores these wait for
//! their turn, and the next scan's readers would only make that longer.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A scan's end, and what comes after it.
#[derive(Debug, Default)]
pub(super) struct Rest {
    state: Mutex<State>,
    gone: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It is not over.
    #[default]
    Runs,
    /// It is, and somebody still works for it.
    GoesOn,
    /// Nobody does any more, since so long after its beginning.
    Gone(Duration),
}

impl Rest {
    /// The scan is over.
    pub(super) fn begin(&self) {
        let mut state = self.lock();
        if *state == State::Runs {
            *state = State::GoesOn;
        }
    }

    /// Nobody works for it any more, so long after its beginning.
    pub(super) fn end(&self, at: Duration) {
        *self.lock() = State::Gone(at);
        self.gone.notify_all();
    }

    /// How long after its beginning nobody worked for it any more; `None`:
    /// somebody does, or it is not over.
    pub(super) fn ended(&self) -> Option<Duration> {
        match *self.lock() {
            State::Gone(at) => Some(at),
            _ => None,
        }
    }

    /// Waits until nothing is left of a scan that is over, for so long at the
    /// most: what is left may be stuck in a dead drive.
    pub(super) fn wait(&self, limit: Duration) {
        let is_left = |state: &mut State| *state == State::GoesOn;
        drop(self.gone.wait_timeout_while(self.lock(), limit, is_left));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Instant};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn only_what_is_left_of_a_scan_that_is_over_is_waited_for() {
        let rest = Rest::default();
        let began = Instant::now();
        rest.wait(LONG);
        rest.begin();
        thread::scope(|scope| {
            let (waits, is_over) = mpsc::channel();
            let rest = &rest;
            scope.spawn(move || {
                rest.wait(LONG);
                waits.send(()).unwrap();
            });
            // It may not even have begun to wait.
            assert!(is_over.recv_timeout(Duration::from_millis(20)).is_err());
            rest.end(LONG);
            is_over.recv_timeout(LONG).unwrap();
        });
        // As a scan that was cancelled ends once more when its readers do.
        rest.begin();
        rest.wait(LONG);
        assert_eq!(rest.ended(), Some(LONG));
        assert!(began.elapsed() < LONG);
    }

    #[test]
    fn what_is_stuck_is_not_waited_for_for_long() {
        let rest = Rest::default();
        rest.begin();
        let began = Instant::now();
        rest.wait(Duration::from_millis(5));
        assert!(began.elapsed() >= Duration::from_millis(5));
    }
}
