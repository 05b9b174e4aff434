//! A transport's session: events out, requests in.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use spacetime_sdk::protocol::network::Network;
use spacetime_sdk_loader::{
    Fault, Library, Transport, TransportRequest,
    abi::{Emitted, Event, ProofClaim, Request, abi_stable::std_types::RBox},
};
use tempfile::TempDir;

use crate::plugin::request;

/// How long anything may take: test machines are slow, and shared.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open session; dropping it ends it.
pub struct TestedTransport {
    transport: Transport,
    events: Receiver<Event>,
    // What the session stores; deleted with it.
    _directory: TempDir,
}

impl TestedTransport {
    pub(crate) fn open(library: &Library, name: &str, config: &str) -> Result<Self, Fault> {
        let (sender, events) = mpsc::channel();
        let sender = Mutex::new(sender);
        let sink = Arc::new(move |event: Option<Event>| {
            let event = event.expect("the kit knows every event of its SDK");
            // A test that has ended does not listen.
            let _ = sender.lock().unwrap_or_else(PoisonError::into_inner).send(event);
            Emitted::ACCEPTED
        });
        with_host(|host, directory| {
            let transport = Transport::open(library, &request(name, config), host, sink)?;
            Ok(Self { transport, events, _directory: directory })
        })
    }

    /// The next event.
    ///
    /// # Panics
    ///
    /// If none comes within a minute.
    pub fn next_event(&mut self) -> Event {
        self.wait_for("an event", Some)
    }

    /// What `wanted` makes of the first event that it wants; those before it
    /// are gone.
    ///
    /// # Panics
    ///
    /// If it wants none of those that come within a minute; `what` it was is
    /// in the message.
    pub fn wait_for<T>(&mut self, what: &str, wanted: impl Fn(Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    others.push(format!("{event:?}"));
                    if let Some(found) = wanted(event) {
                        return found;
                    }
                }
                Err(reason) => panic!("no {what} ({reason}); what came is {others:#?}"),
            }
        }
    }

    /// Hands it a proof to submit, as the miner does with a good score.
    ///
    /// # Errors
    ///
    /// Its queue is full, or its session is over.
    pub fn submit_proof(&mut self, ticket: u64, claim: ProofClaim) -> Result<(), Fault> {
        self.transport.request(Request::SubmitProof { ticket, claim: RBox::new(claim) })
    }

    /// Hands it an encoded block to submit.
    ///
    /// # Errors
    ///
    /// As for [`submit_proof`](Self::submit_proof).
    pub fn submit_block(&mut self, ticket: u64, block: &[u8]) -> Result<(), Fault> {
        self.transport.request(Request::SubmitBlock { ticket, block: block.into() })
    }

    /// Asks it for headers after the newest of these (hashes of blocks, newest
    /// first) that its peer knows.
    ///
    /// # Errors
    ///
    /// As for [`submit_proof`](Self::submit_proof).
    pub fn fetch_headers(&mut self, locator: &[[u8; 32]]) -> Result<(), Fault> {
        self.transport.request(Request::FetchHeaders { locator: locator.as_flattened().into() })
    }

    /// Ends it, as the miner does when it stops.
    ///
    /// # Panics
    ///
    /// If it has not ended within five seconds.
    pub fn close(mut self) {
        if let Err(fault) = self.transport.close(5000) {
            panic!("the miner would leave it behind: {fault}");
        }
    }
}

/// What the transport's `check` says.
pub(crate) fn check(library: &Library, name: &str, config: &str) -> Result<String, Fault> {
    with_host(|host, _| Transport::check(library, &request(name, config), host))
}

/// Calls with what a miner on the network `local` hands to transports.
fn with_host<T>(call: impl FnOnce(&TransportRequest<'_>, TempDir) -> T) -> T {
    let directory = TempDir::new().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
    let path = directory.path().to_owned();
    let host = TransportRequest {
        network: &Network::local().to_json().expect("a network of ours has a JSON form"),
        identity: &[0xED; 33],
        data_directory: &path,
        agent: "spacetime-sdk-testing",
        node_address: None,
        node_port: None,
        node_is_chosen: false,
    };
    call(&host, directory)
}
