//! The transports' sessions. Each has a thread of the host's, which opens it,
//! opens it again when it ends, and calls it, so that a call that hangs holds
//! up nobody else.

mod backoff;
mod link;
mod sink;

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Sender, TrySendError, bounded};
use spacetime_sdk_loader::abi;
use tokio::sync::{mpsc, watch};

pub(super) use self::backoff::Retry;
use self::{
    link::{Link, Order},
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
    ended: Vec<watch::Receiver<bool>>,
    events: mpsc::Receiver<Envelope>,
    internal: mpsc::Sender<Event>,
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
        let (setup, mut orders, mut ended) = (Arc::new(setup), Vec::new(), Vec::new());
        for (source, slot) in slots.into_iter().enumerate() {
            let (order, incoming) = bounded(ORDERS);
            let (end, end_seen) = watch::channel(false);
            let link = Link {
                source,
                slot,
                setup: setup.clone(),
                retry,
                boot: boot.clone(),
                orders: incoming,
                back: order.clone(),
                events: sender.clone(),
                internal: internal.clone(),
            };
            thread::Builder::new().name(format!("link-{source}")).spawn(move || {
                link.serve();
                end.send_replace(true);
            })?;
            orders.push(order);
            ended.push(end_seen);
        }
        Ok(Self { orders, ended, events, internal })
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

    /// Ends all sessions; returns at the deadline whatever they do.
    pub(super) async fn close(self, deadline: Duration) {
        let until = Instant::now() + deadline;
        for orders in &self.orders {
            // A full queue means that it hangs, a closed one that it is gone.
            let _ = orders.try_send(Order::Close { until });
        }
        // Their last events are nobody's business any more.
        drop(self.events);
        for mut ended in self.ended {
            let rest = until.saturating_duration_since(Instant::now()) + LOOK;
            // Late or gone: nothing more can be done.
            let _ = tokio::time::timeout(rest, ended.wait_for(|ended| *ended)).await;
        }
    }
}
