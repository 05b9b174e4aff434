//! Nodes that tell the truth at once: from every starting point the follower
//! has the node's tip in the end, with few questions.

use spacetime_protocol::wire::{Lie, Message};

use crate::{
    conversation::Conversation,
    world::{Chain, block_on},
};

/// A node with the same network, and so many blocks that we lack.
fn ahead(ours: &Chain, blocks: usize) -> Chain {
    let mut node = ours.clone();
    node.grow(blocks);
    node
}

#[test]
fn equal_tips_take_one_question() {
    for blocks in [1, 2, 50] {
        let ours = Chain::of(blocks);
        let mut conversation = Conversation::new(ours.clone());
        conversation.talk(&ours);
        assert_eq!((conversation.synced, conversation.asked), (1, (1, 0)), "{blocks}");
    }
}

#[test]
fn an_empty_node_and_an_empty_chain_are_in_sync() {
    let empty = Chain::of(0);
    let mut conversation = Conversation::new(empty.clone());
    conversation.talk(&empty);
    assert_eq!((conversation.synced, conversation.asked), (1, (2, 0)));

    let ours = ahead(&empty, 300);
    let mut conversation = Conversation::new(ours);
    conversation.talk(&empty);
    assert_eq!((conversation.synced, conversation.asked.1), (1, 0));
    assert!(conversation.asked.0 < 25, "{:?}", conversation.asked);
}

#[test]
fn a_node_that_is_ahead_is_caught_up_with() {
    for (blocks, headers) in [(1, 1), (3, 1), (1998, 1), (1999, 2), (2500, 2), (6000, 4)] {
        let ours = Chain::of(7);
        let node = ahead(&ours, blocks);
        let mut conversation = Conversation::new(ours);
        conversation.talk(&node);
        assert_eq!(conversation.lie, None);
        assert_eq!(conversation.ours.tip().hash(), node.tip().hash(), "{blocks}");
        assert_eq!((conversation.synced, conversation.asked), (1, (headers, blocks)));
        assert_eq!(conversation.most_at_once, blocks.min(16));
    }
}

#[test]
fn a_new_chain_is_fetched_from_its_first_block() {
    let node = Chain::of(40);
    let mut conversation = Conversation::new(Chain::new(node.at(0)));
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    assert_eq!((conversation.synced, conversation.asked), (1, (1, 40)));
    assert!(conversation.behind.is_empty());
}

#[test]
fn a_node_that_is_behind_is_in_sync() {
    for blocks in [1, 2, 10, 2500] {
        let node = Chain::of(7);
        let mut conversation = Conversation::new(ahead(&node, blocks));
        conversation.talk(&node);
        assert_eq!((conversation.synced, conversation.asked.1), (1, 0), "{blocks}");
        assert!(conversation.asked.0 < 25, "{:?}", conversation.asked);
        assert_eq!(conversation.behind, [node.tip().hash()], "{blocks}");
    }
}

#[test]
fn a_node_that_has_lost_all_is_behind() {
    let (ours, node) = (Chain::of(7), Chain::of(0));
    let mut conversation = Conversation::new(ours.clone());
    conversation.talk(&node);
    assert_eq!((conversation.synced, conversation.asked.1), (1, 0));
    assert_eq!(conversation.behind, [ours.genesis()]);
}

#[test]
fn a_notice_of_a_block_below_our_tip_is_looked_into_once_and_not_at_once() {
    let node = Chain::of(5);
    let ours = ahead(&node, 2);
    let mut conversation = Conversation::with(ours.clone(), &ours);
    for height in [3, 4, 5] {
        conversation.notice(ours.at(height));
    }
    conversation.pass(1_999);
    assert_eq!((conversation.asked.0, &conversation.behind[..]), (0, &[][..]));
    conversation.pass(1);
    assert_eq!(conversation.asked.0, 1);
    conversation.talk(&node);
    assert_eq!(conversation.behind, [node.tip().hash()]);
}

#[test]
fn forks_are_followed_from_where_they_begin() {
    for (depth, blocks) in [(1, 1), (1, 2), (10, 11), (10, 5), (100, 2300)] {
        let ours = Chain::of(120);
        let mut node = ours.clone();
        node.reorganise(depth, blocks);
        let mut conversation = Conversation::new(ours);
        conversation.talk(&node);
        assert_eq!((conversation.synced, &conversation.lie), (1, &None));
        assert!(conversation.ours.holds(&node.tip().hash()), "{depth}, {blocks}");
        // What has become our tip is not behind it.
        let is_tip = conversation.ours.tip().hash() == node.tip().hash();
        assert_eq!(conversation.behind.is_empty(), is_tip, "{depth}, {blocks}");
        assert_eq!(conversation.asked.1, blocks);
        assert!(conversation.asked.0 < 25, "{:?}", conversation.asked);
    }
}

