//! The local socket beside a running chain, used as commands use it.

#![allow(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use common::{Miner, PREMINE, Wish, key, mine, network, transfer};
use spacetime_node::local::{self, Client, Endpoint, FILE_NAME, LocalError, Server};
use spacetime_node::{Service, ask};
use spacetime_protocol::ask::{AccountState, Answer, Fate, Question};
use spacetime_protocol::block::Block;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::network::Network;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::{BlockHash, TxHash};
use tokio::runtime::Runtime;

/// A chain with its socket, served by threads of its own.
struct Running {
    server: Server,
    service: Service,
    runtime: Runtime,
    directory: tempfile::TempDir,
}

fn start(network: &Network) -> Running {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path(), network.clone()).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let entered = runtime.enter();
    let server = Server::start(service.clone(), directory.path()).unwrap();
    drop(entered);
    Running { server, service, runtime, directory }
}

impl Running {
    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn client(&self) -> Client {
        local::connect(self.path()).unwrap().unwrap()
    }

    fn stop(self) -> tempfile::TempDir {
        let Self { server, service, runtime, directory } = self;
        drop(server);
        drop(service);
        drop(runtime);
        directory
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn commands_read_and_pay_beside_a_running_chain() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let network = network(1, &[&alice]);
    let running = start(&network);
    let block = mine(&running.service, &miner, Wish::default());
    let mut client = running.client();

    let status = client.status().unwrap();
    assert_eq!((status.height, status.tip, status.mempool), (1, block.hash(), 0));
    assert_eq!(status.pid, Some(std::process::id()));
    assert_eq!(local::status(running.path(), &network).unwrap(), Some(status));

    let account = client.account(alice.identity()).unwrap();
    assert_eq!((account.balance, account.nonce), (PREMINE, 0));
    let payment = transfer(&alice, &bob, 5, 0, 1);
    assert_eq!(client.submit_transaction(&payment).unwrap(), payment.hash());
    assert_eq!(
        running.service.candidates(10).unwrap().transactions,
        std::slice::from_ref(&payment)
    );
    assert_eq!(client.status().unwrap().mempool, 1);
    match client.submit_transaction(&payment).unwrap_err() {
        LocalError::Refused { kind, message } => {
            assert_eq!((kind.as_str(), message.as_str()), ("refused", "it is pending already"));
        }
        other => panic!("{other}"),
    }

    let account = client.account(alice.identity()).unwrap();
    let outlook = account.outlook.unwrap();
    assert_eq!((account.nonce, outlook.next_nonce, outlook.spendable), (0, 1, PREMINE - 6));
    assert_eq!((outlook.tip, outlook.height), (block.hash(), 1));
    assert_eq!(client.transaction(payment.hash()).unwrap(), Fate::Pending);
    assert_eq!(client.transaction(TxHash::ZERO).unwrap(), Fate::Unknown);
    let better = transfer(&alice, &bob, 5, 0, 2);
    let refused = client.take_transaction(&better, false).unwrap_err().to_string();
    assert_eq!(refused, "another one with nonce 0 is pending");

    let reply = client.block_at(1).unwrap();
    assert_eq!((reply.hash, reply.height, reply.best), (block.hash(), 1, true));
    assert_eq!(Block::decode(&unhex(&reply.bytes)).unwrap(), block);
    assert_eq!(client.block(block.hash()).unwrap(), reply);
    let reply = client.header(block.hash()).unwrap();
    assert_eq!(BlockHeader::decode(&unhex(&reply.bytes)).unwrap(), block.header);
    assert_eq!(client.header_at(1).unwrap(), reply);
    for missing in [client.header_at(2), client.block(BlockHash::ZERO)] {
        assert!(matches!(missing, Err(LocalError::Refused { kind, .. }) if kind == "not_found"));
    }
}

#[test]
fn nonsense_is_answered_and_endless_lines_are_cut() {
    let running = start(&network(1, &[]));
    let stream = UnixStream::connect(&running.server.endpoint().socket).unwrap();
    let mut replies = BufReader::new(stream.try_clone().unwrap()).lines();
    for nonsense in
        ["{\"op\":\"fly\"}", "", "{\"op\":\"submit_transaction\",\"transaction\":\"zz\"}"]
    {
        writeln!(&stream, "{nonsense}").unwrap();
        let reply = replies.next().unwrap().unwrap();
        assert!(reply.starts_with("{\"error\":{\"kind\":\"request\""), "{reply}");
    }
    (&stream).write_all(&[b' '; 5000]).unwrap();
    let reply = replies.next().unwrap().unwrap();
    assert!(reply.contains("line too long"), "{reply}");
    assert!(replies.next().is_none_or(|end| end.is_err()));
    running.client().status().unwrap();
}

#[test]
fn a_stopped_chain_is_read_from_its_store() {
    let network = network(1, &[]);
    let running = start(&network);
    let block = mine(&running.service, &Miner::new(3), Wish::default());
    let socket = running.server.endpoint().socket.clone();
    let directory = running.stop();
    assert!(!socket.exists());
    assert!(!directory.path().join(FILE_NAME).exists());
    assert!(local::connect(directory.path()).unwrap().is_none());
    let status = local::status(directory.path(), &network).unwrap().unwrap();
    assert_eq!((status.height, status.tip, status.pid), (1, block.hash(), None));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(local::status(empty.path(), &network).unwrap(), None);
}

/// The same questions, to the running chain and to its store.
#[test]
fn questions_are_answered_beside_a_running_chain_and_from_its_store() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let network = network(1, &[&alice]);
    let running = start(&network);
    let ask = |directory: &Path, question| ask::answer(directory, &network, &question);
    let paid = transfer(&alice, &bob, 5, 0, 1);
    let submit = |transaction: &Transaction, replace| Question::SubmitTransaction {
        transaction: transaction.clone(),
        replace,
    };
    let submitted = Answer::Submitted(paid.hash());
    assert_eq!(ask(running.path(), submit(&paid, false)).unwrap(), submitted);
    assert_eq!(
        ask(running.path(), submit(&paid, false)).unwrap(),
        Answer::Refused("it is pending already".to_owned())
    );
    let fate = |directory: &Path, hash| match ask(directory, Question::Transaction(hash)) {
        Ok(Answer::Transaction(fate)) => fate,
        other => panic!("{other:?}"),
    };
    assert_eq!(fate(running.path(), paid.hash()), Fate::Pending);
    let transactions = vec![paid.clone()];
    let block = mine(&running.service, &miner, Wish { transactions, ..Wish::default() });
    mine(&running.service, &miner, Wish::default());
    let pending = transfer(&alice, &bob, 7, 1, 2);
    ask(running.path(), submit(&pending, false)).unwrap();
    let tip = running.service.status().unwrap().tip;
    let state = AccountState {
        identity: alice.identity(),
        balance: PREMINE - 6,
        nonce: 1,
        next_nonce: 2,
        spendable: PREMINE - 15,
        tip,
        height: 2,
    };
    let account = |directory: &Path| ask(directory, Question::Account(alice.identity())).unwrap();
    assert_eq!(account(running.path()), Answer::Account(state));
    assert_eq!(
        ask::answer_running(&running.service, &Question::Account(alice.identity())).unwrap(),
        Some(Answer::Account(state))
    );
    let in_block = Fate::InBlock { block: block.hash(), height: 1, confirmations: 2 };
    assert_eq!(fate(running.path(), paid.hash()), in_block);

