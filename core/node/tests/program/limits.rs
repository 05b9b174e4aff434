//! What a peer may send, and what becomes of it beyond that: limits,
//! disconnects, bans, and the exemption of this machine.

use std::time::Instant;

use spacetime_protocol::network::development_key;

use crate::common::{Miner, key, transfer};
use crate::process::{Node, PATIENCE};
use crate::raw::{Chain, Client};

const LIMITED: &[&str] = &["--limit-loopback"];

/// A node, limiting this machine's peers or not, and a client of it.
fn bench(more: &[&str]) -> (tempfile::TempDir, Node, Client) {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), more);
    let client = Client::greeted(node.address);
    (folder, node, client)
}

/// A block that is not signed.
fn bad_block() -> Vec<u8> {
    let mut bytes = Chain::local().mine(&Miner::new(3), 1, &[]).encode().unwrap();
    bytes[289] ^= 1;
    bytes
}

fn transaction(number: u64) -> Vec<u8> {
    transfer(&key(9), &key(8), 1, number, 1).encode().unwrap().to_vec()
}

/// What nobody honest sends.
fn bad_transaction(number: u64) -> Vec<u8> {
    let mut bytes = transaction(number);
    bytes[154] ^= 1;
    bytes
}

#[test]
fn an_invalid_block_ends_the_connection_and_bans_the_address() {
    let (_folder, node, mut client) = bench(LIMITED);
    client.send(0x23, &bad_block());
    assert!(client.is_closed());
    assert!(Client::connect(node.address).is_closed(), "banned");
}

#[test]
fn transactions_that_nobody_honest_sends_end_it_and_others_do_not() {
    let (_folder, node, mut client) = bench(LIMITED);
    // Refused, as their sender owns nothing: no fault of who passes them on.
    for number in 0..20 {
        client.send(0x30, &transaction(number));
    }
    client.until_pong(1);
    for number in 0..4 {
        client.send(0x30, &bad_transaction(number));
        // The same one again is not looked at.
        client.send(0x30, &bad_transaction(number));
    }
    client.until_pong(2);
    client.send(0x30, &bad_transaction(4));
    assert!(client.is_closed());
    assert!(Client::connect(node.address).is_closed(), "banned");
}

#[test]
fn too_many_messages_are_dropped_and_a_flood_ends_the_connection() {
    let (_folder, node, mut client) = bench(LIMITED);
    let rich = development_key();
    for number in 0..150 {
        client.send(0x30, &transaction(number));
    }
    // This one is over the limit.
    client.send(0x30, &transfer(&rich, &key(9), 1, 0, 1).encode().unwrap());
    client.until_pong(1);
    client.send(0x32, &[1, 0, 0, 0, 1]);
    assert_eq!(client.until_pong(2), []);
    // It may be closed before all are sent.
    let _ = (0..10_500).all(|number| client.try_send(0x30, &transaction(number)));
    assert!(client.is_closed());
    assert!(Client::connect(node.address).is_closed(), "banned");
}

#[test]
fn what_was_seen_already_takes_nothing_of_the_limit() {
    let (_folder, node, mut client) = bench(LIMITED);
    let mut other = Client::greeted(node.address);
    let pay = |nonce| transfer(&development_key(), &key(9), 1, nonce, 1).encode().unwrap();
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    let seen = [chain.extend(&miner, &[]), chain.extend(&miner, &[])];
    seen.iter().for_each(|block| client.send_block(block));
    client.is_told(&seen[1]);
    client.send(0x30, &pay(0));
    client.until_pong(1);
    // Copies, of one's own and of what others brought; far more than there is
    // of the limit, and as often as ends a connection that is over it.
    for client in [&mut client, &mut other] {
        let mut copies = crate::raw::frame(0x30, &pay(0));
        for block in &seen {
            copies.extend(crate::raw::frame(0x23, &block.encode().unwrap()));
            copies.extend(crate::raw::frame(0x31, &block.encode().unwrap()));
        }
        client.bytes(&copies.repeat(2200));
    }
    client.send(0x30, &pay(1));
    client.until_pong(2);
    other.send(0x30, &pay(2));
    other.until_pong(2);
    // The last of them may be passed on to it ahead of its greeting.
    let mut asker = Client::connect(node.address);
    asker.send(0x32, &[9, 0, 0, 0, 1]);
    let mut missing: Vec<_> = (0..3).map(|nonce| pay(nonce).to_vec()).collect();
    while !missing.is_empty() {
        let pending = asker.next(0x30);
        missing.retain(|transaction| *transaction != pending);
    }
}

