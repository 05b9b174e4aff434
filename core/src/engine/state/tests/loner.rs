//! One thing at a time, on the networks' two kinds.

use spacetime_protocol::{
    chain::{self, HeaderChain},
    header::BlockHeader,
    network::{EmptyEpochs, Network},
    score,
};

use super::world::{
    best, built, config, covered, header, key, losing, plots, proved, state, winning,
};
use crate::{
    block::{BlockPlan, Outcome as BlockOutcome},
    engine::{
        command::{Command, Outcome},
        event::{Event, Now, PlotSummary, TransportEvent, Unproven},
        state::State,
    },
    observe::{Detail, Ended, Fault},
    scan::{ScanSpec, Stop},
    submit::Verdict,
};

/// Which commands came, by kind.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) scans: Vec<ScanSpec>,
    pub(super) without: Vec<usize>,
    pub(super) set_aside: Vec<(u64, usize)>,
    pub(super) cancelled: Vec<u64>,
    pub(super) proofs: Vec<u64>,
    pub(super) given_up: Vec<u64>,
    pub(super) plans: Vec<(u64, BlockPlan)>,
    pub(super) blocks: Vec<(usize, u64)>,
    pub(super) submitted_proofs: Vec<(usize, u64)>,
    pub(super) fetches: Vec<usize>,
    pub(super) wake: Option<u64>,
    pub(super) told: Vec<Detail>,
    pub(super) exit: Option<Outcome>,
}

impl Asked {
    pub(super) fn add(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::StartScan { spec, without } => {
                    self.scans.push(*spec);
                    self.without.push(without.len());
                }
                Command::SetAside { job, plot } => self.set_aside.push((job, plot)),
                Command::CancelScan { job, .. } => self.cancelled.push(job),
                Command::Prove { claim, .. } => self.proofs.push(claim),
                Command::CancelProof { claim } => self.given_up.push(claim),
                Command::Build { claim, plan } => self.plans.push((claim, *plan)),
                Command::SubmitBlock { source, ticket, .. } => self.blocks.push((source, ticket)),
                Command::SubmitProof { source, ticket, .. } => {
                    self.submitted_proofs.push((source, ticket));
                }
                Command::FetchHeaders { source, .. } => self.fetches.push(source),
                Command::WakeAt { unix_ms } => self.wake = Some(unix_ms),
                Command::Emit(event) => self.told.push(event.detail),
                Command::Exit(outcome) => self.exit = Some(outcome),
            }
        }
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.told.iter().map(Detail::name).collect()
    }
}

/// A state and its clock.
pub(super) struct Loner {
    pub(super) network: Network,
    pub(super) state: State,
    pub(super) now: Now,
}

impl Loner {
    pub(super) fn new(network: Network) -> Self {
        let now = Now { unix_ms: network.genesis.header.timestamp * 1000 + 100 };
        Self { state: state(&network, now), network, now }
    }

    pub(super) fn tell(&mut self, event: Event) -> Asked {
        let mut asked = Asked::default();
        asked.add(self.state.handle(self.now, event));
        asked
    }

    pub(super) fn hear(&mut self, event: TransportEvent) -> Asked {
        self.tell(Event::Transport { source: 0, event })
    }

    /// Lets time pass up to a moment.
    pub(super) fn at(&mut self, unix_ms: u64) -> Asked {
        self.now = Now { unix_ms };
        self.tell(Event::Timer)
    }

    /// The transport is up and follows the chain; the scan that this begins.
    pub(super) fn boot(&mut self) -> ScanSpec {
        self.hear(TransportEvent::Online { detail: String::new() });
        let genesis = self.network.genesis.header.clone();
        let asked = self.headers(vec![genesis]);
        assert_eq!(asked.scans.len(), 1);
        asked.scans[0].clone()
    }

    pub(super) fn headers(&mut self, headers: Vec<BlockHeader>) -> Asked {
        self.hear(TransportEvent::Headers { anchor: false, headers })
    }

