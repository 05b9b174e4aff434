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
    /// What the call under way may take, ms.
    limit: AtomicU64,
    started: Instant,
}

impl Seat {
    fn new() -> Self {
        Self { state: AtomicU64::new(HOME), limit: AtomicU64::new(0), started: Instant::now() }
    }

    fn clock(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 2) + 2
    }

    /// Calls foreign code. `None`: it took longer than `limit`, and somebody
    /// else has taken over; the thread shall end without doing anything more.
    pub(super) fn call<T>(&self, limit: Duration, foreign: impl FnOnce() -> T) -> Option<T> {
        let since = self.clock();
        self.limit.store(millis(limit), Ordering::Relaxed);
        self.state.store(since, Ordering::Release);
        let result = foreign();
        let back = self.state.compare_exchange(since, HOME, Ordering::AcqRel, Ordering::Acquire);
        back.is_ok().then_some(result)
    }

    /// Gives the thread up if it has been in foreign code for too long: longer
    /// than this.
    fn abandon(&self) -> Option<Duration> {
        let since = self.state.load(Ordering::Acquire);
        let limit = self.limit.load(Ordering::Relaxed);
        let is_late = since > ABANDONED && self.clock().saturating_sub(since) > limit;
        let give_up =
            || self.state.compare_exchange(since, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
        (is_late && give_up().is_ok()).then_some(Duration::from_millis(limit))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What goes on elsewhere, told what the call was allowed.
type TakeOver = Box<dyn FnOnce(Duration) + Send>;

struct Watched {
    seat: Weak<Seat>,
    take_over: TakeOver,
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
                // The pause between two looks; nothing waits for it.
                thread::sleep(LOOK);
            }
        })?;
        Ok(watchdog)
    }

    /// A seat for a thread; `take_over` runs, once, when a call of it takes
    /// longer than it may.
    pub(super) fn seat(&self, take_over: impl FnOnce(Duration) + Send + 'static) -> Arc<Seat> {
        let seat = Arc::new(Seat::new());
        let watched = Watched { seat: Arc::downgrade(&seat), take_over: Box::new(take_over) };
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
        seat
    }

    fn look(&self) {
        let mut late = Vec::new();
        {
            let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            let all = std::mem::take(&mut *watched);
            for entry in all {
                // Its thread may have ended.
                let Some(seat) = entry.seat.upgrade() else { continue };
                match seat.abandon() {
                    Some(limit) => late.push((entry.take_over, limit)),
                    None => watched.push(entry),
                }
            }
        }
        // Without the lock: they take seats for others.
        late.into_iter().for_each(|(take_over, limit)| take_over(limit));
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
        let seat = watchdog.seat(move |limit| over.send(limit).unwrap());
        let (long, short) = (Duration::from_secs(60), Duration::from_millis(50));
        let hung = thread::spawn(move || {
            assert_eq!(seat.call(long, || 1), Some(1));
            seat.call(short, || released.recv().unwrap_err())
        });
        assert_eq!(taken.recv_timeout(Duration::from_secs(20)), Ok(short));
        drop(release);
        assert_eq!(hung.join().unwrap(), None);
        assert!(taken.recv().is_err(), "it is dropped after it has run");
    }
}
