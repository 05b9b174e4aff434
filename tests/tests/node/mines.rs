//! Nodes that do what they should.

use std::net::SocketAddr;

use spacetime_protocol::{BlockHash, Identity};
use spacetime_tests::{
    artifacts::plugin,
    home::Home,
    node::{Caller, Node},
};

use crate::home;

fn node(listen: &str) -> (tempfile::TempDir, Node) {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), listen.parse().unwrap(), &[]);
    (folder, node)
}

/// Mines two blocks, and finds them in the node's chain.
fn wins(home: &Home, node: SocketAddr) {
    home.mine(2);
    let shown = home.command(&["key", "show", "--json"]).document();
    let me: Identity = shown["identity"].as_str().unwrap().parse().unwrap();
    let chain = Caller::connect(node).download();
    let ours = chain.iter().filter(|block| block.header.miner == me).count();
    assert!(ours >= 2, "{ours} of {} are ours", chain.len());
    let hashes: Vec<BlockHash> = chain.iter().map(|block| block.hash()).collect();
    assert_eq!(hashes.len(), chain.len());
}

#[test]
fn it_needs_nothing_but_the_manifests_node_and_wins_blocks() {
    let (_folder, node) = node("127.0.0.1:0");
    let address = node.address();
    let home = Home::new()
        .plugin(&plugin("spacetime-transport-node"))
        .set("transports", "[(name: \"node\")]")
        .set("node_address", &format!("{:?}", address.ip().to_string()))
        .set("node_port", &address.port().to_string());
    wins(&home, address);
    // The same chain goes on.
    let again = home.mine(1);
    assert!(again.events("tip").iter().all(|tip| tip["height"].as_u64() >= Some(2)), "{again:#?}");
}

#[test]
fn a_node_is_found_by_name_and_by_an_ipv6_address() {
    let (_folder, named) = node("127.0.0.1:0");
    // The name may lead to an IPv6 address first, where nobody listens.
    let port = named.address().port();
    wins(&home(&format!("address: \"localhost:{port}\"")), named.address());
    let (_folder, node) = node("[::1]:0");
    let port = node.address().port();
    wins(&home(&format!("address: \"[::1]:{port}\"")), node.address());
}

#[test]
fn a_check_asks_the_node_beside_a_running_miner() {
    let (_folder, node) = node("127.0.0.1:0");
    let address = node.address();
    let home = home(&format!("address: \"{address}\""));
    let status = |home: &Home| {
        let checked =
            home.command(&["check", "--load", "--json", "--manifest", "miner.ron"]).document();
        let status = checked["transports"][0]["status"].as_str();
        status.unwrap_or_else(|| panic!("{checked:#}")).to_owned()
    };
    let mut miner = home.run(&[]);
    miner.event("accepted");
    let found = status(&home);
    let (answers, running) = (format!("{address} answers"), format!("process {}", miner.id()));
    assert!(found.contains(&answers) && found.contains(&running), "{found}");
    miner.event("accepted");
    assert_eq!(miner.stop().code, Some(0));
    assert_eq!(node.stop().code, Some(0));
    let checked = home.command(&["check", "--load", "--json", "--manifest", "miner.ron"]);
    assert_eq!(checked.code, Some(7), "{checked:#?}");
    let problems = checked.document()["problems"].to_string();
    assert!(problems.contains("cannot be used") && problems.contains("refused"), "{problems}");
}
