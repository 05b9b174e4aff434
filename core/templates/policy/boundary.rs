//! The plugin as the miner sees it: its library, loaded through the boundary.

use spacetime_sdk_testing::{Plugin, block, candidate};

const NAME: &str = "my-plugin";

#[test]
fn those_that_pay_best_come_first_each_sender_in_its_order() {
    let plugin = Plugin::build();
    let mut policy = plugin.policy(NAME, "()").unwrap();
    // Sender, nonce, fee.
    let pending = [candidate(1, 1, 9), candidate(1, 0, 2), candidate(2, 0, 5)];
    assert_eq!(
        policy.select(&block(10), &pending).unwrap().unwrap(),
        [2, 1, 0]
    );
    assert_eq!(policy.select(&block(1), &pending).unwrap().unwrap(), [2]);
    let none = policy.select(&block(10), &[]).unwrap().unwrap();
    assert!(none.is_empty());
}

#[test]
fn those_that_pay_too_little_are_left_out() {
    let plugin = Plugin::build();
    let mut policy = plugin.policy(NAME, "(min_fee: 5)").unwrap();
    let pending = [candidate(1, 0, 4), candidate(2, 0, 5)];
    assert_eq!(policy.select(&block(10), &pending).unwrap().unwrap(), [1]);
    // What comes after one that is left out could not be used.
    let pending = [candidate(1, 0, 5), candidate(1, 1, 4), candidate(1, 2, 6)];
    assert_eq!(policy.select(&block(10), &pending).unwrap().unwrap(), [0]);
}

#[test]
fn an_unknown_setting_is_refused_by_name() {
    let plugin = Plugin::build();
    assert_eq!(
        plugin.policy(NAME, "(min_fees: 5)").err().unwrap().field,
        "min_fees"
    );
}
