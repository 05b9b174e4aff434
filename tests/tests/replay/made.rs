//! A home with a plot whose leaves are always the same, and records made for it.

use std::path::PathBuf;

use spacetime_core::{
    observe::Ended,
    record::{BuilderName, Entry, FORMAT, PlotList, Run, StopRule, StrategyId, Writer},
    scan::{Noted, Read, Reads, ScenePlot},
};
use spacetime_protocol::{Challenge, PlotSeed, score};
use spacetime_tests::{artifacts::plugin, home::Home};

/// Leaves of the plot.
pub(crate) const LEAVES: u64 = 32_768;

const SEED: [u8; 32] = [0x11; 32];

/// Every strategy that is compared here, and the plugin that misbehaves.
pub(crate) fn home() -> Home {
    let strategies =
        ["adaptive", "sampling"].map(|name| plugin(&format!("spacetime-strategy-{name}")));
    strategies.iter().fold(Home::new().misbehaving(), |home, file| home.plugin(file))
}

/// The same with the plot.
pub(crate) fn home_with_plot() -> Home {
    let home = home();
    std::fs::write(home.path("secret"), "22".repeat(32)).unwrap();
    let import = ["key", "import", "--scheme", "ed25519", "--from", "secret", "--key", "key"];
    assert_eq!(home.command(&import).code, Some(0));
    let (leaves, seed) = (LEAVES.to_string(), "11".repeat(32));
    std::fs::create_dir_all(home.path("plots")).unwrap();
    let create = ["plot", "create", "--out", "plots/a.plot", "--leaves", &leaves, "--seed", &seed];
    let created = home.command(&create);
    assert_eq!(created.code, Some(0), "{created:#?}");
    home
}

fn plots() -> PlotList {
    [ScenePlot { id: PlotSeed::new(SEED), leaf_count: LEAVES, drive: 0 }].into()
}

fn run() -> Run {
    let strategy = StrategyId {
        name: "full".into(),
        plugin: "spacetime-strategy-full".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        config: "()".into(),
        ron_extensions: 0,
    };
    Run {
        record: FORMAT,
        run: "made".into(),
        miner: env!("CARGO_PKG_VERSION").into(),
        network: "local".into(),
        strategy: Some(strategy),
        workers: 2,
        readers: 1,
    }
}

/// A challenge whose whole plot was read at a leaf per 10 ns; one leaf in
/// `difficulty` wins, and there are `open_ms` for it.
fn entry(job: u64, difficulty: u64, open_ms: u64) -> Entry {
    let mut challenge = [0x33; 32];
    challenge[..8].copy_from_slice(&job.to_le_bytes());
    let on = Reads { count: 3, leaves: 3 * 8192, ns: 3 * 81_920 };
    let jumps = Reads { count: 1, leaves: 8192, ns: 81_920 };
    Entry {
        job,
        again: false,
        challenge: Challenge::new(challenge),
        block_target: score::target(difficulty),
        share_target: None,
        difficulty,
        epoch: job,
        height: job,
        stop: StopRule::BestOfAll,
        builder: BuilderName::Host,
        started_ms: 1_700_000_000_000 + job * open_ms,
        deadline_ms: 1_700_000_000_000 + (job + 1) * open_ms,
        open_ms,
        took_us: 400,
        ended: Ended::Complete,
        scanned: LEAVES,
        leaves: LEAVES,
        scan_rate: 100_000_000,
        best: None,
        wins: false,
        noted: Noted { reads: vec![Read { plot: 0, on, jumps }], ..Noted::default() },
    }
}

/// Writes a record of so many such challenges; its file.
pub(crate) fn write(home: &Home, challenges: u64, difficulty: u64, open_ms: u64) -> PathBuf {
    let file = home.path("made.jsonl");
    let mut writer = Writer::open(&file, 64 << 20, run()).unwrap();
    for job in 1..=challenges {
        writer.add(entry(job, difficulty, open_ms), &plots()).unwrap();
    }
    file
}
