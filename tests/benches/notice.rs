//! How long the miner's cores go on with a challenge once a node has announced
//! the next one: from the notice's first byte into the node's socket to the old
//! scan's last instruction, on cores that are idle and on cores that others
//! want too. The miner is the real one, with its transport in a dynamic library,
//! in a process of its own; when its scan was done with it says in its log, by
//! the clock that the notices are timed by.
//!
//! `cargo bench -p spacetime-tests --bench notice` prints percentiles; with
//! `-- --test` a few notices are sent once.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use std::{
    collections::HashMap,
    env,
    hint::spin_loop,
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use spacetime_protocol::{BlockHash, wire::Message};
use spacetime_tests::{
    address,
    artifacts::plugin,
    home::Home,
    process::{Ended, Miner},
    scripted::Scripted,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Notices, on idle cores and on busy ones.
const NOTICES: usize = 1000;

/// Nodes that take turns: of a single one, so many notices were a flood.
const NODES: usize = 16;

/// What the miner's log says once a scan was done with.
const DONE: &str = "nobody works for the scan any more";

fn main() {
    let is_test = env::args().any(|argument| argument == "--test");
    let (notices, plot) = if is_test { (3, "4MiB") } else { (NOTICES, "1GiB") };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    println!("from a notice on the wire to the last instruction, {notices} notices, {cores} cores");
    let mut bench = Bench::start(plot);
    let idle = bench.announce(notices);
    let others = AtomicBool::new(true);
    let busy = thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while others.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        let _ends_them = Ends(&others);
        bench.announce(notices)
    });
    let memory = bench.miner.most_memory();
    let done = done(&bench.miner.stop());
    print("idle", &idle, &done);
    print("busy", &busy, &done);
    if let Some(kib) = memory {
        println!("memory: {:.1} MiB at most, from its start to its end", kib as f64 / 1024.0);
    }
}

/// Ends those who look at it, whatever happens.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A challenge, and when the notice was sent that put another in its place.
type Replaced = (String, SystemTime);

struct Bench {
    nodes: Vec<Scripted>,
    miner: Miner,
    /// Its files.
    _home: Home,
    announced: u64,
    /// What is scanned for.
    challenge: String,
    random: fastrand::Rng,
}

impl Bench {
    /// A miner that scans for the first notice's challenge.
    fn start(plot: &str) -> Self {
        let mut nodes: Vec<_> = (0..NODES).map(|_| Scripted::listen(address::own())).collect();
        let peers: Vec<_> = nodes.iter().map(|node| node.address().to_string()).collect();
        let home = Home::with_long_windows()
            .set("first_run", &format!("(create_key: true, plot_size: {plot:?})"));
        // In a run of its own, as it takes memory of its own.
        assert_eq!(home.run_to_end(&["--for", "1"]).code, Some(0));
        let node = format!("[(name: \"node\", config: (peers: {peers:?}, follow: notices))]");
        let home = home.plugin(&plugin("spacetime-transport-node")).set("transports", &node);
        let log = [("SPACETIME_LOG", "error,spacetime_core::scan=trace"), ("NO_COLOR", "1")];
        let miner = home.run_with(&[], &log);
        for node in &mut nodes {
            node.wait_until("a handshake", |node| {
                node.connections.first().is_some_and(|first| !first.frames.is_empty())
            });
        }
        let random = fastrand::Rng::with_seed(1);
        let challenge = String::new();
        let mut bench = Self { nodes, miner, _home: home, announced: 0, challenge, random };
        bench.announce_one();
        bench
    }

    /// Announces so many blocks, each in the midst of the scan for the one
    /// before it, at no moment in particular.
    fn announce(&mut self, notices: usize) -> Vec<Replaced> {
        let announced = |_| {
            thread::sleep(Duration::from_micros(self.random.u64(30_000..40_000)));
            self.announce_one()
        };
        (0..notices).map(announced).collect()
    }

    /// Announces a block, and waits until the scan for it has begun.
    fn announce_one(&mut self) -> Replaced {
        self.announced += 1;
        let mut hash = [0xAB; 32];
        hash[..8].copy_from_slice(&self.announced.to_le_bytes());
        let hash = BlockHash::new(hash);
        let notice = Message::BlockAccepted { hash, height: self.announced }.to_frame().unwrap();
        let node = self.announced as usize % NODES;
        let sent_at = SystemTime::now();
        self.nodes[node].send(0, &notice);
        let parent = hash.to_string();
        let event = self.miner.wait_for("a scan on that block", |event| {
            event["event"] == "challenge" && event["parent"].as_str() == Some(&*parent)
        });
        let next = event["challenge"].as_str().unwrap().to_owned();
        (std::mem::replace(&mut self.challenge, next), sent_at)
    }
}

/// When each challenge's scan was done with.
fn done(miner: &Ended) -> HashMap<String, SystemTime> {
    let lines = miner.stderr.lines().filter(|line| line.contains(DONE));
    let parse = |line: &str| {
        let time = line.split_whitespace().next()?;
        let time = OffsetDateTime::parse(time, &Rfc3339).ok()?;
        let challenge = line.rsplit_once("challenge=")?.1;
        Some((challenge.trim().to_owned(), time.into()))
    };
    lines.map(|line| parse(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

fn print(cores: &str, replaced: &[Replaced], done: &HashMap<String, SystemTime>) {
    let took = replaced.iter().map(|(challenge, sent_at)| {
        let done_at = done
            .get(challenge)
            .unwrap_or_else(|| panic!("{challenge} has no end among {}", done.len()));
        // The scan may have been complete before.
        done_at.duration_since(*sent_at).ok()
    });
    let mut took: Vec<Duration> = took.flatten().collect();
    if took.is_empty() {
        println!("{cores}: every scan was complete before the next notice");
        return;
    }
    took.sort();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let (median, most, all) = (at(0.5), at(0.99), at(1.0));
    println!(
        "{cores}: median {median:.2} ms, 99th percentile {most:.2} ms, longest {all:.2} ms ({} \
         scans were under way)",
        took.len()
    );
}