    pub(super) fn scanned(&mut self, job: u64, score: spacetime_protocol::Score) -> Asked {
        self.tell(Event::Scanned { job, best: Some(best(score)), coverage: covered(2000) })
    }

    pub(super) fn rival(&self, epoch: u64, margin: u64) -> BlockHeader {
        let expected = self.state.chain.expected(&self.network, epoch);
        let score = winning(expected.difficulty, margin);
        let timestamp = expected.min_timestamp.max(self.now.seconds());
        header(&expected, score, timestamp, &key(2))
    }

    /// From a winning scan to a block that is ready.
    pub(super) fn ready(&mut self, scan: &ScanSpec) -> BlockHeader {
        let difficulty = score::difficulty(&scan.block_target.unwrap());
        let asked = self.scanned(scan.id, winning(difficulty, 5));
        let claim = asked.proofs[0];
        let mut asked = self.tell(Event::Proved { claim, outcome: Ok(proved()), elapsed_ms: 1 });
        if asked.plans.is_empty() {
            asked = self.at(asked.wake.unwrap());
        }
        let (claim, plan) = asked.plans.remove(0);
        let (header, outcome) = built(&plan);
        let asked = self.tell(Event::Built { claim, outcome, elapsed_ms: 1 });
        assert!(asked.blocks.is_empty() || self.network.empty_epochs == EmptyEpochs::None);
        header
    }
}

fn none_network() -> Network {
    Network { empty_epochs: EmptyEpochs::None, ..Network::local() }
}

#[test]
fn a_session_that_fails_is_told_once_and_with_its_end() {
    let mut loner = Loner::new(Network::local());
    loner.boot();
    let broken = Fault { detail: "at 1".to_owned(), ..Fault::new("t", "broken", "") };
    assert_eq!(loner.tell(Event::OfTransport(broken)).names(), [""; 0]);
    let offline = TransportEvent::Offline { reason: "broken".to_owned() };
    assert_eq!(loner.hear(offline).names(), [""; 0]);
    let end = Fault::new("t", "its session ended: broken", "it is opened again in 1.0 s");
    let asked = loner.tell(Event::Fault(end.clone()));
    let told = Detail::Fault(Fault { detail: "at 1".to_owned(), ..end });
    assert_eq!(asked.told, [told]);
    let later = loner.now.unix_ms + 60_000;
    let faults = loner.at(later).names().into_iter().filter(|name| *name == "fault").count();
    assert_eq!((faults, loner.state.counters().faults), (0, 1));

    // What ends no session is told all the same, and before the end.
    let stray = || Event::OfTransport(Fault::new("t", "a thread panicked", ""));
    assert_eq!(loner.tell(stray()).names(), [""; 0]);
    let asked = loner.at(later + 1000);
    assert!(asked.names().contains(&"fault"), "{asked:?}");
    loner.tell(Event::OfTransport(Fault::new("t", "another one", "")));
    let names = loner.tell(Event::Stop).names();
    assert_eq!(names, ["fault", "stopped"]);
    assert_eq!(loner.state.counters().faults, 3);
}

#[test]
fn nothing_is_scanned_before_a_transport_has_told_of_the_chain() {
    let mut loner = Loner::new(Network::local());
    assert!(loner.tell(Event::Timer).scans.is_empty());
    assert!(loner.hear(TransportEvent::Online { detail: String::new() }).scans.is_empty());
    loner.boot();
}

#[test]
fn a_window_without_a_win_is_followed_by_the_next_one_on_the_same_tip() {
    let mut loner = Loner::new(Network::local());
    let first = loner.boot();
    let window = chain::window(&loner.network, &loner.network.genesis.header, loner.now.unix_ms);
    assert_eq!((first.epoch, first.stop), (window.epoch, Stop::BestOfAll));
    let asked = loner.scanned(first.id, losing());
    assert!(asked.scans.is_empty() && asked.proofs.is_empty(), "D31: a hopeless proof stays here");
    let end = window.ends_ms.unwrap();
    assert_eq!(asked.wake.or(loner.state.wake_ms), Some(end));
    let asked = loner.at(end);
    assert_eq!((asked.scans[0].epoch, asked.scans[0].height), (first.epoch + 1, first.height));
}

