//! A node that announces without end: it gets no more than its share, and the
//! others are followed as before.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use spacetime_protocol::{
    BlockHash,
    network::Network,
    wire::{Kind, Message},
};
use spacetime_sdk_loader::{Library, abi::Event};
use spacetime_tests::{
    address,
    artifacts::plugin,
    plugins::load,
    scripted::Scripted,
    session::{Opening, Session},
};

use crate::{
    bench,
    common::{Miner, Wish, mine, network, tip},
    lies::Served,
};

const NOTICES: u64 = 100_000;
/// At once, so many are looked at, and after that one in so many ms.
const AT_ONCE: u128 = 8;
const EVERY_MS: u128 = 500;

fn open(library: &Library, network: &Network, folder: &tempfile::TempDir, config: &str) -> Session {
    let directory = folder.path();
    Opening { component: "node", config, network, directory }.open(library)
}

fn notice(hash: BlockHash, height: u64) -> Vec<u8> {
    Message::BlockAccepted { hash, height }.to_frame().unwrap()
}

/// The notice of a block that nobody has.
fn nobodys(number: u64, height: u64) -> Vec<u8> {
    let mut bytes = [0xAB; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    notice(BlockHash::new(bytes), height)
}

/// How many of these may have been looked at since then.
fn share(began: Instant) -> u128 {
    AT_ONCE + began.elapsed().as_millis() / EVERY_MS + 1
}

/// Each notice is of a block far above the node's own, which only its headers
/// could explain; and each comes with an answer, so that no question is open
/// for long.
#[test]
fn a_chain_is_asked_about_a_few_times_and_others_and_what_is_true_are_followed() {
    let (network, miner) = (network(1, &[]), Miner::new(3));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let honest = runtime.block_on(bench::Node::start(&network));
    let mut blocks = vec![mine(&honest.service, &miner, Wish::default())];
    let served = Arc::new(Mutex::new(Served::new(&network, &blocks)));
    let is_quiet = Arc::new(AtomicBool::new(false));
    let (serves, quiet) = (served.clone(), is_quiet.clone());
    let answer = move |frame: &[u8]| match quiet.load(Ordering::Relaxed) {
        true => Vec::new(),
        false => serves.lock().unwrap().answer(frame),
    };
    let mut flooder = Scripted::answering(address::own(), Arc::new(answer));
    let folder = tempfile::tempdir().unwrap();
    let library = load(&plugin("spacetime-transport-node"));
    let nodes = [flooder.address(), honest.address].map(|node| node.to_string());
    let mut session = open(&library, &network, &folder, &format!("(peers: {nodes:?})"));
    session.wait_for_tip(&blocks[0].header);
    let asks =
        |frame: &&Vec<u8>| frame[4] == Kind::GetHeaders.byte() || frame[4] == Kind::GetBlock.byte();
    let asked = |node: &Scripted| node.connections[0].frames.iter().filter(asks).count();
    flooder.wait_until("the question for what is pending, which comes last", |node| {
        let mut frames = node.connections.first().into_iter().flat_map(|it| &it.frames);
        frames.any(|frame| frame[4] == Kind::TxPoolRequest.byte())
    });

    let (before, began) = (asked(&flooder), Instant::now());
    is_quiet.store(true, Ordering::Relaxed);
    let nothing = Message::Headers(Vec::new()).to_frame().unwrap();
    for part in 0..10 {
        let numbers = part * NOTICES / 10..(part + 1) * NOTICES / 10;
        let told = |number| [nobodys(number, 1_000_000), nothing.clone()].concat();
        flooder.send(0, &numbers.flat_map(told).collect::<Vec<u8>>());
        // The other one's chain goes on.
        blocks.push(mine(&honest.service, &miner, Wish::default()));
        session.wait_for_tip(&blocks.last().unwrap().header);
    }
    is_quiet.store(false, Ordering::Relaxed);
    // A block that only this node has, and no end of answers before it.
    let next = miner.block(&network, &tip(&honest.service), Wish::default());
    blocks.push(next.clone());
    *served.lock().unwrap() = Served::new(&network, &blocks);
    flooder.send(0, &nothing.repeat(20));
    flooder.send(0, &notice(next.hash(), next.header.height));
    session.wait_for_tip(&next.header);
    // Each time the whole way back to a block that both have.
    let steps = 4 + u128::from(blocks.len().ilog2());
    let (asked, share) = (asked(&flooder) - before, share(began));
    assert!((asked as u128) < steps * share, "{asked} questions, {share} notices looked at");
    assert_eq!(flooder.connections.len(), 1, "it stays connected");
    session.close();
    runtime.block_on(honest.running.stop());
}

/// The next challenges, until one is on this block; how many they are.
fn challenges_until(session: &mut Session, parent: BlockHash) -> u128 {
    let mut count = 0;
    loop {
        let is_it = session.wait_for("a challenge", |event| match event {
            Event::Challenge { challenge } => Some(challenge.parent == *parent.as_bytes()),
            _ => None,
        });
        count += 1;
        if is_it {
            return count;
        }
    }
}

fn wait_for_handshake(node: &mut Scripted) {
    node.wait_until("a handshake", |node| {
        node.connections.first().is_some_and(|first| !first.frames.is_empty())
    });
}

#[test]
fn with_notices_the_newest_is_mined_on_and_scans_have_time() {
    let mut flooder = Scripted::listen(address::own());
    let folder = tempfile::tempdir().unwrap();
    let library = load(&plugin("spacetime-transport-node"));
    let config = format!("(address: \"{}\", follow: notices)", flooder.address());
    let mut session = open(&library, &Network::local(), &folder, &config);
    wait_for_handshake(&mut flooder);
    let began = Instant::now();
    flooder.send(0, &(0..NOTICES).flat_map(|number| nobodys(number, 5)).collect::<Vec<u8>>());
    let last = BlockHash::new([7; 32]);
    flooder.send(0, &notice(last, 6));
    let scans = challenges_until(&mut session, last);
    assert!(scans <= share(began), "{scans} scans, not {}", share(began));
    session.close();
}

#[test]
fn with_notices_another_node_is_followed_as_before() {
    let listen = || Scripted::listen(address::own());
    let [mut flooder, mut calm] = [listen(), listen()];
    let folder = tempfile::tempdir().unwrap();
    let library = load(&plugin("spacetime-transport-node"));
    let nodes = [flooder.address(), calm.address()].map(|node| node.to_string());
    let config = format!("(peers: {nodes:?}, follow: notices)");
    let mut session = open(&library, &Network::local(), &folder, &config);
    wait_for_handshake(&mut flooder);
    wait_for_handshake(&mut calm);
    let (began, mut scans) = (Instant::now(), 0);
    for part in 0..10 {
        // Whatever heights the first one tells.
        let numbers = part * NOTICES / 10..(part + 1) * NOTICES / 10;
        let told = |number| nobodys(number, 1_000_000 + number);
        flooder.send(0, &numbers.flat_map(told).collect::<Vec<u8>>());
        let tip = BlockHash::new([u8::try_from(part).unwrap(); 32]);
        calm.send(0, &notice(tip, 5 + part));
        scans += challenges_until(&mut session, tip);
    }
    // Some of the first one's before it was found out, and the other one's.
    assert!(scans <= share(began) + 2 * 10, "{scans} scans, not {}", share(began));
    session.close();
}
