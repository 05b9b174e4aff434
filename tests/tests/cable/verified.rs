//! `follow: verified`, with a node that keeps a chain.

use std::{sync::Arc, time::Duration};

use spacetime_protocol::network::Network;
use spacetime_sdk_loader::{Library, abi::Verdict};
use spacetime_tests::{
    artifacts::plugin,
    plugins::load,
    session::{Opening, Said},
};
use tokio::runtime::Runtime;

use crate::{
    AT_ONCE, at_messages, away,
    bench::Node,
    common::{Miner, Wish, mine, network, tip},
    everywhere,
    forward::{Cut, How, Seen, cable},
    online,
    pauses::{CONFIG, backoff},
    sweep,
};

/// What a session is tried with.
struct Trial {
    runtime: Runtime,
    library: Library,
    network: Network,
    miner: Miner,
}

impl Trial {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let library = load(&plugin("spacetime-transport-node"));
        Self { runtime, library, network: network(1, &[]), miner: Miner::new(3) }
    }

    /// What goes through an uncut cable.
    fn record(&self) -> Arc<Seen> {
        let recorded = Arc::default();
        self.session(None, &recorded);
        recorded
    }

    /// A session from its beginning until the next block of somebody else has
    /// come: a block of ours is accepted, wherever the cable is cut. How long
    /// there was no node to follow after the cut.
    fn session(&self, cut: Option<Cut>, seen: &Arc<Seen>) -> Option<Duration> {
        let node = self.runtime.block_on(Node::start(&self.network));
        let first = mine(&node.service, &self.miner, Wish::default());
        let address = self.runtime.block_on(cable(node.address, cut, seen.clone()));
        let folder = tempfile::tempdir().unwrap();
        let config = format!("(address: \"{address}\", {CONFIG})");
        let (network, directory) = (&self.network, folder.path());
        let opening = Opening { component: "node", config: &config, network, directory };
        let mut session = online(&opening, &self.library);
        let won = self.miner.block(&self.network, &first.header, Wish::default());
        let (verdict, reason) = session.submit(&won.encode().unwrap());
        assert_eq!(verdict, Verdict::ACCEPTED, "{reason}");
        self.runtime.block_on(node.reaches(won.hash()));
        assert_eq!(tip(&node.service), won.header);
        // And the miner goes on with what the node does next.
        let next = mine(&node.service, &self.miner, Wish::default());
        session.wait_for_tip(&next.header);
        let away = cut.map(|_| {
            let back = |cut_at| session.wait_for_return(Said::Online, cut_at);
            away(&self.runtime, seen, back)
        });
        session.close();
        self.runtime.block_on(node.running.stop());
        away
    }

    fn tried(&self, cut: Cut) -> Duration {
        self.session(Some(cut), &Arc::default()).expect("it is cut")
    }
}

#[test]
fn a_won_block_survives_a_cut_after_any_byte() {
    let trial = Trial::new();
    let recorded = trial.record();
    for how in [How::Close, How::Reset] {
        let pauses = sweep(&everywhere(&recorded, how), AT_ONCE, |cut| trial.tried(cut));
        pauses.assert_within(&format!("verified, {how:?}"), backoff(1));
    }
}

/// A question for headers that is not answered within 30 s ends the connection,
/// and one is asked 15 s after the last news, or when a block that was asked
/// for is not there after 30 s.
#[test]
fn a_won_block_survives_silence_at_any_message() {
    let trial = Trial::new();
    let cuts = at_messages(&trial.record(), How::Silence);
    let pauses = sweep(&cuts, cuts.len(), |cut| trial.tried(cut));
    pauses.assert_within("verified, Silence", Duration::from_secs(30 + 30) + backoff(1));
}
