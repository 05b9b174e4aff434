//! The engine as the miner sees it.

use spacetime_sdk_testing::{Plugin, leaves};

#[test]
fn it_agrees_with_the_protocols_definition() {
    let plugin = Plugin::build();
    plugin.engine("plain", "()").unwrap().assert_agrees_with_the_oracle();
}

#[test]
fn of_two_equal_scores_the_first_counts() {
    let plugin = Plugin::build();
    let engine = plugin.engine("plain", "()").unwrap();
    let pair = [leaves(2)[32..].to_vec(), leaves(2)[32..].to_vec()].concat();
    let found = engine.scan(&[1; 32], &pair, &[0xFF; 32]).unwrap();
    assert_eq!(found.map(|best| best.index), Some(0));
}
