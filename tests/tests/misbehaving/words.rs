//! What plugins say and do appears under their names: log lines at the host's
//! level, whatever thread they come from, times of calls, backtraces.

use std::cell::RefCell;

use serde_json::Value;
use spacetime_tests::process::{Ended, Miner, Signal};

use crate::{home, home_of_two, mine_and_end, mine_with};

/// The messages of a component's log lines at a level.
fn lines(ended: &Ended, level: &str) -> Vec<String> {
    let lines = ended.events("log").into_iter().filter(|line| line["level"] == level);
    lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

/// Lines of a call, of a thread of its own, of a task on its runtime.
const IN_DETAIL: [(&str, &str); 3] = [
    ("strategy", "begins in detail"),
    ("strategy", "a thread in detail"),
    ("transport", "a task in detail"),
];

fn mine_at(kind: &str, level: &str) -> Ended {
    let home = if kind == "transport" { home_of_two("()") } else { home(kind, "()") };
    let mut miner = home.run(&["--until-blocks", "1", "--for", "60", level]);
    miner.event("accepted");
    miner.wait()
}

#[test]
fn a_line_appears_when_the_hosts_level_says_so_and_only_then() {
    for (kind, words) in IN_DETAIL {
        let detailed = mine_at(kind, "-vvv");
        let has = |lines: &[String]| lines.iter().any(|line| line.contains(words));
        assert!(has(&lines(&detailed, "trace")), "{words}: {:#?}", detailed.events("log"));
        let prefix = format!("{kind} `misbehaving` (plugin spacetime-misbehaving");
        let on_stderr = |line: &&str| line.contains(&prefix) && line.contains(words);
        assert!(detailed.stderr.lines().any(|line| on_stderr(&line)), "{words}");

        let debugging = mine_at(kind, "-vv");
        assert_eq!(lines(&debugging, "trace"), [] as [String; 0]);
        assert!(!debugging.stderr.contains(words));
    }
}

/// Waits for a proof before which, since the last one, the plugin said some
/// words and did not say others; all events until then.
fn wait_for_lines(miner: &mut Miner, said: &[&str], unsaid: &[&str]) -> Vec<Value> {
    let lines = RefCell::new(String::new());
    miner.wait_through(&format!("{said:?} without {unsaid:?}"), |event| {
        if event["event"] == "log" {
            lines.borrow_mut().push_str(event["message"].as_str().unwrap());
        }
        let lines = if event["event"] == "proof" { lines.take() } else { return false };
        let are_in = |words: &&str| lines.contains(words);
        said.iter().all(are_in) && !unsaid.iter().any(are_in)
    })
}

#[test]
fn a_level_that_changes_while_it_runs_holds_for_plugins_at_once() {
    const LINES: [&str; 3] = ["begins plot", "begins with", "begins in detail"];
    let home = home("strategy", "()");
    let mut miner = home.run(&[]);
    let first = wait_for_lines(&mut miner, &[], &LINES);
    assert!(first.iter().all(|event| event["event"] != "log"), "{first:#?}");
    // One at a time: signals that wait are one.
    for said in 1..=LINES.len() {
        miner.signal(Signal::USR1);
        wait_for_lines(&mut miner, &LINES[..said], &LINES[said..]);
    }
    miner.signal(Signal::USR2);
    wait_for_lines(&mut miner, &LINES[..2], &LINES[2..]);
    let ended = miner.stop();
    for level in ["info", "debug", "trace"] {
        let note = format!("the log's level is {level} now");
        assert!(ended.stderr.contains(&note), "{note}: {}", ended.stderr);
    }
}

#[test]
fn calls_are_counted_and_timed_and_counters_shown_at_the_end() {
    let ended = mine_with("strategy", "()");
    let stopped = ended.events("stopped").pop().unwrap();
    let plugins = stopped["plugins"].as_array().unwrap();
    let of = |kind: &str| {
        let is_it = |plugin: &&Value| plugin["component"].as_str().unwrap().starts_with(kind);
        plugins.iter().find(is_it).unwrap_or_else(|| panic!("{kind}: {stopped:#}"))
    };
    let strategy = of("strategy `misbehaving`");
    for method in ["open", "arrange", "begin", "plan"] {
        let calls = &strategy["calls"][method];
        let number = |name: &str| calls[name].as_u64().unwrap();
        assert!(number("count") >= 1 && number("errors") == 0, "{method}: {strategy:#}");
        assert!(number("max_ns") <= number("total_ns"), "{method}: {strategy:#}");
        assert!(number("p99_ns") <= number("max_ns"), "{method}: {strategy:#}");
    }
    assert_eq!(strategy["counters"]["plots_begun"], strategy["calls"]["begin"]["count"]);
    assert_eq!(strategy["faults"], 0);
    assert_eq!(of("transport `solo`")["calls"]["open"]["count"], 1);
    assert!(of("policy `fee-priority`")["calls"]["select"]["count"].as_u64().unwrap() >= 2);
}

#[test]
fn errors_are_counted_by_method() {
    let ended = mine_with("strategy", "(fail: (error_in: [plan]))");
    let stopped = ended.events("stopped").pop().unwrap();
    let plugins = stopped["plugins"].as_array().unwrap();
    let failed: Vec<_> = plugins.iter().filter(|plugin| plugin["faults"] != 0).collect();
    assert_eq!(failed.len(), 1, "{stopped:#}");
    assert_eq!(failed[0]["calls"]["plan"]["errors"], failed[0]["faults"], "{stopped:#}");
}

/// In words, too, for whoever reads no JSON.
#[test]
fn the_summary_in_words_has_a_line_for_each_component() {
    let home = home("strategy", "()");
    let ended = home.command(&["run", "--until-blocks", "1", "--for", "60"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let line = ended.stdout.lines().find(|line| line.contains("plots_begun")).unwrap();
    assert!(line.contains("strategy `misbehaving`") && line.contains("of plan in"), "{line}");
}

#[test]
fn a_panic_comes_with_the_authors_part_of_its_backtrace() {
    let at = |place: &str| format!("(fail: (panic_in: [{place}]))");
    let in_call = mine_with("strategy", &at("plan"));
    let in_thread = mine_with("strategy", &at("thread"));
    let in_task = mine_and_end(&home_of_two(&at("task")));
    for ended in [in_call, in_thread, in_task] {
        let faults = ended.events("fault");
        let mut detail = faults[0]["detail"].as_str().unwrap_or_else(|| panic!("{ended:#?}"));
        // No call waits for it on a machine that is this busy.
        let logged = lines(&ended, "error");
        if detail.contains("is logged then") {
            let is_it = |line: &&String| line.contains("the backtrace of what panicked");
            detail = logged.iter().find(is_it).unwrap_or_else(|| panic!("{ended:#?}"));
        }
        assert!(detail.contains("place.rs"), "{detail}");
        assert!(!detail.contains("rust_begin_unwind"), "{detail}");
        assert!(!detail.contains("guard.rs") && !detail.contains("planner.rs"), "{detail}");
    }
}
