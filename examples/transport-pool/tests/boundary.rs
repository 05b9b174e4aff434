//! The transport as the miner sees it, with a pool's server, and with servers
//! that are none.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener as BlockingListener},
    sync::mpsc::{self, Receiver},
};

use spacetime_sdk::{
    protocol::{
        BlockHash, Challenge, PlotKey, PlotSeed, Score, Target,
        merkle::{Tree, leaf_hash},
        plot::{PlotHeader, leaf},
        proof::{BlockProof, PlotMetadata},
        score::score,
    },
    tokio::{net::TcpListener, runtime::Runtime},
};
use spacetime_sdk_testing::{
    Plugin, TestedTransport,
    abi::{Event, ProofClaim, Verdict},
    claim,
};
use transport_pool::{
    server::{Entry, Options, serve},
    wire::Outcome,
};

/// A pool's server; it ends with this.
struct Pool {
    address: SocketAddr,
    told: Receiver<Entry>,
    _runtime: Runtime,
}

impl Pool {
    /// One whose only job lasts longer than any test.
    fn start(share_target: [u8; 32]) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let options = Options {
            name: "test".to_owned(),
            seconds: 3600,
            share_target: Target::new(share_target),
            start: BlockHash::new([3; 32]),
        };
        let (sender, told) = mpsc::channel();
        let tell = move |entry: &Entry| {
            // The test may have seen enough.
            let _ = sender.send(entry.clone());
        };
        runtime.spawn(serve(listener, options, tell));
        Self { address, told, _runtime: runtime }
    }

    fn config(&self) -> String {
        format!("(server: \"{}\", worker: \"rig\")", self.address)
    }
}

/// A session, and the first job that it brings: its number and challenge.
fn session(plugin: &Plugin, pool: &Pool) -> (TestedTransport, u64, Challenge) {
    let mut session = plugin.transport("pool", &pool.config()).unwrap();
    let Event::Online { detail } = session.next_event() else { panic!("not online") };
    assert_eq!(detail, format!("pool `test` at {}", pool.address));
    let Event::Challenge { challenge } = session.next_event() else { panic!("no job") };
    (session, challenge.id, Challenge::new(challenge.challenge))
}

/// A proof for one of 64 leaves.
fn proof(challenge: &Challenge, index: u64) -> (Score, Vec<u8>) {
    let (key, seed) = (PlotKey::new([1; 32]), PlotSeed::new([2; 32]));
    let leaves: Vec<_> = (0..64).map(|index| leaf(&key, &seed, index)).collect();
    let hashes = leaves.iter().map(|leaf| leaf_hash(leaf.as_ref())).collect();
    let tree = Tree::new(hashes).unwrap();
    let header = PlotHeader::new(seed, 64, tree.root());
    let leaf = leaves[usize::try_from(index).unwrap()];
    let proof = BlockProof {
        leaf,
        leaf_index: index,
        path: tree.path(index).unwrap(),
        plot: PlotMetadata {
            leaf_count: 64,
            plot_id: seed,
            header_hash: header.hash(),
            version: 1,
        },
    };
    (score(challenge, &leaf), proof.encode().unwrap())
}

fn share(job: u64, (score, proof): (Score, Vec<u8>)) -> ProofClaim {
    ProofClaim { score: score.to_bytes(), proof: proof.into(), ..claim(job) }
}

/// Submits a share; what the pool says to it.
fn verdict(session: &mut TestedTransport, share: ProofClaim) -> (Verdict, String) {
    session.submit_proof(9, share).unwrap();
    session.wait_for("verdict", |event| match event {
        Event::Verdict { ticket: 9, verdict, reason } => Some((verdict, reason.into())),
        _ => None,
    })
}

#[test]
fn a_share_counts_once() {
    let (plugin, pool) = (Plugin::build(), Pool::start([0xFF; 32]));
    let (mut session, job, challenge) = session(&plugin, &pool);
    for (number, index) in [(1, 5), (2, 63)] {
        let (outcome, reason) = verdict(&mut session, share(job, proof(&challenge, index)));
        assert_eq!((outcome, &*reason), (Verdict::ACCEPTED, ""));
        let entry = pool.told.recv().unwrap();
        assert_eq!((&*entry.worker, entry.shares), ("rig", number));
    }
    let (outcome, reason) = verdict(&mut session, share(job, proof(&challenge, 5)));
    assert_eq!((outcome, &*reason), (Verdict::REJECTED, "the leaf has been shown before"));
    assert_eq!(pool.told.recv().unwrap().outcome, Outcome::Rejected);
    session.close();
    // The SDK counts the session's threads besides.
    let counted = plugin.told().counts.into_iter().filter(|(_, counter, _)| counter == "shares");
    assert!(counted.eq(vec![("pool".to_owned(), "shares".to_owned(), 1); 2]));
}

