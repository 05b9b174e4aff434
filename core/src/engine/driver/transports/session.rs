//! An open session: requests are passed on to it until it ends, or is closed.
//! A call of it that does not return costs the session, and its thread.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use spacetime_sdk_loader::{
    Fault, Method, Transport,
    abi::{self, FaultCode},
};

use super::{link::Order, sink::Heard};
use crate::foreign::{call_object_within, call_within};

/// How often it is looked whether a session still lives, besides being told.
const LOOK: Duration = Duration::from_millis(500);

/// What a session is called for.
pub(super) trait Calls: Send + 'static {
    /// Takes a request.
    fn request(&mut self, request: abi::Request) -> Result<(), Fault>;
    /// Ends, within so many milliseconds.
    fn close(&mut self, deadline_ms: u64) -> Result<(), Fault>;
}

impl Calls for Transport {
    fn request(&mut self, request: abi::Request) -> Result<(), Fault> {
        self.request(request)
    }

    fn close(&mut self, deadline_ms: u64) -> Result<(), Fault> {
        self.close(deadline_ms)
    }
}

/// Which call of a session is under way.
#[derive(Debug, Default)]
pub(super) struct Calling(Mutex<Option<Method>>);

impl Calling {
    pub(super) fn get(&self) -> Option<Method> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, method: Option<Method>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = method;
    }
}

/// Who learns of what happens in a session.
pub(super) trait Watches {
    /// Its peer can be used.
    fn is_up(&self);
    /// It could not take a request, and lives on.
    fn failed(&self, fault: &Fault);
    /// A submission did not leave.
    fn unsent(&self, ticket: u64, reason: &str);
}

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was closed, or did not end when it was told to.
    Closed(Result<(), Fault>),
    /// By itself, for this reason.
    Failed(String),
    /// A call of it did not return: it is left behind.
    Hung(Fault),
}

/// What it takes to serve a session.
pub(super) struct Desk<'a> {
    pub(super) orders: &'a Receiver<Order>,
    pub(super) heard: &'a Heard,
    pub(super) calling: &'a Calling,
    pub(super) watch: &'a dyn Watches,
    /// What taking a request may take.
    pub(super) request_limit: Duration,
    /// Sessions of this transport that are in a request, those that were left
    /// behind included.
    pub(super) in_request: &'a Arc<AtomicUsize>,
}

/// Counts a session for as long as it is in a request.
struct InRequest(Arc<AtomicUsize>);

impl InRequest {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count.clone())
    }
}

impl Drop for InRequest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Serves a session to its end.
pub(super) fn serve<S: Calls>(mut session: S, desk: &Desk<'_>) -> End {
    let Desk { orders, heard, calling, watch, request_limit, in_request } = *desk;
    let end = loop {
        let order = match orders.recv_timeout(LOOK) {
            Ok(order) => order,
            Err(RecvTimeoutError::Timeout) => Order::Look,
            Err(RecvTimeoutError::Disconnected) => Order::close_within(Duration::ZERO),
        };
        match order {
            Order::Request { ticket, request } => {
                calling.set(Some(Method::Request));
                let counted = InRequest::new(in_request);
                let pass = move |session: &mut S| {
                    let _counted = counted;
                    session.request(request)
                };
                let passed = call_object_within(session, Method::Request, request_limit, pass);
                calling.set(None);
                let fault = passed.as_ref().map_or_else(Some, |(_, passed)| passed.as_ref().err());
                if let (Some(ticket), Some(fault)) = (ticket, fault) {
                    watch.unsent(ticket, &fault.to_string());
                }
                match passed {
                    Err(fault) if fault.late.is_none() => return End::Failed(fault.to_string()),
                    Err(fault) => return End::Hung(fault),
                    Ok((back, passed)) => {
                        session = back;
                        let is_usual = |fault: &Fault| {
                            matches!(fault.code, FaultCode::BUSY | FaultCode::CLOSED)
                        };
                        if let Some(fault) = passed.err().filter(|fault| !is_usual(fault)) {
                            watch.failed(&fault);
                        }
                    }
                }
            }
            Order::Look => {}
            Order::Close { limit, until } => {
                calling.set(Some(Method::Close));
                break End::Closed(close(&mut session, limit, until));
            }
        }
        if heard.was_online.load(Ordering::Acquire) {
            watch.is_up();
        }
        if heard.ended.load(Ordering::Acquire) {
            break End::Failed(heard.end());
        }
    };
    match &end {
        End::Closed(closed) => {
            // One that did not return from `close` takes its time for this, too.
            if closed.as_ref().err().is_none_or(|fault| fault.late.is_none()) {
                calling.set(Some(Method::Drop));
            }
            // Whoever waits for the end looks what it is at.
            drop(session);
        }
        _ => {
            let destroy = move || {
                drop(session);
                Ok(())
            };
            if let Err(fault) = call_within(Method::Drop, request_limit, destroy) {
                watch.failed(&fault);
            }
        }
    }
    end
}

