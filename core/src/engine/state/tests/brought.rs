//! Challenges that a transport brings, as a pool's would.

use spacetime_protocol::Target;
use spacetime_sdk_loader::abi;

use super::{
    loner::Loner,
    world::{best, built, covered, proved, winning},
};
use crate::{
    engine::event::{Event, TransportEvent},
    observe::Detail,
    scan::Stop,
    submit::Verdict,
};
use spacetime_protocol::network::Network;

fn challenge(id: u64) -> abi::Challenge {
    abi::Challenge {
        id,
        challenge: [id as u8; 32],
        parent: [4; 32],
        epoch: 70,
        height: 60,
        difficulty: 0,
        block_target: [0; 32],
        share_target: [0x0F; 32],
        stop: abi::StopRule::FIRST_UNDER_TARGET,
        builder: abi::Builder::TRANSPORT,
        stop_leaves: 0,
        deadline_ms: 0,
        publish_at_ms: 0,
        min_timestamp: 0,
        reserved: [0; 16],
    }
}

fn online() -> Loner {
    let mut loner = Loner::new(Network::local());
    loner.hear(TransportEvent::Online { detail: String::new() });
    loner
}

fn bring(loner: &mut Loner, challenge: abi::Challenge) -> super::loner::Asked {
    loner.hear(TransportEvent::Challenge(Box::new(challenge)))
}

#[test]
fn a_share_is_proven_and_submitted_and_no_block_is_built() {
    let mut loner = online();
    let asked = bring(&mut loner, challenge(1));
    let scan = &asked.scans[0];
    assert_eq!(scan.stop, Stop::FirstUnder(Target::new([0x0F; 32])));
    assert_eq!(scan.block_target, None);
    let event =
        Event::Scanned { job: scan.id, best: Some(best(winning(1000, 0))), coverage: covered(9) };
    let claim = loner.tell(event).proofs[0];
    let asked = loner.tell(Event::Proved { claim, outcome: Ok(proved()), elapsed_ms: 1 });
    assert_eq!(asked.submitted_proofs.len(), 1);
    assert!(asked.plans.is_empty() && loner.state.claims.is_empty());
    let ticket = asked.submitted_proofs[0].1;
    let verdict =
        TransportEvent::Verdict { ticket, verdict: Verdict::Rejected, reason: "old".into() };
    assert_eq!(loner.hear(verdict).names(), ["fault"]);
    assert_eq!(loner.state.counters().rejected, 0, "that is about blocks");
}

#[test]
fn a_newer_challenge_takes_the_place_of_the_older_one() {
    let mut loner = online();
    let first = bring(&mut loner, challenge(1)).scans[0].id;
    let asked = bring(&mut loner, challenge(2));
    assert_eq!((asked.cancelled, asked.scans.len()), (vec![first], 1));
    assert!(bring(&mut loner, challenge(2)).scans.is_empty(), "the same again is nothing new");
}

#[test]
fn the_host_builds_the_block_where_it_is_asked_to() {
    let mut loner = online();
    let block_target = spacetime_protocol::score::target(1000).unwrap().to_bytes();
    let brought = abi::Challenge {
        builder: abi::Builder::HOST,
        difficulty: 1000,
        block_target,
        share_target: [0xFF; 32],
        stop: abi::StopRule::BUDGET,
        stop_leaves: 99,
        publish_at_ms: loner.now.unix_ms + 5_000,
        min_timestamp: 1,
        ..challenge(1)
    };
    let asked = bring(&mut loner, brought);
    assert_eq!(asked.scans[0].stop, Stop::Budget(99));
    let job = asked.scans[0].id;
    let event = Event::Scanned { job, best: Some(best(winning(1000, 0))), coverage: covered(99) };
    let claim = loner.tell(event).proofs[0];
    let asked = loner.tell(Event::Proved { claim, outcome: Ok(proved()), elapsed_ms: 1 });
    assert_eq!(asked.submitted_proofs.len(), 1, "it asks for the best proof in any case");
    let at = loner.now.unix_ms;
    let (claim, plan) = loner.at(at + 4_750).plans.remove(0);
    assert_eq!((plan.expected.height, plan.expected.epoch), (60, 70));
    let outcome = built(&plan).1;
    assert!(loner.tell(Event::Built { claim, outcome, elapsed_ms: 1 }).blocks.is_empty());
    assert_eq!(loner.at(at + 5_000).blocks.len(), 1);
}

#[test]
fn a_challenge_is_gone_with_its_transport() {
    let mut loner = online();
    bring(&mut loner, challenge(1));
    let asked = loner.hear(TransportEvent::Offline { reason: "bye".to_owned() });
    assert_eq!(asked.names(), [""; 0], "it may be the end of its session");
    let asked = loner.at(asked.wake.unwrap());
    let [Detail::Fault(fault)] = &*asked.told else { panic!("{:?}", asked.told) };
    assert_eq!(fault.message, "offline: bye");
    assert_eq!(fault.next, "it is tried again; nothing is mined until then");
    assert!(loner.hear(TransportEvent::Online { detail: String::new() }).scans.is_empty());
}