#[test]
fn another_network_is_told_from_its_first_header() {
    let ours = Chain::of(12);
    let genesis = ours.genesis();
    let mut conversation = Conversation::new(ours);
    conversation.talk(&Chain::of(3));
    assert_eq!(conversation.lie, Some(Lie::OtherNetwork { genesis }));
}

/// A chain that consists of another genesis block cannot be told by headers;
/// its notices tell of blocks that do not fit.
#[test]
fn another_network_that_grows_is_told_then() {
    let ours = Chain::of(3);
    let genesis = ours.genesis();
    let mut other = Chain::of(0);
    let mut conversation = Conversation::with(ours, &other);
    other.grow(1);
    conversation.notice(other.tip());
    conversation.talk(&other);
    assert_eq!(conversation.lie, Some(Lie::OtherNetwork { genesis }));
}

#[test]
fn a_noticed_block_takes_one_question() {
    let ours = Chain::of(5);
    let mut node = ours.clone();
    let mut conversation = Conversation::with(ours, &node);
    for _ in 0..20 {
        node.grow(1);
        conversation.notice(node.tip());
        conversation.talk(&node);
        assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    }
    assert_eq!(conversation.asked, (0, 20));
}

#[test]
fn a_pushed_block_takes_none() {
    let ours = Chain::of(5);
    let mut node = ours.clone();
    let mut conversation = Conversation::with(ours, &node);
    for push in [Message::Block, Message::NewBlock] {
        node.grow(1);
        conversation.hear(&push(node.tip().encode().unwrap()));
        conversation.notice(node.tip());
        assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    }
    assert_eq!(conversation.asked, (0, 0));
}

#[test]
fn a_gap_before_a_notice_is_filled() {
    let ours = Chain::of(5);
    let mut node = ours.clone();
    let mut conversation = Conversation::with(ours, &node);
    node.grow(40);
    conversation.notice(node.tip());
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    assert_eq!(conversation.asked, (1, 40));
}

#[test]
fn a_noticed_reorganisation_is_followed() {
    for (depth, blocks) in [(1, 1), (1, 2), (3, 4), (10, 11)] {
        let ours = Chain::of(30);
        let mut node = ours.clone();
        let mut conversation = Conversation::with(ours, &node);
        node.reorganise(depth, blocks);
        conversation.notice(node.tip());
        conversation.talk(&node);
        assert_eq!(conversation.lie, None);
        assert!(conversation.ours.holds(&node.tip().hash()), "{depth}, {blocks}");
        assert!(conversation.asked.0 <= 20, "{:?}", conversation.asked);
    }
}

/// Nobody tells of it: the tip that both had is on the node's chain no more.
#[test]
fn an_unnoticed_reorganisation_is_found_by_asking_now_and_then() {
    let ours = Chain::of(30);
    let mut node = ours.clone();
    let mut conversation = Conversation::with(ours, &node);
    node.reorganise(2, 3);
    conversation.pass(15_000);
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
}

#[test]
fn a_quiet_node_is_asked_every_15_seconds_and_once() {
    let ours = Chain::of(30);
    let mut conversation = Conversation::with(ours.clone(), &ours);
    for minute in 1..=4 {
        for _ in 0..4 {
            conversation.pass(15_000);
            conversation.talk(&ours);
        }
        assert_eq!(conversation.asked, (4 * minute, 0));
    }
    assert_eq!(conversation.synced, 1, "said once");
}

#[test]
fn notices_of_known_blocks_ask_for_nothing() {
    let ours = Chain::of(30);
    let mut conversation = Conversation::with(ours.clone(), &ours);
    for height in [30, 0, 12, 30] {
        conversation.notice(ours.at(height));
    }
    assert_eq!(conversation.asked, (0, 0));
}

#[test]
fn what_became_of_a_block_of_ours_is_asked_soon() {
    let node = Chain::of(5);
    let mut conversation = Conversation::with(node.clone(), &node);
    let block = block_on(Some(node.tip()));
    conversation.ours.take(&block);
    conversation.follower.sent_block(conversation.now_ms);
    // Other messages tell nothing of it.
    conversation.hear(&Message::Transaction(vec![1]));
    conversation.hear(&Message::Heartbeat);
    conversation.pass(1_999);
    assert_eq!(conversation.asked, (0, 0));
    conversation.pass(1);
    assert_eq!(conversation.asked, (1, 0));
    conversation.talk(&node);
    assert_eq!(conversation.lie, None);
}

#[test]
fn notices_while_catching_up_cost_next_to_nothing() {
    let ours = Chain::of(5);
    let mut node = ours.clone();
    node.grow(500);
    let mut conversation = Conversation::new(ours);
    for round in 0.. {
        let Some(question) = conversation.questions.pop_front() else { break };
        conversation.answer(&question, &node);
        if round % 10 == 0 && round < 500 {
            node.grow(1);
            conversation.notice(node.tip());
        }
    }
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    assert_eq!((conversation.synced, conversation.asked.1), (1, 550));
    assert!(conversation.asked.0 < 20, "{:?}", conversation.asked);
}
