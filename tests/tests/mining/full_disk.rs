//! A disk without room: a small file system of its own where the system lets a
//! test have one, a limit on the size of files otherwise.
#![cfg(target_os = "linux")]

use std::{fs, process::Command};

use serde_json::Value;
use spacetime_tests::{
    artifacts::program,
    home::Home,
    process::{Ended, Running},
};

const OWN_MOUNTS: [&str; 3] = ["--user", "--map-root-user", "--mount"];

/// Whether a test may have a file system of its own.
fn can_mount() -> bool {
    let tried = Command::new("unshare").args(OWN_MOUNTS).arg("true").status();
    tried.is_ok_and(|status| status.success())
}

/// Runs a script in a home whose folder `small` is a file system of so many
/// KiB where it can be. To the script, `$miner` is the program; `fill` takes
/// all room away, or lets no file be bigger than 64 KiB, until `free`.
fn in_little_room(home: &Home, kib: u32, script: &str) -> Ended {
    fs::create_dir_all(home.path("small")).unwrap();
    let mut command;
    let prepare = if can_mount() {
        command = Command::new("unshare");
        command.args(OWN_MOUNTS).arg("sh");
        format!(
            "mount -t tmpfs -o size={kib}k tmpfs small || exit 99
             fill() {{ cat /dev/zero >small/filler 2>/dev/null; }}; free() {{ rm small/filler; }}"
        )
    } else {
        command = Command::new("sh");
        "trap '' XFSZ
         fill() { ulimit -S -f 128; }; free() { ulimit -S -f unlimited; }"
            .to_owned()
    };
    command.arg("-c").arg(format!("{prepare}\n{script}"));
    command.env("miner", program("spacetime-miner")).current_dir(home.path(""));
    Running::start(command).wait()
}

#[test]
fn a_plot_that_does_not_fit_is_refused_until_there_is_room() {
    let home = Home::new();
    home.command(&["key", "new", "--key", "key"]);
    let ended = in_little_room(
        &home,
        4096,
        "make() { $miner plot create --quiet --out small/x.plot --size 1MiB; }
         fill; make; code=$?; ls small >&2
         free; make >&2 || exit 98
         $miner plot verify small/x.plot >&2 || exit 97
         exit $code",
    );
    // A file's limit is not a disk's.
    let refused = if can_mount() { 10 } else { 5 };
    assert_eq!(ended.code, Some(refused), "{ended:#?}");
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(errors.len(), 1, "{ended:#?}");
    assert!(errors[0].contains("small/x.plot"), "names the place: {ended:#?}");
    assert!(!ended.stderr.lines().any(|line| line == "x.plot"), "half a plot: {ended:#?}");
}

#[test]
fn a_chain_that_does_not_fit_is_named_and_goes_on_when_there_is_room() {
    let home = Home::new().set("data_directory", "\"small\"");
    let ended = in_little_room(
        &home,
        4096,
        r#"mine() { $miner run --json --until-blocks 1 --for $1; echo "{\"code\":$?}"; }
           mine 60; fill; mine 4; free; mine 60"#,
    );
    let said = ended.json();
    let runs: Vec<&[Value]> = said.split(|line| line.get("code").is_some()).collect();
    let codes: Vec<&Value> = said.iter().filter_map(|line| line.get("code")).collect();
    assert_eq!(codes, [0, 9, 0], "{ended:#?}");
    let accepted = |run: &[Value]| -> Vec<u64> {
        let events = run.iter().filter(|event| event["event"] == "accepted");
        events.map(|event| event["height"].as_u64().unwrap()).collect()
    };
    let heights = [accepted(runs[0]), accepted(runs[1]), accepted(runs[2])];
    assert_eq!(heights, [vec![1], vec![], vec![2]], "{ended:#?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
    let faults = runs[1].iter().filter(|event| event["event"] == "fault");
    let told = format!("{:?}{}", faults.collect::<Vec<_>>(), ended.stderr);
    assert!(told.contains("small/solo/"), "names the place: {ended:#?}");
}

/// There is not even room for an empty one.
#[test]
fn a_chain_that_cannot_begin_is_named() {
    let home = Home::new().set("data_directory", "\"small\"");
    home.command(&["key", "new", "--key", "key"]);
    home.command(&["plot", "create", "--out", "plots/a.plot", "--leaves", "32768"]);
    let script = "fill; $miner run --json --until-blocks 1 --for 4";
    let ended = in_little_room(&home, 64, script);
    assert_eq!(ended.code, Some(9), "{ended:#?}");
    assert_eq!(ended.events("accepted").len(), 0, "{ended:#?}");
    let told = format!("{:?}{}", ended.events("fault"), ended.stderr);
    assert!(told.contains("small/solo/"), "names the place: {ended:#?}");
}
