//! What honest nodes and our own store do at the worst moment.

use spacetime_protocol::wire::{Message, Taken};

use crate::{
    conversation::Conversation,
    world::{Chain, block_on},
};

fn begun(blocks: usize) -> (Conversation, Chain) {
    let node = Chain::of(blocks);
    (Conversation::with(node.clone(), &node), node)
}

#[test]
fn a_block_that_was_reorganised_away_while_it_was_asked_for_is_forgotten() {
    let (mut conversation, mut node) = begun(10);
    node.grow(1);
    let lost = node.tip().hash();
    conversation.notice(node.tip());
    conversation.question_for_block(lost);
    // The node has it no more, and says nothing. It tells of its new tip.
    node.reorganise(1, 2);
    conversation.notice(node.tip());
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash(), "without any waiting");
    assert!(!conversation.ours.holds(&lost));
    conversation.live_on(&node);
}

#[test]
fn without_any_notice_a_lost_block_is_given_up_after_a_while() {
    let (mut conversation, mut node) = begun(10);
    node.grow(1);
    let lost = node.tip().hash();
    conversation.notice(node.tip());
    conversation.question_for_block(lost);
    node.reorganise(1, 2);
    conversation.pass(30_000);
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    conversation.live_on(&node);
}

#[test]
fn a_reorganisation_while_catching_up_is_followed() {
    let ours = Chain::of(5);
    let mut node = ours.clone();
    node.grow(300);
    let mut conversation = Conversation::new(ours);
    for _ in 0..100 {
        let question = conversation.questions.pop_front().unwrap();
        conversation.answer(&question, &node);
    }
    // All that is asked for and wanted leaves the node's chain at once, and the
    // node forgets it.
    let mut other = Chain::new(node.at(0));
    (1..=50).for_each(|height| assert!(other.take(node.at(height))));
    other.grow(400);
    conversation.notice(other.tip());
    conversation.talk(&other);
    conversation.pass(30_000);
    conversation.talk(&other);
    assert_eq!(conversation.lie, None);
    assert_eq!(conversation.ours.tip().hash(), other.tip().hash());
    assert!(conversation.asked.0 < 30, "{:?}", conversation.asked);
}

#[test]
fn an_orphan_leads_to_headers() {
    let (mut conversation, mut node) = begun(10);
    node.grow(3);
    // Pushed, not asked for.
    conversation.hear(&Message::NewBlock(node.tip().encode().unwrap()));
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    assert_eq!(conversation.asked, (1, 3));
}

#[test]
fn orphans_of_nobodys_chain_are_asked_about_once_each() {
    let (mut conversation, node) = begun(10);
    for number in 1..=5 {
        let orphan = block_on(Some(&block_on(Some(node.at(3)))));
        conversation.hear(&Message::NewBlock(orphan.encode().unwrap()));
        conversation.talk(&node);
        assert_eq!(conversation.asked, (number, 0));
    }
    assert_eq!(conversation.lie, None);
}

#[test]
fn blocks_in_the_wrong_order_are_all_taken_in_the_end() {
    let ours = Chain::of(5);
    let mut node = ours.clone();
    node.grow(12);
    let mut conversation = Conversation::new(ours);
    for _ in 0..1000 {
        let Some(question) = conversation.questions.pop_back() else { break };
        conversation.answer(&question, &node);
    }
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    assert_eq!((conversation.lie, conversation.synced), (None, 1));
}

#[test]
fn an_early_block_is_asked_for_again_when_its_time_has_come() {
    let (mut conversation, mut node) = begun(10);
    node.grow(1);
    let until_ms = conversation.now_ms + 700;
    conversation.verdicts.push_back(Taken::Early { until_ms });
    conversation.notice(node.tip());
    conversation.talk(&node);
    assert_eq!(conversation.asked, (0, 1));
    // Notices of it, and of what follows it, do not make it come sooner.
    conversation.notice(node.tip());
    node.grow(1);
    conversation.notice(node.tip());
    conversation.hear(&Message::Transaction(vec![1]));
    conversation.pass(699);
    assert_eq!(conversation.asked, (0, 1));
    conversation.pass(1);
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    assert_eq!(conversation.asked, (1, 3));
}

/// Those behind it are on their way, and are orphans: no reason to ask again
/// and again until its time has come.
#[test]
fn an_early_block_in_the_middle_of_many_makes_no_flood() {
    let ours = Chain::of(10);
    let mut node = ours.clone();
    node.grow(40);
    let mut conversation = Conversation::new(ours);
    let until_ms = conversation.now_ms + 1500;
    conversation.verdicts.extend([Taken::Early { until_ms }]);
    conversation.talk(&node);
    assert_eq!((conversation.asked, conversation.synced), ((1, 16), 0));
    conversation.pass(1500);
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    assert_eq!((conversation.asked, conversation.synced), ((2, 56), 1));
}

#[test]
fn a_block_of_next_year_keeps_nobody_from_the_others_for_long() {
    let (mut conversation, mut node) = begun(10);
    let mut far = node.clone();
    far.grow(1);
    conversation.verdicts.push_back(Taken::Early { until_ms: u64::MAX });
    conversation.hear(&Message::NewBlock(far.tip().encode().unwrap()));
    node.grow(2);
    conversation.pass(15_000);
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
}

