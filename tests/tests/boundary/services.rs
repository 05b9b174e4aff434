//! Logs, counters and stray faults reach the host, under the instance's name.

use spacetime_sdk_loader::{Library, OpenRequest, Strategy};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{Recorder, request, spans},
};

/// A copy of the plugin's file is a library of its own, whose host is ours
/// alone: a library keeps the host of its first loading.
pub(crate) fn own_copy(folder: &tempfile::TempDir, package: &str) -> std::path::PathBuf {
    let copy = folder.path().join("own_copy.so");
    std::fs::copy(plugin(package), &copy).unwrap();
    copy
}

#[test]
fn logs_arrive_under_the_instance_at_the_hosts_level() {
    let folder = tempfile::tempdir().unwrap();
    let host = Recorder::new(3);
    let library = Library::load(&own_copy(&folder, "spacetime-misbehaving"), host.clone()).unwrap();
    let named = OpenRequest { instance: "my-scan", ..request("misbehaving", "()") };
    let mut strategy = Strategy::open(&library, &named).unwrap();
    spans(&mut strategy, 10).unwrap();
    let told = host.told();
    let line = (3, "my-scan".to_owned(), "begins plot 0 height=2".to_owned());
    assert_eq!(told.logs, [line], "info passes, trace does not");

    // The host's level may change at any time, in both directions.
    host.set_level(5);
    spans(&mut strategy, 10).unwrap();
    let trace = |line: &(u32, String, String)| line.0 == 5 && line.2 == "begins in detail";
    assert!(host.told().logs.iter().any(trace));
    host.set_level(1);
    let before = host.told().logs.len();
    spans(&mut strategy, 10).unwrap();
    assert_eq!(host.told().logs.len(), before);
}

#[test]
fn counters_arrive_under_the_instance() {
    let folder = tempfile::tempdir().unwrap();
    let host = Recorder::new(0);
    let library = Library::load(&own_copy(&folder, "spacetime-misbehaving"), host.clone()).unwrap();
    for instance in ["one", "two", "one"] {
        let named = OpenRequest { instance, ..request("misbehaving", "()") };
        spans(&mut Strategy::open(&library, &named).unwrap(), 10).unwrap();
    }
    let sum = |name: &str| {
        let counts = host.told().counts;
        let of_it = counts.iter().filter(|count| count.0 == name && count.1 == "plots_begun");
        of_it.map(|count| count.2).sum::<u64>()
    };
    assert_eq!((sum("one"), sum("two")), (2, 1));
}

#[test]
fn every_plugin_of_the_test_kit_tells_its_own_host() {
    for _ in 0..2 {
        let loaded = spacetime_sdk_testing::Plugin::load(&plugin("spacetime-misbehaving"));
        loaded.strategy("misbehaving", "()").unwrap().plan(4).unwrap();
        let told = loaded.told();
        assert!(told.logs.iter().any(|(.., message)| message.contains("begins plot")), "{told:?}");
    }
}
