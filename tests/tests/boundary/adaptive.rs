//! The strategy `adaptive`, call by call: whatever it is told, its plans hold
//! every leaf once, and its turns every plot.

use std::sync::atomic::AtomicBool;

use proptest::{prelude::*, strategy::Strategy as Generator};
use spacetime_sdk_loader::{
    Library, Strategy,
    abi::{BatchStats, FaultCode, Job, Plot, Span, StopRule, features},
};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{job, load, open_strategy, plot},
};

fn library() -> Library {
    load(&plugin("spacetime-strategy-adaptive"))
}

fn stats(read_rate: u64, scanned: u64, left_ms: u64, best: u8) -> BatchStats {
    let mut reserved = [0; 8];
    reserved[features::STATS_READ_RATE] = read_rate;
    reserved[features::STATS_SCANNED] = scanned;
    reserved[features::STATS_TIME_LEFT_MS] = left_ms;
    BatchStats { leaves: 0, bytes_read: 0, elapsed_ns: 0, best: [best; 32], reserved }
}

/// Plans a plot to its end, told this in turn again and again.
fn plan(strategy: &mut Strategy, job: &Job<'_>, plot: &Plot, told: &[BatchStats]) -> Vec<Span> {
    strategy.begin(job, plot).unwrap();
    let (mut all, mut buffer) = (Vec::new(), [Span::default(); 256]);
    for stats in told.iter().cycle() {
        let (written, done) = strategy.plan(&mut buffer, job.cancel, plot.leaf_count).unwrap();
        assert!(written > 0 || done, "a call that plans nothing is the last");
        all.extend_from_slice(&buffer[..written]);
        if done {
            break;
        }
        assert!(strategy.batch().is_some_and(|batch| batch > 0));
        strategy.feedback(stats).unwrap();
    }
    all
}

fn rate() -> impl Generator<Value = u64> {
    prop_oneof![Just(0_u64), 1..1000_u64, 1000..10_000_000_000_u64, Just(u64::MAX)]
}

fn told() -> impl Generator<Value = BatchStats> {
    (rate(), any::<u64>(), prop_oneof![Just(0_u64), 1..100_u64, any::<u64>()], 1..=255_u8)
        .prop_map(|(rate, scanned, left, best)| stats(rate, scanned, left, best))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// The loader checks that spans lie within the plot.
    #[test]
    fn a_plan_holds_every_leaf_once_in_order(
        told in prop::collection::vec(told(), 1..8),
        leaves in prop_oneof![1..100_u64, 1..2_000_000_u64],
        read_rate in rate(),
        left in prop_oneof![Just(0), 1..100_000_u64],
    ) {
        let mut strategy = open_strategy(&library(), "adaptive", "()").unwrap();
        let cancel = AtomicBool::new(false);
        let mut job = job(&cancel);
        job.reserved[features::JOB_TIME_LEFT_MS] = left;
        let plot = Plot { read_rate, ..plot(leaves) };
        let spans = plan(&mut strategy, &job, &plot, &told);
        let end = spans.iter().try_fold(0, |end, span| {
            (span.start == end && span.len > 0).then(|| end + span.len)
        });
        prop_assert_eq!(end, Some(leaves));
    }

    /// The loader checks that turns are of plots in the list, each once.
    #[test]
    fn turns_hold_every_plot_once_or_no_more_leaves_than_the_budget(
        plots in prop::collection::vec((1..5_u64, 1..1_000_000_u64, rate()), 1..20),
        left in prop_oneof![Just(0), 1..100_000_u64],
        max_watts in 1..1000_u64,
        readers in 1..5_u64,
    ) {
        let (library, cancel) = (library(), AtomicBool::new(false));
        let mut job = job(&cancel);
        job.reserved[features::JOB_TIME_LEFT_MS] = left;
        let plots: Vec<Plot> = plots.iter().zip(0..).map(|(&(drive, leaf_count, rate), index)| {
            let mut plot = Plot { index, drive, read_rate: rate, ..plot(leaf_count) };
            plot.reserved[features::PLOT_READERS] = readers;
            plot
        }).collect();
        let turns = |config: &str| {
            let mut strategy = open_strategy(&library, "adaptive", config).unwrap();
            strategy.arrange(&job, &plots).unwrap().expect("it arranges")
        };
        let all = turns("(min_win_chance: 0)");
        prop_assert_eq!(all.len(), plots.len());
        prop_assert!(all.iter().all(|turn| turn.leaves == plots[turn.plot as usize].leaf_count));

        // One leaf per joule.
        let limited = turns(&format!(
            "(min_win_chance: 0, joules_per_gib: 33554432, max_watts: {max_watts})"
        ));
        let given: u64 = limited.iter().map(|turn| turn.leaves).sum();
        let all: u64 = plots.iter().map(|plot| plot.leaf_count).sum();
        let budget = if left == 0 { u64::MAX } else { max_watts * left / 1000 };
        prop_assert!(given <= all.min(budget.saturating_add(1)), "{given} of {budget}");
        for turn in &limited {
            prop_assert!(turn.leaves <= plots[turn.plot as usize].leaf_count);
        }
    }
}