    let directory = running.stop();
    let directory = directory.path();
    assert_eq!(fate(directory, paid.hash()), in_block);
    assert_eq!(fate(directory, TxHash::ZERO), Fate::Unknown);
    // Nobody runs the chain: nobody knows what is pending, or takes more.
    let (next_nonce, spendable) = (1, PREMINE - 6);
    let state = AccountState { next_nonce, spendable, ..state };
    assert_eq!(account(directory), Answer::Account(state));
    let Ok(Answer::Tip(found)) = ask(directory, Question::Tip) else { panic!() };
    assert_eq!((found.hash, found.height, found.pending), (tip, 2, 0));
    let refused = ask(directory, submit(&pending, false)).unwrap_err().to_string();
    assert!(refused.contains("`spacetime-miner run`"), "{refused}");
    let empty = tempfile::tempdir().unwrap();
    let refused = ask(empty.path(), Question::Tip).unwrap_err().to_string();
    assert!(refused.contains("no chain"), "{refused}");
    let other = ask::answer(directory, &Network::local(), &Question::Tip).unwrap_err();
    assert!(other.to_string().contains("spacetime-test"), "{other}");
}

#[test]
fn what_a_killed_process_left_does_not_matter() {
    let network = network(1, &[]);
    let directory = tempfile::tempdir().unwrap();
    let gone = Endpoint {
        pid: u32::MAX,
        socket: directory.path().join("gone.sock"),
        network_id: network.id.clone(),
    };
    let record = serde_json::to_string(&gone).unwrap();
    std::fs::write(directory.path().join(FILE_NAME), record).unwrap();
    assert!(local::connect(directory.path()).unwrap().is_none());
    assert_eq!(local::status(directory.path(), &network).unwrap(), None);
}

#[test]
fn other_rules_of_the_same_network_are_refused_with_what_differs() {
    let network = network(1, &[]);
    let mut other = network.clone();
    other.bind_plots = false;
    other.adjustment.interval = 20;
    assert_eq!(other.genesis_hash(), network.genesis_hash());
    let running = start(&network);
    let asked = local::status(running.path(), &other).unwrap_err().to_string();
    let question = |directory: &Path| ask::answer(directory, &other, &Question::Tip).unwrap_err();
    let answered = question(running.path()).to_string();
    let directory = running.stop();
    let read = local::status(directory.path(), &other).unwrap_err().to_string();
    let answered_from_store = question(directory.path()).to_string();
    let opened = Service::open(directory.path(), other.clone()).map(|_| ()).unwrap_err();
    for message in [asked, answered, read, answered_from_store, opened.to_string()] {
        let differs = "adjustment_interval is 10, not 20, bind_plots is true, not false;";
        assert!(message.contains(differs), "{message}");
        assert!(message.contains(directory.path().to_str().unwrap()), "{message}");
    }
    Service::open(directory.path(), network).map(|_| ()).unwrap();
}

#[test]
fn another_network_is_refused_with_both_names() {
    let other = Network::local();
    let running = start(&network(1, &[]));
    let asked = local::status(running.path(), &other).unwrap_err().to_string();
    let directory = running.stop();
    let read = local::status(directory.path(), &other).unwrap_err().to_string();
    let opened = Service::open(directory.path(), other.clone()).map(|_| ()).unwrap_err();
    for message in [asked, read, opened.to_string()] {
        assert!(message.contains("spacetime-test") && message.contains(&other.id), "{message}");
    }
}
