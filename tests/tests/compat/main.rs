//! Plugins and hosts of other releases of the SDK: what must load does, in
//! both directions, and what must not is refused.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod copy;

use std::{
    path::Path,
    process::Command,
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::Duration,
};

use serde_json::{Value, json};
use spacetime_protocol::network::Network;
use spacetime_sdk_loader::{
    Library, Refusal, Transport, TransportRequest,
    abi::{Answer, Emitted, Event, FaultCode, Question, Span},
};
use spacetime_tests::{
    artifacts::plugin,
    outside::plugin_with_flags,
    plugins::{Recorder, job, load, open_strategy, plot, request, spans},
};

const DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn a_plugin_of_a_newer_minor_version_works_on_this_host() {
    let library = load(&copy::newer().file("outside-newer-plugin"));
    assert_eq!(library.descriptor().abi, "1.2.0");
    let mut strategy = open_strategy(&library, "second-half", "()").unwrap();
    assert_eq!(spans(&mut strategy, 100).unwrap(), [Span { start: 50, len: 50 }]);

    // An event of a kind that this host does not know arrives as such, and
    // those after it are not lost.
    let data = tempfile::tempdir().unwrap();
    let (sender, events) = mpsc::channel();
    let sink = move |event: Option<Event>| {
        sender.send(event.map(|event| format!("{event:?}"))).unwrap();
        Emitted::ACCEPTED
    };
    let network = Network::local().to_json().unwrap();
    let transport = TransportRequest {
        network: &network,
        identity: &[0xED; 33],
        data_directory: data.path(),
        agent: "compat/1.0",
        node_address: None,
        node_port: None,
        node_is_chosen: false,
    };
    let mut session =
        Transport::open(&library, &request("weather", "()"), &transport, Arc::new(sink)).unwrap();
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), None);
    let next = events.recv_timeout(DEADLINE).unwrap().unwrap();
    assert!(next.contains("after the weather"), "{next}");
    session.close(10_000).unwrap();
    // Today's questions are its own too.
    let answer = Transport::ask(&library, &request("weather", "()"), &transport, Question::Tip);
    let Ok(Answer::Refused { reason }) = answer else { panic!("{answer:?}") };
    assert_eq!(reason, "Tip of today is understood");
}

/// What interface 1.0 had no field for is not asked of its plugins.
#[test]
fn a_transport_of_the_first_minor_version_works_and_answers_no_questions() {
    let library = load(&copy::earlier());
    assert_eq!(library.descriptor().abi, "1.0.0");
    let data = tempfile::tempdir().unwrap();
    let network = Network::local().to_json().unwrap();
    let transport = TransportRequest {
        network: &network,
        identity: &[0xED; 33],
        data_directory: data.path(),
        agent: "compat/1.1",
        node_address: None,
        node_port: None,
        node_is_chosen: false,
    };
    let (sender, events) = mpsc::channel();
    let sink = move |event: Option<Event>| {
        sender.send(format!("{event:?}")).unwrap();
        Emitted::ACCEPTED
    };
    let oracle = request("oracle", "()");
    let mut session = Transport::open(&library, &oracle, &transport, Arc::new(sink)).unwrap();
    let online = events.recv_timeout(DEADLINE).unwrap();
    assert!(online.contains("an earlier version"), "{online}");
    session.close(10_000).unwrap();
    let fault = Transport::ask(&library, &oracle, &transport, Question::Tip).unwrap_err();
    let expected = (FaultCode::UNSUPPORTED, "this transport answers no questions");
    assert_eq!((fault.code, &*fault.message), expected);
}

