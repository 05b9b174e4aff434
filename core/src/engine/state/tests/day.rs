//! A day of mining on `local`, in virtual time: 86,400 windows with wins,
//! losses, slow and interrupted scans, rivals, reorganisations, lost blocks
//! and a transport that comes and goes.

use std::collections::{BTreeMap, BTreeSet};

use spacetime_protocol::{
    BlockHash,
    chain::{self, HeaderChain, InsertError, Inserted},
    header::BlockHeader,
    network::Network,
};

use super::world::{
    Chance, best, built, config, covered, header, headers_after, key, losing, plots, proved,
    winning,
};
use crate::{
    engine::{
        command::{Command, Outcome},
        event::{Event, Now, TransportEvent, Unproven},
        state::State,
    },
    observe::{self, Detail},
    scan::ScanSpec,
    submit::Verdict,
};

const DAY_MS: u64 = 86_400_000;

/// What happens in the world outside.
#[derive(Clone, Debug)]
enum Happening {
    /// The state hears of something.
    Told(Event),
    /// The wish of this number to be woken comes true.
    Woken(u64),
    /// A scan comes to its end, if it still runs.
    ScanDone(u64),
    /// A block arrives at the node.
    Arrives { ticket: u64, header: BlockHeader },
    /// A rival makes a block, or a branch of blocks.
    Rival,
    /// The connection breaks, for so long.
    Broken { for_ms: u64 },
    /// The connection is back.
    Back,
}

struct Day {
    state: State,
    network: Network,
    chance: Chance,
    now: Now,
    queue: BTreeMap<(u64, u64), Happening>,
    queued: u64,
    /// The node's view of the chain: the truth.
    node: HeaderChain,
    connected: bool,
    scan: Option<ScanSpec>,
    /// The scan that ended last.
    ended: u64,
    wake: u64,
    blocks: BTreeMap<BlockHash, BlockHeader>,
    published: BTreeSet<BlockHash>,
    answered: BTreeMap<BlockHash, Detail>,
    seen: Seen,
}

/// What must have happened for the day to have tested anything.
#[derive(Debug, Default)]
struct Seen {
    scans: u64,
    cancelled: u64,
    reorganisations: u64,
    rivals: u64,
    lost: u64,
    repeated: u64,
    breaks: u64,
    unprovable: u64,
    beaten: u64,
    tips: u64,
    wakes: u64,
}

impl Day {
    fn new() -> Self {
        let network = Network::local();
        let now = Now { unix_ms: network.genesis.header.timestamp * 1000 + 5_250 };
        let state = State::new(config(&network), plots(), now);
        Self {
            node: HeaderChain::new(&network),
            state,
            network,
            chance: Chance(4),
            now,
            queue: BTreeMap::new(),
            queued: 0,
            connected: true,
            scan: None,
            ended: 0,
            wake: 0,
            blocks: BTreeMap::new(),
            published: BTreeSet::new(),
            answered: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    fn after(&mut self, ms: u64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((self.now.unix_ms + ms, self.queued), happening);
    }

    fn says(&mut self, ms: u64, event: TransportEvent) {
        self.after(ms, Happening::Told(Event::Transport { source: 0, event }));
    }

    fn run(&mut self) {
        let end = self.now.unix_ms + DAY_MS;
        self.says(0, TransportEvent::Online { detail: String::new() });
        let genesis = vec![self.network.genesis.header.clone()];
        self.says(1, TransportEvent::Headers { anchor: true, headers: genesis });
        self.after(3_000, Happening::Rival);
        self.after(600_000, Happening::Broken { for_ms: 20_000 });
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            if at > end {
                break;
            }
            self.now = Now { unix_ms: at };
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Told(event) => self.tell(event),
            Happening::Woken(wish) => {
                if wish == self.wake {
                    self.seen.wakes += 1;
                    self.tell(Event::Timer);
                }
            }
            Happening::ScanDone(job) => {
                if self.scan.as_ref().is_some_and(|spec| spec.id == job) {
                    self.end_scan(2000);
                }
            }
            Happening::Arrives { ticket, header } => self.arrive(ticket, header),
            Happening::Rival => self.rival(),
            Happening::Broken { for_ms } => {
                self.seen.breaks += 1;
                self.connected = false;
                self.after(for_ms, Happening::Back);
                let pause = 600_000 + self.chance.below(1_200_000);
                let next = 1_000 + self.chance.below(60_000);
                self.after(pause, Happening::Broken { for_ms: next });
                let event = TransportEvent::Offline { reason: "reset".to_owned() };
                self.says(0, event);
            }
            Happening::Back => {
                self.connected = true;
                self.says(0, TransportEvent::Online { detail: String::new() });
                // It announces its tip, whatever is missing before it.
                let headers = vec![self.node.tip().header.clone()];
                self.says(1, TransportEvent::Headers { anchor: false, headers });
            }
        }
    }

    fn tell(&mut self, event: Event) {
        for command in self.state.handle(self.now, event) {
            self.obey(command);
        }
        assert!(self.state.claims.len() <= 8, "claims pile up");
        assert!(self.state.submissions.len() <= 64, "submissions pile up");
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::StartScan { spec, .. } => self.start_scan(*spec),
            Command::CancelScan { job, .. } => {
                // Its end may be on its way already.
                let running = self.scan.as_ref().map_or(self.ended, |spec| spec.id);
                assert_eq!(running, job, "it runs");
                self.seen.cancelled += 1;
                if self.scan.is_some() {
                    self.end_scan(700);
                }
            }
            Command::Prove { claim, .. } => {
                let fails = self.chance.percent(1);
                self.seen.unprovable += u64::from(fails);
                let outcome = if fails {
                    Err(Unproven::Damaged("a bit has flipped".to_owned()))
                } else {
                    Ok(proved())
                };
                let ms = 1 + self.chance.below(20);
                self.after(ms, Happening::Told(Event::Proved { claim, outcome, elapsed_ms: ms }));
            }
            // It may come all the same; nobody wants it.
            Command::CancelProof { .. } => {}
            Command::Build { claim, plan } => {
                let (header, outcome) = built(&plan);
                self.blocks.insert(header.hash(), header);
                let ms = 1 + self.chance.below(40);
                self.after(ms, Happening::Told(Event::Built { claim, outcome, elapsed_ms: ms }));
            }
            Command::SubmitBlock { source: 0, ticket, block } => self.submit(ticket, &block),
            Command::FetchHeaders { source: 0, locator } if self.connected => {
                let headers = headers_after(&self.node, &locator);
                self.says(5, TransportEvent::Headers { anchor: false, headers });
            }
            Command::FetchHeaders { source: 0, .. } => {}
            Command::WakeAt { unix_ms } => {
                assert!(unix_ms > self.now.unix_ms, "a wish for the past is a busy loop");
                self.wake += 1;
                let wish = Happening::Woken(self.wake);
                self.after(unix_ms - self.now.unix_ms, wish);
            }
            Command::Emit(event) => self.note(*event),
            other => panic!("nobody asked for {other:?}"),
        }
    }

