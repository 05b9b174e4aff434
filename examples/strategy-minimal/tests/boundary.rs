//! The strategy as the miner sees it.

use spacetime_sdk_testing::Plugin;

#[test]
fn the_second_half_is_planned_first() {
    let plugin = Plugin::build();
    let mut strategy = plugin.strategy("second-half-first", "()").unwrap();
    assert_eq!(strategy.plan(101).unwrap(), [50..101, 0..50]);
    assert_eq!(strategy.estimate(101).unwrap(), 101);
    // A plot of one leaf has no first half.
    assert_eq!(strategy.plan(1).unwrap(), [0..1]);
}
