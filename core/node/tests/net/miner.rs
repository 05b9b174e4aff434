//! A miner's connections: it sends its own blocks, and takes them into its
//! chain when a node has accepted them.

use std::time::Duration;

use spacetime_node::Service;
use spacetime_node::net::{Event, Hub, Options};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::bench::{Node, PATIENCE, dial, event};
use crate::common::{Miner, Wish, key, mine, network, tip, transfer};

#[tokio::test(flavor = "multi_thread")]
async fn own_blocks_become_the_chain_once_a_node_accepts_them() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let network = network(1, &[&alice]);
    let nodes = [Node::start(&network).await, Node::start(&network).await];
    mine(&nodes[0].service, &miner, Wish::default());
    let folder = tempfile::tempdir().unwrap();
    let service = Service::open(folder.path(), network.clone()).unwrap();
    let (sender, mut events) = mpsc::channel(1000);
    let running = Hub::start(service.clone(), Options::miner("miner/1", sender));
    dial(running.hub(), nodes[0].address);
    event(&mut events, |event| matches!(event, Event::Synced { .. }).then_some(())).await;
    assert_eq!(tip(&service), tip(&nodes[0].service));

    // Its transactions reach the node.
    let transaction = transfer(&alice, &bob, 5, 0, 1);
    let mut admitted = nodes[0].service.admitted();
    service.submit_transaction(transaction.clone()).unwrap().unwrap();
    assert_eq!(admitted.recv().await.unwrap(), transaction);

    let wish = Wish { transactions: vec![transaction], ..Wish::default() };
    let block = miner.block(&network, &tip(&service), wish);
    let sent = running.hub().send_block(&block, None).await.unwrap();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].written);
    let (peer, hash, height) = event(&mut events, |event| match event {
        Event::BlockAccepted { peer, hash, height } => Some((peer, hash, height)),
        _ => None,
    })
    .await;
    assert_eq!((peer, hash, height), (sent[0].peer, block.hash(), 2));
    assert_eq!(service.status().unwrap().tip, block.hash(), "taken before it is told");

    // One that the node refuses never becomes its chain.
    let spoilt = miner.block(&network, &tip(&service), Wish { difficulty: 7, ..Wish::default() });
    assert!(running.hub().send_block(&spoilt, None).await.unwrap()[0].written);
    let next = mine(&nodes[0].service, &miner, Wish::default());
    let mut changes = service.subscribe();
    timeout(PATIENCE, changes.wait_for(|changes| changes.tip == next.hash()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(service.header(&spoilt.hash()).unwrap(), None);

    // Without a peer, nothing is written, and that is told.
    let [first, _second] = nodes;
    first.running.stop().await;
    event(&mut events, |event| matches!(event, Event::Lost { .. }).then_some(())).await;
    assert_eq!(running.hub().send_block(&block, None).await.unwrap(), []);
    timeout(Duration::from_secs(5), running.stop()).await.unwrap();
}
