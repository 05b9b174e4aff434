//! `bench`: what it measures, and that it leaves nothing behind.

use std::{fs, path::Path};

use serde_json::Value;
use spacetime_tests::home::Home;

const QUICK: [&str; 5] = ["bench", "--size", "2MiB", "--time", "0.05"];

fn bench(home: &Home, more: &[&str]) -> Value {
    let ended = home.command(&[&QUICK[..], &["--json"], more].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.document()
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_part_is_measured_beside_its_baseline() {
    let home = Home::new().set("proof_generation_timeout_seconds", "10");
    let before = names(&home.path(""));
    let measured = bench(&home, &[]);
    let rows = measured["rows"].as_array().unwrap();
    let parts: Vec<&str> = rows.iter().map(|row| row["part"].as_str().unwrap()).collect();
    let expected =
        [&["scan"; 2][..], &["plot"; 2], &["prove"], &["drive"; 3], &["boundary"; 2]].concat();
    assert_eq!(parts, expected, "strategy and policy, and no engine: {rows:#?}");
    for row in rows {
        let positive = |field: &str| row[field].as_f64().is_some_and(|figure| figure > 0.0);
        assert!(positive("rate") && positive("baseline_rate") && positive("ratio"), "{row}");
        assert!(row["rounds"].as_u64() >= Some(3), "{row}");
    }
    let limit = &measured["limit"];
    assert!(limit["by"] == "processor" || limit["by"] == "drive", "{limit}");
    assert_eq!(limit["window_seconds"], 10.0);
    assert!(limit["capacity"].as_u64() > Some(0), "{limit}");
    assert_eq!(names(&home.path("")), before, "what it made is gone");
}

#[test]
fn parts_plots_and_workers_can_be_chosen() {
    let home = Home::new();
    home.command(&["key", "new"]);
    home.command(&["plot", "create", "--quiet", "--out", "x.plot", "--size", "1MiB"]);
    let more = ["scan", "--plot", "x.plot", "--workers", "1", "--window", "5"];
    let measured = bench(&home, &more);
    assert_eq!(measured["rows"].as_array().unwrap().len(), 2);
    assert_eq!((&measured["workers"], &measured["limit"]), (&Value::from(1), &Value::Null));

    let text = home.command(&[&QUICK[..], &["scan", "drive"]].concat());
    assert_eq!(text.code, Some(0), "{text:#?}");
    assert!(text.stdout.contains("limits this machine"), "{text:#?}");
    assert!(text.stdout.contains("sha2, one hash at a time"), "{text:#?}");
}

#[test]
fn what_cannot_be_measured_is_named() {
    let home = Home::new();
    let refused = |more: &[&str], code, culprit: &str| {
        home.command(&[&QUICK[..], more].concat()).assert_refused(code, culprit);
    };
    refused(&["scan", "--plot", "absent.plot"], 5, "absent.plot");
    refused(&["plot", "--dir", "absent"], 1, "absent");
    home.command(&["bench", "scan", "--size", "1000000TiB"]).assert_refused(10, "room");
    let home = home.unset("strategy").unset("policy");
    let ended = home.command(&[&QUICK[..], &["boundary"]].concat());
    ended.assert_refused(8, "no plugin to call");
}

/// With the large files that it made.
#[test]
#[cfg(unix)]
fn an_interrupted_one_leaves_nothing_behind() {
    use std::{
        process::Command,
        thread,
        time::{Duration, Instant},
    };

    use spacetime_tests::{artifacts::program, process::Running};

    let home = Home::new();
    fs::create_dir(home.path("made")).unwrap();
    let mut command = Command::new(program("spacetime-miner"));
    let long = ["bench", "scan", "--json", "--size", "1MiB", "--time", "3600", "--dir", "made"];
    command.args(long).current_dir(home.path(""));
    let running = Running::start(command);
    let made = home.path("made");
    let deadline = Instant::now() + Duration::from_secs(60);
    // It makes files once it hears signals.
    let has_files = || names(&made).iter().any(|name| !names(&made.join(name)).is_empty());
    while !has_files() {
        assert!(Instant::now() < deadline, "its files are not there");
        thread::sleep(Duration::from_millis(5));
    }
    running.signal(rustix::process::Signal::INT);
    assert_eq!(running.wait().code, Some(130));
    assert_eq!(names(&made), [] as [&str; 0]);
}
