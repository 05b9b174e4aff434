//! A hundred random SIGKILLs, half of them while plotting and half while
//! mining: nothing that is left is wrong, and nothing stays in the way.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use spacetime_tests::{artifacts::program, home::Home, process::Running};

const KILLS: u32 = 50;

/// A fixed sequence of numbers that look random (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Starts a command in the home and kills it after a time, unless it ends
/// before: the code that it ended with, if so. The moment is the point here:
/// it is drawn, not waited for.
fn kill_after(home: &Home, arguments: &[&str], after: Duration) -> Option<i32> {
    let mut command = Command::new(program("spacetime-miner"));
    command.current_dir(home.path("")).args(arguments);
    let mut running = Running::start(command);
    // A kill at any moment is the fault that is injected.
    thread::sleep(after);
    running.kill();
    running.wait().code
}

fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[track_caller]
fn assert_succeeds(home: &Home, arguments: &[&str]) {
    let ended = home.command(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:#?}");
}

#[test]
fn fifty_kills_while_plotting() {
    let home = Home::new();
    assert_succeeds(&home, &["key", "new", "--key", "key"]);
    let create = |out: &'static str| ["plot", "create", "--out", out, "--leaves", "100000"];
    let begun = Instant::now();
    assert_succeeds(&home, &create("plots/whole.plot"));
    let whole = u64::try_from(begun.elapsed().as_micros()).unwrap();

    let mut numbers = Numbers(1);
    let mut cut_off = 0;
    for _ in 0..KILLS {
        let after = Duration::from_micros(numbers.below(whole));
        let ended = kill_after(&home, &create("plots/new.plot"), after);
        assert!(matches!(ended, None | Some(0)), "it takes up what was left: {ended:?}");
        // A plot by its name is whole; otherwise there is none.
        if home.path("plots/new.plot").exists() {
            assert_succeeds(&home, &["plot", "verify", "plots/new.plot", "--key", "key"]);
            for name in ["new.plot", "new.plot.cache"] {
                fs::remove_file(home.path("plots").join(name)).unwrap();
            }
        } else {
            cut_off += 1;
        }
    }
    assert!(cut_off > KILLS / 4, "only {cut_off} kills came in time");

    // The same command finishes it, and leaves nothing else.
    assert_succeeds(&home, &create("plots/new.plot"));
    assert_succeeds(&home, &["plot", "verify", "plots/new.plot", "--key", "key"]);
    let expected = ["new.plot", "new.plot.cache", "whole.plot", "whole.plot.cache"];
    assert_eq!(names(&home.path("plots")), expected.map(str::to_owned).into());
}

#[test]
fn fifty_kills_while_mining() {
    let home = Home::new();
    let mut numbers = Numbers(2);
    let mut height = 0;
    for kill in 0..KILLS {
        // The first run makes key, plot and chain; later ones go on with them.
        let after = Duration::from_millis(numbers.below(if kill % 10 == 9 { 3000 } else { 600 }));
        let manifest = fs::read(home.manifest()).unwrap();
        let ended = kill_after(&home, &["run", "--json"], after);
        assert_eq!(ended, None, "it mines on what was left, until it is killed");
        assert_eq!(fs::read(home.manifest()).unwrap(), manifest);
        if kill % 10 == 9 {
            let ended = home.mine(1);
            let won = ended.events("accepted")[0]["height"].as_u64().unwrap();
            assert!(won > height, "the chain of {height} blocks went back to {won}");
            height = won;
            assert_succeeds(&home, &["check", "--load"]);
            assert_succeeds(&home, &["plot", "verify", "plots/first.plot", "--key", "key"]);
        }
    }
    // Nothing but what a clean run leaves.
    let clean = Home::new();
    clean.mine(1);
    for folder in ["", "plots", "data", "data/solo"] {
        assert_eq!(names(&home.path(folder)), names(&clean.path(folder)), "in {folder:?}");
    }
}
