//! A transport's session without a host: the plugin file loaded as the miner
//! loads it, events out, requests in.

use std::{
    path::Path,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use spacetime_sdk::protocol::{header::BlockHeader, network::Network};
use spacetime_sdk_loader::{
    Fault, Library, Transport, TransportRequest,
    abi::{Emitted, Event, Request, Verdict},
};

use crate::plugins::request;

/// How long anything may take: silence alone is noticed within a minute.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// What a session is opened with.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The component's name.
    pub component: &'a str,
    /// Its config, in RON.
    pub config: &'a str,
    /// The network that is mined on.
    pub network: &'a Network,
    /// Where it keeps what it stores.
    pub directory: &'a Path,
}

impl Opening<'_> {
    /// Works with what a host would hand over.
    fn with<T>(&self, work: impl FnOnce(&TransportRequest<'_>) -> T) -> T {
        work(&TransportRequest {
            network: &self.network.to_json().unwrap(),
            identity: &[7; 33],
            data_directory: self.directory,
            agent: "test/1",
            node_address: None,
            node_port: None,
            node_is_chosen: false,
        })
    }

    /// Lets the transport look at what a session would meet.
    ///
    /// # Errors
    ///
    /// The component's.
    pub fn check(&self, library: &Library) -> Result<String, Fault> {
        let request = request(self.component, self.config);
        self.with(|transport| Transport::check(library, &request, transport))
    }

    /// Opens a session.
    ///
    /// # Panics
    ///
    /// If its config is refused.
    pub fn open(&self, library: &Library) -> Session {
        let (opened_at, (sender, events)) = (Instant::now(), mpsc::channel());
        let sender = Mutex::new(sender);
        let sink = Arc::new(move |event: Option<Event>| {
            // A test that has ended does not listen.
            let _ = sender.lock().unwrap().send((Instant::now(), event.unwrap()));
            Emitted::ACCEPTED
        });
        let request = request(self.component, self.config);
        let transport =
            self.with(|transport| Transport::open(library, &request, transport, sink)).unwrap();
        Session { transport, events, is_online: false, opened_at, said: Vec::new(), tickets: 0 }
    }
}

/// What a session says that bears on mining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has a node to follow.
    Online,
    /// It has none.
    Offline,
    /// There is something to mine on.
    Challenge,
}

/// An open session.
pub struct Session {
    transport: Transport,
    events: mpsc::Receiver<(Instant, Event)>,
    is_online: bool,
    opened_at: Instant,
    /// What it said that bears on mining, and when.
    said: Vec<(Instant, Said)>,
    tickets: u64,
}

impl Session {
    /// The next event.
    ///
    /// # Panics
    ///
    /// If none comes in time.
    pub fn next_event(&mut self) -> Event {
        self.next_within(DEADLINE).expect("nothing more is said")
    }

    fn next_within(&mut self, time: Duration) -> Option<Event> {
        let (at, event) = self.events.recv_timeout(time).ok()?;
        let said = match event {
            Event::Online { .. } => Some(Said::Online),
            Event::Offline { .. } => Some(Said::Offline),
            Event::Challenge { .. } => Some(Said::Challenge),
            _ => None,
        };
        self.said.extend(said.map(|said| (at, said)));
        self.is_online = match said {
            Some(Said::Online) => true,
            Some(Said::Offline) => false,
            _ => self.is_online,
        };
        Some(event)
    }

    /// The next event that is wanted; those before it are gone.
    ///
    /// # Panics
    ///
    /// If it does not come in time.
    pub fn wait_for<T>(&mut self, what: &str, wanted: impl Fn(Event) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.next_within(left).unwrap_or_else(|| panic!("in vain: {what}"));
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    /// Waits for headers whose last one is this.
    ///
    /// # Panics
    ///
    /// If they do not come in time.
    pub fn wait_for_tip(&mut self, tip: &BlockHeader) {
        let hash = tip.hash();
        self.wait_for("a tip", |event| {
            let Event::Headers { headers, .. } = event else { return None };
            let last = headers.chunks_exact(BlockHeader::SIZE).last()?;
            (BlockHeader::decode(last).unwrap().hash() == hash).then_some(())
        });
    }

    /// Waits until it has got over the loss of its connection, and has said
    /// this again; when.
    ///
    /// # Panics
    ///
    /// If it does not in time.
    pub fn wait_for_return(&mut self, said: Said, lost_at: Instant) -> Instant {
        // What was still read from the lost connection is no return. A session
        // that could not begin with it has ended, and this is another one.
        let gone_at = match self.opened_at < lost_at {
            true => self.wait_for_said(Said::Offline, lost_at),
            false => self.opened_at,
        };
        self.wait_for_said(said, gone_at)
    }

    fn wait_for_said(&mut self, what: Said, after: Instant) -> Instant {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let found = self.said.iter().find(|(at, said)| *at >= after && *said == what);
            if let Some((at, _)) = found {
                return *at;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(self.next_within(left).is_some(), "in vain: {what:?}");
        }
    }

    /// Asks for something.
    ///
    /// # Errors
    ///
    /// The session's.
    pub fn request(&mut self, request: Request) -> Result<(), Fault> {
        self.transport.request(request)
    }

    /// Submits a block until it is answered with more than that it could not
    /// be delivered, as a host does while a block is of use.
    ///
    /// # Panics
    ///
    /// If no answer comes in time.
    pub fn submit(&mut self, block: &[u8]) -> (Verdict, String) {
        self.tickets += 1;
        let number = self.tickets;
        loop {
            let block = block.to_vec().into();
            self.request(Request::SubmitBlock { ticket: number, block }).unwrap();
            let (verdict, reason) = self.wait_for("a verdict", |event| match event {
                Event::Verdict { ticket, verdict, reason } if ticket == number => {
                    Some((verdict, String::from(reason)))
                }
                _ => None,
            });
            if verdict != Verdict::UNDELIVERED {
                return (verdict, reason);
            }
            // A host waits until there is somebody to take it.
            let deadline = Instant::now() + DEADLINE;
            while !self.is_online {
                let left = deadline.saturating_duration_since(Instant::now());
                assert!(self.next_within(left).is_some(), "it never comes back");
            }
        }
    }

    /// Ends it.
    ///
    /// # Panics
    ///
    /// If it does not end in time.
    pub fn close(mut self) {
        self.transport.close(u64::try_from(DEADLINE.as_millis()).unwrap()).unwrap();
    }
}
