//! Transactions and balances through a node: beside a miner, and without one.

use serde_json::Value;
use spacetime_tests::{artifacts::plugin, home::Home, node::Node, process::Ended};

fn identity(home: &Home, key: &str) -> String {
    let shown = home.command(&["key", "show", "--key", key, "--json"]).document();
    shown["identity"].as_str().unwrap().to_owned()
}

/// A home with the key that owns the premine, and another.
fn rich(home: Home) -> Home {
    for arguments in [&["--development", "--key", "dev"][..], &["--key", "bob"]] {
        let made = home.command(&[&["key", "new"], arguments].concat());
        assert_eq!(made.code, Some(0), "{made:#?}");
    }
    home
}

fn send(home: &Home, to: &str, amount: &str, more: &[&str]) -> Ended {
    let fixed = ["tx", "send", "--json", "--key", "dev", "--fee", "3", "--to", to, "--amount"];
    home.command(&[&fixed[..], &[amount], more].concat())
}

#[track_caller]
fn document(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.document()
}

#[test]
fn payments_reach_the_chain_of_a_node_beside_a_miner_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), "127.0.0.1:0".parse().unwrap(), &[]);
    let address = node.address().to_string();
    let miners = rich(crate::home(&format!("address: {address:?}")));
    let mut miner = miners.run(&[]);
    miner.event("accepted");
    let bob = identity(&miners, "bob");
    let wait = ["--wait", "100"];
    let first = document(&send(&miners, &bob, "100", &wait));
    assert_eq!((&first["status"], &first["transport"]), (&"in_block".into(), &"node".into()));

    // Somebody who does not mine, and whose manifest knows of no node.
    let other = rich(Home::new()).plugin(&plugin("spacetime-transport-node"));
    let node_too = ["--node", &address];
    let second = document(&send(&other, &bob, "50", &[&wait[..], &node_too].concat()));
    assert_eq!((&second["status"], &second["nonce"]), (&"in_block".into(), &1.into()));
    let owned = document(&other.command(&["balance", &bob, "--json", "--node", &address]));
    assert_eq!(owned["balance"], 150);
    let fees = document(&miners.command(&["balance", "--json"]));
    assert_eq!(fees["balance"], 6);
    let hash = first["hash"].as_str().unwrap();
    let status = document(&other.command(&["tx", "status", hash, "--json", "--node", &address]));
    assert_eq!(status["block"], first["block"]);

    // Without blocks, what was sent is pending at the node, and counts.
    assert_eq!(miner.stop().code, Some(0));
    for nonce in 2..4 {
        let sent = document(&send(&other, &bob, "7", &node_too));
        assert_eq!((&sent["status"], &sent["nonce"]), (&"pending".into(), &nonce.into()));
    }
    let third = rich(Home::new()).plugin(&plugin("spacetime-transport-node"));
    let sent = document(&send(&third, &bob, "7", &node_too));
    assert_eq!(sent["nonce"], 4, "it asked the node what is pending");
    assert_eq!(node.stop().code, Some(0));
    send(&third, &bob, "7", &node_too).assert_refused(7, &address);

    // One that lacks the blocks that `other` has refuses what builds on them.
    let folder = tempfile::tempdir().unwrap();
    let behind = Node::start(folder.path(), "127.0.0.1:0".parse().unwrap(), &[]);
    let asked = behind.address().to_string();
    send(&other, &bob, "7", &["--node", &asked]).assert_refused(7, "may have refused it");
}

/// A chosen node is asked itself, whatever a miner beside it knows.
#[test]
fn a_chosen_node_is_asked_beside_a_running_miner() {
    let folder = tempfile::tempdir().unwrap();
    let start =
        |name: &str| Node::start(&folder.path().join(name), "127.0.0.1:0".parse().unwrap(), &[]);
    let (ours, other) = (start("ours"), start("other"));
    let home = rich(crate::home(&format!("address: \"{}\"", ours.address())));
    let mut miner = home.run(&[]);
    miner.event("accepted");
    let ask = |more: &[&str]| home.command(&[&["balance", "--json"], more].concat());
    assert!(document(&ask(&[]))["height"].as_u64() >= Some(1), "the miner's own chain");
    let address = other.address().to_string();
    // Twice: the second time it has a chain of its own there.
    for _ in 0..2 {
        let asked = document(&ask(&["--node", &address]));
        assert_eq!(asked["height"], 0, "nobody mines with the other node: {asked}");
    }
    let bob = identity(&home, "bob");
    let sent = document(&send(&home, &bob, "5", &["--node", &address]));
    let status = |more: &[&str]| {
        let hash = sent["hash"].as_str().unwrap();
        home.command(&[&["tx", "status", hash, "--json"], more].concat())
    };
    assert_eq!(document(&status(&["--node", &address]))["status"], "pending");
    assert_eq!(status(&[]).code, Some(8), "the miner's node has never heard of it");
    // One that is not there is no reason to ask somebody else.
    assert_eq!(other.stop().code, Some(0));
    ask(&["--node", &address]).assert_refused(7, &address);
    miner.event("accepted");
    assert_eq!(miner.stop().code, Some(0));
}
