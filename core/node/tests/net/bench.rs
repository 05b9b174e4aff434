//! Nodes in this process, and waiting for what they do.

use std::net::SocketAddr;
use std::time::Duration;

use spacetime_node::Service;
use spacetime_node::net::{
    Address, Ahead, Backoff, Clock, Event, Hub, Keep, Listener, Lost, Options, Running, keep,
};
use spacetime_protocol::BlockHash;
use spacetime_protocol::network::Network;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// What nothing here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that goes on as the system's does, and can be put forward.
pub(crate) fn clock() -> (Hands, Clock) {
    let (ahead, clock) = watch::channel(Ahead::default());
    (Hands(ahead), Clock::ahead_by(clock))
}

/// What puts a clock forward.
pub(crate) struct Hands(watch::Sender<Ahead>);

impl Hands {
    /// So much time passes.
    pub(crate) fn pass(&self, time: Duration) {
        self.0.send_modify(|ahead| ahead.passed_ms += ms(time));
    }

    /// The clock is set, and no time passes.
    pub(crate) fn set(&self, forward: Duration) {
        self.0.send_modify(|ahead| ahead.set_ms += ms(forward));
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

/// A node in this process.
pub(crate) struct Node {
    pub(crate) service: Service,
    pub(crate) address: SocketAddr,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) running: Running,
    _directory: tempfile::TempDir,
}

impl Node {
    /// One that listens on any port of this machine.
    pub(crate) async fn start(network: &Network) -> Self {
        Self::with(network, |options| options).await
    }

    pub(crate) async fn with(network: &Network, change: impl FnOnce(Options) -> Options) -> Self {
        Self::listening(network, change, |listener| listener).await
    }

    /// One that listens in its own way.
    pub(crate) async fn listening(
        network: &Network,
        change: impl FnOnce(Options) -> Options,
        listen: impl FnOnce(Listener) -> Listener,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = Service::open(directory.path(), network.clone()).unwrap();
        let (sender, events) = mpsc::channel(10_000);
        let options = change(Options { events: Some(sender), ..Options::node() });
        let running = Hub::start(service.clone(), options);
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address();
        listen(listener).serve(running.hub());
        Self { service, address, events, running, _directory: directory }
    }

    pub(crate) fn hub(&self) -> &Hub {
        self.running.hub()
    }

    pub(crate) fn dial(&self, other: SocketAddr) {
        dial(self.hub(), other);
    }

    /// As [`Node::dial`], but waits for up to an hour after failures.
    pub(crate) fn dial_patiently(&self, other: SocketAddr) {
        let address = Address::new(other.ip().to_string(), other.port());
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(3600));
        keep(self.hub(), Keep { address, tls: None, backoff });
    }

    /// Waits until this is the tip.
    pub(crate) async fn reaches(&self, tip: BlockHash) {
        let mut changes = self.service.subscribe();
        let reached = changes.wait_for(|changes| changes.tip == tip);
        let reached = timeout(PATIENCE, reached).await;
        if reached.is_err() {
            panic!("tip {tip} is not reached: {:?}", self.service.status().unwrap());
        }
    }

    /// Why the next connection that is lost is.
    pub(crate) async fn lost(&mut self) -> Lost {
        self.event(|event| match event {
            Event::Lost { reason, .. } => Some(reason),
            _ => None,
        })
        .await
    }

    /// What the next lie of a peer is.
    pub(crate) async fn lie(&mut self) -> String {
        self.event(|event| match event {
            Event::Lie { reason, .. } => Some(reason),
            _ => None,
        })
        .await
    }

    /// The next event that is wanted.
    pub(crate) async fn event<T>(&mut self, wanted: impl Fn(Event) -> Option<T>) -> T {
        event(&mut self.events, wanted).await
    }
}

pub(crate) fn dial(hub: &Hub, other: SocketAddr) {
    let address = Address::new(other.ip().to_string(), other.port());
    let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    keep(hub, Keep { address, tls: None, backoff });
}

/// The next event that is wanted.
pub(crate) async fn event<T>(
    events: &mut mpsc::Receiver<Event>,
    wanted: impl Fn(Event) -> Option<T>,
) -> T {
    let found = timeout(PATIENCE, async {
        loop {
            let event = events.recv().await.expect("the hub is gone");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    });
    found.await.expect("it never happens")
}
