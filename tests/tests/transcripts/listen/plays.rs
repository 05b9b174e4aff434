//! Each kind of case, with our node.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Instant,
};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use spacetime_protocol::{
    network::Network,
    wire::{Frame, FrameError, FrameReader, Kind, Message, PingPong},
};
use spacetime_tests::{
    artifacts::program,
    process::{PATIENCE, run_to_end},
};

use super::{
    Seen,
    Verdict::{Instead, Same},
    client::{ANYWHERE, Bench, Client, handshake, ping},
};

const NOTICE: &str = "a silent client is told the tip after a second; the reference says nothing";
const ANSWERS: &str = "a handshake is acknowledged, a ping answered; the reference reads nothing";
const GARBAGE: &str = "a stream that cannot be read on is closed; the reference keeps it";
const DEAD: &str = "a connection that ended leaves the table; the reference's counts on";
const PONG: &str = "a pong goes out as `05`; the reference sends it as a ping";
const PLAIN: &str = "who accepts is no TLS client; a plain peer is answered plainly";
const AGAIN: &str = "a peer that refuses is told in the log and dialled again; the reference says \
                     nothing";
const INSIDE: &str = "inside the reference's manager, which nobody outside can see";

type Play = fn(&mut Seen<'_>);

/// Plays a case as what it is: by what was observed.
pub(crate) fn play(seen: &mut Seen<'_>) {
    let plays: [(bool, Play); 9] = [
        (seen.case().flag("tls"), tls),
        (seen.has("client_reads_after_ping"), accepts),
        (seen.has("receive_error"), garbage),
        (seen.has("connections_in_table_after_disconnect"), client_closes),
        (!seen.clients().is_empty() || seen.has("clients_closed_by_manager"), limit),
        (seen.has("connect_after_stop"), stop),
        (seen.has("error"), start_twice),
        (seen.has("client_reads"), sends),
        (seen.has("connect"), refused),
    ];
    let play = plays.iter().find(|(is_it, _)| *is_it);
    let (_, play) = play.unwrap_or_else(|| panic!("{}: unknown observations", seen.case().id));
    play(seen);
}

/// A node that is full with as many clients as the reference's table held.
fn with_table(seen: &Seen<'_>) -> (Bench, usize) {
    let count = seen.number("connections_in_table").expect("the table is looked at");
    (Bench::limited(count, &[]), count)
}

fn accepts(seen: &mut Seen<'_>) {
    let (bench, count) = with_table(seen);
    let mut client = Client::connect(bench.address());
    let others = bench.clients(count - 1);
    assert!(bench.is_full());
    seen.same("connections_in_table", count);
    seen.same("known_peers_connected", count);

    // All that comes by itself, and after a second of silence only.
    let genesis = Network::local().genesis_hash();
    assert_eq!(client.receive(), Some(Message::BlockAccepted { hash: genesis, height: 0 }));
    seen.instead("client_reads_in_1200_ms", NOTICE);
    assert!(client.send(&handshake()));
    assert_eq!(client.receive(), Some(Message::HandshakeAck));
    seen.instead("client_reads_after_handshake", ANSWERS);
    assert!(client.send(&ping(77)));
    let pong = client.receive();
    assert!(matches!(pong, Some(Message::Pong(PingPong { nonce: 77, .. }))), "{pong:?}");
    seen.instead("client_reads_after_ping", ANSWERS);
    assert!(bench.is_full());
    drop(others);
    for name in ["peer_protocol_version", "peer_id_prefix", "peer_id_length"] {
        seen.instead(name, INSIDE);
    }
}

fn garbage(seen: &mut Seen<'_>) {
    let (bench, count) = with_table(seen);
    for error in seen.all("receive_error") {
        let bytes = misaligned(error.as_str().unwrap());
        let mut client = bench.late();
        let others = bench.clients(count - 1);
        client.send(&bytes);
        assert!(client.is_closed(), "{error}");
        drop(others);
        seen.one("receive_error", Same(error));
    }
    // It is neither held against the address nor in the table.
    assert!(bench.late().is_served());
    seen.same("peer_reputation", 0);
    for name in ["client_reads_in_700_ms", "connections_in_table", "is_connected_after_errors"] {
        seen.instead(name, GARBAGE);
    }
}

/// Bytes that are refused with that, by us too.
fn misaligned(error: &str) -> Vec<u8> {
    let (text, number) = error.rsplit_once(": ").expect("what was wrong");
    let (bytes, ours) = if text.ends_with("Invalid message length") {
        let length: i32 = number.parse().unwrap();
        ([&length.to_le_bytes()[..], &[4]].concat(), FrameError::Length(length))
    } else if text.ends_with("Unknown message type") {
        let byte: u8 = number.parse().unwrap();
        (vec![1, 0, 0, 0, byte], FrameError::Type(byte))
    } else {
        panic!("what leads to {error}?")
    };
    let mut reader = FrameReader::default();
    reader.push(&bytes);
    assert_eq!(reader.next_frame(), Err(ours));
    bytes
}

fn client_closes(seen: &mut Seen<'_>) {
    let (bench, count) = with_table(seen);
    let clients = bench.clients(count);
    seen.same("is_connected", true);
    assert!(bench.is_full());
    seen.same("connections_in_table", count);
    seen.same("peer_manager_connected", count);
    clients.into_iter().for_each(Client::close);
    // As many again have room at once, so none of those counts.
    let mut again: Vec<Client> = (0..count).map(|_| bench.late()).collect();
    assert!(again.iter_mut().all(Client::is_served));
    seen.same("receive", "closed");
    seen.instead("is_connected_after_receive", DEAD);
    seen.same("connections_in_table_after_disconnect", 0);
    seen.same("peer_manager_connected_after_disconnect", 0);
    seen.instead("peer_manager_known_after_disconnect", INSIDE);
}

fn limit(seen: &mut Seen<'_>) {
    let limit = usize::try_from(seen.case().int("max_connections")).unwrap();
    let later = Later::new();
    let bench = Bench::limited(limit, &["--peer", &later.address().to_string()]);
    let names = seen.clients();
    let closed_ones = seen.number("clients_closed_by_manager").unwrap_or(0);
    let count = names.len().max(seen.number("connections_in_table").unwrap() + closed_ones);
    let mut clients: Vec<Client> = (0..count).map(|_| Client::connect(bench.address())).collect();
    let served: Vec<bool> = clients.iter_mut().map(Client::is_served).collect();
    for (name, served) in names.iter().zip(&served) {
        // Silence of the reference is a connection that stays.
        seen.same(name, if *served { "silence" } else { "closed" });
    }
    let open = served.iter().filter(|served| **served).count();
    seen.same("connections_in_table", open);
    seen.same("clients_closed_by_manager", count - open);

    if seen.has("outgoing_connect_at_limit") {
        // Nothing is said on a connection that we have no room for.
        let mut dialled = later.accept();
        assert!(dialled.read().is_empty());
        seen.same("outgoing_connect_at_limit", "null");
    }
    drop(clients);
    assert!(bench.late().is_served());
    for name in ["connections_in_table_after_all_closed", "late_client"] {
        seen.instead(name, DEAD);
    }
}

/// An address that is ours, and where nobody listens yet.
struct Later(Socket);

impl Later {
    fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&ANYWHERE.into()).unwrap();
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap().as_socket().unwrap()
    }

    /// Listens, and takes the connection that comes.
    fn accept(self) -> Client {
        self.0.listen(1).unwrap();
        let listener = TcpListener::from(self.0);
        let (sender, accepted) = mpsc::channel();
        thread::spawn(move || sender.send(listener.accept().unwrap().0));
        Client::on(accepted.recv_timeout(PATIENCE).expect("it dials again"))
    }
}

