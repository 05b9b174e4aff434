//! The desk as the host and the nodes see it; each defect of the reference
//! (`miner-behaviour.md` section 7) that it must not repeat has its test.

use spacetime_sdk::{
    Builder, Challenge, Event, Request, Verdict,
    protocol::{BlockHash, MAX_NUMBER, Target, network::Network, score, wire::Message},
};

use super::desk::{Action, Desk};

/// Unix ms.
const NOW: u64 = 1_700_000_000_000;

fn hash(number: u8) -> BlockHash {
    BlockHash::new([number; 32])
}

fn notice(number: u8, height: u64) -> Message {
    Message::BlockAccepted { hash: hash(number), height }
}

/// A desk with so many connected nodes.
fn connected(links: usize) -> Desk {
    let mut desk = Desk::new(links, Some(10));
    let first = desk.up(0, "a node");
    assert!(matches!(&first[..], [Action::Emit(Event::Online { .. })]), "{first:?}");
    for link in 1..links {
        assert!(desk.up(link, "another").is_empty());
    }
    desk
}

fn challenges(actions: &[Action]) -> Vec<Challenge> {
    let challenge = |action: &Action| match action {
        Action::Emit(Event::Challenge(challenge)) => Some(challenge.clone()),
        _ => None,
    };
    actions.iter().filter_map(challenge).collect()
}

fn verdicts(actions: &[Action]) -> Vec<Verdict> {
    let verdict = |action: &Action| match action {
        Action::Emit(Event::Verdict { verdict, .. }) => Some(*verdict),
        _ => None,
    };
    actions.iter().filter_map(verdict).collect()
}

/// Link, number and type of what is written.
fn writes(actions: &[Action]) -> Vec<(usize, u64, u8)> {
    let write = |action: &Action| match action {
        Action::Write { link, delivery, frame } => Some((*link, *delivery, frame[4])),
        Action::Emit(_) => None,
    };
    actions.iter().filter_map(write).collect()
}

/// A block on a parent; only its header is looked at here.
fn block(parent: u8) -> Vec<u8> {
    let mut block = Network::local().genesis;
    block.header.parent = hash(parent);
    block.header.height = 1;
    block.encode().unwrap()
}

fn submit(desk: &mut Desk, ticket: u64, parent: u8) -> Vec<Action> {
    desk.request(Request::SubmitBlock { ticket, block: block(parent) })
}

#[test]
fn a_notice_becomes_a_challenge_whose_best_proof_is_always_wanted() {
    let mut desk = connected(1);
    let told = challenges(&desk.heard(0, vec![notice(1, 41)], NOW));
    let [told] = &told[..] else { panic!("{told:?}") };
    assert_eq!((told.parent, told.epoch, told.height), (hash(1), 42, 42));
    assert_eq!(told.challenge, spacetime_sdk::protocol::challenge::challenge(&hash(1), 42));
    assert_eq!(told.share_target, Some(Target::new([0xFF; 32])));
    assert_eq!((told.builder, told.block_target), (Builder::Host, score::target(10)));

    let mut desk = Desk::new(1, None);
    desk.up(0, "a node");
    let told = challenges(&desk.heard(0, vec![notice(1, 41)], NOW));
    assert_eq!((told[0].builder, told[0].block_target), (Builder::Nobody, None));
}

/// D2: the reference mines on every notice in turn, however old.
#[test]
fn d2_the_newest_of_many_notices_is_mined_on_at_once() {
    let mut desk = connected(1);
    let told = challenges(&desk.heard(0, vec![notice(1, 1), notice(2, 2), notice(3, 3)], NOW));
    assert_eq!(told.iter().map(|told| told.parent).collect::<Vec<_>>(), [hash(3)]);
    // And while one is mined on, the next takes its place.
    let told = challenges(&desk.heard(0, vec![notice(4, 2)], NOW));
    assert_eq!(told[0].parent, hash(4));
}