#[test]
fn a_scan_that_is_too_slow_is_cut_and_its_best_still_wins() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    let asked = loner.at(scan.deadline_ms);
    assert_eq!(asked.cancelled, [scan.id]);
    assert!(asked.scans.is_empty(), "first its result");
    let asked = loner.scanned(scan.id, winning(1_000_000_000, 0));
    assert_eq!(asked.proofs.len(), 1);
    let Some(Detail::Proof(best)) = asked.told.first() else { panic!("no proof told") };
    assert!(best.wins && best.ended == Ended::Deadline);
    assert!(asked.scans.is_empty(), "held while the block is made");
    let claim = asked.proofs[0];
    let asked = loner.tell(Event::Proved { claim, outcome: Ok(proved()), elapsed_ms: 1 });
    let (claim, plan) = &asked.plans[0];
    let outcome = built(plan).1;
    let asked = loner.tell(Event::Built { claim: *claim, outcome, elapsed_ms: 1 });
    assert_eq!(asked.names(), ["won", "submitted"]);
}

#[test]
fn a_block_waits_for_its_windows_end_and_the_next_scan_for_its_answer() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    let header = loner.ready(&scan);
    assert!(loner.at(scan.deadline_ms - 1).blocks.is_empty());
    let asked = loner.at(scan.deadline_ms);
    assert_eq!(asked.blocks.len(), 1);
    assert!(asked.scans.is_empty());
    let ticket = asked.blocks[0].1;
    let verdict = TransportEvent::Verdict { ticket, verdict: Verdict::Accepted, reason: "".into() };
    let asked = loner.hear(verdict);
    assert_eq!(asked.names(), ["accepted"]);
    assert!(asked.scans.is_empty(), "its header is on its way");
    let asked = loner.headers(vec![header]);
    assert_eq!(asked.names(), ["tip", "challenge"]);
    assert_eq!(asked.scans[0].height, scan.height + 1);
}

#[test]
fn a_refused_block_holds_nothing_up() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    loner.ready(&scan);
    let ticket = loner.at(scan.deadline_ms).blocks[0].1;
    let verdict =
        TransportEvent::Verdict { ticket, verdict: Verdict::Rejected, reason: "no".into() };
    let asked = loner.hear(verdict);
    assert_eq!(asked.names(), ["rejected", "challenge"]);
    assert_eq!(asked.scans[0].epoch, scan.epoch + 1);
}

#[test]
fn a_silent_node_holds_the_next_window_up_for_half_of_it() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    loner.ready(&scan);
    let asked = loner.at(scan.deadline_ms);
    assert_eq!(asked.wake, Some(scan.deadline_ms + 500));
    let asked = loner.at(scan.deadline_ms + 500);
    assert_eq!(asked.scans[0].epoch, scan.epoch + 1);
}

#[test]
fn another_block_ends_the_scan_at_once_and_ours_stays_here() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    loner.now.unix_ms += 300;
    let rival = loner.rival(scan.epoch, 900);
    loner.now.unix_ms = rival.timestamp * 1000;
    let asked = loner.headers(vec![rival.clone()]);
    assert_eq!(asked.cancelled, [scan.id]);
    assert_eq!(asked.scans[0].height, scan.height + 1);
    assert!(loner.headers(vec![rival]).scans.is_empty(), "D8: known already");
}

#[test]
fn a_ready_block_is_dropped_for_a_better_one_and_kept_against_a_worse_one() {
    for (margin, publishes) in [(900, false), (0, true)] {
        let mut loner = Loner::new(Network::local());
        let scan = loner.boot();
        loner.ready(&scan);
        loner.now.unix_ms = scan.deadline_ms - 1;
        let rival = loner.rival(scan.epoch, margin);
        assert_eq!(loner.headers(vec![rival]).names()[0], "tip");
        assert_eq!(!loner.at(scan.deadline_ms).blocks.is_empty(), publishes);
    }
}

