//! Nodes that lie: each is left, with the reason, and nothing is mined on it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use spacetime_protocol::{
    BlockHash, Score,
    block::Block,
    header::BlockHeader,
    keys::SecretKey,
    network::Network,
    wire::{FrameReader, Message},
};
use spacetime_tests::{address, artifacts::plugin, home::Home, scripted::Scripted};

use crate::{
    bench,
    common::{Miner, Wish, key, mine, network, transfer},
};

/// What a node serves: headers, and a block for each.
#[derive(Clone)]
pub(crate) struct Served {
    headers: Vec<(BlockHash, Vec<u8>)>,
    blocks: Vec<(BlockHash, Vec<u8>)>,
    genesis: BlockHash,
}

impl Served {
    /// These blocks; the headers are their own.
    pub(crate) fn new(network: &Network, blocks: &[Block]) -> Self {
        let header = |block: &Block| (block.hash(), block.header.encode().unwrap().to_vec());
        Self {
            headers: blocks.iter().map(header).collect(),
            blocks: blocks.iter().map(|block| (block.hash(), block.encode().unwrap())).collect(),
            genesis: network.genesis_hash(),
        }
    }

    /// What a frame is answered with.
    pub(crate) fn answer(&self, frame: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = FrameReader::default();
        reader.push(frame);
        let frame = reader.next_frame().unwrap().unwrap();
        let answer = match Message::decode(frame.kind, &frame.payload) {
            Ok(Message::GetHeaders { locator, .. }) => {
                let place = self.headers.iter().position(|(hash, _)| *hash == locator);
                let first = match place {
                    Some(place) => place + 1,
                    None if locator == self.genesis || locator.is_zero() => 0,
                    None => self.headers.len(),
                };
                let headers = self.headers[first..].iter();
                Message::Headers(headers.map(|(_, header)| header.clone()).collect())
            }
            Ok(Message::GetBlock(wanted)) => {
                let block = self.blocks.iter().find(|(hash, _)| *hash == wanted);
                let Some((_, block)) = block else { return Vec::new() };
                Message::Block(block.clone())
            }
            _ => return Vec::new(),
        };
        vec![answer.to_frame().unwrap()]
    }
}

/// A node that serves this.
fn serve(served: Served) -> Scripted {
    Scripted::answering(address::own(), Arc::new(move |frame| served.answer(frame)))
}

/// A home on a network of its own, which tries these nodes once at boot, and
/// dials liars again soon.
fn home(network: &Network, nodes: &[SocketAddr]) -> Home {
    home_with(network, nodes, ", longest_pause_seconds: 1")
}

/// The same with more in the transport's config.
pub(crate) fn home_with(network: &Network, nodes: &[SocketAddr], more: &str) -> Home {
    let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    let home = Home::new()
        .plugin(&plugin("spacetime-transport-node"))
        .unset("network_id")
        .set("network_file", "\"network.json\"")
        .set("max_connection_retries", "1")
        .set("connection_retry_interval_seconds", "1")
        .set("transports", &format!("[(name: \"node\", config: (peers: {nodes:?}{more}))]"));
    std::fs::write(home.path("network.json"), network.to_json().unwrap()).unwrap();
    home
}

/// Three good blocks.
fn chain(network: &Network, miner: &Miner) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for _ in 0..3 {
        let parent = blocks.last().map_or(&network.genesis.header, |block| &block.header);
        blocks.push(miner.block(network, parent, Wish::default()));
    }
    blocks
}

/// The second block with a changed header, signed again.
fn changed(blocks: &[Block], key: &SecretKey, change: impl Fn(&mut BlockHeader)) -> Vec<Block> {
    let mut blocks = blocks[..2].to_vec();
    change(&mut blocks[1].header);
    blocks[1].header = blocks[1].header.clone().sign(key);
    blocks
}

/// A chain that cannot be true, and what is said of it.
struct Lie {
    what: &'static str,
    reason: &'static str,
    served: Served,
}

fn lies(network: &Network, miner: &Miner) -> Vec<Lie> {
    let good = chain(network, miner);
    let lie = |what, reason, served| Lie { what, reason, served };
    let changed = |change: &dyn Fn(&mut BlockHeader)| {
        Served::new(network, &changed(&good, &miner.key, change))
    };
    let mut signature = Served::new(network, &good);
    // The block's own signature; its hash does not cover it.
    signature.blocks[1].1[230] ^= 1;
    let mut proof = Served::new(network, &good);
    let leaf = BlockHeader::SIZE + 8;
    proof.blocks[1].1[leaf] ^= 1;
    let mut header = Served::new(network, &good);
    header.headers[1].1.truncate(100);
    let mut garbled = Served::new(network, &good);
    garbled.blocks[1].1.truncate(300);
    let poor = transfer(&key(8), &key(9), 5, 0, 1);
    let unpaid = Wish { transactions: vec![poor], ..Wish::default() };
    let unpaid = [good[0].clone(), miner.block(network, &good[0].header, unpaid)];
    let mut other = network.clone();
    other.genesis.header.timestamp += 1;
    other.genesis.header = other.genesis.header.clone().sign(&key(250));
    let other_chain = chain(&other, miner);
    let mut other_served = Served::new(&other, &other_chain);
    other_served
        .headers
        .insert(0, (other.genesis_hash(), other.genesis.header.encode().unwrap().to_vec()));
    other_served.genesis = BlockHash::ZERO;
    vec![
        lie("height", "the height", changed(&|header| header.height += 1)),
        lie(
            "parent",
            "is not the block before it",
            changed(&|header| {
                header.parent = BlockHash::new([5; 32]);
            }),
        ),
        lie("difficulty", "ifficulty", changed(&|header| header.difficulty += 1)),
        lie(
            "challenge",
            "hallenge",
            changed(&|header| {
                header.challenge = spacetime_protocol::Challenge::new([5; 32]);
            }),
        ),
        lie("score", "core", changed(&|header| header.score = Score::ZERO)),
        lie("signature", "is not signed by its miner", signature),
        lie("proof", "is not valid", proof),
        lie("header", "cannot be decoded", header),
        lie("block", "cannot be decoded", garbled),
        lie("transactions", "is not valid", Served::new(network, &unpaid)),
        lie("network", "another network", other_served),
    ]
}

