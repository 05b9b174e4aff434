//! A peer of the kit's own, on a real socket: it says nothing, or nonsense.

use std::{
    io::{self, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use spacetime_sdk_loader::abi::Emitted;

use super::session::Session;
use crate::probe::{Blame, Judged, Probe, Resources, resources};

/// How a peer behaves to whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// It says nothing, and reads what it is told.
    Silent,
    /// It closes the connection at once.
    Closes,
    /// It sends some random bytes, and closes.
    Nonsense,
    /// It sends random bytes without end.
    Endless,
    /// It announces as much as a length field can say, and sends without end.
    HugeLengths,
    /// It sends zeros without end, a byte at a time at first.
    Zeros,
}

/// What a peer's write may wait for its reader.
const WRITE: Duration = Duration::from_millis(200);

/// A peer, which ends when it is dropped.
pub(super) struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    connections: AtomicU64,
    /// Connections that are read, to be ended with the peer.
    open: Mutex<Vec<TcpStream>>,
}

impl Shared {
    /// Reads what comes, and keeps none of it, until one of both ends.
    fn listen(&self, mut stream: TcpStream) {
        // Without a handle to end it by, it is ended at once.
        let Ok(handle) = stream.try_clone() else { return };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // The peer's end goes through the list after it has said so.
        if self.is_over.load(Ordering::Acquire) {
            return;
        }
        open.push(handle);
        drop(open);
        // Whoever ends it, and how, makes no difference.
        let _ = io::copy(&mut stream, &mut io::sink());
    }
}

impl Peer {
    /// Listens on a port of the system's choice, on this machine only.
    pub(super) fn start(behaviour: Behaviour, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        let listener = thread::Builder::new().name("peer".to_owned()).spawn(move || {
            serve(&listener, behaviour, seed, &serving);
        })?;
        Ok(Self { address, shared, listener: Some(listener) })
    }

    /// Where it listens, as `host:port`.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// How often somebody has connected.
    fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Acquire)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // The other side may have been faster.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the listener; it ends with its process otherwise.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            // It does not panic.
            let _ = listener.join();
        }
    }
}

fn serve(listener: &TcpListener, behaviour: Behaviour, seed: u64, shared: &Shared) {
    thread::scope(|scope| {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            if shared.is_over.load(Ordering::Acquire) {
                break;
            }
            shared.connections.fetch_add(1, Ordering::AcqRel);
            match behaviour {
                Behaviour::Closes => {
                    // The other side may have been faster.
                    let _ = stream.shutdown(Shutdown::Both);
                }
                Behaviour::Silent => {
                    scope.spawn(move || shared.listen(stream));
                }
                _ => {
                    let random = fastrand::Rng::with_seed(seed ^ number as u64);
                    scope.spawn(move || send(&stream, behaviour, random, shared));
                }
            }
        }
    });
}

/// Sends until the other side has enough, or the peer ends.
fn send(mut stream: &TcpStream, behaviour: Behaviour, mut random: fastrand::Rng, shared: &Shared) {
    let mut buffer = vec![0; 64 << 10];
    if behaviour != Behaviour::Zeros {
        random.fill(&mut buffer);
    }
    let first = match behaviour {
        Behaviour::HugeLengths => &[0xFF; 8][..],
        Behaviour::Zeros => &[0][..],
        _ => &buffer[..random.usize(1..1000)],
    };
    let begun = stream.set_write_timeout(Some(WRITE)).and_then(|()| stream.write_all(first));
    if begun.is_err() || behaviour == Behaviour::Nonsense {
        return;
    }
    while !shared.is_over.load(Ordering::Acquire) {
        match stream.write_all(&buffer) {
            Ok(()) => {}
            // It reads slowly, or no more for now.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// How long a session has to do with each peer.
const TOGETHER: Duration = Duration::from_millis(300);

/// What a peer may make it take: a few messages of the largest size.
const ROOM: u64 = 256 << 20;

/// How often it is looked how much that is, and how much more by then means
/// that it is still about to take more.
const LOOK: Duration = Duration::from_millis(100);
const STEP: u64 = 1 << 20;

/// The most memory that this process takes beyond what it took before, over
/// the time that a session has to do with a peer, and on while it grows.
fn most_taken(before: Option<Resources>) -> u64 {
    let (begun, mut most) = (Instant::now(), 0);
    loop {
        // What a peer can do shows only after a while.
        thread::sleep(LOOK);
        let taken = resources().zip(before);
        let taken = taken.map_or(0, |(now, before)| now.memory.saturating_sub(before.memory));
        let grows = taken >= most + STEP;
        most = most.max(taken);
        if most > ROOM || begun.elapsed() >= TOGETHER && !grows {
            return most;
        }
    }
}

pub(super) fn hostile(probe: &Probe) -> Judged {
    let mut connections = 0;
    for behaviour in [
        Behaviour::Closes,
        Behaviour::Silent,
        Behaviour::Nonsense,
        Behaviour::Endless,
        Behaviour::HugeLengths,
        Behaviour::Zeros,
    ] {
        probe.given(format_args!("a peer on the manifest's node: {behaviour:?}"));
        let folder = probe.task.data_folder().join(format!("{behaviour:?}"));
        let (accepts, blame) = (Emitted::ACCEPTED, Blame::all("TRN-015"));
        let before = resources();
        let session = Session::open_in(probe, &folder, behaviour, accepts, blame)?;
        let begun = Instant::now();
        let is_met = || session.peer().is_none_or(|peer| peer.connections() > 0);
        while !is_met() && begun.elapsed() < TOGETHER {
            // A connection shows only by being there.
            thread::sleep(Duration::from_millis(5));
        }
        let taken = most_taken(before);
        connections += session.peer().map_or(0, Peer::connections);
        session.close()?;
        if taken > ROOM {
            let seen = format_args!("it took {} MiB", taken >> 20);
            return Err(probe.broken("TRN-015", seen));
        }
    }
    if connections == 0 {
        probe.note(
            "it never connected to the manifest's node: let its config name one as \"{node}\"",
        );
    }
    Ok(())
}