fn stop(seen: &mut Seen<'_>) {
    let limit = usize::try_from(seen.case().int("max_connections")).unwrap();
    let bench = Bench::limited(limit, &[]);
    let address = bench.address();
    let mut clients = bench.clients(1);
    assert_eq!(bench.stop().code, Some(0));
    assert!(clients[0].is_closed());
    seen.same("client", "closed");
    // Its process is gone, and its table with it.
    seen.same("connections_in_table", 0);
    seen.instead("peer_manager_connected", INSIDE);
    let error = TcpStream::connect(address).unwrap_err();
    seen.same("connect_after_stop", format!("{:?}", error.kind()));
}

/// Twice on one data directory, and twice on one port.
fn start_twice(seen: &mut Seen<'_>) {
    let limit = usize::try_from(seen.case().int("max_connections")).unwrap();
    let bench = Bench::limited(limit, &[]);
    let (used, address) = (bench.folder.path(), bench.address().to_string());
    let elsewhere = tempfile::tempdir().unwrap();
    for (data, listen, culprit) in
        [(used, "127.0.0.1:0", "is in use by process"), (elsewhere.path(), &*address, &*address)]
    {
        let arguments = ["--listen", listen, "--data", data.to_str().unwrap()];
        run_to_end(&program("spacetime-node"), elsewhere.path(), &arguments)
            .assert_refused(7, culprit);
    }
    // The first one goes on.
    assert!(bench.clients(1)[0].is_served());
    let error = seen.all("error").remove(0);
    assert!(error.as_str().unwrap().contains("already started"), "{error}");
    seen.same("error", error);
}

