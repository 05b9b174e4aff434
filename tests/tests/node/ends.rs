//! Connections that cannot be made, or end: each in its own way.

use std::{
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use spacetime_protocol::wire::{Message, PingPong};
use spacetime_tests::{
    address,
    process::Miner,
    scripted::{Answer, Scripted},
};

use crate::home;

fn listen() -> Scripted {
    Scripted::listen(address::own())
}

fn notice(number: u8, height: u64) -> Vec<u8> {
    let hash = spacetime_protocol::BlockHash::new([number; 32]);
    Message::BlockAccepted { hash, height }.to_frame().unwrap()
}

/// A miner that follows a node's notices, connected.
fn connected(node: &mut Scripted, more: &str) -> (spacetime_tests::home::Home, Miner) {
    let home = home(&format!("address: \"{}\", follow: notices{more}", node.address()));
    let miner = home.run(&[]);
    node.wait_until("a handshake", |node| {
        node.connections.first().is_some_and(|first| !first.frames.is_empty())
    });
    (home, miner)
}

/// The next fault that says this.
fn fault(miner: &mut Miner, what: &str) -> Value {
    miner.wait_for(what, |event| {
        event["event"] == "fault"
            && ["message", "fault"]
                .iter()
                .any(|key| event[key].as_str().is_some_and(|message| message.contains(what)))
    })
}

fn wait_for_connection(node: &mut Scripted, number: usize) {
    node.wait_until("another connection", |node| {
        node.connections.get(number).is_some_and(|next| !next.frames.is_empty())
    });
}

/// D1: the reference neither introduces itself nor answers pings.
#[test]
fn d1_it_introduces_itself_and_answers_pings_during_a_scan() {
    let mut node = listen();
    let (_home, miner) = connected(&mut node, "");
    let first = &node.connections[0].frames[0];
    let Message::Handshake(us) =
        Message::decode(spacetime_protocol::wire::Kind::Handshake, &first[5..]).unwrap()
    else {
        panic!("not a handshake: {first:?}")
    };
    assert_eq!((us.version, us.node_id.len()), (1, 32));
    assert!(us.user_agent.starts_with("spacetime-miner/"), "{us:?}");
    for nonce in 1..=5 {
        node.send(0, &notice(nonce, 5));
        let ping = PingPong { nonce: nonce.into(), timestamp: 1 };
        node.send(0, &Message::Ping(ping).to_frame().unwrap());
    }
    let pongs = |node: &Scripted| {
        let frames = &node.connections[0].frames;
        frames.iter().filter(|frame| frame[4] == 0x05).map(|pong| pong[5]).collect::<Vec<_>>()
    };
    node.wait_until("five pongs", |node| pongs(node).len() == 5);
    assert_eq!(pongs(&node), [1, 2, 3, 4, 5]);
    // A pong that repeats our own nonce is never answered: we asked nothing.
    assert_eq!(miner.stop().code, Some(0));
}

/// D4: the reference takes a refused connection for one.
#[test]
fn d4_a_refused_connection_ends_the_boot_after_its_attempts() {
    let address = TcpListener::bind(address::own()).unwrap().local_addr().unwrap();
    let home = home(&format!("address: \"{address}\"")).set("max_connection_retries", "3");
    let began = Instant::now();
    let ended = home.run_to_end(&[]);
    assert_eq!(ended.code, Some(7), "{ended:#?}");
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.starts_with("error:") && last.contains(&address.to_string()), "{ended:#?}");
    assert!(last.contains("refused"), "{ended:#?}");
    let faults = ended.events("fault").into_iter();
    let attempts = faults.filter(|fault| fault["message"].to_string().contains("of 3 failed"));
    let attempts = attempts.count();
    // The host's pauses grow too: about one second, then two.
    assert!(attempts >= 2 && began.elapsed() > Duration::from_millis(2300), "{ended:#?}");
}