/// Ends a session. One that takes all of its time, whatever it says then, did
/// not return.
fn close(session: &mut impl Calls, limit: Duration, until: Instant) -> Result<(), Fault> {
    let rest = until.saturating_duration_since(Instant::now()).as_millis();
    let rest = u64::try_from(rest).unwrap_or(u64::MAX);
    let began = Instant::now();
    session.close(rest).map_err(|fault| match began.elapsed() >= Duration::from_millis(rest) {
        true => Fault::late(Method::Close, limit),
        false => fault,
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use crossbeam_channel::{Sender, bounded};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    /// A session whose calls return once somebody lets them.
    struct Stuck {
        request: Option<Receiver<()>>,
        close: Result<(), Fault>,
    }

    impl Calls for Stuck {
        fn request(&mut self, _: abi::Request) -> Result<(), Fault> {
            if let Some(gate) = &self.request {
                // Opened by dropping the other end.
                let _ = gate.recv();
            }
            Ok(())
        }

        fn close(&mut self, _: u64) -> Result<(), Fault> {
            self.close.clone()
        }
    }

    #[derive(Default)]
    struct Told(RefCell<Vec<String>>);

    impl Watches for Told {
        fn is_up(&self) {}

        fn failed(&self, fault: &Fault) {
            self.0.borrow_mut().push(fault.to_string());
        }

        fn unsent(&self, ticket: u64, reason: &str) {
            self.0.borrow_mut().push(format!("{ticket}: {reason}"));
        }
    }

    /// Longer than anything here takes on the slowest machine.
    const LONG: Duration = Duration::from_secs(60);

    fn served(
        session: Stuck,
        request_limit: Duration,
        order: impl FnOnce(&Sender<Order>),
    ) -> (End, Vec<String>) {
        let (orders, incoming) = bounded(9);
        let (told, calling) = (Told::default(), Calling::default());
        order(&orders);
        let desk = Desk {
            orders: &incoming,
            heard: &Heard::default(),
            calling: &calling,
            watch: &told,
            request_limit,
            in_request: &Arc::default(),
        };
        (serve(session, &desk), told.0.into_inner())
    }

    fn block(orders: &Sender<Order>) {
        let request = abi::Request::SubmitBlock { ticket: 7, block: Vec::new().into() };
        orders.send(Order::Request { ticket: Some(7), request }).unwrap();
    }

    #[test]
    fn a_request_that_hangs_costs_the_session_and_is_no_longer_on_its_way() {
        let (release, gate) = bounded(0);
        let (end, told) = served(Stuck { request: Some(gate), close: Ok(()) }, LIMIT, block);
        drop(release);
        let late = Fault::late(Method::Request, LIMIT);
        assert_eq!((end, told), (End::Hung(late.clone()), vec![format!("7: {late}")]));
    }

    #[test]
    fn a_session_that_does_not_end_in_its_time_did_not_return_from_close() {
        let no = || Err(Fault::new("no"));
        let closed = |rest| {
            let close = Order::Close { limit: LIMIT, until: Instant::now() + rest };
            let session = Stuck { request: None, close: no() };
            served(session, LONG, |orders| {
                block(orders);
                orders.send(close).unwrap();
            })
        };
        let late = Err(Fault::late(Method::Close, LIMIT));
        assert_eq!(closed(Duration::ZERO), (End::Closed(late), Vec::new()));
        assert_eq!(closed(Duration::from_secs(3600)).0, End::Closed(no()), "it has failed");
    }
}
