//! One transport's thread: opens its session, passes requests on, opens it
//! again when it has ended, closes it in the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, after, bounded, never, select};
use spacetime_sdk_loader::{
    Fault, Transport,
    abi::{self, FaultCode},
};
use tokio::sync::mpsc;

use super::{
    backoff::{Boot, Retry, chance},
    session::{self, Calling, Desk, End, Watches},
    sink::{Envelope, Heard, sink},
};
use crate::{
    engine::{command::Outcome, driver::inbox::tell, event::Event},
    observe,
    plugin::{EventSink, TransportSetup, TransportSlot},
};

/// A constructor that takes longer is told of. It may be at real work, such as
/// mending a store after a power cut, so it is waited for all the same.
const SLOW: Duration = Duration::from_secs(10);

/// What taking a request may take: a session only queues it.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Sessions that may be left behind in a request before no other one is opened:
/// each has threads.
const LEFT_BEHIND: usize = 8;

/// How often it is looked whether one of them has returned.
const RETURNED: Duration = Duration::from_secs(60);

/// A session that lived so long had no trouble to begin with.
const LONG_LIFE: Duration = Duration::from_secs(60);

/// What a link's thread is told.
pub(super) enum Order {
    /// Pass this on.
    Request {
        /// The submission's number, if it is one.
        ticket: Option<u64>,
        /// The request.
        request: abi::Request,
    },
    /// See whether the session still lives.
    Look,
    /// End.
    Close {
        /// What it may take.
        limit: Duration,
        /// At the latest then.
        until: Instant,
    },
}

impl Order {
    /// To end within this time from now on.
    pub(super) fn close_within(limit: Duration) -> Self {
        Self::Close { limit, until: Instant::now() + limit }
    }
}

/// One transport, on its own thread.
pub(super) struct Link {
    pub(super) source: usize,
    pub(super) slot: TransportSlot,
    pub(super) setup: Arc<TransportSetup>,
    pub(super) retry: Retry,
    pub(super) boot: Arc<Boot>,
    pub(super) orders: Receiver<Order>,
    pub(super) calling: Arc<Calling>,
    /// Into the link's own queue.
    pub(super) back: Sender<Order>,
    pub(super) events: mpsc::Sender<Envelope>,
    pub(super) internal: mpsc::Sender<Event>,
}

/// How a session went.
enum Session {
    /// It was closed, for the miner is stopping.
    Closed(Result<(), Fault>),
    /// It could not be opened, or has ended.
    Failed(String),
    /// A call of it did not return.
    Hung(Fault),
    /// It can never be opened as it is configured.
    Hopeless(String),
}

/// Why there is no session.
#[derive(Default)]
struct Trouble {
    reason: String,
    /// Whether it is of no use to try again.
    hopeless: bool,
    /// What else can be done, in words; may be empty.
    advice: String,
}

impl Link {
    /// Serves one session after the other until the miner stops: whether the
    /// last one ended as it should.
    pub(super) fn serve(self) -> Result<(), Fault> {
        let (waiting, mut ever_online) = (Arc::new(AtomicUsize::new(0)), false);
        let (mut failures, mut attempts) = (0, 0);
        let in_request = Arc::new(AtomicUsize::new(0));
        loop {
            while in_request.load(Ordering::Acquire) >= LEFT_BEHIND {
                if !self.wait(RETURNED) {
                    return Ok(());
                }
            }
            let heard = Arc::new(Heard::default());
            let began = Instant::now();
            let session = self.session(&heard, &waiting, &in_request);
            heard.closed.store(true, Ordering::Release);
            ever_online |= heard.was_online.load(Ordering::Acquire);
            failures = if was_good(&heard, began.elapsed()) { 1 } else { failures + 1 };
            attempts += 1;
            let trouble = match session {
                Session::Closed(closed) => return closed,
                Session::Failed(reason) => Trouble { reason, ..Trouble::default() },
                Session::Hung(fault) => {
                    // It is told with the session's end.
                    self.slot.count(&fault);
                    let advice = format!("; {}", self.slot.test());
                    Trouble { reason: fault.to_string(), advice, ..Trouble::default() }
                }
                Session::Hopeless(reason) => {
                    Trouble { reason, hopeless: true, ..Trouble::default() }
                }
            };
            let pause = self.retry.pause(failures, chance());
            self.report(&trouble, attempts, ever_online, pause);
            if !self.wait(if trouble.hopeless { Duration::MAX } else { pause }) {
                return Ok(());
            }
        }
    }

    /// Tells what happened, and gives the boot up if nothing is left to try.
    fn report(&self, trouble: &Trouble, attempt: u32, was_up: bool, pause: Duration) {
        let Trouble { reason, hopeless, advice } = trouble;
        let allowed = self.retry.boot_attempts.max(1);
        let has_failed = !*hopeless && !was_up && attempt >= allowed;
        let reasons = || {
            let reason = format!("{}: {reason}", self.slot.component());
            self.boot.failed(self.source, reason)
        };
        let give_up = match *hopeless {
            true => Some(Outcome::Misconfigured(reason.to_owned())),
            false if has_failed => reasons().map(Outcome::Failed),
            false => None,
        };
        let seconds = pause.as_secs_f64();
        let (message, next) = match (*hopeless, was_up) {
            (true, _) => (reason.to_owned(), "it is not tried again".to_owned()),
            (_, true) => (
                format!("its session ended: {reason}"),
                format!("it is opened again in {seconds:.1} s{advice}"),
            ),
            _ => (
                format!("attempt {attempt} of {allowed} failed: {reason}"),
                match give_up {
                    Some(_) => "there is nothing else to mine on, so the miner stops".to_owned(),
                    None => format!("the next one is in {seconds:.1} s{advice}"),
                },
            ),
        };
        tell(&self.internal, observe::Fault::new(self.slot.component(), message, next));
        if let Some(outcome) = give_up {
            // The queue is full only if the loop has ended.
            let _ = self.internal.blocking_send(Event::GiveUp(outcome));
        }
    }

