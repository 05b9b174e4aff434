//! A session under test, and every way to end one.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk::{protocol::network::Network, text::count};
use spacetime_sdk_loader::{
    Fault, Transport, TransportRequest,
    abi::{Emitted, FaultCode, Request},
};

use super::{
    peer::{Behaviour, Peer},
    port::Port,
};
use crate::{
    any::not_opened,
    probe::{Blame, Judged, OPEN_LIMIT, Probe, Stop},
};

/// What a session gets to end, in most tests.
const DEADLINE: Duration = Duration::from_secs(5);

/// What it gets where its end is the point; the host gives no more.
const SHORT: Duration = Duration::from_secs(1);

/// What dropping an open session may take; the SDK waits two seconds twice.
pub(super) const DROP: Duration = Duration::from_secs(5);

/// What a request may take: it is queued, and no more.
pub(super) const REQUEST: Duration = Duration::from_millis(100);

/// How long a session is left at work.
const MOMENT: Duration = Duration::from_millis(200);

/// A transport's session, with a peer of the kit's own unless there is another.
pub(crate) struct Session<'p> {
    probe: &'p Probe,
    transport: Option<Transport>,
    pub(super) port: Arc<Port>,
    peer: Option<Peer>,
}

/// Folders that were handed out.
static FOLDERS: AtomicU64 = AtomicU64::new(0);

/// A folder that no other session has.
fn folder_of_its_own(probe: &Probe) -> PathBuf {
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    probe.task.data_folder().join(format!("{number}"))
}

