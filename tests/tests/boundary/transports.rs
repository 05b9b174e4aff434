//! Sessions of transports: events out, requests in, and every way to end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use spacetime_protocol::{
    Identity,
    keys::{Scheme, SecretKey},
    network::Network,
    transaction::Transaction,
};
use spacetime_sdk_loader::{
    Fault, Library, Transport, TransportRequest,
    abi::{Answer, Emitted, Event, FaultCode, Question, Request, Verdict},
};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{Recorder, load, request},
};

use crate::services::own_copy;

const DEADLINE: Duration = Duration::from_secs(10);

type Sink = Arc<dyn Fn(Option<Event>) -> Emitted + Send + Sync>;

/// A sink whose events can be waited for.
fn channel() -> (Sink, Receiver<Event>) {
    let (sender, events) = mpsc::channel();
    let sink = move |event: Option<Event>| {
        // Nobody may be waiting any more.
        let _ = sender.send(event.expect("a known event"));
        Emitted::ACCEPTED
    };
    (Arc::new(sink), events)
}

/// Calls the loader with what transports are opened with.
fn with_request<T>(call: impl FnOnce(&TransportRequest<'_>) -> T) -> T {
    let (network, data) = (Network::local().to_json().unwrap(), tempfile::tempdir().unwrap());
    call(&TransportRequest {
        network: &network,
        identity: &[0xED; 33],
        data_directory: data.path(),
        agent: "boundary/1.0",
        node_address: None,
        node_port: None,
        node_is_chosen: false,
    })
}

fn open(library: &Library, config: &str, sink: Sink) -> Result<Transport, Fault> {
    with_request(|transport| {
        Transport::open(library, &request("misbehaving", config), transport, sink)
    })
}

fn submission(ticket: u64) -> Request {
    Request::SubmitBlock { ticket, block: vec![1, 2, 3].into() }
}

#[test]
fn requests_are_answered_and_the_session_ends() {
    let (sink, events) = channel();
    let mut session = open(&load(&plugin("spacetime-misbehaving")), "()", sink).unwrap();
    let online = events.recv_timeout(DEADLINE).unwrap();
    assert!(matches!(online, Event::Online { detail } if detail == "misbehaving"));
    session.request(submission(7)).unwrap();
    let answer = events.recv_timeout(DEADLINE).unwrap();
    assert!(
        matches!(&answer, Event::Verdict { ticket: 7, verdict: Verdict::REJECTED, reason }
            if reason.contains("rejects everything")),
        "{answer:?}"
    );
    session.close(10_000).unwrap();
    assert_eq!(session.request(submission(8)).unwrap_err().code, FaultCode::CLOSED);
    // Being closed by the host is no reason to go offline.
    drop(session);
    assert!(events.iter().next().is_none());
}

#[test]
fn a_busy_host_loses_no_event() {
    let calls = AtomicU64::new(0);
    let (sender, events) = mpsc::channel();
    let sink = move |event: Option<Event>| {
        if calls.fetch_add(1, Ordering::Relaxed) % 3 != 2 {
            return Emitted::BUSY;
        }
        sender.send(event.unwrap()).unwrap();
        Emitted::ACCEPTED
    };
    let library = load(&plugin("spacetime-misbehaving"));
    let mut session = open(&library, "(flood: 20)", Arc::new(sink)).unwrap();
    assert!(matches!(events.recv_timeout(DEADLINE).unwrap(), Event::Online { .. }));
    for number in 0..20 {
        let event = events.recv_timeout(DEADLINE).unwrap();
        let expected = format!("flood {number}");
        assert!(matches!(&event, Event::Offline { reason } if *reason == *expected), "{event:?}");
    }
    session.close(10_000).unwrap();
}

#[test]
fn a_host_that_is_gone_ends_the_session() {
    let (sender, called) = mpsc::channel();
    let sink = move |_: Option<Event>| {
        let _ = sender.send(());
        Emitted::CLOSED
    };
    let library = load(&plugin("spacetime-misbehaving"));
    let mut session = open(&library, "()", Arc::new(sink)).unwrap();
    called.recv_timeout(DEADLINE).unwrap();
    session.close(10_000).unwrap();
}

/// A panic of the host's own sink stays on the host's side.
#[test]
fn a_sink_that_panics_counts_as_closed() {
    let library = load(&plugin("spacetime-misbehaving"));
    let sink = |_: Option<Event>| panic!("the host's own mistake");
    let mut session = open(&library, "()", Arc::new(sink)).unwrap();
    session.close(10_000).unwrap();
}

#[test]
fn a_session_that_does_not_end_is_given_up_in_time() {
    let (sink, events) = channel();
    let library = load(&plugin("spacetime-misbehaving"));
    let mut session = open(&library, "(deaf: true)", sink).unwrap();
    events.recv_timeout(DEADLINE).unwrap();
    let begun = Instant::now();
    let fault = session.close(200).unwrap_err();
    assert!(fault.message.contains("200 ms"), "{fault}");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    drop(session);
    assert!(begun.elapsed() < DEADLINE, "dropping it waits for two seconds at most");
}

#[test]
fn a_full_request_queue_says_so_and_blocks_nobody() {
    let (sink, events) = channel();
    let library = load(&plugin("spacetime-misbehaving"));
    // Deaf to the end of the session, but not to requests: so end it first.
    let mut session = open(&library, "(deaf: true)", sink).unwrap();
    events.recv_timeout(DEADLINE).unwrap();
    session.close(1).unwrap_err();
    let refused = (0..1000).find_map(|ticket| session.request(submission(ticket)).err());
    assert_eq!(refused.unwrap().code, FaultCode::BUSY);
}

#[test]
fn panics_and_errors_of_a_session_reach_the_host() {
    for (config, told, code) in [
        ("(fail: (panic_in: [run]))", "its session panicked", FaultCode::PANICKED),
        ("(fail: (panic_in: [task]))", "a thread or task of its own", FaultCode::PANICKED),
        ("(fail: (panic_in: [thread]))", "a thread or task of its own", FaultCode::PANICKED),
        ("(fail: (error_in: [run]))", "misbehaving in Run", FaultCode::FAILED),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let host = Recorder::new(3);
        let copy = own_copy(&folder, "spacetime-misbehaving");
        let library = Library::load(&copy, host.clone()).unwrap();
        let (sink, events) = channel();
        let mut session = open(&library, config, sink).unwrap();
        let faults = host.wait_until(|told| !told.faults.is_empty()).faults;
        let (instance, fault) = &faults[0];
        assert_eq!((instance.as_str(), fault.code), ("misbehaving", code), "{config}");
        assert!(fault.message.contains(told), "{config}: {fault}");
        if told.contains("session") {
            // The host learns that the session is over.
            let ended = |event: &Event| matches!(event, Event::Offline { .. });
            assert!(events.iter().take(2).any(|event| ended(&event)), "{config}");
        }
        session.close(10_000).unwrap();
    }
}

#[test]
fn a_constructor_or_destructor_that_panics_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let host = Recorder::new(3);
    let library = Library::load(&own_copy(&folder, "spacetime-misbehaving"), host.clone()).unwrap();
    let fault = open(&library, "(fail: (panic_in: [open]))", channel().0).err().unwrap();
    assert_eq!(fault.code, FaultCode::PANICKED);
    let mut session = open(&library, "(fail: (panic_in: [drop]))", channel().0).unwrap();
    session.close(10_000).unwrap();
    let told = host.wait_until(|told| !told.faults.is_empty());
    assert!(told.faults[0].1.message.starts_with("its destructor"), "{:?}", told.faults);
}

