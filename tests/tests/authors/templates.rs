//! Each kind's project as it is made: it is clean, it passes its own tests, and
//! a miner works with it.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};

use spacetime_tests::process::{Miner, PATIENCE};

use crate::made::Made;

/// Runs what the project's own workflow runs, but for the release build, which
/// takes long and shows nothing that the others do not.
fn assert_passes_its_workflow(made: &Made) {
    let commands = made.workflow();
    assert_eq!(commands.len(), 4, "{commands:?}");
    for command in commands.iter().filter(|command| command[0] != "build") {
        made.cargo(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Wins a block with a project's library and the manifest that came with it.
fn assert_wins(made: &Made, role: &str) {
    let library = made.build();
    let ended = made.miner(&["run", "--json", "--until-blocks", "1", "--for", "60"]);
    assert_eq!(ended.code, Some(0), "no block was won: {ended:#?}");
    let name = library.file_stem().unwrap().to_str().unwrap().trim_start_matches("lib");
    assert_eq!(ended.events("started")[0][role], name.replace('_', "-"), "{ended:#?}");
    assert_eq!(ended.events("fault").len(), 0, "{ended:#?}");
}

#[test]
fn a_new_strategy_passes_and_wins() {
    let made = Made::new("strategy");
    assert_passes_its_workflow(&made);
    assert_wins(&made, "strategy");
}

#[test]
fn a_new_engine_passes_and_wins() {
    let made = Made::new("engine");
    assert_passes_its_workflow(&made);
    assert_wins(&made, "engine");
}

#[test]
fn a_new_policy_passes_and_wins() {
    let made = Made::new("policy");
    assert_passes_its_workflow(&made);
    assert_wins(&made, "policy");
}

#[test]
fn a_new_transport_passes_and_proves() {
    let made = Made::new("transport");
    assert_passes_its_workflow(&made);
    made.build();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let server = format!("transports.0.config=(server: {server:?})");
    let mut miner = Miner::start(&made.path("miner.ron"), &["--set", &server], &[]);
    miner.event("started");
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut input, mut output) = (BufReader::new(&stream), &stream);
    let mut hear = || {
        let mut line = String::new();
        input.read_line(&mut line).unwrap();
        line
    };
    assert!(hear().starts_with("hello spacetime-miner/"));
    // As its README says it.
    let readme = made.read("README.md");
    let job = readme.lines().find(|line| line.starts_with("job 1 ")).unwrap();
    writeln!(output, "{job}").unwrap();
    let proof = hear();
    let words: Vec<&str> = proof.split_whitespace().collect();
    let ["proof", ticket, "1", score, _] = words[..] else { panic!("{proof}") };
    assert!(score.starts_with("0000"), "{proof}");
    writeln!(output, "accepted {ticket}").unwrap();
    let submitted = miner.event("submitted");
    assert_eq!((&submitted["what"], &submitted["score"]), (&"proof".into(), &score.into()));
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}
