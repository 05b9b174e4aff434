//! The larger examples in a running miner; `tests/examples.rs` runs their own
//! tests, and `tests/mining/outsider.rs` mines with the smaller ones.

use spacetime_tests::{
    artifacts::{Artifacts, repository},
    home::Home,
    outside::{build_outside, lock_dependencies},
    pool::share_twice,
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
    share_twice(&build("transport-pool"));
}
