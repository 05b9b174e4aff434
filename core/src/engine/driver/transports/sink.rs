//! The host's end of a session: takes events from the plugin's threads into a
//! bounded queue, in which one transport cannot crowd out the others.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crossbeam_channel::Sender;
use spacetime_sdk_loader::abi::{self, Emitted};
use tokio::sync::mpsc;

use super::link::Order;
use crate::{
    engine::event::{Event, TransportEvent},
    plugin::EventSink,
    submit::Verdict,
};

/// Events of one transport that may wait for the loop.
const WAITING: usize = 64;

/// An event on its way; frees its place when it is opened.
pub(super) struct Envelope {
    source: usize,
    event: TransportEvent,
    waiting: Arc<AtomicUsize>,
}

impl Envelope {
    pub(super) fn open(self) -> Event {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        Event::Transport { source: self.source, event: self.event }
    }
}

/// What a session has said of itself so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Whether its peer was usable at any time.
    pub(super) was_online: AtomicBool,
    /// Whether the network took anything of ours through it.
    pub(super) was_of_use: AtomicBool,
    /// Why its peer could not be used when it said so last.
    pub(super) trouble: Mutex<String>,
    /// Set when nothing more shall be taken from it.
    pub(super) closed: AtomicBool,
    /// Set when the session is gone.
    pub(super) ended: AtomicBool,
}

impl Heard {
    fn set_trouble(&self, reason: &str) {
        reason.clone_into(&mut self.trouble.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Why the session has ended, as far as it told.
    pub(super) fn end(&self) -> String {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble.as_str() {
            "" => "its session has ended".to_owned(),
            trouble => trouble.to_owned(),
        }
    }
}

/// Goes with the plugin's side of the session, and tells when that is gone.
struct Alive {
    heard: Arc<Heard>,
    orders: Sender<Order>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.heard.ended.store(true, Ordering::Release);
        // The flag is looked at now and then, should the queue be full.
        let _ = self.orders.try_send(Order::Look);
    }
}

/// The sink of one session.
pub(super) fn sink(
    source: usize,
    heard: Arc<Heard>,
    waiting: Arc<AtomicUsize>,
    events: mpsc::Sender<Envelope>,
    orders: Sender<Order>,
) -> EventSink {
    let alive = Alive { heard, orders };
    Arc::new(move |event| {
        if alive.heard.closed.load(Ordering::Acquire) {
            return Emitted::CLOSED;
        }
        let place = |count: usize| (count < WAITING).then_some(count + 1);
        if waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, place).is_err() {
            return Emitted::BUSY;
        }
        let emitted = hand_over(source, event, &waiting, &events, &alive.heard);
        if emitted != Emitted::ACCEPTED {
            waiting.fetch_sub(1, Ordering::AcqRel);
        }
        emitted
    })
}

fn hand_over(
    source: usize,
    event: Option<abi::Event>,
    waiting: &Arc<AtomicUsize>,
    events: &mpsc::Sender<Envelope>,
    heard: &Heard,
) -> Emitted {
    let place = match events.try_reserve() {
        Ok(place) => place,
        Err(mpsc::error::TrySendError::Full(())) => return Emitted::BUSY,
        Err(mpsc::error::TrySendError::Closed(())) => return Emitted::CLOSED,
    };
    let event = TransportEvent::from(event);
    match &event {
        TransportEvent::Online { .. } => heard.was_online.store(true, Ordering::Release),
        TransportEvent::Offline { reason } => heard.set_trouble(reason),
        TransportEvent::Verdict { verdict: Verdict::Accepted, .. } => {
            heard.was_of_use.store(true, Ordering::Release);
        }
        _ => {}
    }
    place.send(Envelope { source, event, waiting: waiting.clone() });
    Emitted::ACCEPTED
}
