//! The larger examples in a running miner; `tests/examples.rs` runs their own
//! tests, and `tests/mining/outsider.rs` mines with the smaller ones.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use spacetime_tests::{
    artifacts::{Artifacts, repository},
    home::Home,
    outside::{build_outside, lock_dependencies},
    process::{PATIENCE, Running},
};

fn build(example: &str) -> Artifacts {
    let project = repository().join("examples").join(example);
    lock_dependencies(&project);
    build_outside(&project, &["build"])
}

#[test]
fn the_strategy_with_feedback_wins_and_leaves_leaves_out() {
    let file = build("strategy-good-enough").file("strategy-good-enough");
    // The first score under the target is enough, and it is looked for in small
    // portions.
    let strategy = "(name: \"good-enough\", config: (times: 1, portion: 512))";
    let ended = Home::new().outside_plugin(&file).set("strategy", strategy).mine(2);
    assert_eq!(ended.events("started")[0]["strategy"], "good-enough");
    assert_eq!(ended.events("fault").len(), 0, "{ended:#?}");
}

#[test]
fn the_policy_fills_blocks() {
    let file = build("policy-patrons").file("policy-patrons");
    let policy = format!("(name: \"patrons\", config: (patrons: [\"02{}\"]))", "11".repeat(32));
    let ended = Home::new().outside_plugin(&file).set("policy", &policy).mine(1);
    assert_eq!(ended.events("started")[0]["policy"], "patrons");
    assert_eq!(ended.events("fault").len(), 0, "{ended:#?}");
}

#[test]
fn the_pool_gets_shares_from_a_miner() {
    let built = build("transport-pool");
    let mut server = Command::new(built.file("job-server"));
    // Jobs of five seconds; of 256 leaves, one is good enough.
    server.args(["127.0.0.1:0", "5", "8"]);
    let mut server = Running::start(server);
    let deadline = Instant::now() + PATIENCE;
    let listening = server.line(deadline).unwrap();
    let address = listening.strip_prefix("listening on ").unwrap();
    let transport = format!("[(name: \"pool\", config: (server: {address:?}, worker: \"rig\"))]");
    let home =
        Home::new().outside_plugin(&built.file("transport-pool")).set("transports", &transport);
    let mut miner = home.run(&[]);
    let online = miner.event("challenge");
    assert_eq!(online["transport"], "pool", "{online:#}");
    // A share for this job, and one for the next.
    for number in 1..=2 {
        let share = server.line(deadline + Duration::from_secs(30)).unwrap();
        assert!(share.starts_with("share of rig for job "), "{share}");
        assert!(share.ends_with(&format!(": number {number}")), "{share}");
    }
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.events("fault").len(), 0, "{ended:#?}");
}
