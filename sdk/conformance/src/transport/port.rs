//! The host's end of a session: takes events, or says that it is busy or gone.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk_loader::abi::{Emitted, Event};

use super::{events::flaw, session::Session};
use crate::probe::{Judged, Probe};

/// Tickets of verdicts that are kept.
const TICKETS: usize = 1000;

/// The host's end of a session.
pub(super) struct Port {
    /// What it says to events.
    answer: AtomicU32,
    offered: AtomicU64,
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    accepted: u64,
    /// Verdicts per ticket, of the first tickets.
    verdicts: BTreeMap<u64, u64>,
    /// What is wrong with the first event that is not well formed.
    flaw: Option<String>,
}

impl Port {
    pub(super) fn new(answer: Emitted) -> Arc<Self> {
        Arc::new(Self {
            answer: AtomicU32::new(answer.0),
            offered: AtomicU64::new(0),
            seen: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// Takes an event as the host does; `None`: one of a newer version.
    pub(super) fn take(&self, event: Option<Event>) -> Emitted {
        self.offered.fetch_add(1, Ordering::AcqRel);
        let answer = Emitted(self.answer.load(Ordering::Acquire));
        let flaw = event.as_ref().and_then(flaw);
        let mut seen = self.lock();
        if seen.flaw.is_none() {
            seen.flaw = flaw;
        }
        if answer == Emitted::ACCEPTED {
            seen.accepted += 1;
            if let Some(Event::Verdict { ticket, .. }) = event
                && (seen.verdicts.len() < TICKETS || seen.verdicts.contains_key(&ticket))
            {
                *seen.verdicts.entry(ticket).or_default() += 1;
            }
        }
        drop(seen);
        self.changed.notify_all();
        answer
    }

    /// Says something else to events from now on.
    pub(super) fn answer(&self, answer: Emitted) {
        self.answer.store(answer.0, Ordering::Release);
    }

    /// How many events were offered, accepted or not.
    pub(super) fn offered(&self) -> u64 {
        self.offered.load(Ordering::Acquire)
    }

    /// Verdicts per ticket.
    pub(super) fn verdicts(&self) -> BTreeMap<u64, u64> {
        self.lock().verdicts.clone()
    }

    pub(super) fn flaw(&self) -> Option<String> {
        self.lock().flaw.clone()
    }

    /// Waits until so many events were offered; whether they were in time.
    fn wait_for_offers(&self, offers: u64, time: Duration) -> bool {
        self.wait(time, |_| self.offered() >= offers)
    }

    /// Waits until so many events were accepted; whether they were in time.
    fn wait_for_accepted(&self, events: u64, time: Duration) -> bool {
        self.wait(time, |seen| seen.accepted >= events)
    }

    /// Waits until so many tickets have a verdict; whether they had in time.
    pub(super) fn wait_for_verdicts(&self, tickets: usize, time: Duration) -> bool {
        self.wait(time, |seen| seen.verdicts.len() >= tickets)
    }

    fn wait(&self, time: Duration, is_there: impl Fn(&Seen) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |seen| !is_there(seen));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a session is watched that the host does not listen to.
const WATCH: Duration = Duration::from_millis(600);

/// Offers in that time that are no loop: a dozen tasks with pauses of a few
/// milliseconds stay below it.
const OFFERS: u64 = 300;

/// What a session may take for a first event, and for its end.
const FIRST_EVENT: Duration = Duration::from_secs(2);
const END: Duration = Duration::from_secs(5);

pub(super) fn busy(probe: &Probe) -> Judged {
    probe.given("a host whose queue is full");
    let session = Session::open(probe, Emitted::BUSY)?;
    if !session.port.wait_for_offers(1, FIRST_EVENT) {
        probe.note("it offered no event");
        return session.close();
    }
    let before = session.port.offered();
    // A loop shows in how much is offered in a while.
    thread::sleep(WATCH);
    let offers = session.port.offered() - before;
    if offers > OFFERS {
        let seen = format_args!("it offered {offers} events in {} ms", WATCH.as_millis());
        return Err(probe.broken("TRN-004", seen));
    }
    probe.given("a host whose queue has room again");
    session.port.answer(Emitted::ACCEPTED);
    if !session.port.wait_for_accepted(1, END) {
        let seen = format_args!("the event did not come within {} s", END.as_secs());
        return Err(probe.broken("TRN-004", seen));
    }
    session.close()
}

pub(super) fn gone(probe: &Probe) -> Judged {
    probe.given("a host that listens no more");
    let mut session = Session::open(probe, Emitted::CLOSED)?;
    if !session.port.wait_for_offers(1, FIRST_EVENT) {
        probe.note("it offered no event");
        return session.close();
    }
    let (before, begun) = (session.port.offered(), Instant::now());
    while !session.has_ended()? && begun.elapsed() < END {
        // The session's end is seen only by asking.
        thread::sleep(Duration::from_millis(10));
    }
    let offers = session.port.offered() - before;
    if offers > OFFERS {
        return Err(probe.broken("TRN-005", format_args!("it offered {offers} events more")));
    }
    if !session.has_ended()? {
        let seen = format_args!("it had not ended {} s later", END.as_secs());
        return Err(probe.broken("TRN-005", seen));
    }
    session.close()
}
