//! The plugin as the miner sees it: its library, loaded through the boundary.

use spacetime_sdk_testing::{Plugin, leaves};

const NAME: &str = "my-plugin";

#[test]
fn it_agrees_with_the_protocols_definition() {
    let plugin = Plugin::build();
    plugin
        .engine(NAME, "()")
        .unwrap()
        .assert_agrees_with_the_oracle();
}

#[test]
fn no_score_is_under_a_bound_of_zero() {
    let plugin = Plugin::build();
    let engine = plugin.engine(NAME, "()").unwrap();
    assert_eq!(engine.scan(&[1; 32], &leaves(100), &[0; 32]).unwrap(), None);
}

#[test]
fn a_config_is_refused_as_there_is_none() {
    let plugin = Plugin::build();
    assert!(plugin.engine(NAME, "(device: 0)").is_err());
}
