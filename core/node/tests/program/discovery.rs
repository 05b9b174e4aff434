//! Peers that are found through other peers, remembered, and told of.

use std::fs;
use std::net::{SocketAddr, TcpListener};

use rustix::process::Signal;
use spacetime_protocol::BlockHash;

use crate::common::Miner;
use crate::process::Node;
use crate::raw::{Chain, Client, Frame, frame};

/// A page of addresses, IPv4 only.
fn page(addresses: &[SocketAddr]) -> Vec<u8> {
    let mut page = i32::try_from(addresses.len()).unwrap().to_le_bytes().to_vec();
    for address in addresses {
        let SocketAddr::V4(address) = address else { panic!("not IPv4: {address}") };
        page.extend(4_i32.to_le_bytes());
        page.extend(address.ip().octets());
        page.extend(i32::from(address.port()).to_le_bytes());
    }
    page
}

/// Waits until a node dials, and is a peer of the genesis block alone to it:
/// what it says, up to its question for pending transactions.
fn meet(listener: &TcpListener) -> (Client, Vec<Frame>) {
    let mut client = Client::over(listener.accept().unwrap().0);
    let mut said = Vec::new();
    loop {
        let (kind, payload) = client.receive().expect("it left");
        if kind == 0x20 {
            client.send(0x21, &[0; 4]);
        }
        said.push((kind, payload));
        if kind == 0x32 {
            return (client, said);
        }
    }
}

#[test]
fn a_peer_of_a_peer_is_found_and_remembered() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let peer = |node: &Node| node.address.to_string();
    let a = Node::start(folders[0].path(), &[]);
    let b = Node::start(folders[1].path(), &["--peer", &peer(&a)]);
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    let (mut at_a, mut at_b) = (Client::connect(a.address), Client::connect(b.address));
    // B has reached A.
    for _ in 0..2 {
        let block = chain.extend(&miner, &[]);
        at_a.send_block(&block);
        at_b.is_told(&block);
    }
    let (c, mut log) = Node::logging(folders[2].path(), &["--peer", &peer(&b)]);
    log.line(&["connected", &peer(&b)]);
    log.line(&["connected", &peer(&a)]);
    // It needs B no more.
    let mut at_c = Client::connect(c.address);
    drop(b.kill());
    let block = chain.extend(&miner, &[]);
    at_a.send_block(&block);
    at_c.is_told(&block);
    // Nor any peer that is named.
    assert_eq!(c.stop(Signal::TERM).0.code(), Some(0));
    let known = fs::read_to_string(folders[2].path().join("peers.json")).unwrap();
    assert!(known.contains(&format!("\"Port\": {}", a.address.port())), "{known}");
    let c = Node::start(folders[2].path(), &[]);
    let mut at_c = Client::connect(c.address);
    let block = chain.extend(&miner, &[]);
    at_a.send_block(&block);
    at_c.is_told(&block);
    assert_eq!(at_c.headers(&BlockHash::ZERO, 2000), chain.headers[1..]);
}

#[test]
fn a_node_asks_its_peers_says_where_it_is_and_never_stays_with_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, other) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap().to_string();
    let (node, mut log) = Node::logging(folder.path(), &["--peer", &address]);
    let (mut client, said) = meet(&listener);
    assert!(said.contains(&(0x10, [100_i32.to_le_bytes(), [0; 4]].concat())), "{said:?}");
    assert!(said.contains(&(0x11, page(&[node.address]))), "{said:?}");
    // Told of itself, of a port that is none, and of somebody else.
    let mut nobody = node.address;
    nobody.set_port(0);
    client.send(0x11, &page(&[node.address, nobody, other.local_addr().unwrap()]));
    log.line(&["disconnected", "it is this node itself"]);
    let (_other, said) = meet(&other);
    assert!(said.iter().any(|(kind, _)| *kind == 0x10));
    // It tells of whom it has reached, not of itself.
    let mut asker = Client::greeted(node.address);
    asker.send(0x10, &[100_i32.to_le_bytes(), [0; 4]].concat());
    let known = asker.next(0x11);
    let both = [other.local_addr().unwrap(), listener.local_addr().unwrap()];
    assert!([page(&both), page(&[both[1], both[0]])].contains(&known), "{known:?}");
    assert_eq!(node.stop(Signal::TERM).0.code(), Some(0));
    let known = fs::read_to_string(folder.path().join("peers.json")).unwrap();
    assert_eq!(known.matches("\"Port\"").count(), 2, "{known}");
}

#[test]
fn each_connection_is_told_of_peers_once_in_five_minutes_wherever_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for more in [&[][..], &["--limit-loopback"]] {
        let node = Node::start(folder.path(), &[more, &["--peer", &address.to_string()]].concat());
        let (_peer, _) = meet(&listener);
        let question = [100_i32.to_le_bytes(), [0; 4]].concat();
        // Several miners on one machine, each after the other.
        for _ in 0..3 {
            let mut asker = Client::greeted(node.address);
            asker.send(0x10, &question);
            assert_eq!(asker.next(0x11), page(&[address]));
            asker.send(0x10, &question);
            assert_eq!(asker.next(0x11), page(&[]));
        }
        assert_eq!(node.stop(Signal::TERM).0.code(), Some(0));
    }
}

#[test]
fn without_discovery_nobody_is_asked_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let node = Node::start(folder.path(), &["--peer", &address, "--no-discovery"]);
    let (mut client, mut said) = meet(&listener);
    client.bytes(&frame(0x11, &page(&["127.0.0.1:1".parse().unwrap()])));
    said.extend(client.until_pong(1));
    assert!(said.iter().all(|(kind, _)| ![0x10, 0x11].contains(kind)), "{said:?}");
    assert_eq!(node.stop(Signal::TERM).0.code(), Some(0));
    assert!(!folder.path().join("peers.json").exists());
}

#[test]
fn a_file_that_is_no_address_book_is_kept_aside() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("peers.json"), "[{").unwrap();
    let (node, mut log) = Node::logging(folder.path(), &[]);
    log.line(&["WARN", "peers.json", "no address book", "peers.json.corrupt"]);
    assert!(Client::connect(node.address).is_open());
    assert_eq!(fs::read(folder.path().join("peers.json.corrupt")).unwrap(), b"[{");
}
