//! Ways to bring the process down: the crash looks as it always does, the run
//! after it names whoever did it, goes on without, and wins the next block.

use serde_json::Value;
use spacetime_tests::{home::Home, process::Ended};

use crate::{at_once, home, home_of_two};

const SEGV: i32 = 11;
const BUS: i32 = 7;
const ILL: i32 = 4;
const ABRT: i32 = 6;

/// How the process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Signal(i32),
    Code(i32),
}

#[track_caller]
fn assert_ended(ended: &Ended, end: End) {
    match end {
        End::Signal(signal) => assert_eq!(ended.signal, Some(signal), "{ended:#?}"),
        End::Code(code) => assert_eq!(ended.code, Some(code), "{ended:#?}"),
    }
}

/// The faults that say how the last run ended.
fn verdicts(ended: &Ended) -> Vec<Value> {
    let mut faults = ended.events("fault");
    faults.retain(|fault| fault["message"].as_str().unwrap().contains("the last run"));
    faults
}

/// Lets the process be brought down in a call of a component, and looks at
/// that run and the next one.
#[track_caller]
fn assert_named(kind: &str, place: &str, how: &str, end: End, words: &str) {
    assert_named_with(kind, &format!("act_in: [{place}], ruin: {how}"), place, end, words);
}

#[track_caller]
fn assert_named_with(kind: &str, fail: &str, place: &str, end: End, words: &str) {
    let home = home(kind, &format!("(fail: ({fail}))"));
    let crashed = home.run_to_end(&["--for", "60"]);
    assert_ended(&crashed, end);
    let culprit = format!("{kind} `misbehaving` (plugin spacetime-misbehaving");
    let named = crashed.stderr.contains(&format!("error: {culprit}"));
    assert!(named && crashed.stderr.contains(&format!("in `{place}`")), "{crashed:#?}");

    let next = home.mine(1);
    let verdicts = verdicts(&next);
    assert_eq!(verdicts.len(), 1, "{next:#?}");
    assert!(verdicts[0]["culprit"].as_str().unwrap().starts_with(&culprit), "{next:#?}");
    let message = verdicts[0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("in `{place}`")) && message.contains(words), "{message}");
    assert_eq!(next.events("started")[0][kind], Value::Null, "it is quarantined: {next:#?}");
}

#[test]
fn wild_pointer() {
    assert_named("strategy", "plan", "segv", End::Signal(SEGV), "SIGSEGV");
}

#[test]
fn mapped_file_that_shrank() {
    assert_named("engine", "scan", "bus", End::Signal(BUS), "SIGBUS");
}

#[test]
fn illegal_instruction() {
    assert_named("engine", "scan", "illegal", End::Signal(ILL), "SIGILL");
}

#[test]
fn abort() {
    assert_named("policy", "select", "abort", End::Signal(ABRT), "SIGABRT");
}

#[test]
fn panic_while_a_panic_unwinds() {
    assert_named("strategy", "begin", "double_panic", End::Signal(ABRT), "SIGABRT");
}

#[test]
fn double_free() {
    assert_named("strategy", "feedback", "double_free", End::Signal(ABRT), "SIGABRT");
}

#[test]
fn stack_overflow() {
    assert_named("strategy", "plan", "stack_overflow", End::Signal(ABRT), "ran out of stack");
}

#[test]
fn more_memory_than_there_can_be() {
    assert_named("policy", "select", "huge_allocation", End::Signal(ABRT), "SIGABRT");
}

/// Code 0 would tell whoever looks after the miner that all is well.
#[test]
fn exit() {
    assert_named("engine", "scan", "exit", End::Code(6), "called exit");
}

#[test]
fn in_a_constructor() {
    at_once(&["strategy", "engine", "policy"], |kind| {
        assert_named(kind, "open", "segv", End::Signal(SEGV), "SIGSEGV");
    });
}

#[test]
fn in_a_call_that_arranges_plots() {
    assert_named("strategy", "arrange", "abort", End::Signal(ABRT), "SIGABRT");
}

/// While mining goes on: an instance that fails is dropped.
#[test]
fn in_a_destructor() {
    let fail = "error_in: [plan], act_in: [drop], ruin: segv";
    assert_named_with("strategy", fail, "drop", End::Signal(SEGV), "SIGSEGV");
}

/// It is the same strategy as one that mines, under another name.
#[test]
fn as_a_shadow() {
    let shadow = "[(name: \"misbehaving\", config: (fail: (act_in: [plan], ruin: segv)))]";
    let home = Home::new().misbehaving().set("shadow", shadow);
    let crashed = home.run_to_end(&["--for", "60"]);
    assert_ended(&crashed, End::Signal(SEGV));
    assert!(crashed.stderr.contains("error: strategy `misbehaving`"), "{crashed:#?}");
    let next = home.mine(1);
    assert_eq!(verdicts(&next).len(), 1, "{next:#?}");
    assert_eq!(next.events("started")[0]["strategy"], "full");
    let quarantined = next
        .events("fault")
        .into_iter()
        .find(|fault| fault["message"].as_str().unwrap().contains("PLG-0060"));
    let quarantined = quarantined.unwrap_or_else(|| panic!("{next:#?}"));
    let next = "nothing is tried in its place, and mining is not touched by it";
    assert_eq!(quarantined["next"], next);
}