    fn start_scan(&mut self, spec: ScanSpec) {
        assert!(self.scan.is_none(), "two scans at once");
        let tip = self.state.chain.tip();
        let window = chain::window(&self.network, &tip.header, self.now.unix_ms);
        assert_eq!((spec.height, spec.epoch), (tip.header.height + 1, window.epoch));
        assert_eq!(Some(spec.deadline_ms), window.ends_ms);
        self.seen.scans += 1;
        // Most scans take a fraction of the window, some too long.
        let ms = if self.chance.percent(15) { 5_000 } else { 20 + self.chance.below(600) };
        self.after(ms, Happening::ScanDone(spec.id));
        self.scan = Some(spec);
    }

    fn end_scan(&mut self, scanned: u64) {
        let spec = self.scan.take().unwrap();
        self.ended = spec.id;
        let difficulty = self.state.chain.expected(&self.network, spec.epoch).difficulty;
        let score = match self.chance.below(100) {
            0..30 => Some(winning(difficulty, self.chance.below(1000))),
            30..35 => None,
            _ => Some(losing()),
        };
        let best = score.map(best);
        self.after(
            0,
            Happening::Told(Event::Scanned { job: spec.id, best, coverage: covered(scanned) }),
        );
    }

    fn submit(&mut self, ticket: u64, bytes: &[u8]) {
        let header = BlockHeader::decode(bytes).unwrap();
        let hash = header.hash();
        let tip = &self.state.chain.tip().header;
        let on_tip = self.state.chain.tip().hash == header.parent;
        let beats = tip.parent == header.parent && header.score < tip.score;
        assert!(on_tip || beats, "a block on a stale tip");
        assert!(header.timestamp * 1000 <= self.now.unix_ms, "before its window's end");
        self.seen.beaten += u64::from(beats);
        assert!(!self.answered.contains_key(&hash), "it was answered before");
        if !self.published.insert(hash) {
            self.seen.repeated += 1;
        }
        let ms = 1 + self.chance.below(30);
        if !self.connected {
            let reason = "it is not open".to_owned();
            self.after(0, Happening::Told(Event::Unsent { source: 0, ticket, reason }));
        } else if self.chance.percent(3) {
            self.seen.lost += 1;
            let verdict = Verdict::Undelivered;
            self.says(ms, TransportEvent::Verdict { ticket, verdict, reason: "busy".into() });
        } else {
            self.after(ms, Happening::Arrives { ticket, header });
        }
    }

    fn arrive(&mut self, ticket: u64, header: BlockHeader) {
        let verdict = match self.node.insert(&self.network, header.clone(), self.now.seconds()) {
            Ok(Inserted::NewTip) => {
                self.announce(header);
                Verdict::Accepted
            }
            Ok(Inserted::Known) => Verdict::Accepted,
            Ok(Inserted::Side) | Err(InsertError::TooDeep { .. }) => Verdict::Stale,
            Err(error) => panic!("the node finds our block wrong: {error}"),
        };
        // Some answers get lost with their connection.
        if self.connected {
            let reason = String::new();
            self.says(1, TransportEvent::Verdict { ticket, verdict, reason });
        }
    }