/// Works with what a host would hand over: `node` is a `host:port`.
pub(super) fn with_request<R>(
    folder: &Path,
    node: &str,
    work: impl FnOnce(&TransportRequest<'_>) -> R,
) -> Result<R, Fault> {
    std::fs::create_dir_all(folder).map_err(Fault::new)?;
    let network = Network::local().to_json().map_err(Fault::new)?;
    let (address, port) = node.rsplit_once(':').unwrap_or((node, ""));
    let mut identity = [7; 33];
    identity[0] = 0xED;
    Ok(work(&TransportRequest {
        network: &network,
        identity: &identity,
        data_directory: folder,
        agent: "spacetime-conformance/1",
        node_address: Some(address),
        node_port: port.parse().ok(),
        node_is_chosen: false,
    }))
}

/// A config in which `{node}` stands for the node's address.
pub(super) fn with_node(config: &str, node: &str) -> String {
    config.replace("{node}", node)
}

impl<'p> Session<'p> {
    /// Opens the transport with a config, in a folder of its own.
    pub(crate) fn open_with(probe: &'p Probe, config: &str) -> Result<Self, Fault> {
        let folder = folder_of_its_own(probe);
        Self::start(probe, config, &folder, Behaviour::Silent, Emitted::ACCEPTED)
    }

    fn start(
        probe: &'p Probe,
        config: &str,
        folder: &Path,
        behaviour: Behaviour,
        answer: Emitted,
    ) -> Result<Self, Fault> {
        let peer = match (&probe.task.subject.node, behaviour) {
            (Some(_), Behaviour::Silent) => None,
            (_, behaviour) => {
                Some(Peer::start(behaviour, probe.task.subject.seed).map_err(Fault::new)?)
            }
        };
        let own = peer.as_ref().map(Peer::address);
        let node = own.or_else(|| probe.task.subject.node.clone()).unwrap_or_default();
        let port = Port::new(answer);
        let sink = port.clone();
        let config = with_node(config, &node);
        let opened = with_request(folder, &node, |transport| {
            let request = probe.request(&config);
            let sink = Arc::new(move |event| sink.take(event));
            Transport::open(probe.library(), &request, transport, sink)
        });
        Ok(Self { probe, transport: Some(opened??), port, peer })
    }

    /// Opens the transport for a host that answers events like this.
    pub(super) fn open(probe: &'p Probe, answer: Emitted) -> Result<Self, Stop> {
        Self::open_in(probe, &folder_of_its_own(probe), Behaviour::Silent, answer, Blame::OPENING)
    }

    /// The same in a folder, with a peer that behaves like this.
    pub(super) fn open_in(
        probe: &'p Probe,
        folder: &Path,
        behaviour: Behaviour,
        answer: Emitted,
        blame: Blame,
    ) -> Result<Self, Stop> {
        let config = &probe.task.subject.config;
        let open = || Self::start(probe, config, folder, behaviour, answer);
        probe.with(format_args!("the config {config}"));
        let opened = probe.call("open", OPEN_LIMIT, open);
        opened.map_err(|fault| not_opened(probe, config, &fault, blame))
    }

    /// The peer of the kit's own.
    pub(super) fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    fn transport(&mut self) -> &mut Transport {
        self.transport.as_mut().expect("only its end takes it")
    }

    /// Hands it a request.
    pub(super) fn request(&mut self, request: Request) -> Result<(), Fault> {
        let probe = self.probe;
        probe.call("request", REQUEST, || self.transport().request(request))
    }

    pub(super) fn request_unknown(&mut self) -> Result<(), Fault> {
        let probe = self.probe;
        probe.call("request", REQUEST, || self.transport().request_unknown())
    }

    /// Asks for headers, which no session minds.
    pub(super) fn ask_for_headers(&mut self) {
        // Whether it is taken is not what is looked for.
        let _ = self.request(Request::FetchHeaders { locator: Vec::new().into() });
    }

    /// Whether it has ended, by itself or because it was told to.
    pub(super) fn has_ended(&mut self) -> Result<bool, Stop> {
        match self.request(Request::FetchHeaders { locator: Vec::new().into() }) {
            Ok(()) => Ok(false),
            Err(fault) if fault.code == FaultCode::BUSY => Ok(false),
            Err(fault) if fault.code == FaultCode::CLOSED => Ok(true),
            Err(fault) => {
                let seen =
                    format_args!("a request is answered with neither BUSY nor CLOSED: {fault}");
                Err(self.probe.broken("TRN-009", seen))
            }
        }
    }

    /// Lets it do a little of what it is for.
    pub(crate) fn use_once(&mut self) -> Judged {
        self.probe.with("a request for headers");
        self.has_ended().map(drop)
    }

    /// Tells it to end.
    fn tell_to_end(&mut self, deadline: Duration) -> Result<(), Fault> {
        let (probe, millis) = (self.probe, u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX));
        let limit = deadline + Duration::from_millis(500);
        probe.call("close", limit, || self.transport().close(millis))
    }

    fn must_end(&mut self, deadline: Duration) -> Judged {
        self.tell_to_end(deadline)
            .map_err(|fault| self.probe.too_slow("TRN-001", format_args!("{fault}")))
    }

    /// Ends it, and looks whether its events were well formed.
    pub(super) fn close(mut self) -> Judged {
        self.must_end(DEADLINE)?;
        self.let_go()
    }

    /// The same for tests of any kind.
    pub(crate) fn end(self, _: Blame) -> Judged {
        self.close()
    }

    fn let_go(&mut self) -> Judged {
        let (probe, transport) = (self.probe, self.transport.take());
        probe.call("drop", DROP, || drop(transport));
        match self.port.flaw() {
            Some(flaw) => Err(probe.broken("TRN-011", flaw)),
            None => Ok(()),
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let transport = self.transport.take();
        self.probe.call("drop", DROP, || drop(transport));
    }
}

pub(super) fn ends(probe: &Probe) -> Judged {
    for (what, answer, moment) in [
        ("at once", Emitted::ACCEPTED, Duration::ZERO),
        ("while it is at work", Emitted::ACCEPTED, MOMENT),
        ("while the host is busy", Emitted::BUSY, MOMENT),
    ] {
        probe.given(format_args!("a session that is closed {what}"));
        let mut session = Session::open(probe, answer)?;
        session.ask_for_headers();
        // It is to be at work by then.
        thread::sleep(moment);
        session.must_end(SHORT)?;
        session.let_go()?;
    }
    probe.given("a session that gets a millisecond to end");
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    let begun = Instant::now();
    // It need not end, but the call must.
    let _ = session.tell_to_end(Duration::from_millis(1));
    let took = begun.elapsed();
    if took > SHORT {
        let seen = format_args!("close took {} ms with a deadline of 1 ms", took.as_millis());
        return Err(probe.too_slow("TRN-001", seen));
    }
    session.close()
}

pub(super) fn closed_for_good(probe: &Probe) -> Judged {
    probe.given("a session that is closed twice");
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    session.must_end(DEADLINE)?;
    session
        .tell_to_end(DEADLINE)
        .map_err(|fault| probe.broken("TRN-002", format_args!("closing it again: {fault}")))?;
    if !session.has_ended()? {
        return Err(probe.broken("TRN-002", "a closed session takes a request"));
    }
    session.close()
}

pub(super) fn dropped(probe: &Probe) -> Judged {
    probe.given("a session that is dropped while it is at work");
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    session.ask_for_headers();
    // It is to be at work by then.
    thread::sleep(MOMENT);
    session.let_go()?;
    is_silent(probe, &session.port, "TRN-003", "dropped")
}

pub(super) fn silent_after_close(probe: &Probe) -> Judged {
    probe.given("a session that is closed while it is at work");
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    for _ in 0..10 {
        session.ask_for_headers();
    }
    // It is to be at work by then.
    thread::sleep(MOMENT);
    session.must_end(DEADLINE)?;
    is_silent(probe, &session.port, "TRN-006", "closed")?;
    session.let_go()
}

/// How long a session that has ended is watched.
const WATCH: Duration = Duration::from_millis(400);

fn is_silent(probe: &Probe, port: &Port, rule: &str, how: &str) -> Judged {
    let before = port.offered();
    // To see that nothing happens takes a while in which nothing happens.
    thread::sleep(WATCH);
    match port.offered() - before {
        0 => Ok(()),
        events => {
            let events = count(events, "event");
            Err(probe.broken(rule, format_args!("{events} came after it was {how}")))
        }
    }
}

/// Sessions that follow one another.
const SESSIONS: u32 = 4;

pub(super) fn again(probe: &Probe) -> Judged {
    let folder = folder_of_its_own(probe);
    let mut first_lasts = false;
    for number in 0..SESSIONS {
        probe.given(format_args!("session {number} in a row with the same folder"));
        let (silent, accepts) = (Behaviour::Silent, Emitted::ACCEPTED);
        let mut session = Session::open_in(probe, &folder, silent, accepts, Blame::all("TRN-014"))?;
        // One that finds its folder in use ends after a moment.
        thread::sleep(MOMENT);
        let lasts = !session.has_ended()?;
        if number == 0 {
            first_lasts = lasts;
        } else if first_lasts && !lasts {
            return Err(probe.broken("TRN-014", "it ended by itself, and the first one did not"));
        }
        session.close()?;
    }
    Ok(())
}
