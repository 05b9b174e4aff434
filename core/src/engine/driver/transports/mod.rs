//! The transports' sessions. Each has a thread of the host's, which opens it,
//! opens it again when it ends, and calls it, so that a call that hangs holds
//! up nobody else.

mod backoff;
mod link;
mod session;
mod sink;

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Sender, TrySendError, bounded};
use spacetime_sdk_loader::{Fault, abi};
use tokio::sync::{mpsc, watch};

pub(super) use self::backoff::Retry;
use self::{
    link::{Link, Order},
    session::Calling,
    sink::Envelope,
};
use crate::{
    engine::event::Event,
    plugin::{TransportSetup, TransportSlot},
};

/// Events of all transports that may wait for the loop.
const EVENTS: usize = 256;

/// Requests that may wait for a transport.
const ORDERS: usize = 256;

/// How often it is looked whether all sessions have ended.
const LOOK: Duration = Duration::from_millis(5);

/// All transports.
pub(super) struct Transports {
    orders: Vec<Sender<Order>>,
    links: Vec<Linked>,
    events: mpsc::Receiver<Envelope>,
    internal: mpsc::Sender<Event>,
}

/// A transport's thread, seen from here.
struct Linked {
    slot: TransportSlot,
    calling: Arc<Calling>,
    /// Whether its last session ended as it should; `None`: it has not ended.
    ended: watch::Receiver<Option<Result<(), Fault>>>,
}

impl Transports {
    /// Starts to open them.
    pub(super) fn start(
        slots: Vec<TransportSlot>,
        setup: TransportSetup,
        retry: Retry,
        internal: mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        let (sender, events) = mpsc::channel(EVENTS);
        let boot = Arc::new(backoff::Boot::new(slots.len()));
        let (setup, mut orders, mut links) = (Arc::new(setup), Vec::new(), Vec::new());
        for (source, slot) in slots.into_iter().enumerate() {
            let (order, incoming) = bounded(ORDERS);
            let (end, ended) = watch::channel(None);
            let calling = Arc::new(Calling::default());
            links.push(Linked { slot: slot.clone(), calling: calling.clone(), ended });
            let link = Link {
                source,
                slot,
                setup: setup.clone(),
                retry,
                boot: boot.clone(),
                orders: incoming,
                calling,
                back: order.clone(),
                events: sender.clone(),
                internal: internal.clone(),
            };
            thread::Builder::new().name(format!("link-{source}")).spawn(move || {
                end.send_replace(Some(link.serve()));
            })?;
            orders.push(order);
        }
        Ok(Self { orders, links, events, internal })
    }

    /// The next event of any transport.
    pub(super) async fn next(&mut self) -> Event {
        match self.events.recv().await {
            Some(envelope) => envelope.open(),
            // Without transports nothing ever comes.
            None => std::future::pending().await,
        }
    }

    /// Hands a request over; one that cannot be is answered by `Unsent`.
    pub(super) fn request(&self, source: usize, ticket: Option<u64>, request: abi::Request) {
        let order = Order::Request { ticket, request };
        let reason = match self.orders[source].try_send(order) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => "it takes no more requests",
            Err(TrySendError::Disconnected(_)) => "it has been closed",
        };
        if let Some(ticket) = ticket {
            link::unsent(&self.internal, source, ticket, reason);
        }
    }

    /// Ends all sessions; returns at the deadline whatever they do, with those
    /// that did not end as they should, and why.
    pub(super) async fn close(self, deadline: Duration) -> Vec<(TransportSlot, Fault)> {
        let until = Instant::now() + deadline;
        for orders in &self.orders {
            // A full queue means that it hangs, a closed one that it is gone.
            let _ = orders.try_send(Order::Close { limit: deadline, until });
        }
        let mut failed = Vec::new();
        for Linked { slot, calling, mut ended } in self.links {
            let rest = until.saturating_duration_since(Instant::now()) + LOOK;
            let end = tokio::time::timeout(rest, ended.wait_for(Option::is_some)).await;
            let fault = match end {
                Ok(Ok(end)) => end.clone().and_then(Result::err),
                // Its thread is gone.
                Ok(Err(_)) => None,
                Err(_) => calling.get().map(|method| Fault::late(method, deadline)),
            };
            failed.extend(fault.map(|fault| (slot, fault)));
        }
        // Not before: who is refused an event and has not been told to close yet
        // takes that for a fault of its own.
        drop(self.events);
        failed
    }
}
