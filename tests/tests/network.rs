//! Several miners and nodes over TCP: one chain that all agree on, through a
//! killed node and a cut cable, with every transaction in it once.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use spacetime_protocol::{BlockHash, Identity, TxHash, block::Block};
use spacetime_tests::{
    home::Home,
    node::{Caller, Node},
    process::{Miner, PATIENCE},
    proxy::Cable,
};

/// Blocks before which the difficulty has settled: the first one is too easy
/// for more than a thousand leaves, and moves by a quarter per interval at
/// most.
const SETTLING: u64 = 90;
/// Blocks that are counted.
const COUNTED: u64 = 100;
/// The sizes of the two plots, in leaves.
const LEAVES: [u64; 2] = [1024, 2048];

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A home that mines with so many leaves on a node.
fn home(leaves: u64, node: SocketAddr) -> Home {
    let plot = format!("(create_key: true, plot_size: \"{}KiB\")", leaves * 32 / 1024);
    let home = Home::new()
        .plugin(&spacetime_tests::artifacts::plugin("spacetime-transport-node"))
        .set("first_run", &plot)
        .set("transports", "[(name: \"node\")]")
        .set("node_address", &format!("{:?}", node.ip().to_string()))
        .set("node_port", &node.port().to_string());
    home.set("connection_retry_interval_seconds", "1")
}

fn identity(home: &Home) -> Identity {
    let shown = home.command(&["key", "show", "--json"]).document();
    shown["identity"].as_str().unwrap().parse().unwrap()
}

/// Waits for a height, however long the way to it: every step has its deadline.
fn wait_for_height(miner: &mut Miner, height: u64) {
    let mut at = 0;
    while at < height {
        let tip = miner.event("tip");
        at = tip["height"].as_u64().unwrap();
    }
}

/// Asks both nodes until they agree on everything but the last blocks, which
/// may be on their way; the common chain.
fn common_chain(nodes: [SocketAddr; 2]) -> Vec<Block> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let [a, b] = nodes.map(|node| Caller::connect(node).download());
        let common = a.iter().zip(&b).take_while(|(a, b)| a.hash() == b.hash()).count();
        if common + 2 >= a.len().max(b.len()) {
            return a.into_iter().take(common).collect();
        }
        assert!(Instant::now() < deadline, "{common} of {} and {} are common", a.len(), b.len());
        // The pause between two looks at both chains.
        thread::sleep(Duration::from_millis(200));
    }
}

/// Where each transaction is; a transaction may be in a chain once.
fn transactions(chain: &[Block]) -> BTreeMap<TxHash, BlockHash> {
    let mut found = BTreeMap::new();
    for block in chain {
        for transaction in &block.transactions {
            let again = found.insert(transaction.hash(), block.hash());
            assert_eq!(again, None, "a transaction is applied twice");
        }
    }
    found
}

/// A wallet: a key in the home, and its identity.
fn wallet(home: &Home, name: &str, options: &[&str]) -> Identity {
    let arguments = [&["key", "new", "--json", "--key", name], options].concat();
    let made = home.command(&arguments);
    assert_eq!(made.code, Some(0), "{made:#?}");
    made.document()["identity"].as_str().unwrap().parse().unwrap()
}

fn send(home: &Home, node: SocketAddr, key: &str, to: &Identity, amount: u64) -> TxHash {
    let (node, to, amount) = (node.to_string(), to.to_string(), amount.to_string());
    let sent = home.command(&[
        "tx", "send", "--json", "--node", &node, "--key", key, "--to", &to, "--amount", &amount,
        "--fee", "1",
    ]);
    assert_eq!(sent.code, Some(0), "{sent:#?}");
    sent.document()["hash"].as_str().unwrap().parse().unwrap()
}

/// Waits until both nodes have these in their common chain.
fn wait_for_transactions(nodes: [SocketAddr; 2], sent: &[TxHash]) -> Vec<Block> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let chain = common_chain(nodes);
        let found = transactions(&chain);
        let missing = sent.iter().filter(|hash| !found.contains_key(hash)).count();
        if missing == 0 {
            return chain;
        }
        assert!(Instant::now() < deadline, "{missing} of {} are lost", sent.len());
        // The pause between two looks at both chains.
        thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn two_miners_on_two_nodes_make_one_chain_in_proportion_and_lose_nothing() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let a = Node::start(folders[0].path(), any_port(), &[]);
    let cable = Cable::to(a.address());
    let b = Node::start(folders[1].path(), any_port(), &[cable.address()]);
    let nodes = [a.address(), b.address()];
    let homes = [home(LEAVES[0], nodes[0]), home(LEAVES[1], nodes[1])];
    let mut miners = [homes[0].run(&[]), homes[1].run(&[])];

    // Both win in proportion to their leaves.
    wait_for_height(&mut miners[0], SETTLING + COUNTED);
    let chain = common_chain(nodes);
    let counted = &chain[chain.len() - COUNTED as usize..];
    let first = identity(&homes[0]);
    let won = counted.iter().filter(|block| block.header.miner == first).count() as f64;
    let share = LEAVES[0] as f64 / LEAVES.iter().sum::<u64>() as f64;
    let error = (COUNTED as f64 * share * (1.0 - share)).sqrt();
    let expected = COUNTED as f64 * share;
    assert!((won - expected).abs() <= 3.0 * error, "{won} of {COUNTED}, expected {expected:.1}");
    println!("the smaller one won {won} of {COUNTED}: expected {expected:.1} ± {error:.1}");

    // Money for a wallet on either side of the cable.
    wallet(&homes[0], "rich", &["--development"]);
    let near = wallet(&homes[0], "near", &[]);
    let far = wallet(&homes[1], "far", &[]);
    let sent = [near, far].map(|to| send(&homes[0], nodes[0], "rich", &to, 1000));
    wait_for_transactions(nodes, &sent);
    let mut all = Vec::from(sent);

    // One node is killed and comes back; its miner finds it again.
    all.push(send(&homes[0], nodes[0], "near", &first, 1));
    let a = a.restart_after_a_kill(&[]);
    let height = common_chain(nodes).len() as u64;
    wait_for_height(&mut miners[0], height + 3);

    // The network is partitioned: both sides mine, and both take transactions.
    cable.cut();
    let parted = Instant::now();
    for round in 0..3 {
        all.push(send(&homes[0], nodes[0], "near", &first, 10 + round));
        all.push(send(&homes[1], nodes[1], "far", &first, 10 + round));
        // Spreads the payments over the time apart, which is what is tested.
        thread::sleep(Duration::from_secs(5));
    }
    // Being apart for so long is the fault that is injected.
    thread::sleep(Duration::from_secs(20).saturating_sub(parted.elapsed()));
    cable.mend();
    let chain = wait_for_transactions(nodes, &all);
    println!("{} transactions, each once, in {} blocks", all.len(), chain.len());

    for miner in miners {
        assert_eq!(miner.stop().code, Some(0));
    }
    for node in [a, b] {
        let ended = node.stop();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    }
}
