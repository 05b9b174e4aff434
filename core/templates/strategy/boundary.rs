//! The plugin as the miner sees it: its library, loaded through the boundary.

use spacetime_sdk_testing::Plugin;

const NAME: &str = "my-plugin";

#[test]
fn every_leaf_is_planned_once_the_last_ones_first() {
    let plugin = Plugin::build();
    let mut strategy = plugin.strategy(NAME, "(span: 40)").unwrap();
    assert_eq!(strategy.plan(100).unwrap(), [60..100, 20..60, 0..20]);
    // The same instance gets the next plot, and this one has a single leaf.
    let plan = strategy.plan(1).unwrap();
    assert_eq!((plan.len(), plan[0].clone()), (1, 0..1));
}

#[test]
fn a_plan_may_be_longer_than_the_miners_list() {
    let plugin = Plugin::build();
    let mut strategy = plugin.strategy(NAME, "(span: 1)").unwrap();
    let plan = strategy.plan(1000).unwrap();
    assert_eq!(
        (plan.len(), plan[0].clone(), plan[999].clone()),
        (1000, 999..1000, 0..1)
    );
}

#[test]
fn a_config_that_makes_no_sense_is_refused_by_name() {
    let plugin = Plugin::build();
    let refused = |config| plugin.strategy(NAME, config).err().unwrap();
    assert_eq!(
        refused("(span: 0)").message,
        "span must be at least 1, not 0"
    );
    assert_eq!(refused("(spam: 1)").field, "spam");
}
