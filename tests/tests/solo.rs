//! The transport `solo`, its plugin file loaded as the miner loads it: what
//! it tells of its chain, and what it answers.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../../core/node/tests/common/mod.rs"]
mod common;

use std::{
    path::Path,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use common::{Miner, Wish, key, network, transfer};
use spacetime_node::local;
use spacetime_protocol::{block::Block, header::BlockHeader, network::Network};
use spacetime_sdk_loader::{
    Fault, Library, Transport, TransportRequest,
    abi::{Emitted, Event, ProofClaim, Request, Verdict, abi_stable::std_types::RBox},
};
use spacetime_tests::{
    artifacts,
    plugins::{self, request},
};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);

struct Session {
    transport: Transport,
    events: mpsc::Receiver<Event>,
    tickets: u64,
}

fn load() -> Library {
    plugins::load(&artifacts::plugin("spacetime-transport-solo"))
}

fn with<T>(
    network: &Network,
    data_directory: &Path,
    work: impl FnOnce(&TransportRequest<'_>) -> T,
) -> T {
    work(&TransportRequest {
        network: &network.to_json().unwrap(),
        identity: &[7; 33],
        data_directory,
        agent: "test/1",
        node_address: None,
        node_port: None,
        node_is_chosen: false,
    })
}

fn open(library: &Library, network: &Network, directory: &Path) -> Session {
    let (sender, events) = mpsc::channel();
    let sender = Mutex::new(sender);
    let sink = Arc::new(move |event: Option<Event>| {
        // A test that has ended does not listen.
        let _ = sender.lock().unwrap().send(event.unwrap());
        Emitted::ACCEPTED
    });
    let transport = with(network, directory, |transport| {
        Transport::open(library, &request("solo", "()"), transport, sink)
    });
    Session { transport: transport.unwrap(), events, tickets: 0 }
}

impl Session {
    fn next(&self) -> Event {
        self.events.recv_timeout(DEADLINE).unwrap()
    }

    fn next_headers(&self) -> (bool, Vec<BlockHeader>) {
        match self.next() {
            Event::Headers { anchor, headers } => {
                let headers = headers.chunks_exact(BlockHeader::SIZE);
                (anchor, headers.map(|bytes| BlockHeader::decode(bytes).unwrap()).collect())
            }
            other => panic!("not headers: {other:?}"),
        }
    }

    /// Tip, transactions and accounts.
    fn next_candidates(&self) -> ([u8; 32], usize, usize) {
        match self.next() {
            Event::Candidates { tip, transactions, accounts } => {
                (tip, transactions.len() / 155, accounts.len())
            }
            other => panic!("not candidates: {other:?}"),
        }
    }

    fn ask(&mut self, ask: impl FnOnce(u64) -> Request) -> (Verdict, String) {
        self.tickets += 1;
        self.transport.request(ask(self.tickets)).unwrap();
        match self.next() {
            Event::Verdict { ticket, verdict, reason } if ticket == self.tickets => {
                (verdict, reason.into())
            }
            other => panic!("not the verdict on {}: {other:?}", self.tickets),
        }
    }

    fn submit(&mut self, block: &Block) -> (Verdict, String) {
        let block = block.encode().unwrap();
        self.ask(|ticket| Request::SubmitBlock { ticket, block: block.into() })
    }

    fn fetch(&mut self, locator: &[u8; 32]) -> (bool, Vec<BlockHeader>) {
        let locator = locator.to_vec().into();
        self.transport.request(Request::FetchHeaders { locator }).unwrap();
        self.next_headers()
    }

    fn close(mut self) {
        self.transport.close(u64::try_from(DEADLINE.as_millis()).unwrap()).unwrap();
    }
}

fn first_events(session: &Session) -> Vec<BlockHeader> {
    assert!(matches!(session.next(), Event::Online { .. }));
    let (anchor, headers) = session.next_headers();
    assert!(anchor);
    let tip = headers.last().unwrap().hash();
    assert_eq!(session.next_candidates().0, tip.to_bytes());
    headers
}

#[test]
fn a_session_tells_its_chain_and_takes_blocks_and_payments() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let network = network(1, &[&alice]);
    let folder = tempfile::tempdir().unwrap();
    let library = load();
    let mut session = open(&library, &network, folder.path());
    let genesis = network.genesis.header.clone();
    assert_eq!(first_events(&session), std::slice::from_ref(&genesis));

    let first = miner.block(&network, &genesis, Wish::default());
    assert_eq!(session.submit(&first), (Verdict::ACCEPTED, String::new()));
    assert_eq!(session.next_headers(), (false, vec![first.header.clone()]));
    assert_eq!(session.next_candidates(), (first.hash().to_bytes(), 0, 0));
    // Submitted again, after an answer that got lost.
    assert_eq!(session.submit(&first).0, Verdict::ACCEPTED);

    let payment = transfer(&alice, &bob, 5, 0, 1);
    let mut client = local::connect(folder.path()).unwrap().unwrap();
    assert_eq!(client.submit_transaction(&payment).unwrap(), payment.hash());
    assert_eq!(session.next_candidates(), (first.hash().to_bytes(), 1, 1));

    let wish = Wish { transactions: vec![payment], ..Wish::default() };
    let second = miner.block(&network, &first.header, wish);
    assert_eq!(session.submit(&second).0, Verdict::ACCEPTED);
    assert_eq!(session.next_headers(), (false, vec![second.header.clone()]));
    assert_eq!(session.next_candidates(), (second.hash().to_bytes(), 0, 0));

    let both = vec![first.header.clone(), second.header.clone()];
    assert_eq!(session.fetch(genesis.hash().as_bytes()), (false, both.clone()));
    assert_eq!(session.fetch(second.hash().as_bytes()), (false, vec![]));
    let all = [vec![genesis], both].concat();
    assert_eq!(session.fetch(&[9; 32]), (true, all.clone()));
    session.close();

    // Nothing but the chain stays, and it goes on.
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1);
    let session = open(&library, &network, folder.path());
    assert_eq!(first_events(&session), all);
    session.close();
}

