//! `follow: notices`, with a node that answers nothing, as the reference.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use spacetime_protocol::{block::Block, network::Network, wire::Message};
use spacetime_sdk_loader::{
    Library,
    abi::{Event, Verdict},
};
use spacetime_tests::{
    address,
    artifacts::plugin,
    plugins::load,
    scripted::Scripted,
    session::{Opening, Said, Session},
};
use tokio::runtime::Runtime;

use crate::{
    AT_ONCE, away,
    common::{Miner, Wish, network},
    everywhere,
    forward::{Cut, How, Seen, cable},
    online,
    pauses::{CONFIG, backoff},
    sweep,
};

const HANDSHAKE: u8 = 0x01;

/// What a session is tried with.
struct Trial {
    runtime: Runtime,
    library: Library,
    network: Network,
    /// The node's tips, and what we win on the first.
    tips: [Block; 2],
    won: Block,
}

impl Trial {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let library = load(&plugin("spacetime-transport-node"));
        let (network, us, other) = (network(1, &[]), Miner::new(3), Miner::new(4));
        let first = other.block(&network, &network.genesis.header, Wish::default());
        let won = us.block(&network, &first.header, Wish::default());
        let second = other.block(&network, &won.header, Wish::default());
        Self { runtime, library, network, tips: [first, second], won }
    }

    fn record(&self) -> Arc<Seen> {
        let recorded = Arc::default();
        self.session(None, &recorded);
        recorded
    }

    /// A session that wins a block on the node's tip, which the node gets
    /// whole wherever the cable is cut, until the node's next tip has come.
    /// How long there was no node to follow after the cut.
    fn session(&self, cut: Option<Cut>, seen: &Arc<Seen>) -> Option<Duration> {
        let tip = Arc::new(Mutex::new(notice(&self.tips[0])));
        let mut node = tells(tip.clone());
        let address = self.runtime.block_on(cable(node.address(), cut, seen.clone()));
        let folder = tempfile::tempdir().unwrap();
        let config = format!("(address: \"{address}\", follow: notices, difficulty: 1, {CONFIG})");
        let (network, directory) = (&self.network, folder.path());
        let opening = Opening { component: "node", config: &config, network, directory };
        let mut session = online(&opening, &self.library);
        wait_for_challenge(&mut session, &self.tips[0]);
        let won = self.won.encode().unwrap();
        let (verdict, reason) = session.submit(&won);
        assert_eq!(verdict, Verdict::ACCEPTED, "{reason}");
        let won = Message::Block(won).to_frame().unwrap();
        node.wait_until("the won block, whole", |node| {
            node.connections.iter().any(|connection| connection.frames.contains(&won))
        });
        let next = notice(&self.tips[1]);
        // Known before it is told: a connection that begins now tells it, too.
        tip.lock().unwrap().clone_from(&next);
        for connection in 0..node.connections.len() {
            node.send(connection, &next);
        }
        wait_for_challenge(&mut session, &self.tips[1]);
        let away = cut.map(|_| {
            let back = |cut_at| session.wait_for_return(Said::Challenge, cut_at);
            away(&self.runtime, seen, back)
        });
        session.close();
        away
    }

    fn tried(&self, cut: Cut) -> Duration {
        self.session(Some(cut), &Arc::default()).expect("it is cut")
    }
}

fn notice(block: &Block) -> Vec<u8> {
    let (hash, height) = (block.hash(), block.header.height);
    Message::BlockAccepted { hash, height }.to_frame().unwrap()
}

/// A node that tells its tip to whoever introduces itself.
fn tells(tip: Arc<Mutex<Vec<u8>>>) -> Scripted {
    let answer = move |frame: &[u8]| match frame[4] {
        HANDSHAKE => vec![tip.lock().unwrap().clone()],
        _ => Vec::new(),
    };
    Scripted::answering(address::own(), Arc::new(answer))
}

/// Waits until there is something to mine on this block.
fn wait_for_challenge(session: &mut Session, parent: &Block) {
    let parent = parent.hash();
    session.wait_for("a challenge", |event| {
        let Event::Challenge { challenge } = event else { return None };
        (challenge.parent == *parent.as_bytes()).then_some(())
    });
}

#[test]
fn a_won_block_survives_a_cut_after_any_byte() {
    let trial = Trial::new();
    let recorded = trial.record();
    for how in [How::Close, How::Reset] {
        let pauses = sweep(&everywhere(&recorded, how), AT_ONCE, |cut| trial.tried(cut));
        pauses.assert_within(&format!("notices, {how:?}"), backoff(1));
    }
}