#[test]
fn malformed_messages_end_the_connection_at_last() {
    let (_folder, node, mut client) = bench(LIMITED);
    for _ in 0..9 {
        client.send(0x22, &[0; 31]);
    }
    client.until_pong(1);
    client.send(0x22, &[0; 31]);
    assert!(client.is_closed());
    assert!(Client::connect(node.address).is_closed(), "banned");
}

#[test]
fn peers_on_this_machine_are_exempt_from_all_of_it() {
    let (_folder, node, mut client) = bench(&[]);
    let mut blocked = bad_block();
    for number in 0..30 {
        client.send(0x22, &[0; 31]);
        client.send(0x30, &bad_transaction(number));
        blocked[200] = u8::try_from(number).unwrap();
        client.send(0x23, &blocked);
    }
    for number in 0..1000 {
        client.send(0x30, &transaction(number));
    }
    let rich = development_key();
    let sent = transfer(&rich, &key(9), 1, 0, 1).encode().unwrap();
    client.send(0x30, &sent);
    client.until_pong(1);
    client.send(0x32, &[1, 0, 0, 0, 1]);
    assert_eq!(client.next(0x30), sent);
    assert_eq!(Client::greeted(node.address).until_pong(1), []);
}

#[test]
fn a_stream_that_cannot_be_read_on_is_closed_and_nobody_is_banned() {
    for more in [LIMITED, &[]] {
        let (_folder, node, _client) = bench(more);
        for bytes in [
            &[0, 0, 0, 0, 4][..],
            &[0xff, 0xff, 0xff, 0xff, 4],
            &[1, 0, 0, 1, 4],
            &[1, 0, 0, 0, 6],
            &[3, 0, 0, 0, 0, 1, 2],
        ] {
            let mut client = Client::connect(node.address);
            client.bytes(bytes);
            assert!(client.is_closed(), "{bytes:?}");
        }
        // Messages that came whole before are taken.
        let (block, mut client) =
            (Chain::local().mine(&Miner::new(3), 1, &[]), Client::greeted(node.address));
        let mut bytes = crate::raw::frame(0x23, &block.encode().unwrap());
        bytes.extend([0; 5]);
        client.bytes(&bytes);
        assert!(client.is_closed());
        Client::connect(node.address).is_told(&block);
        // An error message is no error of the stream.
        let mut client = Client::greeted(node.address);
        client.send(0xff, b"nope");
        client.until_pong(1);
    }
}

#[test]
fn connections_are_bounded_and_dead_ones_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &["--max-connections", "3"]);
    for _ in 0..20 {
        // Those of the last round are noticed at once.
        let [mut first, others @ ..] = three(&node);
        assert!(Client::connect(node.address).is_closed());
        drop(others);
        // Half a frame was on its way.
        first.bytes(&[9, 0, 0, 0, 4, 1]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn of_one_address_eight_connections_are_taken() {
    let other = "127.0.0.2".parse().unwrap();
    let (_folder, node, first) = bench(LIMITED);
    let mut clients: Vec<Client> = (0..7).map(|_| Client::connect(node.address)).collect();
    assert!(clients.iter_mut().all(Client::is_open));
    assert!(Client::connect(node.address).is_closed(), "the ninth");
    let mut others = [(); 8].map(|()| Client::connect_from(other, node.address));
    assert!(others.iter_mut().all(Client::is_open), "another address has its own eight");
    assert!(Client::connect_from(other, node.address).is_closed());
    // One that is gone makes room.
    first.reset();
    let deadline = Instant::now() + PATIENCE;
    let mut late = Client::connect(node.address);
    while !late.is_open() {
        assert!(Instant::now() < deadline, "the one that is gone still counts");
        late = Client::connect(node.address);
    }
    assert!(Client::connect(node.address).is_closed());

    // Without limits there are more.
    let (_folder, node, _first) = bench(&[]);
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(node.address)).collect();
    assert!(clients.iter_mut().all(Client::is_open));
}

#[test]
#[cfg(target_os = "linux")]
fn a_ban_is_the_address_s_own() {
    let (_folder, node, mut client) = bench(LIMITED);
    client.send(0x23, &bad_block());
    assert!(client.is_closed());
    assert!(Client::connect(node.address).is_closed());
    assert!(Client::connect_from("127.0.0.2".parse().unwrap(), node.address).is_open());
}

/// Three connections that the node takes, once it does.
fn three(node: &Node) -> [Client; 3] {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "those that are gone still count");
        let mut clients = [(); 3].map(|()| Client::connect(node.address));
        if clients.iter_mut().all(Client::is_open) {
            return clients;
        }
    }
}