#[test]
fn a_node_that_lies_is_left_with_the_reason_and_nothing_is_mined_on_it() {
    let (network, miner) = (network(1, &[]), Miner::new(3));
    for Lie { what, reason, served } in lies(&network, &miner) {
        let node = serve(served);
        let ended = home(&network, &[node.address()]).run_to_end(&[]);
        assert_eq!(ended.code, Some(7), "{what}: {ended:#?}");
        assert!(ended.stderr.contains(reason), "{what}: {ended:#?}");
        assert!(ended.stderr.contains(&node.address().to_string()), "{what}: {ended:#?}");
        assert_eq!(ended.events("challenge").len(), 0, "{what}: {ended:#?}");
    }
}

/// Liars are left alone for a minute. A boot does not wait for that, though what
/// each of them brought before it lied was new.
#[test]
fn a_boot_with_nothing_but_liars_ends_at_once() {
    let (network, miner) = (network(1, &[]), Miner::new(3));
    let all = lies(&network, &miner);
    let served = |what: &str| all.iter().find(|lie| lie.what == what).unwrap().served.clone();
    for liars in [&["difficulty"][..], &["score", "proof", "transactions"]] {
        let mut nodes: Vec<Scripted> = liars.iter().map(|what| serve(served(what))).collect();
        let addresses: Vec<SocketAddr> = nodes.iter().map(Scripted::address).collect();
        let home = home_with(&network, &addresses, "").set("max_connection_retries", "2");
        let began = Instant::now();
        let ended = home.run_to_end(&[]);
        let took = began.elapsed();
        assert!(took < LONGEST_PAUSE, "{took:?}: {ended:#?}");
        assert_eq!(ended.code, Some(7), "{ended:#?}");
        let last = ended.stderr.lines().last().unwrap();
        for node in &mut nodes {
            assert!(last.contains(&node.address().to_string()), "{ended:#?}");
            // Once for each attempt, and whoever was the last one may be dialled no more.
            let _ = node.happens_within(Duration::ZERO, |_| false);
            assert!((1..=2).contains(&node.connections.len()), "{}", node.connections.len());
        }
        let faults = ended.events("fault").into_iter();
        let attempts = faults.filter(|fault| fault["message"].to_string().contains("of 2 failed"));
        assert_eq!(attempts.count(), 2, "{ended:#?}");
    }
}

/// The pause after a lie, unless the config says another.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[test]
fn what_the_lies_are_made_of_is_believed() {
    let (network, miner) = (network(1, &[]), Miner::new(3));
    let good = chain(&network, &miner);
    let node = serve(Served::new(&network, &good));
    let home = home(&network, &[node.address()]);
    let mut mining = home.run(&[]);
    let tip = mining.event("tip");
    assert_eq!(tip["hash"].as_str(), Some(&*good[2].hash().to_string()), "{tip}");
    assert_eq!(mining.stop().code, Some(0));
}

#[test]
fn of_several_nodes_one_may_lie() {
    let (network, miner) = (network(1, &[]), Miner::new(3));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let honest = runtime.block_on(bench::Node::start(&network));
    let block = mine(&honest.service, &miner, Wish::default());
    let spoilt = lies(&network, &miner).into_iter().find(|lie| lie.what == "difficulty").unwrap();
    let mut liar = serve(spoilt.served);
    let home = home(&network, &[liar.address(), honest.address]);
    let mut mining = home.run(&[]);
    mining.wait_for("the honest node's block", |event| {
        event["event"] == "tip" && event["hash"].as_str() == Some(&*block.hash().to_string())
    });
    // Mined on the honest chain, and accepted there.
    mining.event("accepted");
    // The operator learns which one lies, and how; not each time that it does.
    liar.wait_until("more attempts", |liar| liar.connections.len() >= 5);
    mining.event("accepted");
    let ended = mining.stop();
    let named = format!("node {}: it sent block", liar.address());
    let faults = ended.events("fault").into_iter();
    let told: Vec<String> = faults.map(|fault| fault["message"].to_string()).collect();
    assert_eq!(told.iter().filter(|told| told.contains(&named)).count(), 1, "{told:#?}");
    assert!(told.iter().any(|told| told.contains("ifficulty")), "{told:#?}");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(honest.service.status().unwrap().height >= 2);
}
