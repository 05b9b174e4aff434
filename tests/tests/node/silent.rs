//! Nodes that take a connection and say nothing: who is left, when, and who is
//! not.

use std::time::{Duration, Instant};

use spacetime_protocol::{
    BlockHash,
    wire::{Kind, Message},
};
use spacetime_tests::{address, home::Home, node::Node, process::Miner, scripted::Scripted};

use crate::home;

/// What a question may stay unanswered, and when silence asks for a ping.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);
/// What a busy machine may add.
const BUSY: Duration = Duration::from_secs(15);

fn listen() -> Scripted {
    Scripted::listen(address::own())
}

fn wait_for_frame(node: &mut Scripted, kind: u8, count: usize) {
    node.wait_until("a frame", |node| {
        let frames = node.connections.iter().flat_map(|connection| &connection.frames);
        frames.filter(|frame| frame[4] == kind).count() >= count
    });
}

#[test]
fn one_that_answers_no_question_is_left_after_half_a_minute() {
    let node = listen();
    let home = home(&format!("address: \"{}\"", node.address())).set("max_connection_retries", "1");
    let began = Instant::now();
    let ended = home.run_to_end(&[]);
    let took = began.elapsed();
    assert!((HALF_A_MINUTE..HALF_A_MINUTE + BUSY).contains(&took), "{took:?}: {ended:#?}");
    assert_eq!(ended.code, Some(7), "{ended:#?}");
    let last = ended.stderr.lines().last().unwrap();
    for part in [&node.address().to_string(), "did not answer a question for headers within 30 s"] {
        assert!(last.contains(part), "{part}: {ended:#?}");
    }
}

#[test]
fn while_one_is_silent_another_is_followed() {
    let mut silent = listen();
    let folder = tempfile::tempdir().unwrap();
    let honest = Node::start(folder.path(), "127.0.0.1:0".parse().unwrap(), &[]);
    let nodes = [silent.address(), honest.address()].map(|node| node.to_string());
    let home = home(&format!("peers: {nodes:?}"));
    let began = Instant::now();
    let mut miner = home.run(&[]);
    miner.event("accepted");
    assert!(began.elapsed() < HALF_A_MINUTE, "it waits for the silent one");
    silent.wait_until("its end", |node| node.connections.first().is_some_and(|it| it.has_ended));
    let took = began.elapsed();
    assert!((HALF_A_MINUTE..HALF_A_MINUTE + BUSY).contains(&took), "{took:?}");
    // It is tried again, and the other one mined with all the while.
    silent.wait_until("another attempt", |node| node.connections.len() > 1);
    miner.event("accepted");
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("did not answer a question for headers"), "{ended:#?}");
    assert_eq!(ended.events("rejected").len(), 0, "{ended:#?}");
}

fn notice(number: u8) -> Vec<u8> {
    let hash = BlockHash::new([number; 32]);
    Message::BlockAccepted { hash, height: number.into() }.to_frame().unwrap()
}

/// A miner that follows a node's notices, and mines on the first.
fn mines(node: &mut Scripted) -> (Home, Miner) {
    let home = home(&format!("address: \"{}\", follow: notices", node.address()));
    let mut miner = home.run(&[]);
    wait_for_frame(node, 0x01, 1);
    node.send(0, &notice(1));
    miner.event("challenge");
    (home, miner)
}

/// The reference's nodes never answer a ping, and say nothing for as long as
/// no block comes.
#[test]
fn one_whose_notices_are_followed_may_be_silent() {
    let mut node = listen();
    let (_home, mut miner) = mines(&mut node);
    #[cfg(target_os = "linux")]
    assert_kept_alive(node.address());
    wait_for_frame(&mut node, 0x04, 1);
    let until = HALF_A_MINUTE + Duration::from_secs(5);
    let is_left = node
        .happens_within(until, |node| node.connections[0].has_ended || node.connections.len() > 1);
    assert!(!is_left, "it was left for its silence");
    node.send(0, &notice(2));
    let parent = BlockHash::new([2; 32]).to_string();
    miner.wait_for("the next challenge", |event| event["parent"].as_str() == Some(&*parent));
    let ended = miner.stop();
    assert_eq!(ended.events("fault").len(), 0, "{ended:#?}");
}

/// One that has answered a ping answers the next one, or is gone.
#[test]
fn one_that_answered_pings_is_left_once_it_does_not() {
    let mut node = listen();
    let (_home, mut miner) = mines(&mut node);
    wait_for_frame(&mut node, 0x04, 1);
    let frames = &node.connections[0].frames;
    let ping = frames.iter().find(|frame| frame[4] == 0x04).unwrap();
    let Ok(Message::Ping(ping)) = Message::decode(Kind::Ping, &ping[5..]) else {
        panic!("no ping: {ping:?}")
    };
    node.send(0, &Message::Pong(ping).to_frame().unwrap());
    wait_for_frame(&mut node, 0x04, 2);
    let asked = Instant::now();
    miner.wait_for("its reason", |event| {
        event["message"].as_str().is_some_and(|text| text.contains("no answer to a ping for 30 s"))
    });
    let took = asked.elapsed();
    assert!(took < HALF_A_MINUTE + BUSY, "{took:?}");
    // And it is tried again.
    wait_for_frame(&mut node, 0x01, 2);
    assert_eq!(miner.stop().code, Some(0));
}

/// Part of a message, and then a byte now and then: the rest will not come. The
/// node that a chain is followed from has the same minute.
#[test]
fn one_whose_message_never_ends_is_left_after_a_minute() {
    let mut node = listen();
    let (_home, mut miner) = mines(&mut node);
    let began = Instant::now();
    let half = [1000_i32.to_le_bytes().as_slice(), &[Kind::Block.byte()]].concat();
    node.send(0, &half);
    while !node.happens_within(Duration::from_secs(5), |node| node.connections[0].has_ended) {
        let took = began.elapsed();
        assert!(took < 2 * HALF_A_MINUTE + BUSY, "it is still there after {took:?}");
        node.send(0, &[7]);
    }
    let took = began.elapsed();
    // That it ended may have other reasons, the miner's end among them.
    let fault = miner.event("fault");
    let said = "it sent part of a message, and not the rest of it within";
    assert!(fault["message"].as_str().is_some_and(|text| text.contains(said)), "{took:?}: {fault}");
    // The miner's clock counts whole milliseconds.
    let least = 2 * HALF_A_MINUTE - Duration::from_millis(1);
    assert!(took >= least, "{took:?}: {fault}");
    // And it is tried again.
    wait_for_frame(&mut node, 0x01, 2);
    assert_eq!(miner.stop().code, Some(0));
}

/// A machine that is gone says nothing either: the system asks for it, 30 s
/// after the last sign of life at the latest.
#[cfg(target_os = "linux")]
fn assert_kept_alive(node: std::net::SocketAddr) {
    let node = format!(":{:04X}", node.port());
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let row = sockets.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let is_ours = |row: &Vec<&str>| row[2].ends_with(&node) && row[3] == "01";
    let row = row.into_iter().skip(1).find(is_ours).expect("the miner is connected");
    // The timer, and the hundredths of a second that it has left.
    let (timer, left) = row[5].split_once(':').unwrap();
    let left = u64::from_str_radix(left, 16).unwrap();
    assert!(timer == "02" && left <= 3000, "no keep-alive: {row:?}");
}