#[test]
fn what_is_no_share_is_refused_with_the_reason() {
    let (plugin, pool) = (Plugin::build(), Pool::start([0xFF; 32]));
    let (mut session, job, challenge) = session(&plugin, &pool);
    let good = || proof(&challenge, 5);
    let with = |change: &dyn Fn(&mut BlockProof)| {
        let (_, bytes) = good();
        let mut proof = BlockProof::decode(&bytes).unwrap().0;
        change(&mut proof);
        (score(&challenge, &proof.leaf), proof.encode().unwrap())
    };
    for (share, expected) in [
        (claim(job), "this is no proof"),
        (share(job, (good().0, [good().1, vec![0]].concat())), "there is more than a proof"),
        (share(job, (Score::ZERO, good().1)), "the leaf has another score"),
        (
            share(job, with(&|proof| proof.leaf = leaf(&PlotKey::ZERO, &PlotSeed::ZERO, 0))),
            "the path does not lead to the plot's header",
        ),
        (
            share(job, with(&|proof| proof.plot.leaf_count = 1 << 40)),
            "the path does not lead to the plot's header",
        ),
        (share(job, with(&|proof| proof.leaf_index = 4)), "the path leads from another leaf"),
    ] {
        let (outcome, reason) = verdict(&mut session, share);
        assert_eq!((outcome, &*reason), (Verdict::REJECTED, expected));
    }
    let (outcome, _) = verdict(&mut session, share(job + 1, good()));
    assert_eq!(outcome, Verdict::STALE);
    // None of it has counted.
    assert!(pool.told.try_iter().all(|entry| entry.shares == 0));
    let (outcome, _) = verdict(&mut session, share(job, good()));
    assert_eq!(outcome, Verdict::ACCEPTED);
    session.close();
}

#[test]
fn a_score_must_be_under_the_share_target() {
    let (plugin, pool) = (Plugin::build(), Pool::start([1; 32]));
    let (mut session, job, challenge) = session(&plugin, &pool);
    let index = (0..64).find(|index| proof(&challenge, *index).0.as_bytes()[0] > 1).unwrap();
    let (outcome, reason) = verdict(&mut session, share(job, proof(&challenge, index)));
    let expected = "the score is not under the share target";
    assert_eq!((outcome, &*reason), (Verdict::REJECTED, expected));
    session.close();
}

#[test]
fn a_pool_builds_its_blocks_itself() {
    let (plugin, pool) = (Plugin::build(), Pool::start([0xFF; 32]));
    let (mut session, ..) = session(&plugin, &pool);
    session.submit_block(4, &[1, 2, 3]).unwrap();
    let Event::Verdict { ticket: 4, verdict, .. } = session.next_event() else { panic!() };
    assert_eq!(verdict, Verdict::REJECTED);
    session.close();
}

#[test]
fn a_server_that_is_none_or_falls_silent_ends_the_session() {
    let plugin = Plugin::build();
    for (line, expected) in [
        ("not JSON\n", "expected"),
        ("{\"type\":\"jackpot\"}\n", "jackpot"),
        (&format!("{:10000}\n", ""), "longer than"),
        ("", "fallen silent"),
    ] {
        let listener = BlockingListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = format!("(server: \"{address}\", silence_seconds: 1)");
        let mut session = plugin.transport("pool", &config).unwrap();
        let (mut connection, _) = listener.accept().unwrap();
        connection.write_all(line.as_bytes()).unwrap();
        let Event::Offline { reason } = session.next_event() else { panic!("still there") };
        assert!(reason.contains(expected), "{reason}");
        session.close();
    }
}

#[test]
fn check_names_the_pool_and_opens_no_session() {
    let (plugin, pool) = (Plugin::build(), Pool::start([0xFF; 32]));
    let said = plugin.check_transport("pool", &pool.config()).unwrap();
    assert_eq!(said, format!("pool `test` at {}", pool.address));
    for (config, expected) in [
        ("(server: \"pool\")", "host:port"),
        ("(server: \"127.0.0.1:1\")", "127.0.0.1:1"),
        ("(server: \"127.0.0.1:1\", silence_seconds: 0)", "silence_seconds"),
    ] {
        let refused = plugin.check_transport("pool", config).unwrap_err();
        assert!(refused.message.contains(expected), "{refused}");
    }
}