#[test]
fn what_does_not_become_the_tip_is_stale_or_rejected_and_says_why() {
    let miner = Miner::new(3);
    let network = network(1, &[]);
    let folder = tempfile::tempdir().unwrap();
    let library = load();
    let mut session = open(&library, &network, folder.path());
    let genesis = first_events(&session).remove(0);
    let block = |parent: &BlockHeader, rank, difficulty| {
        miner.block(&network, parent, Wish { rank, difficulty, ..Wish::default() })
    };
    let good = block(&genesis, 5, 1);
    assert_eq!(session.submit(&good).0, Verdict::ACCEPTED);
    session.next_headers();
    session.next_candidates();

    let worse = block(&genesis, 6, 1);
    let (verdict, reason) = session.submit(&worse);
    assert_eq!((verdict, reason.is_empty()), (Verdict::STALE, false));
    let (verdict, reason) = session.submit(&block(&genesis, 0, 2));
    assert_eq!(verdict, Verdict::REJECTED);
    assert!(reason.contains("difficulty"), "{reason}");
    let (verdict, reason) =
        session.ask(|ticket| Request::SubmitBlock { ticket, block: vec![1, 2, 3].into() });
    assert_eq!(verdict, Verdict::REJECTED);
    assert!(reason.contains("not a block"), "{reason}");
    let (verdict, reason) = session.ask(|ticket| Request::SubmitProof { ticket, claim: claim() });
    assert_eq!(verdict, Verdict::REJECTED);
    assert!(reason.contains("blocks, not proofs"), "{reason}");

    // The worse one's branch takes over: all of it is told.
    let next = block(&worse.header, 0, 1);
    assert_eq!(session.submit(&next).0, Verdict::ACCEPTED);
    assert_eq!(session.next_headers(), (false, vec![worse.header, next.header.clone()]));
    assert_eq!(session.next_candidates().0, next.hash().to_bytes());
    session.close();
}

fn claim() -> RBox<ProofClaim> {
    RBox::new(ProofClaim {
        challenge_id: 0,
        challenge: [0; 32],
        epoch: 1,
        height: 1,
        score: [0; 32],
        plot_root: [0; 32],
        miner: [7; 33],
        proof: Vec::new().into(),
        reserved: [0; 16],
    })
}

#[test]
fn a_second_session_on_a_chain_is_told_who_has_it_and_a_check_works_beside_it() {
    let network = network(1, &[]);
    let folder = tempfile::tempdir().unwrap();
    let library = load();
    let check = |folder: &Path| {
        with(&network, folder, |transport| {
            Transport::check(&library, &request("solo", "()"), transport)
        })
    };
    let found = check(folder.path()).unwrap();
    assert!(found.contains("no chain"), "{found}");

    let first = open(&library, &network, folder.path());
    first_events(&first);
    let me = std::process::id().to_string();
    let found = check(folder.path()).unwrap();
    assert!(found.contains("height 0") && found.contains(&me), "{found}");

    let second = open(&library, &network, folder.path());
    let Event::Offline { reason } = second.next() else { panic!("the chain was opened twice") };
    assert!(reason.contains("in use by") && reason.contains(&me), "{reason}");
    first.close();

    let third = open(&library, &network, folder.path());
    first_events(&third);
    third.close();
    let found = check(folder.path()).unwrap();
    assert!(found.contains("height 0") && !found.contains("process"), "{found}");

    let Fault { message, .. } = with(&Network::local(), folder.path(), |transport| {
        Transport::check(&library, &request("solo", "()"), transport).unwrap_err()
    });
    assert!(message.contains("spacetime-test"), "{message}");
}

#[test]
fn a_chain_of_other_rules_is_neither_opened_nor_said_to_be_fine() {
    let network = network(1, &[]);
    let mut other = network.clone();
    other.min_plot_leaves = 1;
    let folder = tempfile::tempdir().unwrap();
    let library = load();
    let session = open(&library, &network, folder.path());
    first_events(&session);
    let check = || {
        let fault = with(&other, folder.path(), |transport| {
            Transport::check(&library, &request("solo", "()"), transport).unwrap_err()
        });
        fault.message
    };
    let differs = "min_plot_leaves is 1024, not 1;";
    assert!(check().contains(differs), "{}", check());
    session.close();
    assert!(check().contains(differs), "{}", check());
    let refused = open(&library, &other, folder.path());
    let Event::Offline { reason } = refused.next() else { panic!("the chain was opened") };
    assert!(reason.contains(differs), "{reason}");
    let session = open(&library, &network, folder.path());
    first_events(&session);
    session.close();
}

#[test]
fn it_takes_no_config() {
    let library = load();
    let folder = tempfile::tempdir().unwrap();
    let fault = with(&Network::local(), folder.path(), |transport| {
        Transport::check(&library, &request("solo", "(\n  speed: 1)"), transport).unwrap_err()
    });
    assert_eq!((fault.field.as_str(), fault.line), ("speed", 2), "{}", fault.message);
}