#[test]
fn where_no_window_ends_the_first_score_under_the_target_does() {
    let mut loner = Loner::new(none_network());
    let scan = loner.boot();
    assert_eq!(scan.epoch, 1);
    assert_eq!(scan.stop, Stop::FirstUnder(scan.block_target.unwrap()));
    assert_eq!(scan.deadline_ms, loner.now.unix_ms + 60_000, "the configured timeout");
    // D15: the timeout keeps the best so far; it is not under the target here.
    let asked = loner.at(scan.deadline_ms);
    assert_eq!(asked.cancelled, [scan.id]);
    let asked = loner.scanned(scan.id, losing());
    assert_eq!(asked.names(), ["proof"]);
    let asked = loner.at(scan.deadline_ms + 3_600_000);
    assert!(asked.scans.is_empty(), "the same leaves give the same scores");
    // New plots do not.
    let asked = loner.tell(Event::Plots(PlotSummary { plots: 3, ..plots() }));
    assert_eq!(asked.scans.len(), 1);
    let again = asked.scans[0].clone();
    assert_eq!(again.challenge, scan.challenge);
    loner.ready(&again);
    assert_eq!(loner.state.counters().won, 1);
}

#[test]
fn a_leaf_that_cannot_be_proven_leads_to_the_other_plots() {
    let mut loner = Loner::new(none_network());
    let scan = loner.boot();
    let claim = loner.scanned(scan.id, winning(1_000_000_000, 0)).proofs[0];
    let outcome = Err(Unproven::Damaged("its path leads elsewhere".to_owned()));
    let asked = loner.tell(Event::Proved { claim, outcome, elapsed_ms: 1 });
    assert_eq!(asked.names(), ["fault"]);
    assert_eq!((asked.scans.len(), asked.without[0]), (1, 1));
    let claim = loner.scanned(asked.scans[0].id, winning(1_000_000_000, 0)).proofs[0];
    let outcome = Err(Unproven::Damaged("and here too".to_owned()));
    let asked = loner.tell(Event::Proved { claim, outcome, elapsed_ms: 1 });
    assert!(asked.scans.is_empty(), "no plot is left");
    assert_eq!(loner.state.counters().challenges, 1);
}

/// A plot that no block can be won with, whether that shows when its leaf is
/// proven or when the block is built.
#[test]
fn a_plot_whose_block_is_not_valid_leads_to_the_other_plots() {
    for shows_early in [true, false] {
        let mut loner = Loner::new(none_network());
        let scan = loner.boot();
        let claim = loner.scanned(scan.id, winning(1_000_000_000, 0)).proofs[0];
        let reason = "the plot has 1000 leaves".to_owned();
        let asked = if shows_early {
            let outcome = Err(Unproven::Unfit(reason));
            loner.tell(Event::Proved { claim, outcome, elapsed_ms: 1 })
        } else {
            let proved = Event::Proved { claim, outcome: Ok(proved()), elapsed_ms: 1 };
            let claim = loner.tell(proved).plans[0].0;
            let outcome = BlockOutcome::Unfit(reason);
            loner.tell(Event::Built { claim, outcome, elapsed_ms: 1 })
        };
        let [Detail::Fault(fault)] = &*asked.told else { panic!("{asked:?}") };
        assert_eq!(fault.culprit, "a.plot");
        assert!(fault.message.contains("the plot has 1000 leaves"), "{fault:?}");
        assert_eq!(asked.set_aside, [(scan.id, 0)]);
        assert_eq!((asked.scans.len(), asked.without[0]), (1, 0));
        let left = PlotSummary { plots: 1, leaves: 1000, bytes: 32_061 };
        assert!(loner.tell(Event::SetAside(left)).scans.is_empty());

        // The other plot's leaf wins, and nothing is scanned once more.
        let again = &asked.scans[0];
        assert_eq!(again.challenge, scan.challenge);
        loner.ready(again);
        let counters = loner.state.counters();
        assert_eq!((counters.won, counters.challenges), (1, 1));
        assert!(loner.tell(Event::Timer).scans.is_empty());
    }
}