/// D5: the reference neither notices an orderly close nor comes back.
#[test]
fn d5_a_closed_a_reset_and_a_broken_off_connection_are_told_apart_and_made_again() {
    let mut node = listen();
    let (_home, mut miner) = connected(&mut node, "");
    node.send(0, &notice(1, 1));
    node.close(0);
    fault(&mut miner, "the peer closed the connection");
    wait_for_connection(&mut node, 1);
    node.send(1, &notice(2, 2));
    node.reset(1);
    fault(&mut miner, "reset");
    wait_for_connection(&mut node, 2);
    node.send(2, &notice(3, 3)[..20]);
    node.close(2);
    fault(&mut miner, "ended within a frame");
    wait_for_connection(&mut node, 3);
    assert_eq!(miner.stop().code, Some(0));
}

/// D9: the reference reads on where no frame begins.
#[test]
fn d9_a_stream_that_cannot_be_read_on_is_left() {
    let mut node = listen();
    let (_home, mut miner) = connected(&mut node, "");
    node.send(0, b"GET / HTTP/1.1\r\n\r\n");
    fault(&mut miner, "a frame's length is");
    wait_for_connection(&mut node, 1);
    node.send(1, &[2, 0, 0, 0, 0x06, 0xAA]);
    fault(&mut miner, "undefined type");
    wait_for_connection(&mut node, 2);
    assert!(node.connections[0].has_ended && node.connections[1].has_ended);
    assert_eq!(miner.stop().code, Some(0));
}

/// With `follow: notices`, too, one of several nodes is named for what it sends,
/// once, though it is tried again and again.
#[test]
fn of_several_nodes_one_may_send_what_is_no_message() {
    let garbage: Arc<Answer> = Arc::new(|_| vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()]);
    let mut liar = Scripted::answering(address::own(), garbage);
    let mut node = listen();
    let nodes = [node.address(), liar.address()].map(|node| node.to_string());
    let home = home(&format!("peers: {nodes:?}, follow: notices, longest_pause_seconds: 1"));
    let mut miner = home.run(&[]);
    wait_for_connection(&mut node, 0);
    liar.wait_until("more attempts", |liar| liar.connections.len() >= 5);
    node.send(0, &notice(1, 1));
    miner.event("challenge");
    let ended = miner.stop();
    let named = format!("node {}: it is left: a frame's length is", liar.address());
    let faults = ended.events("fault").into_iter();
    let told: Vec<String> = faults.map(|fault| fault["message"].to_string()).collect();
    assert_eq!(told.iter().filter(|told| told.contains(&named)).count(), 1, "{told:#?}");
}

/// D6: after fifty connections the reference can make no other. D7: its
/// pauses do not grow.
#[test]
fn d6_d7_dead_connections_do_not_count_and_pauses_grow_up_to_the_cap() {
    let mut node = listen();
    let (_home, miner) = connected(&mut node, ", longest_pause_seconds: 1");
    let mut began = vec![Instant::now()];
    // Of no use at all: the pauses grow.
    for number in 0..4 {
        node.close(number);
        wait_for_connection(&mut node, number + 1);
        began.push(Instant::now());
    }
    let pauses: Vec<Duration> = began.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[3] >= Duration::from_millis(450), "about a second: {pauses:?}");
    // Of use each time, so that they are short, and more than fifty.
    for number in 4..56 {
        let number = u8::try_from(number).unwrap();
        node.send(number.into(), &notice(number, number.into()));
        node.close(number.into());
        wait_for_connection(&mut node, usize::from(number) + 1);
    }
    assert_eq!(miner.stop().code, Some(0));
}

/// D31: the reference submits hopeless proofs. On a chain of its own a miner
/// submits blocks only; only who follows notices submits every best proof, as
/// such nodes expect.
#[test]
fn d31_only_notices_ask_for_every_best_proof() {
    let mut node = listen();
    let (_home, mut miner) = connected(&mut node, "");
    node.send(0, &notice(1, 1));
    let challenge = miner.event("challenge");
    assert_eq!(challenge["share_target"].as_str(), Some(&*"f".repeat(64)), "{challenge}");
    assert_eq!(challenge["block_target"], Value::Null, "no difficulty is configured");
    node.wait_until("a proof", |node| {
        node.connections[0].frames.iter().any(|frame| frame[4] == 0x40)
    });
    assert_eq!(miner.stop().code, Some(0));
    assert!(node.connections[0].frames.iter().all(|frame| frame[4] != 0x23));
}