#[test]
fn todays_plugins_work_on_a_host_of_a_newer_minor_version() {
    let built = copy::newer();
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(built.file("outside-newer-host"))
        .arg(Network::local().to_json().unwrap())
        .arg(data.path())
        .arg(plugin("spacetime-strategy-sampling"))
        .arg(plugin("spacetime-misbehaving"))
        .arg(built.file("outside-newer-plugin"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let lines: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let [sampling, misbehaving, newer] = &lines[..] else { panic!("{lines:?}") };

    // What a plugin does not have is not asked of it: no field, the default.
    let expected = json!({ "inspects": false, "pause": 10, "spans": [[0, 100]], "rest": "" });
    assert_eq!(*sampling, expected);
    assert_eq!((&misbehaving["inspects"], &misbehaving["pause"]), (&json!(false), &json!(10)));
    let unsupported = FaultCode::UNSUPPORTED.0;
    assert_eq!(misbehaving["rest"], format!("fault {unsupported}, fault {unsupported}"));

    // What it has is used.
    assert_eq!((&newer["inspects"], &newer["pause"]), (&json!(true), &json!(11)));
    assert_eq!(newer["spans"], json!([[50, 50]]));
}

#[test]
fn a_plugin_of_interface_1_0_works_and_is_not_asked_for_what_it_lacks() {
    let library = load(&copy::older().file("outside-older-plugin"));
    assert_eq!(library.descriptor().abi, "1.0.0");
    let mut strategy = open_strategy(&library, "nothing", "()").unwrap();
    let cancel = AtomicBool::new(false);
    assert_eq!(strategy.arrange(&job(&cancel), &[plot(5), plot(6)]).unwrap(), None);
    assert_eq!(spans(&mut strategy, 100).unwrap(), []);
    assert_eq!(strategy.batch(), None);
}

#[test]
fn todays_plugins_work_on_a_host_of_interface_1_0() {
    let built = copy::older();
    for strategy in ["adaptive", "full"] {
        let output = Command::new(built.file("outside-older-host"))
            .arg(plugin(&format!("spacetime-strategy-{strategy}")))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{strategy}: {stderr}");
        let spans: Vec<[u64; 2]> = serde_json::from_slice(&output.stdout).unwrap();
        // Every leaf in order.
        let end = spans.iter().try_fold(0, |end, [start, len]| (*start == end).then(|| end + len));
        assert_eq!(end, Some(100_000), "{strategy}: {spans:?}");
    }
}

/// What one plugin was built with must not matter to another.
#[test]
fn plugins_of_two_minor_versions_work_side_by_side() {
    let built = copy::newer();
    let plans = |library: &Library, name| {
        spans(&mut open_strategy(library, name, "()").unwrap(), 100).unwrap()
    };
    let today = load(&plugin("spacetime-strategy-full"));
    let newer = load(&built.file("outside-newer-plugin"));
    let today_too = load(&plugin("spacetime-strategy-sampling"));
    assert_eq!(plans(&today, "full"), [Span { start: 0, len: 100 }]);
    assert_eq!(plans(&newer, "second-half"), [Span { start: 50, len: 50 }]);
    assert_eq!(plans(&today_too, "sampling"), [Span { start: 0, len: 100 }]);
}

fn refusal(path: &Path) -> Refusal {
    Library::load(path, Recorder::new(3)).expect_err("it must be refused")
}

/// Two sentences, then the code; the long comparison is kept for those who ask.
#[track_caller]
fn assert_two_sentences(refusal: &Refusal, code: &str) {
    assert_eq!(refusal.code(), code, "{refusal}");
    let text = refusal.to_string().replace(&*refusal.path().to_string_lossy(), "");
    assert_eq!(text.matches(". ").count(), 2, "{text}");
    assert!(!text.contains('\n') && text.len() < 300, "{text}");
}

#[test]
fn a_plugin_with_a_changed_field_type_is_refused() {
    let refusal = refusal(&copy::changed_field());
    assert_two_sentences(&refusal, "PLG-0008");
    assert!(refusal.detail().contains("drive"), "names the field: {}", refusal.detail());
    // The refusal leaves nothing behind that would spoil other plugins.
    load(&plugin("spacetime-strategy-full"));
}

#[test]
fn a_plugin_with_a_method_in_the_wrong_place_is_refused() {
    assert_two_sentences(&refusal(&copy::inserted_method()), "PLG-0008");
}

#[test]
fn a_plugin_of_another_major_version_is_refused() {
    let refusal = refusal(&copy::other_major());
    assert_two_sentences(&refusal, "PLG-0007");
    assert!(refusal.to_string().contains("2.0.0"), "{refusal}");
}

#[test]
fn a_plugin_whose_panics_abort_is_refused() {
    let aborting = plugin_with_flags("aborting", &["-C", "panic=abort"]);
    assert_two_sentences(&refusal(&aborting), "PLG-0006");
}