/// D8: the reference scans anew whenever a notice is repeated.
#[test]
fn d8_a_repeated_notice_starts_no_scan_and_is_answered_with_what_was_found() {
    let mut desk = connected(1);
    desk.heard(0, vec![notice(1, 5)], NOW);
    assert!(desk.heard(0, vec![notice(1, 5)], NOW).is_empty(), "nothing is found yet");
    let sent = writes(&submit(&mut desk, 7, 1));
    assert!(desk.heard(0, vec![notice(1, 5)], NOW).is_empty(), "it is on its way");
    assert_eq!(verdicts(&desk.written(0, sent[0].1, true)), [Verdict::Accepted]);
    let again = desk.heard(0, vec![notice(1, 5)], NOW);
    assert_eq!((challenges(&again).len(), writes(&again)), (0, vec![(0, 0, 0x23)]));
    assert!(desk.written(0, 0, true).is_empty());
}

#[test]
fn d8_a_node_that_lags_behind_another_does_not_lead_back() {
    let mut desk = connected(2);
    desk.heard(0, vec![notice(9, 9)], NOW);
    assert!(desk.heard(1, vec![notice(8, 8)], NOW).is_empty());
    assert!(desk.heard(1, vec![notice(9, 9)], NOW).is_empty(), "said once, and known");
    assert_eq!(challenges(&desk.heard(1, vec![notice(10, 10)], NOW)).len(), 1);
    // The node that was followed may go back, and so may one that is alone.
    assert_eq!(challenges(&desk.heard(1, vec![notice(7, 7)], NOW)).len(), 1);
    desk.down(1, "gone".to_owned());
    assert_eq!(challenges(&desk.heard(0, vec![notice(6, 6)], NOW)).len(), 1);
}

/// D10: the reference counts blocks as won that its relay drops.
#[test]
fn d10_a_block_counts_once_it_is_written_and_only_then() {
    let mut desk = connected(2);
    desk.heard(0, vec![notice(1, 5)], NOW);
    let sent = submit(&mut desk, 7, 1);
    assert_eq!(verdicts(&sent), [], "not yet");
    let sent = writes(&sent);
    assert_eq!(
        sent.iter().map(|(link, _, kind)| (*link, *kind)).collect::<Vec<_>>(),
        [(0, 0x23), (1, 0x23)]
    );
    assert!(desk.written(0, sent[0].1, false).is_empty(), "the other may take it");
    let lost = desk.down(1, "cut".to_owned());
    assert_eq!(verdicts(&lost), [Verdict::Undelivered]);
    // The host brings it again.
    let sent = writes(&submit(&mut desk, 7, 1));
    assert_eq!(verdicts(&desk.written(0, sent[0].1, true)), [Verdict::Accepted]);
    desk.down(0, "cut".to_owned());
    assert_eq!(verdicts(&submit(&mut desk, 8, 1)), [Verdict::Undelivered]);
}

#[test]
fn what_was_written_goes_out_again_on_a_new_connection_until_the_tip_moves() {
    let mut desk = connected(1);
    desk.heard(0, vec![notice(1, 5)], NOW);
    let sent = writes(&submit(&mut desk, 7, 1));
    desk.written(0, sent[0].1, true);
    let gone = desk.down(0, "cut".to_owned());
    assert!(matches!(&gone[..], [Action::Emit(Event::Offline { .. })]), "{gone:?}");
    let back = desk.up(0, "a node");
    // The host has forgotten the challenge with the connection.
    assert_eq!((challenges(&back).len(), writes(&back)), (1, vec![(0, 0, 0x23)]));
    desk.heard(0, vec![notice(2, 6)], NOW);
    desk.down(0, "cut".to_owned());
    assert_eq!(writes(&desk.up(0, "a node")), []);
}

/// D27: the reference builds on whatever tip its chain state has by then.
#[test]
fn d27_a_block_on_another_tip_is_not_sent() {
    let mut desk = connected(1);
    desk.heard(0, vec![notice(1, 5)], NOW);
    desk.heard(0, vec![notice(2, 6)], NOW);
    assert_eq!(verdicts(&submit(&mut desk, 7, 1)), [Verdict::Stale]);
    let malformed = Request::SubmitBlock { ticket: 8, block: vec![1, 2, 3] };
    assert_eq!(verdicts(&desk.request(malformed)), [Verdict::Rejected]);
}

