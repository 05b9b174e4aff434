//! Whatever goes wrong in a plugin becomes an error: a panic in any place, an
//! error, an answer that cannot be right. The process goes on.

use std::sync::atomic::AtomicBool;

use spacetime_sdk_loader::{
    Engine, Fault, Library, Policy, Strategy,
    abi::{BatchStats, Candidate, FaultCode, PolicyContext, Span},
};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{Recorder, job, load, open_strategy, plot, request, spans},
};

use crate::services::own_copy;

const STATS: BatchStats =
    BatchStats { leaves: 1, bytes_read: 32, elapsed_ns: 5, best: [0xFF; 32], reserved: [0; 8] };

fn misbehaving() -> Library {
    load(&plugin("spacetime-misbehaving"))
}

/// Calls every method of a strategy in turn until one fails.
fn use_strategy(library: &Library, config: &str) -> Result<(), Fault> {
    let mut strategy = open_strategy(library, "misbehaving", config)?;
    let cancel = AtomicBool::new(false);
    strategy.estimate(&plot(100))?;
    strategy.begin(&job(&cancel), &plot(100))?;
    strategy.plan(&mut [Span::default(); 256], &cancel, 100)?;
    strategy.feedback(&STATS)
}

#[test]
fn a_panic_in_any_method_of_a_strategy_is_an_error() {
    let library = misbehaving();
    for (place, named) in [
        ("open", "its constructor"),
        ("begin", "begin"),
        ("plan", "plan"),
        ("estimate", "estimate"),
        ("feedback", "feedback"),
    ] {
        let fault =
            use_strategy(&library, &format!("(fail: (panic_in: [{place}]))")).expect_err(place);
        assert_eq!(fault.code, FaultCode::PANICKED, "{fault}");
        assert!(fault.is_fatal());
        assert!(fault.message.starts_with(named), "{fault}");
        assert!(fault.message.contains("place.rs"), "says where: {fault}");
        assert!(
            fault.message.to_lowercase().contains(&format!("misbehaving in {place}")),
            "{fault}"
        );
    }
}

#[test]
fn an_error_in_any_method_is_passed_on_and_the_instance_lives() {
    let library = misbehaving();
    for place in ["open", "begin", "plan", "estimate", "feedback"] {
        let config = format!("(fail: (error_in: [{place}]))");
        let fault = use_strategy(&library, &config).expect_err(place);
        assert_eq!(fault.code, FaultCode::FAILED);
        assert!(!fault.is_fatal());
    }
    let mut strategy =
        open_strategy(&library, "misbehaving", "(fail: (error_in: [estimate]))").unwrap();
    strategy.estimate(&plot(3)).unwrap_err();
    assert_eq!(spans(&mut strategy, 3).unwrap(), [Span { start: 0, len: 3 }]);
}

#[test]
fn an_instance_that_panicked_is_never_called_again() {
    let config = "(fail: (panic_in: [plan], after: 1))";
    let mut strategy = open_strategy(&misbehaving(), "misbehaving", config).unwrap();
    spans(&mut strategy, 3).unwrap();
    assert_eq!(spans(&mut strategy, 3).unwrap_err().code, FaultCode::PANICKED);
    // The panic would not repeat itself at `begin`; the guard refuses before.
    assert_eq!(spans(&mut strategy, 3).unwrap_err().code, FaultCode::POISONED);
}

#[test]
fn an_instance_can_be_opened_after_another_panicked() {
    let library = misbehaving();
    use_strategy(&library, "(fail: (panic_in: [begin]))").unwrap_err();
    use_strategy(&library, "()").unwrap();
}

#[test]
fn a_panic_in_drop_is_reported_to_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let host = Recorder::new(3);
    let library = Library::load(&own_copy(&folder, "spacetime-misbehaving"), host.clone()).unwrap();
    drop(open_strategy(&library, "misbehaving", "(fail: (panic_in: [drop]))").unwrap());
    let config = "(fail: (panic_in: [drop]))";
    drop(Engine::open(&library, &request("misbehaving", config)).unwrap());
    drop(Policy::open(&library, &request("misbehaving", config)).unwrap());
    let faults = host.told().faults;
    assert_eq!(faults.len(), 3);
    for (instance, fault) in faults {
        assert_eq!(instance, "misbehaving");
        assert_eq!(fault.code, FaultCode::PANICKED);
        assert!(fault.message.starts_with("its destructor"), "{fault}");
    }
}

