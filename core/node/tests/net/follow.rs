//! Nodes follow each other.

use spacetime_node::net::Event;

use crate::bench::Node;
use crate::common::{Miner, Wish, key, mine, network, tip, transfer};

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_have_one_chain_whoever_dials_and_whoever_mines() {
    let network = network(1, &[]);
    let miner = Miner::new(3);
    let mut a = Node::start(&network).await;
    let b = Node::start(&network).await;
    for _ in 0..30 {
        mine(&a.service, &miner, Wish::default());
    }
    b.dial(a.address);
    b.reaches(tip(&a.service).hash()).await;
    // The one that was dialled, and the other one.
    let block = mine(&a.service, &miner, Wish::default());
    b.reaches(block.hash()).await;
    let block = mine(&b.service, &miner, Wish::default());
    a.reaches(block.hash()).await;
    assert_eq!(b.hub().peers().len(), 1);
    assert!(b.hub().peers()[0].dialled);
    // Nobody is left of a connection that ends.
    b.running.stop().await;
    a.event(|event| matches!(event, Event::Lost { .. }).then_some(())).await;
    assert_eq!(a.hub().peers(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_that_is_dialled_catches_up_too() {
    let network = network(1, &[]);
    let miner = Miner::new(3);
    let a = Node::start(&network).await;
    let b = Node::start(&network).await;
    for _ in 0..200 {
        mine(&b.service, &miner, Wish::default());
    }
    b.dial(a.address);
    a.reaches(tip(&b.service).hash()).await;
    assert_eq!(a.service.accounts().unwrap(), b.service.accounts().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_in_a_line_agree_and_pass_transactions_on() {
    let (alice, bob, miner) = (key(1), key(2), Miner::new(3));
    let network = network(1, &[&alice]);
    let nodes =
        [Node::start(&network).await, Node::start(&network).await, Node::start(&network).await];
    // Pending before anybody is connected.
    let early = transfer(&alice, &bob, 5, 0, 1);
    nodes[0].service.submit_transaction(early.clone()).unwrap().unwrap();
    let mut admitted = nodes[2].service.admitted();
    nodes[1].dial(nodes[0].address);
    nodes[2].dial(nodes[1].address);
    assert_eq!(admitted.recv().await.unwrap(), early);
    let late = transfer(&alice, &bob, 5, 1, 1);
    nodes[0].service.submit_transaction(late.clone()).unwrap().unwrap();
    assert_eq!(admitted.recv().await.unwrap(), late);

    let transactions = nodes[2].service.pending(10);
    assert_eq!(transactions, [early, late]);
    let block = mine(&nodes[2].service, &miner, Wish { transactions, ..Wish::default() });
    for node in &nodes {
        node.reaches(block.hash()).await;
        assert_eq!(node.service.account(&bob.identity()).unwrap().balance, 10);
        assert_eq!(node.service.pending(10), []);
    }
}