/// Before there is any component; the file is not loaded again.
#[cfg(target_os = "linux")]
#[test]
fn in_the_librarys_initialisers() {
    let home = home("strategy", "()");
    for crashes in 1..=3 {
        let crashed = home.run_with(&[], &[("SPACETIME_TEST_RUIN_LOAD", "1")]).wait();
        assert_eq!(crashed.signal, Some(SEGV), "{crashes}: {crashed:#?}");
        assert!(crashed.stderr.contains("plugin spacetime-misbehaving"), "{crashed:#?}");
    }
    // It has a transport, for which there is no substitute: three times.
    let next = home.run_with(&["--until-blocks", "1"], &[("SPACETIME_TEST_RUIN_LOAD", "1")]).wait();
    assert_eq!(next.code, Some(0), "{next:#?}");
    assert!(verdicts(&next)[0]["message"].as_str().unwrap().contains("in `load`"), "{next:#?}");
}

/// What ended the process is only in its code: no call of the host's was under
/// way on that thread.
#[cfg(target_os = "linux")]
#[test]
fn on_a_thread_that_the_plugin_started() {
    let ways = [("segv", SEGV), ("abort", ABRT), ("double_free", ABRT)];
    at_once(&ways, |(how, signal)| {
        let home = home("strategy", &format!("(fail: (act_in: [thread], ruin: {how}))"));
        let crashed = home.run_to_end(&["--for", "60"]);
        assert_eq!(crashed.signal, Some(*signal), "{how}: {crashed:#?}");
        assert!(crashed.stderr.contains("error: plugin spacetime-misbehaving"), "{crashed:#?}");
        assert!(crashed.stderr.contains("in `thread`"), "{crashed:#?}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn exit_on_a_thread_that_the_plugin_started() {
    let home = home("strategy", "(fail: (act_in: [thread], ruin: exit))");
    let crashed = home.run_to_end(&["--for", "60"]);
    assert_eq!(crashed.code, Some(6), "{crashed:#?}");
    assert!(crashed.stderr.contains("error: plugin spacetime-misbehaving"), "{crashed:#?}");
}

/// Nothing takes a transport's place, so it is used again, until three crashes
/// came within an hour; then the others are mined with.
#[test]
fn transports_are_given_two_more_chances() {
    let ways = [("run", "segv", SEGV), ("task", "stack_overflow", SEGV), ("open", "abort", ABRT)];
    at_once(&ways, |(place, how, signal)| {
        let home = home_of_two(&format!("(fail: (act_in: [{place}], ruin: {how}))"));
        let method = if *place == "open" { "open" } else { "thread" };
        for crashes in 1..=3 {
            let crashed = home.run_to_end(&["--for", "60"]);
            assert_eq!(crashed.signal, Some(*signal), "{place} {how} {crashes}: {crashed:#?}");
            let named = "transport `misbehaving` (plugin spacetime-misbehaving";
            assert!(crashed.stderr.contains(&format!("error: {named}")), "{crashed:#?}");
            assert!(crashed.stderr.contains(&format!("in `{method}`")), "{crashed:#?}");
        }
        let next = home.mine(1);
        let next_words = verdicts(&next)[0]["next"].as_str().unwrap().to_owned();
        assert!(next_words.contains("plugin release misbehaving"), "{next:#?}");
        assert_eq!(next.events("started")[0]["transports"], serde_json::json!(["solo"]));
    });
}

/// Who has nothing but a transport that is quarantined is told so.
#[test]
fn the_only_transport_is_not_replaced_in_silence() {
    let transports = "[(name: \"misbehaving\", config: (fail: (act_in: [run], ruin: segv)))]";
    let home = Home::new().misbehaving().set("transports", transports);
    for _ in 0..3 {
        assert_eq!(home.run_to_end(&["--for", "60"]).signal, Some(SEGV));
    }
    let refused = home.run_to_end(&["--for", "60"]);
    assert_eq!(refused.code, Some(6), "{refused:#?}");
    for words in ["quarantined", "plugin release misbehaving", "no challenge would ever come"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:#?}");
    }
}

/// Past everything that could tell: the next run knows only that there was no
/// orderly end, and blames nobody.
#[test]
fn an_exit_that_runs_nothing_blames_nobody() {
    let home = home("strategy", "(fail: (act_in: [plan], ruin: exit_at_once))");
    assert_eq!(home.run_to_end(&["--for", "60"]).code, Some(0));
    assert_blames_nobody(&home);
}

#[test]
fn a_process_that_is_killed_in_a_plugin_blames_nobody() {
    let home = home("strategy", "(fail: (hang_in: [plan]))");
    let mut miner = home.run(&[]);
    miner.event("challenge");
    miner.kill();
    assert_blames_nobody(&home);
}

#[track_caller]
fn assert_blames_nobody(home: &Home) {
    let next = home.run_with(&["-v", "--for", "0.1"], &[]).wait();
    assert_eq!(verdicts(&next), [] as [Value; 0], "{next:#?}");
    assert!(next.stderr.contains("no plugin is to blame"), "{next:#?}");
    assert_eq!(next.events("started")[0]["strategy"], "misbehaving");
}