#[test]
fn a_panic_on_a_thread_of_the_plugin_is_reported_to_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let host = Recorder::new(3);
    let library = Library::load(&own_copy(&folder, "spacetime-misbehaving"), host.clone()).unwrap();
    let config = "(fail: (panic_in: [thread]))";
    let mut strategy = open_strategy(&library, "misbehaving", config).unwrap();
    spans(&mut strategy, 10).unwrap();
    let told = host.wait_until(|told| !told.faults.is_empty());
    let (instance, fault) = &told.faults[0];
    assert_eq!(instance, "misbehaving");
    assert_eq!(fault.code, FaultCode::PANICKED);
    assert!(fault.message.contains("a thread or task of its own"), "{fault}");
}

#[test]
fn spans_that_cannot_be_are_refused() {
    let library = misbehaving();
    for kind in ["out_of_range", "overflowing", "empty"] {
        let config = format!("(spans: {kind})");
        let mut strategy = open_strategy(&library, "misbehaving", &config).unwrap();
        let fault = spans(&mut strategy, 100).expect_err(kind);
        assert!(fault.message.contains("of a plot with 100"), "{fault}");
        assert_eq!(fault.message.contains("without leaves"), kind == "empty", "{fault}");
        assert!(!fault.is_fatal());
    }
}

fn scan(config: &str, bound: [u8; 32]) -> Result<Option<u64>, Fault> {
    let library = misbehaving();
    let engine = Engine::open(&library, &request("misbehaving", config))?;
    let leaves: Vec<u8> = (0..=255).cycle().take(32 * 100).collect();
    let best = engine.scan(&[1; 32], &leaves, &bound, &AtomicBool::new(false))?;
    Ok(best.map(|best| best.index))
}

#[test]
fn a_claim_of_an_engine_that_cannot_be_is_refused() {
    assert!(scan("()", [0xFF; 32]).unwrap().is_some());
    assert_eq!(scan("()", [0; 32]).unwrap(), None);
    scan("(claim: outside)", [0xFF; 32]).unwrap_err();
    scan("(claim: over_bound)", [0xFF; 32]).unwrap_err();
    assert_eq!(
        scan("(fail: (panic_in: [scan]))", [0xFF; 32]).unwrap_err().code,
        FaultCode::PANICKED
    );
    assert_eq!(scan("(fail: (error_in: [scan]))", [0xFF; 32]).unwrap_err().code, FaultCode::FAILED);
}

fn select(config: &str, candidates: &[Candidate]) -> Result<Result<Vec<usize>, String>, Fault> {
    let library = misbehaving();
    let mut policy = Policy::open(&library, &request("misbehaving", config))?;
    let context = PolicyContext {
        parent: [1; 32],
        height: 1,
        epoch: 1,
        difficulty: 1,
        score: [0; 32],
        miner: [0xED; 33],
        max_transactions: 10,
        reserved: [0; 8],
    };
    policy.select(&context, candidates)
}

const CANDIDATE: Candidate = Candidate {
    hash: [3; 32],
    sender: [4; 33],
    recipient: [5; 33],
    amount: 1,
    fee: 1,
    nonce: 0,
    size: 155,
    sender_balance: 10,
    sender_nonce: 0,
    reserved: [0; 2],
};

#[test]
fn a_choice_that_cannot_be_is_refused() {
    let two = [CANDIDATE, CANDIDATE];
    assert_eq!(select("()", &two).unwrap().unwrap(), [0, 1]);
    select("(choose: twice)", &two).unwrap_err();
    select("(choose: outside)", &two).unwrap_err();
    assert_eq!(select("(choose: veto)", &two).unwrap().unwrap_err(), "misbehaving wants no block");
    assert_eq!(select("(fail: (panic_in: [select]))", &two).unwrap_err().code, FaultCode::PANICKED);
}

/// An in-process call cannot be ended from outside, so the host counts calls.
#[test]
fn a_plan_that_never_ends_gives_the_host_control_back() {
    let mut strategy = open_strategy(&misbehaving(), "misbehaving", "(endless: true)").unwrap();
    let cancel = AtomicBool::new(false);
    strategy.begin(&job(&cancel), &plot(100)).unwrap();
    for _ in 0..1000 {
        let call: (usize, bool) = strategy.plan(&mut [Span::default(); 256], &cancel, 100).unwrap();
        assert_eq!(call, (0, false));
    }
}

#[allow(dead_code, reason = "strategies are handed to scanning threads")]
fn a_strategy_can_be_sent(strategy: Strategy) -> impl Send {
    strategy
}
