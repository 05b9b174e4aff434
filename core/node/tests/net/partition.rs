//! Nodes that were apart and come together.

use spacetime_protocol::block::Block;
use spacetime_protocol::keys::SecretKey;

use crate::bench::Node;
use crate::common::{Miner, PREMINE, Wish, extend, key, mine, network, tip, transfer};

#[tokio::test(flavor = "multi_thread")]
async fn balances_roll_back_and_transactions_of_the_lighter_side_are_pending_again() {
    let (alice, bob, carol) = (key(1), key(2), key(5));
    let (ours, theirs) = (Miner::new(3), Miner::new(4));
    let network = network(1, &[&alice, &bob]);
    let mut a = Node::start(&network).await;
    let b = Node::start(&network).await;
    // One block that both have.
    extend(&b.service, &mine(&a.service, &ours, Wish::default()));

    let wish = |transactions| Wish { transactions, ..Wish::default() };
    let lost = [transfer(&alice, &carol, 10, 0, 3), transfer(&alice, &carol, 20, 1, 3)];
    mine(&a.service, &ours, wish(lost[..1].to_vec()));
    mine(&a.service, &ours, wish(lost[1..].to_vec()));
    assert_eq!(a.service.account(&carol.identity()).unwrap().balance, 30);
    let kept = transfer(&bob, &carol, 7, 0, 1);
    mine(&b.service, &theirs, wish(vec![kept]));
    for _ in 0..3 {
        mine(&b.service, &theirs, Wish::default());
    }
    // Pending on either side.
    let pending = transfer(&bob, &carol, 9, 0, 1);
    a.service.submit_transaction(pending).unwrap().unwrap();

    let mut admitted = b.service.admitted();
    a.dial(b.address);
    a.reaches(tip(&b.service).hash()).await;
    let balance =
        |node: &Node, of: &SecretKey| node.service.account(&of.identity()).unwrap().balance;
    for node in [&a, &b] {
        assert_eq!(balance(node, &alice), PREMINE);
        assert_eq!(balance(node, &bob), PREMINE - 8);
        assert_eq!(balance(node, &carol), 7);
        assert_eq!(balance(node, &ours.key), 0);
        assert_eq!(balance(node, &theirs.key), 1);
    }
    // Those of the replaced blocks come back, the conflicting one is gone, and
    // the other side hears of them, too.
    assert_eq!(a.service.pending(10), lost);
    assert_eq!([admitted.recv().await.unwrap(), admitted.recv().await.unwrap()], lost);
    let block = mine(&b.service, &theirs, wish(lost.to_vec()));
    a.reaches(block.hash()).await;
    assert_eq!(balance(&a, &carol), 37);
    assert_eq!(a.service.pending(10), []);
    assert_eq!(a.service.accounts().unwrap(), b.service.accounts().unwrap());
    a.events.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_tie_all_take_the_lower_score() {
    let network = network(1, &[]);
    let miner = Miner::new(3);
    let block =
        |rank| miner.block(&network, &network.genesis.header, Wish { rank, ..Wish::default() });
    let (lower, higher): (Block, Block) = (block(0), block(1));
    assert!(lower.header.score < higher.header.score);
    // Whoever has which, and whoever dials.
    for swapped in [false, true] {
        let a = Node::start(&network).await;
        let b = Node::start(&network).await;
        let c = Node::start(&network).await;
        let (first, second) = if swapped { (&higher, &lower) } else { (&lower, &higher) };
        extend(&a.service, first);
        extend(&b.service, second);
        b.dial(a.address);
        c.dial(b.address);
        for node in [&a, &b, &c] {
            node.reaches(lower.hash()).await;
        }
        // Whoever had the other one still serves it.
        let had = if swapped { &a } else { &b };
        assert_eq!(had.service.block(&higher.hash()).unwrap(), Some(higher.clone()));
    }
}
