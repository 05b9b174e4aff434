//! The first run, and how runs end.

use std::fs;

use spacetime_tests::{
    artifacts::{program, repository},
    home::Home,
    process::run_to_end,
};

#[test]
fn the_first_run_makes_a_key_and_a_plot_and_wins_blocks() {
    let home = Home::new();
    let ended = home.mine(3);
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.events("started").len(), 1);
    let heights: Vec<u64> =
        ended.events("accepted").iter().map(|event| event["height"].as_u64().unwrap()).collect();
    assert_eq!(heights, [1, 2, 3]);
    assert_eq!(ended.events("stopped")[0]["reason"], "blocks");
    for event in ended.json() {
        assert!(event["event"].is_string() && event["time"].is_string(), "{event}");
        assert!(event.get("epoch").is_some() && event.get("height").is_some(), "{event}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(home.path("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    // The next run goes on with all of it: key, plot and chain.
    let first = ended.events("started")[0]["identity"].clone();
    let again = home.mine(1);
    assert_eq!(again.events("started")[0]["identity"], first);
    assert_eq!(again.events("accepted")[0]["height"], 4);
    assert_eq!(fs::read_dir(home.path("plots")).unwrap().count(), 2, "a plot and its cache");
}

/// What the README promises: the manifest as it is shipped, an empty folder,
/// one command, and words that a newcomer can follow.
#[test]
fn the_shipped_manifest_wins_a_block_in_an_empty_folder_and_says_how() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(repository().join("miner.ron"), folder.path().join("miner.ron")).unwrap();
    let miner = program("spacetime-miner");
    let ended = run_to_end(&miner, folder.path(), &["run", "--until-blocks", "1", "--for", "60"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:#?}");
    for made in ["miner_key.json", "plots/first.plot", "plots_metadata.json", "solo"] {
        assert!(folder.path().join("data").join(made).exists(), "{made}: {ended:#?}");
    }
    let mut said = ended.stdout.lines();
    for words in [
        "Made a new key, ",
        "There is no plot yet: making ",
        "on network spacetime-local-v1 as ",
        "1 plot with 2097152 leaves (64.00 MiB); strategy `full`, engine built in (",
        "Press Ctrl-C to stop.",
        "Each challenge is scanned for in all plots; about one leaf in ",
        "Won block 1: score ",
        "Block 1 accepted: ",
        "Stopped after ",
    ] {
        assert!(said.any(|line| line.contains(words)), "`{words}`, in this order: {ended:#?}");
    }
    // A fault in the very first run would frighten anybody.
    assert!(!ended.stdout.contains("Fault"), "{ended:#?}");
}

#[test]
fn running_out_of_time_is_an_exit_code_of_its_own() {
    let home = Home::new();
    let ended = home.run_to_end(&["--until-blocks", "1000000", "--for", "2"]);
    ended.assert_refused(9, "1000000");
    assert_eq!(ended.events("stopped")[0]["reason"], "time");
}

#[test]
fn a_run_for_some_time_only_ends_well() {
    let ended = Home::new().run_to_end(&["--for", "1"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.events("stopped")[0]["reason"], "time");
}

#[test]
#[cfg(unix)]
fn a_signal_stops_the_miner_in_order() {
    let home = Home::new();
    // Also before the blocks that were asked for.
    let mut miner = home.run(&["--until-blocks", "1000000"]);
    miner.event("accepted");
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.events("stopped")[0]["reason"], "signal");
    home.mine(1);
}

#[test]
fn without_permission_nothing_is_made() {
    let home = Home::new().unset("first_run");
    fs::create_dir(home.path("plots")).unwrap();
    home.run_to_end(&["--for", "1"]).assert_refused(4, "key");
    assert!(!home.path("key").exists());
}
