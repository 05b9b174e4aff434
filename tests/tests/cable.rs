//! The cable between a miner's transport and its node is cut after every byte
//! of a session, in both directions: a block that was won gets there all the
//! same, and the miner follows the node again within one pause.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../../core/node/tests/net/bench.rs"]
#[allow(dead_code, reason = "the node's own tests use more of it")]
mod bench;
#[path = "../../core/node/tests/common/mod.rs"]
mod common;

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bench::Node;
use common::{Miner, Wish, mine, network, tip};
use spacetime_protocol::network::Network;
use spacetime_sdk_loader::{
    Library,
    abi::{Event, Verdict},
};
use spacetime_tests::{
    artifacts::plugin,
    plugins::load,
    session::{Opening, Session},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

/// Sessions at once: they mostly wait.
const AT_ONCE: usize = 24;
/// The first pause is half a second at most; the rest is this machine's.
const ONE_PAUSE: Duration = Duration::from_secs(20);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToNode,
    ToMiner,
}

/// Where the first connection is cut; later ones are not.
#[derive(Clone, Copy, Debug)]
struct Cut {
    way: Way,
    after: usize,
}

/// Bytes that went through the first connection, each way.
#[derive(Default)]
struct Passed {
    to_node: AtomicUsize,
    to_miner: AtomicUsize,
}

impl Passed {
    fn of(&self, way: Way) -> &AtomicUsize {
        match way {
            Way::ToNode => &self.to_node,
            Way::ToMiner => &self.to_miner,
        }
    }
}

/// A forwarder to a node that cuts its first connection.
async fn cable(node: SocketAddr, cut: Option<Cut>, passed: Arc<Passed>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut cut = cut;
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(node).await else { continue };
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            tokio::spawn(forward(near, far, cut.take(), passed.clone()));
        }
    });
    address
}

/// Forwards both ways until either is over, or the cable is cut.
async fn forward(near: TcpStream, far: TcpStream, cut: Option<Cut>, passed: Arc<Passed>) {
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) =
        (near.into_split(), far.into_split());
    let limit = |way| cut.filter(|cut| cut.way == way).map_or(usize::MAX, |cut| cut.after);
    tokio::select! {
        () = pass(&mut near_in, &mut far_out, limit(Way::ToNode), passed.of(Way::ToNode)) => {}
        () = pass(&mut far_in, &mut near_out, limit(Way::ToMiner), passed.of(Way::ToMiner)) => {}
    }
    // Dropped, all four halves close.
}

async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    limit: usize,
    passed: &AtomicUsize,
) {
    let (mut left, mut buffer) = (limit, [0; 4096]);
    while left > 0 {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        let now = read.min(left);
        if to.write_all(&buffer[..now]).await.is_err() {
            return;
        }
        passed.fetch_add(now, Ordering::Relaxed);
        left -= now;
    }
}

/// What a session is tried with.
struct Trial<'a> {
    runtime: &'a Runtime,
    library: &'a Library,
    network: &'a Network,
    miner: &'a Miner,
}

impl Trial<'_> {
    /// A session from its beginning until the next block of somebody else has
    /// come: a block of ours is accepted, wherever the cable is cut.
    fn session(&self, follow: &str, cut: Option<Cut>, passed: &Arc<Passed>) {
        let node = self.runtime.block_on(Node::start(self.network));
        let first = mine(&node.service, self.miner, Wish::default());
        let address = self.runtime.block_on(cable(node.address, cut, passed.clone()));
        let folder = tempfile::tempdir().unwrap();
        let config = format!("(address: \"{address}\", {follow})");
        let (network, directory) = (self.network, folder.path());
        let opening = Opening { component: "node", config: &config, network, directory };
        let began = Instant::now();
        let mut session = online(&opening, self.library);
        let won = self.miner.block(self.network, &first.header, Wish::default());
        let (verdict, reason) = session.submit(&won.encode().unwrap());
        assert_eq!(verdict, Verdict::ACCEPTED, "{reason}");
        self.runtime.block_on(node.reaches(won.hash()));
        assert_eq!(tip(&node.service), won.header);
        // And the miner goes on with what the node does next.
        let next = mine(&node.service, self.miner, Wish::default());
        session.wait_for_tip(&next.header);
        assert!(began.elapsed() < ONE_PAUSE, "{:?}", began.elapsed());
        session.close();
        self.runtime.block_on(node.running.stop());
    }
}

/// Opens sessions, as a host does, until one has a node to follow.
fn online(opening: &Opening<'_>, library: &Library) -> Session {
    loop {
        let mut session = opening.open(library);
        let is_online = session.wait_for("a node to follow", |event| match event {
            Event::Online { .. } => Some(true),
            Event::Offline { .. } => Some(false),
            _ => None,
        });
        if is_online {
            return session;
        }
        session.close();
    }
}

#[test]
fn a_won_block_survives_a_cut_after_any_byte() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (library, network, miner) =
        (load(&plugin("spacetime-transport-node")), network(1, &[]), Miner::new(3));
    let trial = Trial { runtime: &runtime, library: &library, network: &network, miner: &miner };
    let recorded = Arc::new(Passed::default());
    trial.session("", None, &recorded);
    let length = |way| recorded.of(way).load(Ordering::Relaxed);
    let cuts: Vec<Cut> = [Way::ToNode, Way::ToMiner]
        .into_iter()
        .flat_map(|way| (0..=length(way)).map(move |after| Cut { way, after }))
        .collect();
    println!("{} and {} bytes", length(Way::ToNode), length(Way::ToMiner));
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let passed = Arc::default();
                    let session = || trial.session("", Some(*cut), &passed);
                    if catch_unwind(AssertUnwindSafe(session)).is_err() {
                        failures.lock().unwrap().push(*cut);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{} cuts in {:.1} s", cuts.len(), began.elapsed().as_secs_f64());
    assert!(failures.is_empty(), "{} of {} cuts: {failures:?}", failures.len(), cuts.len());
}