/// A block that competes with an early one is taken at once.
#[test]
fn another_block_is_fetched_while_an_early_one_is_waited_for() {
    let (mut conversation, mut node) = begun(10);
    let mut early = node.clone();
    early.grow(1);
    let until_ms = conversation.now_ms + 2000;
    conversation.verdicts.push_back(Taken::Early { until_ms });
    conversation.hear(&Message::NewBlock(early.tip().encode().unwrap()));
    node.grow(1);
    conversation.notice(node.tip());
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
}

#[test]
fn a_failure_of_our_own_store_is_not_the_nodes() {
    let ours = Chain::of(10);
    let mut node = ours.clone();
    node.grow(40);
    let mut conversation = Conversation::new(ours);
    conversation.verdicts.extend([Taken::Held, Taken::Failed]);
    conversation.verdicts.pop_front();
    conversation.talk(&node);
    assert_eq!((conversation.asked, &conversation.lie), ((1, 16), &None));
    conversation.pass(2_000);
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
    assert_eq!((conversation.asked, conversation.synced), ((2, 56), 1));
}

#[test]
fn headers_and_blocks_that_nobody_asked_for_are_harmless() {
    let (mut conversation, mut node) = begun(10);
    conversation.hear(&Message::Headers(Chain::of(4).headers_after(&[0; 32].into(), 9)));
    conversation.hear(&Message::Headers(vec![vec![1]]));
    conversation.hear(&Message::Headers(Vec::new()));
    for height in [0, 5, 10] {
        conversation.hear(&Message::Block(node.at(height).encode().unwrap()));
    }
    node.grow(1);
    for _ in 0..3 {
        conversation.hear(&Message::NewBlock(node.tip().encode().unwrap()));
    }
    assert_eq!((conversation.asked, &conversation.lie), ((0, 0), &None));
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
}

#[test]
fn a_block_that_is_noticed_twice_is_asked_for_once() {
    let (mut conversation, mut node) = begun(10);
    node.grow(1);
    conversation.notice(node.tip());
    conversation.notice(node.tip());
    conversation.talk(&node);
    conversation.notice(node.tip());
    conversation.hear(&Message::Block(node.tip().encode().unwrap()));
    assert_eq!((conversation.asked, &conversation.lie), ((0, 1), &None));
}

/// Notices of any number of blocks that nobody has are asked for a few at a
/// time, and forgotten.
#[test]
fn a_flood_of_notices_is_bounded() {
    let (mut conversation, node) = begun(10);
    for _ in 0..10_000 {
        conversation.notice(&block_on(Some(node.at(10))));
    }
    assert_eq!(conversation.most_at_once, 8);
    conversation.talk(&node);
    assert!(conversation.asked.0 <= 2, "{:?}", conversation.asked);
    conversation.pass(30_000);
    conversation.talk(&node);
    assert!(conversation.asked.0 <= 4, "{:?}", conversation.asked);
    assert_eq!(conversation.asked.1, 9);
}

/// A node that answers questions for headers meanwhile, so that none is open
/// for long, and has none of the blocks that it tells of: they follow the tip,
/// or come later, or both in turn.
#[test]
fn of_a_flood_of_notices_only_the_newest_is_asked_about() {
    for gaps in [[false; 2], [true; 2], [false, true]] {
        let (mut conversation, mut node) = begun(10);
        let tip = node.tip().clone();
        for number in 0..100_000 {
            let next = block_on(Some(&tip));
            let told = if gaps[number % 2] { block_on(Some(&next)) } else { next };
            conversation.notice(&told);
            while let Some(question) = conversation.questions.pop_front() {
                if matches!(question, Message::GetHeaders { .. }) {
                    conversation.answer(&question, &node);
                }
            }
            // A second in all.
            conversation.now_ms += u64::from(number % 100 == 0);
        }
        let asked = conversation.asked.0 + conversation.asked.1;
        assert!((1..40).contains(&asked), "{asked} questions for 100,000 notices: {gaps:?}");
        // A block that is there, among the last of them.
        node.grow(1);
        conversation.notice(node.tip());
        conversation.pass(500);
        conversation.talk(&node);
        let (tip, lie) = (conversation.ours.tip().hash(), &conversation.lie);
        assert_eq!((tip, lie), (node.tip().hash(), &None), "{gaps:?}");
        conversation.live_on(&node);
    }
}

/// An answer that is late belongs to the question that it answers: no other
/// one is asked before it is there, whatever times out meanwhile.
#[test]
fn a_block_that_times_out_does_not_mix_up_questions_for_headers() {
    let (mut conversation, mut node) = begun(10);
    node.grow(1);
    conversation.notice(node.tip());
    conversation.question_for_block(node.tip().hash());
    conversation.pass(20_000);
    let gap = block_on(Some(&block_on(Some(node.tip()))));
    conversation.notice(&gap);
    let after = conversation.question_for_headers();
    conversation.pass(10_000);
    assert!(conversation.questions.is_empty(), "{:?}", conversation.questions);
    conversation.hear(&Message::Headers(node.headers_after(&after, 2000)));
    conversation.talk(&node);
    assert_eq!(conversation.lie, None);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
}

/// The time at which there is something to do is never passed over.
#[test]
fn there_is_always_something_due() {
    let (mut conversation, mut node) = begun(10);
    for round in 0..50 {
        assert!(conversation.follower.due_ms() <= conversation.now_ms + 30_000, "{round}");
        conversation.pass(5_000);
        if round % 3 == 0 {
            node.grow(1);
        }
        conversation.talk(&node);
    }
    assert_eq!(conversation.lie, None);
}
