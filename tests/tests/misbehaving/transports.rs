//! Transports: nothing takes their place, so the others must not notice.

use crate::{at_once, faults, home_of_two, mine_and_end};

#[test]
fn a_transport_that_never_returns_keeps_nobody() {
    at_once(&["open", "run", "drop"], |place| {
        let config = format!("(fail: (hang_in: [{place}]))");
        mine_and_end(&home_of_two(&config));
    });
}

#[test]
fn a_transport_that_fails_leaves_the_others_alone() {
    at_once(&["open", "run", "task", "thread", "drop"], |place| {
        let config = format!("(fail: (panic_in: [{place}]))");
        let ended = mine_and_end(&home_of_two(&config));
        if *place != "drop" {
            assert!(!faults(&ended, "transport").is_empty(), "{place}: {ended:#?}");
        }
    });
}

#[test]
fn a_transport_that_does_not_end_does_not_keep_the_miner() {
    mine_and_end(&home_of_two("(deaf: true)"));
}

#[test]
fn sessions_that_break_one_after_the_other_leave_the_others_alone() {
    let broken = ["refused", "broken", "panicked"].repeat(20).join(", ");
    let home = home_of_two(&format!("(sessions: [{broken}])"));
    let ended = mine_and_end(&home.set("connection_retry_interval_seconds", "1"));
    assert!(!faults(&ended, "transport").is_empty(), "{ended:#?}");
}
