//! The real miner, whose cable is cut again and again: what its events say of
//! the time until it mines again, and of the blocks that it wins meanwhile.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use spacetime_core::observe::rfc3339;
use spacetime_protocol::{BlockHash, block::Block, wire::Message};
use spacetime_tests::{
    address,
    artifacts::plugin,
    home::Home,
    process::{Ended, Miner},
    scripted::Scripted,
};
use tokio::runtime::Runtime;

use crate::{
    bench::Node,
    common::network,
    forward::{Cut, How, Lasting, Way},
    pauses::{CONFIG, backoff},
    sweep_each,
};

const HANDSHAKE: u8 = 0x01;
const BLOCK: u8 = 0x23;
/// Miners at once.
const MINERS: usize = 6;
/// A window of `local`.
const WINDOW: Duration = Duration::from_secs(1);

/// Cuts at every so many of these bytes, in turn closed and reset.
fn cuts(to_node: usize, to_miner: usize, step: usize) -> Vec<Cut> {
    let places = [(Way::ToNode, to_node), (Way::ToMiner, to_miner)]
        .into_iter()
        .flat_map(|(way, length)| (0..length).step_by(step).map(move |after| (way, after)));
    places
        .enumerate()
        .map(|(number, (way, after))| {
            let how = if number % 2 == 0 { How::Close } else { How::Reset };
            Cut { way, after, how }
        })
        .collect()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

/// A home that mines with a node.
fn home(node: SocketAddr, more: &str) -> Home {
    Home::new()
        .plugin(&plugin("spacetime-transport-node"))
        .set("connection_retry_interval_seconds", "1")
        .set(
            "transports",
            &format!("[(name: \"node\", config: (address: \"{node}\", {CONFIG}{more}))]"),
        )
}

/// The miner's next event of this kind, of this moment or later.
fn event_after(miner: &mut Miner, name: &str, moment: &str) -> Value {
    miner.wait_for(name, |event| {
        event["event"] == name && event["time"].as_str().is_some_and(|time| time >= moment)
    })
}

/// A moment as events have it.
fn moment(at: Instant) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let then = now - at.elapsed();
    rfc3339(u64::try_from(then.as_millis()).unwrap())
}

/// With a node that keeps a chain the miner scans on meanwhile; every block
/// that it wins becomes part of the node's chain, unless it has won a better
/// one in its place.
#[test]
fn a_miner_on_a_chain_never_stops_and_loses_no_block() {
    let runtime = runtime();
    let pauses = sweep_each(&cuts(1800, 600, 50), MINERS, |cuts| {
        let network = network(1, &[]);
        let node = runtime.block_on(Node::start(&network));
        let cable = runtime.block_on(Lasting::to(node.address));
        let home =
            home(cable.address, "").unset("network_id").set("network_file", "\"network.json\"");
        std::fs::write(home.path("network.json"), network.to_json().unwrap()).unwrap();
        let mut miner = home.run(&[]);
        miner.event("accepted");
        let mut pauses = Vec::new();
        for cut in cuts {
            let cut_at = runtime.block_on(cable.cut_the_next(cut).is_cut());
            let cut_at_moment = moment(cut_at);
            event_after(&mut miner, "challenge", &cut_at_moment);
            pauses.push((cut_at.elapsed(), cut));
            event_after(&mut miner, "accepted", &cut_at_moment);
        }
        assert_none_lost(&miner.stop(), &node);
        runtime.block_on(node.running.stop());
        pauses
    });
    pauses.assert_within("a miner on a chain", WINDOW);
}

/// Wherever blocks were won, the chain has one of them: the first one, or a
/// better one that was won in a later window before the first was through.
fn assert_none_lost(ended: &Ended, node: &Node) {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let mut won = BTreeMap::<u64, Vec<(String, String)>>::new();
    for event in ended.events("won") {
        let text = |key: &str| event[key].as_str().unwrap().to_owned();
        let height = event["height"].as_u64().unwrap();
        won.entry(height).or_default().push((text("hash"), text("score")));
    }
    for (height, blocks) in &won {
        let best = node.service.best_at(*height).unwrap().map(|hash| hash.to_string());
        let at = blocks.iter().position(|(hash, _)| best.as_ref() == Some(hash));
        let at = at.unwrap_or_else(|| panic!("none at height {height}: {blocks:?}\n{ended:#?}"));
        let is_better = blocks[..at].iter().all(|(_, score)| *score > blocks[at].1);
        assert!(is_better, "lost at height {height}: {blocks:?}, kept {best:?}\n{ended:#?}");
    }
}

/// What a node that answers nothing has announced.
struct Announced {
    /// The tip that is mined on.
    number: u64,
    /// Whether a block on it has come: the next one is the tip then.
    is_won: bool,
}

impl Announced {
    fn notice(&self) -> Vec<u8> {
        let number = self.number + u64::from(self.is_won);
        Message::BlockAccepted { hash: tip(number), height: number }.to_frame().unwrap()
    }
}

fn tip(number: u64) -> BlockHash {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    BlockHash::new(bytes)
}

/// With notices, the block that was won on a tip comes whole, and the miner
/// scans for the next one.
#[test]
fn a_miner_on_notices_is_back_within_its_backoff_with_its_block() {
    let runtime = runtime();
    let pauses = sweep_each(&cuts(1300, 90, 20), MINERS, |cuts| {
        let announced = Arc::new(Mutex::new(Announced { number: 1, is_won: false }));
        let node = wins_on(announced.clone());
        let cable = runtime.block_on(Lasting::to(node.address()));
        let home = home(cable.address, ", follow: notices, difficulty: 1");
        let mut miner = home.run(&[]);
        miner.event("challenge");
        let mut pauses = Vec::new();
        for (number, cut) in (3..).step_by(2).zip(cuts) {
            *announced.lock().unwrap() = Announced { number, is_won: false };
            let cut_at = runtime.block_on(cable.cut_the_next(cut).is_cut());
            let next = tip(number + 1).to_string();
            miner.wait_for("the next challenge", |event| {
                event["event"] == "challenge" && event["parent"].as_str() == Some(&*next)
            });
            pauses.push((cut_at.elapsed(), cut));
            assert!(announced.lock().unwrap().is_won);
        }
        assert_eq!(miner.stop().code, Some(0));
        pauses
    });
    // The connection that is cut may have been of no use yet, after one that
    // was broken.
    pauses.assert_within("a miner on notices", backoff(2));
}

/// A node whose tip moves once a block on it has come.
fn wins_on(announced: Arc<Mutex<Announced>>) -> Scripted {
    let answer = move |frame: &[u8]| {
        let mut announced = announced.lock().unwrap();
        match frame[4] {
            HANDSHAKE => vec![announced.notice()],
            BLOCK => {
                let block = Block::decode(&frame[5..]).unwrap();
                let is_first = !announced.is_won && block.header.parent == tip(announced.number);
                announced.is_won |= is_first;
                is_first.then(|| announced.notice()).into_iter().collect()
            }
            _ => Vec::new(),
        }
    };
    Scripted::answering(address::own(), Arc::new(answer))
}
