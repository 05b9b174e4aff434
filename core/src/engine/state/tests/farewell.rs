//! The end of a run, of a proof, and of a submission's wait.

use spacetime_protocol::{chain::HeaderChain, network::Network, score};

use super::{
    loner::{Asked, Loner},
    world::{header, key, winning},
};
use crate::{
    engine::{
        command::Outcome,
        event::{Event, Now, TransportEvent},
    },
    observe::{Detail, Replaced},
    submit::Verdict,
};

fn accepted(ticket: u64) -> TransportEvent {
    TransportEvent::Verdict { ticket, verdict: Verdict::Accepted, reason: String::new() }
}

/// A block is ready, and the stop comes so many ms before its window's end.
fn stopped_before_the_end(ms: u64, stop: impl Fn(&mut Loner) -> Asked) -> (Loner, u64, Asked) {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    loner.ready(&scan);
    loner.now = Now { unix_ms: scan.deadline_ms - ms };
    let asked = stop(&mut loner);
    (loner, scan.deadline_ms, asked)
}

fn by_signal(loner: &mut Loner) -> Asked {
    loner.tell(Event::Stop)
}

fn by_time(loner: &mut Loner) -> Asked {
    loner.state.config.until_ms = Some(loner.now.unix_ms);
    loner.tell(Event::Timer)
}

#[test]
fn a_stop_waits_for_a_block_that_is_about_to_be_published() {
    for (stop, outcome) in
        [(by_signal as fn(&mut Loner) -> Asked, Outcome::Stopped), (by_time, Outcome::TimeOver)]
    {
        let (mut loner, end, asked) = stopped_before_the_end(200, stop);
        assert_eq!(asked.exit, None);
        let asked = loner.at(end);
        assert_eq!((asked.names(), asked.exit), (vec!["won", "submitted"], None));
        let asked = loner.hear(accepted(asked.blocks[0].1));
        assert_eq!((asked.names(), asked.exit), (vec!["accepted", "stopped"], Some(outcome)));
    }
}

#[test]
fn a_stop_does_not_wait_for_what_is_far_away_or_never_answered() {
    let (_, _, asked) = stopped_before_the_end(900, by_signal);
    assert_eq!(asked.exit, Some(Outcome::Stopped));
    let (mut loner, end, _) = stopped_before_the_end(200, by_signal);
    assert_eq!(loner.at(end).exit, None);
    assert_eq!(loner.at(end + 500).exit, Some(Outcome::Stopped));
}

#[test]
fn an_accepted_block_that_another_one_replaces_is_lost_until_it_is_back() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    let rival = loner.rival(scan.epoch, 900);
    let ours = loner.ready(&scan);
    loner.at(scan.deadline_ms);
    assert_eq!(loner.headers(vec![ours.clone()]).names(), ["tip", "accepted", "challenge"]);

    let asked = loner.headers(vec![rival.clone()]);
    assert_eq!(asked.names()[..2], ["tip", "lost"]);
    let lost = Detail::Lost(Replaced { hash: ours.hash(), by: rival.hash() });
    assert!(asked.told.contains(&lost), "{:?}", asked.told);
    let counters = loner.state.counters();
    assert_eq!((counters.accepted, counters.lost), (1, 1));

    let now = loner.now.seconds();
    let mut branch = HeaderChain::new(&loner.network);
    branch.insert(&loner.network, ours.clone(), now).unwrap();
    let expected = branch.expected(&loner.network, scan.epoch + 1);
    let score = winning(expected.difficulty, 0);
    let child = header(&expected, score, expected.min_timestamp.max(now), &key(2));
    let asked = loner.headers(vec![child]);
    assert_eq!(asked.names()[..2], ["tip", "regained"]);
    let counters = loner.state.counters();
    assert_eq!((counters.accepted, counters.lost), (1, 0));
}

#[test]
fn a_block_in_the_chain_is_accepted_whoever_does_not_answer() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    let header = loner.ready(&scan);
    assert_eq!(loner.at(scan.deadline_ms).names(), ["won", "submitted"]);
    let asked = loner.headers(vec![header]);
    assert_eq!(asked.names(), ["tip", "accepted", "challenge"]);
}

#[test]
fn a_slow_proof_is_not_disturbed_by_newer_ones_and_ends_when_it_is_useless() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    let score = winning(score::difficulty(&scan.block_target.unwrap()), 5);
    let slow = loner.scanned(scan.id, score).proofs[0];
    let next = loner.at(scan.deadline_ms + 500).scans.remove(0);
    assert_eq!(next.epoch, scan.epoch + 1);
    let asked = loner.scanned(next.id, score);
    assert_eq!((asked.names(), asked.proofs.len()), (vec!["proof", "fault"], 0));
    assert!(asked.given_up.is_empty());

    let rival = loner.rival(next.epoch, 900);
    loner.now.unix_ms = rival.timestamp * 1000;
    assert_eq!(loner.headers(vec![rival]).given_up, [slow]);
}

#[test]
fn what_cannot_be_delivered_is_told_once_and_sent_again() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    loner.ready(&scan);
    let ticket = loner.at(scan.deadline_ms).blocks[0].1;
    let full = || TransportEvent::Verdict {
        ticket,
        verdict: Verdict::Undelivered,
        reason: "the disk is full".to_owned(),
    };
    assert_eq!(loner.hear(full()).names(), ["fault"]);
    assert_eq!(loner.at(scan.deadline_ms + 100).names(), ["submitted"]);
    assert!(loner.hear(full()).names().is_empty(), "the same as a moment ago");
}

/// A better block takes the place of the one that ours follows: ours leads
/// further all the same, and would be the tip.
#[test]
fn a_block_that_leads_is_sent_again_on_whichever_branch_it_is() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    let [worse, better] = [0, 900].map(|margin| loner.rival(scan.epoch, margin));
    loner.now.unix_ms = worse.timestamp * 1000;
    let next = loner.headers(vec![worse]).scans.remove(0);
    loner.ready(&next);
    let ticket = loner.at(next.deadline_ms).blocks[0].1;
    let lost = TransportEvent::Verdict {
        ticket,
        verdict: Verdict::Undelivered,
        reason: "the cable is cut".to_owned(),
    };
    assert_eq!(loner.hear(lost).names(), ["fault"]);
    assert_eq!(loner.headers(vec![better]).names()[0], "tip");
    assert_eq!(loner.at(next.deadline_ms + 100).names(), ["submitted"]);
}
