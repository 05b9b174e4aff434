//! Watches over threads that call foreign code. A call that does not return
//! cannot be ended; its thread is given up, and what it was doing goes on
//! elsewhere.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk_loader::{Fault, Method};

use super::Component;

/// How often calls are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Not in foreign code.
const HOME: u64 = 0;

/// Given up.
const ABANDONED: u64 = 1;

/// A call of foreign code, and what it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) limit: Duration,
}

impl Call {
    /// What it is to its component that it did not return in time.
    pub(super) fn as_fault(self) -> Fault {
        Fault::late(self.method, self.limit)
    }
}

/// Where a watched thread is: at home, or in foreign code since a moment.
#[derive(Debug)]
pub(super) struct Seat {
    state: AtomicU64,
    /// The call under way, or the last one.
    call: Mutex<Option<Call>>,
    started: Instant,
}

impl Seat {
    fn new() -> Self {
        Self { state: AtomicU64::new(HOME), call: Mutex::default(), started: Instant::now() }
    }

    fn clock(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 2) + 2
    }

    /// Calls foreign code. `None`: it took longer than `limit`, and somebody
    /// else has taken over; the thread shall end without doing anything more.
    pub(super) fn call<T>(
        &self,
        method: Method,
        limit: Duration,
        foreign: impl FnOnce() -> T,
    ) -> Option<T> {
        let since = self.clock();
        *self.lock() = Some(Call { method, limit });
        self.state.store(since, Ordering::Release);
        let result = foreign();
        let back = self.state.compare_exchange(since, HOME, Ordering::AcqRel, Ordering::Acquire);
        back.is_ok().then_some(result)
    }

    /// Gives the thread up if it has been in foreign code for too long: in this
    /// call.
    fn abandon(&self) -> Option<Call> {
        self.abandon_if(|since, call| self.clock().saturating_sub(since) > millis(call.limit))
    }

    /// The same, if it is in foreign code that is `so`, since a moment.
    fn abandon_if(&self, so: impl FnOnce(u64, Call) -> bool) -> Option<Call> {
        let since = self.state.load(Ordering::Acquire);
        let call = (*self.lock())?;
        let give_up =
            || self.state.compare_exchange(since, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
        (since > ABANDONED && so(since, call) && give_up().is_ok()).then_some(call)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Call>> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What goes on elsewhere, told which call took too long; `None`: the component
/// is given up for another call of it.
type TakeOver = Box<dyn FnOnce(Option<Call>) + Send>;

struct Watched {
    /// Whose code it calls.
    component: Component,
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

    /// A seat for a thread that calls a component; `take_over` runs, once, when
    /// a call of it takes longer than it may, or when the component is given up.
    pub(super) fn seat(
        &self,
        component: Component,
        take_over: impl FnOnce(Option<Call>) + Send + 'static,
    ) -> Arc<Seat> {
        let seat = Arc::new(Seat::new());
        let (component, seat_of) = (component, Arc::downgrade(&seat));
        let watched = Watched { component, seat: seat_of, take_over: Box::new(take_over) };
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
        seat
    }

    fn look(&self) {
        let late = self.abandon(|_, seat| seat.abandon());
        let hung: Vec<Component> = late.iter().map(|(entry, _)| entry.component).collect();
        for (entry, call) in late {
            (entry.take_over)(Some(call));
        }
        // Whoever waits for a component that has just been given up for a call
        // that hangs would wait for its own call's limit, and lose its challenge.
        let given_up = self.abandon(|component, seat| match hung.contains(&component) {
            true => seat.abandon_if(|_, _| true),
            false => None,
        });
        for (entry, _) in given_up {
            (entry.take_over)(None);
        }
    }

    /// Takes those out that are to be given up, with the call that each is in.
    /// Who takes over takes seats for others, so that is not done here.
    fn abandon(&self, give_up: impl Fn(Component, &Seat) -> Option<Call>) -> Vec<(Watched, Call)> {
        let mut abandoned = Vec::new();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in std::mem::take(&mut *watched) {
            // Its thread may have ended.
            let Some(seat) = entry.seat.upgrade() else { continue };
            match give_up(entry.component, &seat) {
                Some(call) => abandoned.push((entry, call)),
                None => watched.push(entry),
            }
        }
        abandoned
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
        let seat = watchdog.seat(Component::Strategy, move |call| over.send(call).unwrap());
        let (long, short) = (Duration::from_secs(60), Duration::from_millis(50));
        let hung = thread::spawn(move || {
            assert_eq!(seat.call(Method::Begin, long, || 1), Some(1));
            seat.call(Method::Plan, short, || released.recv().unwrap_err())
        });
        let call = Call { method: Method::Plan, limit: short };
        assert_eq!(taken.recv_timeout(Duration::from_secs(20)), Ok(Some(call)));
        drop(release);
        assert_eq!(hung.join().unwrap(), None);
        assert!(taken.recv().is_err(), "it is dropped after it has run");
    }

    #[test]
    fn who_waits_for_the_same_component_is_taken_over_with_it_and_others_are_not() {
        let watchdog = Watchdog::start().unwrap();
        let (long, short) = (Duration::from_secs(600), Duration::from_millis(50));
        let (over, taken) = bounded(3);
        let (release, released) = bounded::<()>(0);
        let (inside, entered) = bounded(2);
        let threads = [
            ("waits", Component::Strategy, long),
            ("another", Component::Engine, long),
            ("hangs", Component::Strategy, short),
        ]
        .map(|(name, component, limit)| {
            let (over, released, inside) = (over.clone(), released.clone(), inside.clone());
            let seat = watchdog.seat(component, move |call: Option<Call>| {
                over.send((name, call.is_some())).unwrap();
            });
            let thread = thread::spawn(move || {
                seat.call(Method::Plan, limit, || {
                    inside.send(()).unwrap();
                    released.recv().unwrap_err()
                })
            });
            // The last one hangs once the others are under way.
            entered.recv().unwrap();
            thread
        });
        let patience = Duration::from_secs(20);
        assert_eq!(taken.recv_timeout(patience), Ok(("hangs", true)));
        assert_eq!(taken.recv_timeout(patience), Ok(("waits", false)));
        drop(release);
        let ended = threads.map(|thread| thread.join().unwrap().is_some());
        assert_eq!(ended, [false, true, false]);
        assert!(taken.try_recv().is_err());
    }
}
