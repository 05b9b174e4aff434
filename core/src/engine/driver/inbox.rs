//! Where the loop's events come in, from any thread, without ever blocking.

use std::sync::Arc;

use spacetime_sdk_loader::Fault;
use tokio::sync::mpsc;

use crate::{engine::event::Event, observe, plugin::FaultObserver};

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
    fn fault(&self, component: &str, fault: &Fault, quarantined: bool) {
        let next = if quarantined {
            "it is not used any more; the miner's own takes its place"
        } else {
            "mining goes on"
        };
        self.tell(component, fault, next);
    }

    fn shadow_fault(&self, shadow: &str, fault: &Fault, quarantined: bool) {
        let next = if quarantined {
            "it is set aside; mining is not touched by it"
        } else {
            "mining is not touched by it"
        };
        self.tell(shadow, fault, next);
    }
}

impl Observer {
    fn tell(&self, component: &str, fault: &Fault, next: &str) {
        let told = observe::Fault::new(component, fault, next);
        tell(&self.0, observe::Fault { detail: fault.detail.clone(), ..told });
    }
}

/// Hands a fault to the loop; in a flood of them, to the log only.
pub(super) fn tell(events: &mpsc::Sender<Event>, fault: observe::Fault) {
    if let Err(error) = events.try_send(Event::Fault(fault))
        && let Event::Fault(fault) = error.into_inner()
    {
        tracing::warn!(culprit = fault.culprit, "{}", fault.message);
    }
}