#[test]
fn missing_headers_are_asked_for_and_the_rest_after_them() {
    let mut loner = Loner::new(Network::local());
    loner.boot();
    let mut node = HeaderChain::new(&loner.network);
    for _ in 0..3 {
        let epoch = node.tip().header.epoch + 1;
        let expected = node.expected(&loner.network, epoch);
        let header =
            header(&expected, winning(expected.difficulty, 1), expected.min_timestamp, &key(2));
        node.insert(&loner.network, header, u64::MAX / 2000).unwrap();
    }
    loner.now.unix_ms += 10_000;
    let at = |height| node.best_at(height).unwrap().header.clone();
    assert_eq!(loner.headers(vec![at(3)]).fetches, [0]);
    assert!(loner.headers(vec![at(3)]).fetches.len() <= 1);
    let asked = loner.headers(vec![at(1), at(2)]);
    assert_eq!(asked.fetches, [0], "there may be more");
    let asked = loner.headers(vec![at(3)]);
    assert_eq!(loner.state.chain.tip().hash, node.tip().hash);
    assert_eq!(asked.told.iter().filter(|told| told.name() == "tip").count(), 1);
}

#[test]
fn a_header_that_breaks_a_rule_is_a_fault_of_who_sent_it() {
    let mut loner = Loner::new(Network::local());
    let scan = loner.boot();
    let mut rival = loner.rival(scan.epoch, 1);
    rival.difficulty = 1;
    let asked = loner.headers(vec![rival.sign(&key(2))]);
    let Some(Detail::Fault(fault)) = asked.told.first() else { panic!("no fault") };
    assert_eq!(fault.culprit, "node");
    assert!(asked.scans.is_empty() && asked.cancelled.is_empty());
}

#[test]
fn a_veto_is_honoured_and_told() {
    let mut loner = Loner::new(none_network());
    let scan = loner.boot();
    let claim = loner.scanned(scan.id, winning(1_000_000_000, 0)).proofs[0];
    let asked = loner.tell(Event::Proved { claim, outcome: Ok(proved()), elapsed_ms: 1 });
    let claim = asked.plans[0].0;
    let outcome = BlockOutcome::Vetoed(Fault::new("policy", "not on a Monday", ""));
    let asked = loner.tell(Event::Built { claim, outcome, elapsed_ms: 1 });
    assert_eq!(asked.names(), ["fault"]);
    assert!(asked.blocks.is_empty());
    assert_eq!(loner.state.counters().won, 0);
}

#[test]
fn so_many_blocks_are_enough() {
    let network = none_network();
    let mut loner = Loner::new(network.clone());
    loner.state.config.until_blocks = Some(1);
    let scan = loner.boot();
    loner.ready(&scan);
    let ticket = loner.state.last_id;
    let verdict = TransportEvent::Verdict { ticket, verdict: Verdict::Accepted, reason: "".into() };
    let asked = loner.hear(verdict);
    assert_eq!(asked.names(), ["accepted", "stopped"]);
    assert_eq!(asked.exit, Some(Outcome::BlocksReached));
}

#[test]
fn the_time_runs_out() {
    let network = none_network();
    let now = Now { unix_ms: network.genesis.header.timestamp * 1000 + 100 };
    let config = crate::engine::Config { until_ms: Some(now.unix_ms + 50), ..config(&network) };
    let mut loner = Loner { state: State::new(config, plots(), now), network, now };
    let asked = loner.tell(Event::Timer);
    assert_eq!(asked.wake, Some(now.unix_ms + 50));
    loner.boot();
    let asked = loner.at(now.unix_ms + 50);
    assert_eq!(asked.exit, Some(Outcome::TimeOver), "there is nothing to wait for");
    assert_eq!(asked.cancelled.len(), 1);
}

#[test]
fn a_transport_that_cannot_be_opened_at_all_is_a_failure() {
    let mut loner = Loner::new(Network::local());
    let asked = loner.tell(Event::GiveUp(Outcome::Failed("no".to_owned())));
    assert_eq!(asked.exit, Some(Outcome::Failed("no".to_owned())));
}
