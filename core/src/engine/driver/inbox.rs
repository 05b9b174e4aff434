//! Where the loop's events come in, from any thread, without ever blocking.

use std::sync::Arc;

use spacetime_sdk_loader::Fault;
use tokio::sync::mpsc;

use crate::{
    engine::event::Event,
    observe,
    plugin::{Fate, FaultObserver},
};

/// Events of the miner's own parts that may wait for the loop.
const QUEUE: usize = 1024;

/// The loop's queue. Made before everything else, as plugins have faults
/// while they are loaded.
pub struct Inbox {
    pub(super) sender: mpsc::Sender<Event>,
    pub(super) receiver: mpsc::Receiver<Event>,
}

impl Default for Inbox {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { sender, receiver }
    }
}

impl Inbox {
    /// What plugins' faults are told to.
    pub fn observer(&self) -> Arc<dyn FaultObserver> {
        Arc::new(Observer(self.sender.clone()))
    }
}

struct Observer(mpsc::Sender<Event>);

impl FaultObserver for Observer {
    fn fault(&self, component: &str, fault: &Fault, fate: &Fate) {
        let told = observe::Fault::new(component, fault, fate.next.as_str());
        let told = observe::Fault { detail: fault.detail.clone(), ..told };
        send(
            &self.0,
            if fate.may_end_session { Event::OfTransport(told) } else { Event::Fault(told) },
        );
    }
}

/// Hands a fault to the loop; in a flood of them, to the log only.
pub(super) fn tell(events: &mpsc::Sender<Event>, fault: observe::Fault) {
    send(events, Event::Fault(fault));
}

fn send(events: &mpsc::Sender<Event>, event: Event) {
    if let Err(error) = events.try_send(event)
        && let Event::Fault(fault) | Event::OfTransport(fault) = error.into_inner()
    {
        tracing::warn!(culprit = fault.culprit, "{}", fault.message);
    }
}
