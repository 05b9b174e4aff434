//! Every kind of lie is named, and ends the conversation.

use spacetime_protocol::{
    BlockHash,
    wire::{Lie, Message, Taken},
};

use crate::{
    conversation::Conversation,
    world::{Chain, block_on, header_bytes},
};

/// A synchronised conversation, and a node one block ahead.
fn begun() -> (Conversation, Chain) {
    let mut node = Chain::of(10);
    let conversation = Conversation::with(node.clone(), &node);
    node.grow(1);
    (conversation, node)
}

/// The first blocks of a chain.
fn node_of(chain: &Chain, blocks: usize) -> Chain {
    let mut first = Chain::new(chain.at(0));
    (1..=blocks).for_each(|height| assert!(first.take(chain.at(height))));
    first
}

/// The lie in these headers, answered to a question for them.
fn headers(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Option<Lie> {
    let (conversation, mut node) = begun();
    node.grow(3);
    let mut conversation = Conversation::new(conversation.ours);
    let locator = conversation.question_for_headers();
    let mut headers = node.headers_after(&locator, 2000);
    change(&mut headers);
    conversation.hear(&Message::Headers(headers));
    conversation.lie
}

#[test]
fn a_header_that_is_none() {
    for bytes in [vec![], vec![0; 289], vec![0xFF; 290]] {
        let lie = headers(|headers| headers[2] = bytes.clone());
        assert!(matches!(lie, Some(Lie::Header(_) | Lie::Parent { .. })), "{lie:?}");
    }
    assert!(matches!(headers(|headers| headers[0].truncate(200)), Some(Lie::Header(_))));
}

#[test]
fn headers_that_do_not_hang_together() {
    let stranger = block_on(Some(Chain::of(10).tip()));
    let (hash, parent) = (stranger.hash(), stranger.header.parent);
    let lie = headers(|headers| headers[3] = header_bytes(&stranger));
    assert_eq!(lie, Some(Lie::Parent { hash, parent }));
    for lie in [
        headers(|headers| headers.swap(1, 2)),
        headers(|headers| drop(headers.remove(2))),
        headers(|headers| headers[2] = headers[1].clone()),
    ] {
        assert!(matches!(lie, Some(Lie::Parent { .. })), "{lie:?}");
    }
}

#[test]
fn headers_that_follow_another_block_than_the_one_asked_about() {
    let (conversation, node) = begun();
    // Its chain from elsewhere; another chain altogether.
    for block in [node.at(4), node.at(11), &block_on(Some(Chain::of(10).tip()))] {
        let mut conversation = Conversation::new(conversation.ours.clone());
        let after = conversation.question_for_headers();
        conversation.hear(&Message::Headers(vec![header_bytes(block)]));
        let (hash, parent) = (block.hash(), block.header.parent);
        assert_eq!(conversation.lie, Some(Lie::OtherHeaders { after, hash, parent }));
        let reason = conversation.lie.unwrap().to_string();
        let named = format!("asked for what follows block {after} and sent header {hash}");
        assert!(reason.contains(&named), "{reason}");
    }
}

#[test]
fn a_header_with_a_height_that_is_not_its_parents_and_one() {
    for said in [0, 10, 12, u64::MAX >> 1] {
        let (_, node) = begun();
        let mut block = block_on(Some(node.at(10)));
        block.header.height = said;
        let mut conversation = Conversation::new(node_of(&node, 10));
        let after = conversation.question_for_headers();
        assert_eq!(after, node.at(9).hash());
        let headers = vec![header_bytes(node.at(10)), header_bytes(&block)];
        conversation.hear(&Message::Headers(headers));
        let lie = Lie::Height { hash: block.hash(), said, height: 11 };
        assert_eq!(conversation.lie, Some(lie));
    }
}

#[test]
fn a_notice_of_a_known_block_with_another_height() {
    let (mut conversation, node) = begun();
    let hash = node.at(4).hash();
    conversation.hear(&Message::BlockAccepted { hash, height: 5 });
    assert_eq!(conversation.lie, Some(Lie::Height { hash, said: 5, height: 4 }));
}

#[test]
fn a_notice_whose_block_turns_out_to_have_another_height() {
    for said in [0, 7, 10] {
        let (mut conversation, node) = begun();
        let hash = node.tip().hash();
        conversation.hear(&Message::BlockAccepted { hash, height: said });
        conversation.question_for_block(hash);
        conversation.hear(&Message::Block(node.tip().encode().unwrap()));
        assert_eq!(conversation.lie, Some(Lie::Height { hash, said, height: 11 }));
    }
}

/// Too high a notice is explained by headers, as any gap; if the block is
/// among them, it is fetched under its true height.
#[test]
fn a_notice_that_is_too_high_leads_to_headers_first() {
    let (mut conversation, node) = begun();
    conversation.hear(&Message::BlockAccepted { hash: node.tip().hash(), height: 4000 });
    let after = conversation.question_for_headers();
    conversation.hear(&Message::Headers(node.headers_after(&after, 2000)));
    conversation.talk(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());

    // Of a block that does not exist nothing more is asked than that.
    let asked = conversation.asked.0;
    conversation.hear(&Message::BlockAccepted { hash: BlockHash::new([9; 32]), height: 4000 });
    conversation.talk(&node);
    assert_eq!(conversation.asked.0, asked + 1);
}

#[test]
fn a_block_that_is_none() {
    for push in [Message::Block, Message::NewBlock] {
        let (mut conversation, node) = begun();
        let mut bytes = node.tip().encode().unwrap();
        bytes.truncate(300);
        conversation.hear(&push(bytes));
        assert!(matches!(conversation.lie, Some(Lie::Block(_))), "{:?}", conversation.lie);
    }
}

#[test]
fn a_block_that_breaks_a_rule() {
    let (mut conversation, node) = begun();
    conversation.verdicts.push_back(Taken::Invalid("its score is not under the target".into()));
    conversation.notice(node.tip());
    conversation.talk(&node);
    let lie = conversation.lie.unwrap();
    let hash = node.tip().hash();
    assert_eq!(lie, Lie::Invalid { hash, reason: "its score is not under the target".into() });
    assert!(lie.to_string().ends_with("is not valid: its score is not under the target"));
}

#[test]
fn a_fork_that_is_too_deep() {
    let (mut conversation, node) = begun();
    conversation.verdicts.push_back(Taken::TooDeep);
    conversation.notice(node.tip());
    conversation.talk(&node);
    assert_eq!(conversation.lie, Some(Lie::TooDeep { hash: node.tip().hash() }));
}

#[test]
fn silence_to_a_question_for_headers() {
    let (conversation, _) = begun();
    let mut conversation = Conversation::new(conversation.ours);
    conversation.pass(29_999);
    assert_eq!(conversation.lie, None);
    conversation.pass(1);
    let lie = conversation.lie.unwrap();
    assert_eq!(lie, Lie::NoAnswer { what: "a question for headers" });
    assert_eq!(lie.to_string(), "it did not answer a question for headers within 30 s");
}

/// Its headers have a block that it never sends.
#[test]
fn silence_to_questions_for_a_block() {
    let (conversation, node) = begun();
    let mut conversation = Conversation::new(conversation.ours);
    let after = conversation.question_for_headers();
    conversation.hear(&Message::Headers(node.headers_after(&after, 2000)));
    conversation.question_for_block(node.tip().hash());
    conversation.pass(30_000);
    assert_eq!(conversation.lie, None);
    let after = conversation.question_for_headers();
    conversation.hear(&Message::Headers(node.headers_after(&after, 2000)));
    conversation.question_for_block(node.tip().hash());
    conversation.pass(29_999);
    assert_eq!(conversation.lie, None);
    conversation.pass(1);
    assert_eq!(conversation.lie, Some(Lie::NoAnswer { what: "a question for a block" }));
}

/// Each of them may be news; but the one that was asked for must come, too.
#[test]
fn other_blocks_than_the_one_that_was_asked_for() {
    let (_, node) = begun();
    let orphan = block_on(Some(&block_on(Some(node.at(3)))));
    for other in [node.at(4).clone(), block_on(Some(node.at(9))), orphan] {
        let mut conversation = Conversation::with(node_of(&node, 10), &node_of(&node, 10));
        conversation.notice(node.tip());
        conversation.question_for_block(node.tip().hash());
        conversation.hear(&Message::Block(other.encode().unwrap()));
        // It goes on saying that its chain has the block.
        while let Some(Message::GetHeaders { locator, .. }) = conversation.questions.pop_front() {
            conversation.hear(&Message::Headers(node.headers_after(&locator, 2000)));
        }
        conversation.pass(29_999);
        assert_eq!(conversation.lie, None);
        conversation.pass(1);
        let (asked, came) = (node.tip().hash(), other.hash());
        assert_eq!(conversation.lie, Some(Lie::OtherBlock { asked, came }));
        let reason = conversation.lie.unwrap().to_string();
        assert!(reason.contains(&format!("asked for block {asked} and sent block {came}")));
    }
}

#[test]
fn a_block_that_nobody_asked_for_is_news_if_the_answer_comes_as_well() {
    let (mut conversation, mut node) = begun();
    conversation.notice(node.tip());
    conversation.question_for_block(node.tip().hash());
    let news = block_on(Some(node.at(10)));
    conversation.hear(&Message::Block(news.encode().unwrap()));
    assert!(conversation.ours.holds(&news.hash()), "it is looked at like any other");
    conversation.hear(&Message::Block(node.tip().encode().unwrap()));
    node.grow(1);
    conversation.notice(node.tip());
    conversation.talk(&node);
    conversation.live_on(&node);
    assert_eq!(conversation.ours.tip().hash(), node.tip().hash());
}

#[test]
fn a_node_that_changes_its_network_meanwhile() {
    let ours = Chain::of(10);
    let mut conversation = Conversation::with(ours.clone(), &ours);
    conversation.pass(15_000);
    conversation.talk(&Chain::of(11));
    assert_eq!(conversation.lie, Some(Lie::OtherNetwork { genesis: ours.genesis() }));
}
