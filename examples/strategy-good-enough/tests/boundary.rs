//! The strategy as the miner sees it.

use spacetime_sdk_testing::{Plugin, stats};

/// The kit's jobs have the target `0x0f0f…`: one score in 17 is under it.
const TARGET: [u8; 32] = [0x0F; 32];

/// A score that is `times` as rare.
fn rarer(times: u8) -> Option<[u8; 32]> {
    let mut score = [0; 32];
    score[0] = TARGET[0] / times;
    Some(score)
}

#[test]
fn without_a_good_score_every_leaf_is_planned_in_order() {
    let plugin = Plugin::build();
    let mut strategy = plugin.strategy("good-enough", "(portion: 40)").unwrap();
    assert_eq!(strategy.plan(100).unwrap(), [0..40, 40..80, 80..100]);
    assert_eq!(strategy.plan(40).unwrap(), [0..40]);
}

#[test]
fn a_good_score_ends_the_plan_and_the_next_job_begins_anew() {
    let plugin = Plugin::build();
    let mut strategy = plugin.strategy("good-enough", "(times: 4, portion: 40)").unwrap();
    for _ in 0..2 {
        strategy.begin(200).unwrap();
        assert_eq!(strategy.step().unwrap(), (vec![0..40], false));
        for not_enough in [None, Some(TARGET), rarer(3)] {
            strategy.feedback(&stats(40, not_enough)).unwrap();
        }
        assert_eq!(strategy.step().unwrap(), (vec![40..80], false));
        strategy.feedback(&stats(80, rarer(5))).unwrap();
        assert_eq!(strategy.step().unwrap(), (vec![], true));
    }
    let counted = plugin.told().counts;
    let expected = ("good-enough".to_owned(), "leaves_left_out".to_owned(), 120);
    assert_eq!(counted, [expected.clone(), expected]);
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let plugin = Plugin::build();
    for (config, field) in [("(times: 0)", "times"), ("(portion: 0)", "portion")] {
        assert_eq!(plugin.strategy("good-enough", config).err().unwrap().field, field);
    }
}
