//! The first run, and how runs end.

use std::fs;

use spacetime_tests::home::Home;

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
    let mut miner = home.run(&[]);
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