#[test]
fn no_block_can_follow_the_last_height() {
    let mut desk = connected(1);
    assert!(desk.heard(0, vec![notice(1, MAX_NUMBER)], NOW).is_empty());
    assert_eq!(
        challenges(&desk.heard(0, vec![notice(2, MAX_NUMBER - 1)], NOW))[0].height,
        MAX_NUMBER
    );
}

/// So many notices of a node within a second, each of another block; what came
/// of them.
fn flood(desk: &mut Desk, link: usize, from_ms: u64) -> Vec<Action> {
    let mut actions = Vec::new();
    for number in 0..1000_u64 {
        let parts = number.to_le_bytes().repeat(4).try_into().unwrap();
        let told = Message::BlockAccepted { hash: BlockHash::new(parts), height: 1000 + number };
        actions.extend(desk.heard(link, vec![told; 100], from_ms + number));
    }
    actions
}

#[test]
fn a_flood_of_notices_leaves_time_to_scan_and_its_newest_is_mined_on_in_the_end() {
    let mut desk = connected(1);
    let told = challenges(&flood(&mut desk, 0, NOW));
    assert_eq!(told.len(), 2, "scans in a second");
    assert_eq!(challenges(&desk.heard(0, vec![notice(7, 7)], NOW + 999)), []);
    assert!(desk.has_more());
    let told = challenges(&desk.take_turn(NOW + 1499));
    assert_eq!(told.iter().map(|told| told.parent).collect::<Vec<_>>(), [hash(7)]);
    assert!(!desk.has_more());
}

#[test]
fn a_flood_of_repeated_notices_is_answered_a_few_times() {
    let mut desk = connected(1);
    desk.heard(0, vec![notice(1, 5)], NOW);
    let sent = writes(&submit(&mut desk, 7, 1));
    desk.written(0, sent[0].1, true);
    let again = |desk: &mut Desk| desk.heard(0, vec![notice(1, 5); 1000], NOW);
    let answers: usize = (0..100).map(|_| writes(&again(&mut desk)).len()).sum();
    assert_eq!(answers, 1, "what is read at once is one question");
}

#[test]
fn a_node_that_floods_leads_nobody_who_has_another() {
    let mut desk = connected(2);
    desk.heard(1, vec![notice(1, 5)], NOW);
    // It leads by height until it is found out; then the other one does again.
    assert_eq!(challenges(&desk.heard(0, vec![notice(50, 900)], NOW)).len(), 1);
    let told = challenges(&flood(&mut desk, 0, NOW));
    assert_eq!(told.iter().map(|told| told.parent).collect::<Vec<_>>(), [hash(1)]);
    // The other one goes on alone, whatever the first has to say.
    let next = challenges(&desk.heard(1, vec![notice(2, 6)], NOW + 1000));
    assert_eq!(next.iter().map(|told| told.parent).collect::<Vec<_>>(), [hash(2)]);
    assert!(challenges(&flood(&mut desk, 0, NOW + 1001)).is_empty());
    assert!(challenges(&desk.take_turn(NOW + 5000)).is_empty());
    // Nor does it help to come back.
    desk.down(0, "gone".to_owned());
    desk.up(0, "a node");
    assert!(challenges(&flood(&mut desk, 0, NOW + 5000)).is_empty());
    // Calm again, it is believed as any other.
    desk.heard(0, vec![notice(9, 9)], NOW + 6001);
    assert!(challenges(&desk.take_turn(NOW + 15_000)).is_empty());
    let told = challenges(&desk.take_turn(NOW + 16_001));
    assert_eq!(told.iter().map(|told| told.parent).collect::<Vec<_>>(), [hash(9)]);
    // Alone, it is all there is to follow.
    desk.down(1, "gone".to_owned());
    assert!(!challenges(&flood(&mut desk, 0, NOW + 20_000)).is_empty());
}