#[test]
fn a_check_opens_no_session() {
    let library = load(&plugin("spacetime-misbehaving"));
    let check = |config| {
        with_request(|transport| {
            Transport::check(&library, &request("misbehaving", config), transport)
        })
    };
    assert_eq!(check("()").unwrap(), "misbehaving was given node None port None");
    assert_eq!(check("(fail: (panic_in: [check]))").unwrap_err().code, FaultCode::PANICKED);
    assert_eq!(check("(fail: (error_in: [check]))").unwrap_err().code, FaultCode::FAILED);
    let fault = check("(floot: 3)").unwrap_err();
    assert_eq!((fault.code, fault.field.as_str()), (FaultCode::CONFIG, "floot"));
}

#[test]
fn a_question_opens_no_session() {
    let library = load(&plugin("spacetime-misbehaving"));
    let ask = |config, question| {
        with_request(|transport| {
            Transport::ask(&library, &request("misbehaving", config), transport, question)
        })
    };
    let key = SecretKey::new(Scheme::Ed25519, [1; 32].into()).unwrap();
    let payment = Transaction {
        version: 1,
        sender: key.identity(),
        recipient: Identity::new([0xED; 33]),
        amount: 1,
        nonce: 0,
        fee: 1,
        signature: None,
    };
    let bytes = payment.sign(&key).encode().unwrap().to_vec();
    let submit = |bytes: &[u8]| Question::SubmitTransaction {
        transaction: bytes.to_vec().into(),
        replace: false,
    };
    let answer = ask("()", submit(&bytes)).unwrap();
    let Answer::Refused { reason } = answer else { panic!("{answer:?}") };
    assert_eq!(reason, "misbehaving takes no transaction");
    let fault = ask("()", submit(&bytes[1..])).unwrap_err();
    assert!(fault.message.starts_with("not a transaction"), "{fault}");
    let fault = ask("()", Question::Tip).unwrap_err();
    assert_eq!(
        (fault.code, &*fault.message),
        (FaultCode::UNSUPPORTED, "misbehaving does not answer this")
    );

    let panicked = ask("(fail: (panic_in: [ask]))", Question::Tip).unwrap_err();
    assert_eq!(panicked.code, FaultCode::PANICKED);
    assert_eq!(
        ask("(fail: (error_in: [ask]))", Question::Tip).unwrap_err().code,
        FaultCode::FAILED
    );
    let fault = ask("(floot: 3)", Question::Tip).unwrap_err();
    assert_eq!((fault.code, fault.field.as_str()), (FaultCode::CONFIG, "floot"));
    let unknown = with_request(|transport| {
        Transport::ask(&library, &request("nobody", "()"), transport, Question::Tip)
    });
    assert_eq!(unknown.unwrap_err().code, FaultCode::UNKNOWN_COMPONENT);
}