    fn announce(&mut self, header: BlockHeader) {
        if self.connected {
            let ms = self.chance.below(10);
            self.says(ms, TransportEvent::Headers { anchor: false, headers: vec![header] });
        }
    }

    /// A rival publishes at the end of a window; now and then a branch of two
    /// blocks that was mined in secret.
    fn rival(&mut self) {
        self.seen.rivals += 1;
        let secret = self.chance.percent(4) && self.node.tip().header.height > 3;
        let tip = self.node.tip().clone();
        if secret {
            let parent = self.node.get(&tip.header.parent).unwrap().clone();
            let fork = self.rival_block(&parent.header, parent.hash);
            if let Some(fork) = fork {
                self.rival_block(&fork, fork.hash());
            }
        } else {
            self.rival_block(&tip.header, tip.hash);
        }
        if self.node.tip().hash != tip.hash && self.node.tip().header.parent != tip.hash {
            self.seen.reorganisations += 1;
        }
        let pause = 1_000 + self.chance.below(5_000);
        self.after(pause, Happening::Rival);
    }

    fn rival_block(&mut self, parent: &BlockHeader, hash: BlockHash) -> Option<BlockHeader> {
        // The epoch of the last window that has ended.
        let windows = (self.now.unix_ms / 1000).checked_sub(parent.timestamp)?;
        let epoch = parent.epoch + windows.max(1);
        let difficulty = self.node.next_difficulty(&self.network, &hash)?;
        let expected = chain::expected(&self.network, parent, &hash, difficulty, epoch);
        let score = winning(difficulty, self.chance.below(1000));
        let timestamp = expected.min_timestamp.max(self.now.seconds());
        let header = header(&expected, score, timestamp, &key(2));
        self.node.insert(&self.network, header.clone(), self.now.seconds()).ok()?;
        self.announce(header.clone());
        Some(header)
    }

    fn note(&mut self, event: observe::Event) {
        match event.detail {
            Detail::Accepted(ref answer) | Detail::Rejected(ref answer) => {
                let twice = self.answered.insert(answer.hash, event.detail.clone());
                assert!(twice.is_none(), "an answer to {:?} and another", twice);
            }
            Detail::Tip(_) => self.seen.tips += 1,
            _ => {}
        }
        // What is told can be written.
        assert!(serde_json::to_string(&event).unwrap().contains(event.detail.name()));
    }
}

#[test]
fn a_day() {
    let mut day = Day::new();
    day.run();
    let (counters, seen) = (day.state.counters(), &day.seen);
    println!("{counters:?}\n{seen:?}\nheight {}", day.node.tip().header.height);
    // Consistent.
    let open = day.state.submissions.blocks().count() as u64;
    assert_eq!(counters.won, day.published.len() as u64 + unsent(&day));
    assert_eq!(counters.won, counters.accepted + counters.rejected + open);
    assert_eq!(counters.won, counters.submitted);
    assert_eq!(day.answered.len() as u64, counters.accepted + counters.rejected);
    assert!(counters.challenges <= seen.scans && counters.proofs <= seen.scans);
    // Whoever says accepted is right: the node took the block at that time.
    let taken = |hash: &BlockHash| day.blocks.contains_key(hash);
    assert!(day.answered.keys().all(taken));
    // Not in vain.
    assert!(counters.won > 8_000 && counters.accepted * 10 > counters.won * 8);
    for (what, times) in [
        ("reorganisations", seen.reorganisations),
        ("lost", seen.lost),
        ("repeated", seen.repeated),
        ("breaks", seen.breaks),
        ("unprovable", seen.unprovable),
        ("beaten", seen.beaten),
    ] {
        assert!(times > 10, "{what}: only {times}");
    }
    assert!(seen.cancelled > 5_000 && seen.tips > 10_000 && seen.wakes > 10_000);
    assert_eq!(day.state.chain.tip().hash, day.node.tip().hash, "it kept up");
    stops(day);
}

/// Blocks that were made while nobody could be given them.
fn unsent(day: &Day) -> u64 {
    let never = |hash: &&BlockHash| !day.published.contains(*hash);
    let answered = day.answered.keys().filter(never).count();
    let open = day.state.submissions.blocks().map(|block| block.hash);
    (answered + open.filter(|hash| !day.published.contains(hash)).count()) as u64
}

fn stops(mut day: Day) {
    let mut outcome = None;
    let at = day.now.unix_ms;
    let mut commands = day.state.handle(day.now, Event::Stop);
    while outcome.is_none() {
        for command in commands {
            match command {
                Command::Exit(reached) => outcome = Some(reached),
                Command::WakeAt { unix_ms } => day.now = Now { unix_ms },
                _ => {}
            }
        }
        commands = day.state.handle(day.now, Event::Timer);
    }
    assert_eq!(outcome, Some(Outcome::Stopped));
    assert!(day.now.unix_ms - at <= 700);
    assert!(day.state.handle(day.now, Event::Timer).is_empty(), "it is over");
}
