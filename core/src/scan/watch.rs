//! Watches over threads that call foreign code. A call that does not return
//! cannot be ended; its thread is given up, and what it was doing goes on
//! elsewhere.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often calls are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Not in foreign code.
const HOME: u64 = 0;

/// Given up.
const ABANDONED: u64 = 1;

/// Where a watched thread is: at home, or in foreign code since a moment.
#[derive(Debug)]
pub(super) struct Seat {
    state: AtomicU64,
    started: Instant,
}

impl Seat {
    fn new() -> Self {
        Self { state: AtomicU64::new(HOME), started: Instant::now() }
    }

    fn clock(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 2) + 2
    }

    /// Calls foreign code. `None`: it took too long, and somebody else has
    /// taken over; the thread shall end without doing anything more.
    pub(super) fn call<T>(&self, foreign: impl FnOnce() -> T) -> Option<T> {
        let since = self.clock();
        self.state.store(since, Ordering::Release);
        let result = foreign();
        let back = self.state.compare_exchange(since, HOME, Ordering::AcqRel, Ordering::Acquire);
        back.is_ok().then_some(result)
    }

    /// Gives the thread up if it has been in foreign code for too long.
    fn abandon(&self, limit: Duration) -> bool {
        let since = self.state.load(Ordering::Acquire);
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        since > ABANDONED
            && self.clock().saturating_sub(since) > limit
            && self
                .state
                .compare_exchange(since, ABANDONED, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }
}

struct Watched {
    seat: Weak<Seat>,
    limit: Duration,
    take_over: Box<dyn FnOnce() + Send>,
}

/// Looks after all seats of a scanner.
#[derive(Default)]
pub(super) struct Watchdog {
    watched: Mutex<Vec<Watched>>,
}

impl Watchdog {
    /// Starts to look; ends with the last reference to it.
    ///
    /// # Errors
    ///
    /// The system has no threads.
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let watchdog = Arc::new(Self::default());
        let weak = Arc::downgrade(&watchdog);
        thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            while let Some(watchdog) = weak.upgrade() {
                watchdog.look();
                drop(watchdog);
                thread::sleep(LOOK);
            }
        })?;
        Ok(watchdog)
    }

    /// A seat for a thread; `take_over` runs, once, when a call of it takes
    /// longer than `limit`.
    pub(super) fn seat(
        &self,
        limit: Duration,
        take_over: impl FnOnce() + Send + 'static,
    ) -> Arc<Seat> {
        let seat = Arc::new(Seat::new());
        let watched =
            Watched { seat: Arc::downgrade(&seat), limit, take_over: Box::new(take_over) };
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
        seat
    }

    fn look(&self) {
        let mut late = Vec::new();
        {
            let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            let all = std::mem::take(&mut *watched);
            for entry in all {
                match entry.seat.upgrade() {
                    Some(seat) if seat.abandon(entry.limit) => late.push(entry.take_over),
                    Some(_) => watched.push(entry),
                    // Its thread has ended.
                    None => {}
                }
            }
        }
        // Without the lock: they take seats for others.
        late.into_iter().for_each(|take_over| take_over());
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;

    #[test]
    fn a_call_that_hangs_is_taken_over_once_and_its_thread_learns_of_it() {
        let watchdog = Watchdog::start().unwrap();
        let (over, taken) = bounded(2);
        let (release, released) = bounded::<()>(0);
        let seat = watchdog.seat(Duration::from_millis(50), move || over.send(()).unwrap());
        let hung = thread::spawn(move || {
            assert_eq!(seat.call(|| 1), Some(1));
            seat.call(|| released.recv().unwrap_err())
        });
        taken.recv_timeout(Duration::from_secs(20)).unwrap();
        drop(release);
        assert_eq!(hung.join().unwrap(), None);
        assert!(taken.recv().is_err(), "it is dropped after it has run");
    }
}