    /// Opens a session and serves it to its end.
    fn session(
        &self,
        heard: &Arc<Heard>,
        waiting: &Arc<AtomicUsize>,
        in_request: &Arc<AtomicUsize>,
    ) -> Session {
        let sink = sink(
            self.source,
            heard.clone(),
            waiting.clone(),
            self.events.clone(),
            self.back.clone(),
        );
        let transport = match self.open(sink) {
            Some(Ok(transport)) => transport,
            Some(Err(fault)) => {
                // It is told with the attempt.
                self.slot.count(&fault);
                return cannot_open(&fault);
            }
            None => return Session::Closed(Ok(())),
        };
        let desk = Desk {
            orders: &self.orders,
            heard,
            calling: &self.calling,
            watch: self,
            request_limit: REQUEST_LIMIT,
            in_request,
        };
        match session::serve(transport, &desk) {
            End::Closed(closed) => Session::Closed(closed),
            End::Failed(reason) => Session::Failed(reason),
            End::Hung(fault) => Session::Hung(fault),
        }
    }

    /// Opens a session on a thread of its own: a constructor that never returns
    /// must not keep the miner from stopping. `None`: the miner is stopping.
    fn open(&self, sink: EventSink) -> Option<Result<Transport, Fault>> {
        let (sender, opened) = bounded(1);
        let (slot, setup) = (self.slot.clone(), self.setup.clone());
        let open = move || {
            // Dropped here, which ends the session, if nobody waits any more.
            let _ = sender.send(slot.open(&setup, sink));
        };
        let name = format!("open-{}", self.source);
        if let Err(error) = thread::Builder::new().name(name).spawn(open) {
            let message = format_args!("the system has no thread to open it on: {error}");
            return Some(Err(Fault::new(message)));
        }
        let mut slow = after(SLOW);
        loop {
            select! {
                recv(opened) -> opened => {
                    let silent = || Fault::new("it was not opened, and nothing says why");
                    return Some(opened.unwrap_or_else(|_| Err(silent())));
                }
                recv(self.orders) -> order => if !self.decline(order.ok()?) {
                    return None;
                },
                recv(slow) -> _ => {
                    let message = format!("its `open` has not returned after {} s", SLOW.as_secs());
                    let next = "it is waited for; the others go on";
                    tell(&self.internal, observe::Fault::new(self.slot.component(), message, next));
                    slow = never();
                }
            }
        }
    }

    /// Waits before the next attempt; `false`: the miner is stopping.
    fn wait(&self, pause: Duration) -> bool {
        let until = Instant::now().checked_add(pause);
        loop {
            let order = match until {
                Some(until) => self.orders.recv_deadline(until),
                None => self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match order {
                Ok(order) => {
                    if !self.decline(order) {
                        return false;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
            }
        }
    }

    /// Answers an order while no session is open; `false`: the miner is stopping.
    fn decline(&self, order: Order) -> bool {
        match order {
            Order::Request { ticket: Some(ticket), .. } => {
                unsent(&self.internal, self.source, ticket, "it is not open");
            }
            Order::Request { ticket: None, .. } | Order::Look => {}
            Order::Close { .. } => return false,
        }
        true
    }
}

impl Watches for Link {
    fn is_up(&self) {
        self.boot.is_up(self.source);
    }

    fn failed(&self, fault: &Fault) {
        self.slot.failed(fault);
    }

    fn unsent(&self, ticket: u64, reason: &str) {
        unsent(&self.internal, self.source, ticket, reason);
    }
}

/// Whether a session had no trouble to begin with: it lasted, or the network
/// took something of ours through it.
fn was_good(heard: &Heard, lasted: Duration) -> bool {
    let said = |flag: &AtomicBool| flag.load(Ordering::Acquire);
    said(&heard.was_of_use) || said(&heard.was_online) && lasted > LONG_LIFE
}

fn cannot_open(fault: &Fault) -> Session {
    if matches!(fault.code, FaultCode::CONFIG | FaultCode::UNKNOWN_COMPONENT) {
        Session::Hopeless(fault.to_string())
    } else {
        Session::Failed(format!("it cannot be opened: {fault}"))
    }
}

/// Tells the state that a submission did not leave.
pub(super) fn unsent(events: &mpsc::Sender<Event>, source: usize, ticket: u64, reason: &str) {
    let event = Event::Unsent { source, ticket, reason: reason.to_owned() };
    // In a flood it is found out at the answer's deadline.
    let _ = events.try_send(event);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_was_good_if_it_lasted_or_something_was_accepted() {
        let heard = Heard::default();
        assert!(!was_good(&heard, 2 * LONG_LIFE), "it never came up");
        heard.was_online.store(true, Ordering::Release);
        assert!(was_good(&heard, 2 * LONG_LIFE));
        assert!(!was_good(&heard, Duration::from_secs(1)));
        heard.was_of_use.store(true, Ordering::Release);
        assert!(was_good(&heard, Duration::from_secs(1)));
    }
}