fn sends(seen: &mut Seen<'_>) {
    for theirs in seen.all("client_reads") {
        let frames = frames(&bytes(&theirs));
        let messages = frames.iter().map(|frame| Message::decode(frame.kind, &frame.payload));
        let again = messages.flat_map(|message| message.unwrap().to_frame().unwrap());
        let again = const_hex::encode(again.collect::<Vec<u8>>());
        seen.one("client_reads", Same(json!(format!("bytes {again}"))));
    }
    let limit = usize::try_from(seen.case().int("max_connections")).unwrap();
    let bench = Bench::limited(limit, &[]);
    let mut client = bench.clients(1).remove(0);
    for theirs in seen.all("client_reads_pong_object") {
        for theirs in frames(&bytes(&theirs)) {
            let message = Message::decode(theirs.kind, &theirs.payload).unwrap();
            let Message::Ping(PingPong { nonce, .. }) = message else { panic!("{message:?}") };
            client.send(&ping(nonce));
            // Whole, with one read, as it was written.
            let [ours] = &frames(&client.read())[..] else { panic!("one frame") };
            assert_eq!((theirs.kind, ours.kind), (Kind::Ping, Kind::Pong));
            assert_eq!(ours.payload[..8], theirs.payload[..8]);
        }
        seen.one("client_reads_pong_object", Instead(PONG));
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    const_hex::decode(text.as_str().unwrap().strip_prefix("bytes ").expect("bytes")).unwrap()
}

/// The frames that these are, all of them whole.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut reader = FrameReader::default();
    reader.push(bytes);
    let frames = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
    assert_eq!(reader.end(), Ok(()), "and no more");
    frames
}

/// The side that dials is the TLS client (`tests/tests/node/tls.rs`,
/// `core/node/tests/net/tls.rs`); who accepts says nothing of TLS, so a TLS
/// client completes no handshake here either, and a plain one is served.
fn tls(seen: &mut Seen<'_>) {
    let limit = usize::try_from(seen.case().int("max_connections")).unwrap();
    let bench = Bench::limited(limit, &[]);
    for theirs in seen.all("plain_client_reads_first_bytes") {
        // The reference's first words as an accepting TLS client, sent to us.
        let mut client = Client::connect(bench.address());
        assert!(client.send(&bytes(&theirs)));
        assert_eq!(client.receive().map(|message| message.kind()), Some(Kind::BlockAccepted));
        client.close();
        seen.one("plain_client_reads_first_bytes", Instead(PLAIN));
    }
    seen.same("connect", "null");
    let mut plain = bench.clients(1);
    assert!(plain[0].is_served());
    seen.same("connections_in_table", 0);
}

fn refused(seen: &mut Seen<'_>) {
    let later = Later::new();
    let peer = later.address();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("spacetime-node"));
    command.args(["--network", "local", "--listen", "127.0.0.1:0", "--peer", &peer.to_string()]);
    command.arg("--data").arg(folder.path());
    let log = Log::of(command);
    log.wait_for(&format!("{peer} does not take connections"));
    let mut dialled = later.accept();
    assert_eq!(dialled.receive().map(|message| message.kind()), Some(Kind::Handshake));
    seen.instead("connect", AGAIN);
}

/// What a program logs while it runs; it is killed at the end.
struct Log {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Log {
    fn of(mut command: Command) -> Self {
        command.env_remove("SPACETIME_LOG").stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|it| sender.send(it)));
        Self { child, lines }
    }

    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no {text}"));
            if line.contains(text) {
                return;
            }
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