#[test]
fn nothing_is_planned_once_the_stop_rule_is_fulfilled() {
    let (library, cancel) = (library(), AtomicBool::new(false));
    let planned = |job: Job<'_>, told: BatchStats| {
        let mut strategy = open_strategy(&library, "adaptive", "()").unwrap();
        let spans = plan(&mut strategy, &job, &plot(1_000_000), &[told]);
        spans.iter().map(|span| span.len).sum::<u64>()
    };
    let told = |scanned, best| stats(1000, scanned, 0, best);
    // The target is 0x0F0F…
    let first = Job { stop: StopRule::FIRST_UNDER_TARGET, ..job(&cancel) };
    assert!(planned(first, told(0, 0x0E)) < 1000);
    assert_eq!(planned(first, told(0, 0x0F)), 1_000_000);
    assert_eq!(planned(job(&cancel), told(0, 0x0E)), 1_000_000, "the best of all counts");
    let share = Job { share_target: [0x20; 32], ..first };
    assert!(planned(share, told(0, 0x1F)) < 1000);
    let budget = Job { stop: StopRule::BUDGET, stop_leaves: 50_000, ..job(&cancel) };
    assert_eq!(planned(budget, told(0, 0xFF)), 50_000);
    assert!(planned(budget, told(50_000, 0xFF)) < 1000);
}

#[test]
fn the_fastest_drive_comes_first() {
    let cancel = AtomicBool::new(false);
    let mut strategy = open_strategy(&library(), "adaptive", "()").unwrap();
    let of = |index, drive, read_rate| Plot { index, drive, read_rate, ..plot(100) };
    let plots = [of(0, 7, 10), of(1, 3, 0), of(2, 5, 1000), of(3, 7, 10)];
    let turns = strategy.arrange(&job(&cancel), &plots).unwrap().unwrap();
    assert_eq!(turns.iter().map(|turn| turn.plot).collect::<Vec<_>>(), [2, 0, 3, 1]);
}

#[test]
fn numbers_without_sense_are_refused_by_name() {
    let library = library();
    for (config, field) in [
        ("(min_win_chance: 1.5)", "min_win_chance"),
        ("(min_win_chance: -0.1)", "min_win_chance"),
        ("(joules_per_gib: 0)", "joules_per_gib"),
        ("(max_watts: -3)", "max_watts"),
        ("(max_watts: inf)", "max_watts"),
        ("(max_kwh_per_win: 0.0)", "max_kwh_per_win"),
        ("(max_wats: 3)", "max_wats"),
        ("(max_watts: \"3\")", "max_watts"),
    ] {
        let fault = open_strategy(&library, "adaptive", config).err().expect(config);
        assert_eq!((fault.code, &*fault.field), (FaultCode::CONFIG, field), "{fault}");
    }
    open_strategy(&library, "adaptive", "(max_watts: 15, joules_per_gib: 7.5)").unwrap();
}
