//! Plays a case: the script's node on a socket, the real miner against it.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use serde_json::Value;
use spacetime_core::{
    keys,
    plots::{CacheLevels, CreateSpec, create},
};
use spacetime_protocol::{
    BlockHash,
    block::Block,
    keys::{Scheme, SecretKey},
};
use spacetime_tests::{address, artifacts::plugin, home::Home, process::Miner, scripted::Scripted};
use zeroize::Zeroizing;

use crate::{
    common::Case,
    model::{Finding, Model, Notice},
};

/// Types of frames.
const KINDS: [u8; 17] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x10, 0x11, 0x20, 0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0x40, 0x41,
    0xFF,
];
const HANDSHAKE: u8 = 0x01;
const ACK: u8 = 0x02;
const PING: u8 = 0x04;
const PONG: u8 = 0x05;
const BLOCK: u8 = 0x23;
const PROOF: u8 = 0x40;
const NOTICE: u8 = 0x41;

/// What came of a case.
#[derive(Default)]
pub(crate) struct Played {
    /// Proofs of ours, once each, in order.
    pub(crate) proofs: Vec<Vec<u8>>,
    /// Blocks of ours, once each, in order, with the notice they follow and
    /// the chain state that the reference was told at that time.
    pub(crate) blocks: Vec<(Notice, Value, Vec<u8>)>,
    /// Everything that the reference could find in this case.
    pub(crate) possible: Vec<Vec<u8>>,
    /// Why we sent something else than the reference did.
    pub(crate) reasons: Vec<&'static str>,
}

/// A case being played.
pub(crate) struct Play<'a> {
    model: &'a Model,
    node: Scripted,
    /// The connections that the script means.
    open: Vec<usize>,
    /// What was sent on them and is no whole frame yet.
    rest: Vec<u8>,
    /// Frames of each connection that were looked at.
    seen: Vec<usize>,
    tip: Option<Tip>,
    played: Played,
    is_introduced: bool,
}

struct Tip {
    notice: Notice,
    state: Value,
    finding: Finding,
    block: Option<Vec<u8>>,
}

/// What a step makes the miner send.
#[derive(Default)]
struct Due {
    pongs: Vec<Vec<u8>>,
    acks: usize,
    /// Proofs and blocks that were overtaken before they were found.
    overtaken: Vec<Notice>,
    /// Times that the tip's finds are sent again.
    repeats: usize,
    is_new: bool,
}

/// Plays a case to its end.
pub(crate) fn play(case: &Case, model: &Model) -> Played {
    let home = home(case, model);
    if case.value("node_listens_at_start") == false {
        let address = TcpListener::bind(address::own()).unwrap().local_addr().unwrap();
        // Somebody must be refused before the node is there.
        let home = configure(home, model, address, 1);
        let mut miner = home.run(&[]);
        miner.wait_for("a failed attempt", |event| {
            event["message"].as_str().is_some_and(|message| message.contains("refused"))
        });
        return script(case, model, Scripted::listen(address), miner, 1);
    }
    let node = Scripted::listen(address::own());
    let address = node.address();
    let count = if case.value("extra_connection") == true { 2 } else { 1 };
    let home = configure(home, model, address, count);
    let miner = home.run(&[]);
    script(case, model, node, miner, count)
}

fn script(case: &Case, model: &Model, node: Scripted, miner: Miner, count: usize) -> Played {
    let mut play = Play {
        model,
        node,
        open: Vec::new(),
        rest: Vec::new(),
        seen: Vec::new(),
        tip: None,
        played: Played::default(),
        is_introduced: false,
    };
    play.connect(count);
    let mut state = case.value("initial_chain_state").clone();
    for step in case.value("script").as_array().unwrap() {
        let (name, value) = step.as_object().unwrap().iter().next().unwrap();
        match &**name {
            "set_chain_state" => state = value.clone(),
            "send_notice" => play.notice(value, &state),
            "send" => play.send(&hex(value), &state, false),
            "send_bytewise" => play.send(&hex(value), &state, true),
            "close" => play.end(|node, at| node.close(at)),
            "shutdown_send" => play.end(|node, at| node.shutdown_send(at)),
            "reset" => play.end(Scripted::reset),
            // Nothing of ours waits for time to pass, and the node listens.
            "wait_ms" | "listen" => {}
            other => panic!("an unknown step: {other}"),
        }
    }
    // What it would still send comes before its end.
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let open = play.open.clone();
    play.node.wait_until("the miner's goodbye", |node| {
        open.iter().all(|number| node.connections[*number].has_ended)
    });
    for number in play.open.clone() {
        assert_eq!(play.take(number), Vec::<Vec<u8>>::new(), "more than the script asks for");
    }
    play.played
}

/// A home with the case's key and plots.
fn home(case: &Case, model: &Model) -> Home {
    let home = Home::new();
    let secret: [u8; 32] = case.bytes("secret_key").unwrap().try_into().unwrap();
    let key = SecretKey::new(Scheme::Secp256k1, Zeroizing::new(secret)).unwrap();
    assert_eq!(key.identity(), model.identity);
    keys::write(&home.path("key"), &key).unwrap();
    fs::create_dir_all(home.path("plots")).unwrap();
    for plot in &model.plots {
        let spec = CreateSpec {
            target: home.path("plots").join(Path::new(&plot.file).file_name().unwrap()),
            key: plot.key,
            seed: Some(plot.seed),
            leaf_count: plot.leaf_count,
            cache_levels: CacheLevels::Top(0),
            memory: 1 << 20,
        };
        create(&spec, &()).unwrap();
    }
    home
}

/// Its manifest, for so many connections with one node.
fn configure(home: Home, model: &Model, node: SocketAddr, count: usize) -> Home {
    let node = node.to_string();
    let peers = vec![node; count];
    let config = format!("(peers: {peers:?}, follow: notices, difficulty: {})", model.difficulty);
    home.plugin(&plugin("spacetime-transport-node"))
        .plugin(&plugin("spacetime-strategy-sampling"))
        .set("network_id", "\"testnet\"")
        .unset("first_run")
        .set("connection_retry_interval_seconds", "1")
        .set("strategy", &format!("(name: \"sampling\", config: (sample_size: {}))", model.sample))
        .set("transports", &format!("[(name: \"node\", config: {config})]"))
}

fn hex(value: &Value) -> Vec<u8> {
    const_hex::decode(value.as_str().unwrap()).unwrap()
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).unwrap();
    [&length.to_le_bytes()[..], &[kind], payload].concat()
}

impl Play<'_> {
    /// Waits for new connections, each of which begins with our Handshake (D1).
    fn connect(&mut self, count: usize) {
        let first = self.node.connections.len().max(self.seen.len());
        self.open = (first..first + count).collect();
        self.seen.resize(first + count, 0);
        self.rest.clear();
        self.is_introduced = false;
        self.node.wait_until("connections", |node| {
            node.connections.len() >= first + count
                && node.connections[first..].iter().all(|of| !of.frames.is_empty())
        });
        for number in self.open.clone() {
            let frames = self.take(number);
            assert_eq!(frames[0][4], HANDSHAKE);
            self.seen[number] = 1;
        }
        // A block that may have been lost with the connection before.
        if self.tip.as_ref().is_some_and(|tip| tip.block.is_some()) {
            self.played.reasons.push("what was won goes out again on a new connection");
            self.expect(&Due { repeats: 1, ..Due::default() }, first);
        }
    }

    /// The connection ends, in whichever way: we come back (D5, D6).
    fn end(&mut self, how: impl Fn(&mut Scripted, usize)) {
        self.played.reasons.push("the end of a connection is noticed, and another one made (D5)");
        let count = self.open.len();
        for number in self.open.clone() {
            how(&mut self.node, number);
        }
        self.connect(count);
    }

    fn notice(&mut self, notice: &Value, state: &Value) {
        let height = notice["block_height"].as_i64().unwrap();
        let payload = [&hex(&notice["block_hash"])[..], &height.to_le_bytes()].concat();
        let mut bytes = frame(NOTICE, &payload);
        // The node tells what is pending with every tip (D29).
        for transaction in &self.model.pool {
            bytes.extend(frame(0x30, &transaction.encode().unwrap()));
        }
        self.send(&bytes, state, false);
    }

    /// Sends bytes on the script's connection, the last one, and waits for
    /// what they make the miner send.
    fn send(&mut self, bytes: &[u8], state: &Value, bytewise: bool) {
        let number = *self.open.last().unwrap();
        let step = if bytewise { 1 } else { bytes.len() };
        bytes.chunks(step).for_each(|bytes| self.node.send(number, bytes));
        self.rest.extend_from_slice(bytes);
        let (due, is_aligned) = self.due(state);
        self.expect(&due, number);
        if !is_aligned {
            self.played.reasons.push("a stream that cannot be read on is left (D9)");
            self.node.wait_until("we leave", |node| node.connections[number].has_ended);
            self.connect(self.open.len());
        }
    }

    /// What the frames that are whole now ask for, and whether more can be read.
    fn due(&mut self, state: &Value) -> (Due, bool) {
        let (mut due, mut notices) = (Due::default(), Vec::new());
        let is_aligned = loop {
            let Some(length) = self.rest.first_chunk().map(|four| i32::from_le_bytes(*four)) else {
                break true;
            };
            if !(1..=16 << 20).contains(&length) {
                break false;
            }
            let Some(kind) = self.rest.get(4).copied() else { break true };
            if !KINDS.contains(&kind) {
                break false;
            }
            let end = 4 + length as usize;
            if self.rest.len() < end {
                break true;
            }
            let payload = self.rest.drain(..end).skip(5).collect::<Vec<u8>>();
            match kind {
                PING if payload.len() >= 16 => due.pongs.push(payload[..8].to_vec()),
                HANDSHAKE if !std::mem::replace(&mut self.is_introduced, true) => due.acks += 1,
                NOTICE => notices.extend(read_notice(&payload)),
                _ => {}
            }
        };
        self.follow(&notices, state, &mut due);
        (due, is_aligned)
    }

    /// Which of the notices that came at once is mined on: the last (D2).
    fn follow(&mut self, notices: &[Notice], state: &Value, due: &mut Due) {
        let mut current = self.tip.as_ref().map(|tip| tip.notice.hash);
        for notice in notices {
            let Some(finding) = self.model.find(*notice) else { continue };
            self.played.possible.push(finding.frame.clone());
            if current == Some(notice.hash) {
                // Said again: what was found goes out again, if it was found.
                due.repeats += usize::from(!due.is_new);
                continue;
            }
            if std::mem::replace(&mut due.is_new, true) {
                self.played.reasons.push("of notices that come at once, the last is mined on (D2)");
                due.overtaken.extend(self.tip.as_ref().map(|tip| tip.notice));
            }
            due.repeats = 0;
            current = Some(notice.hash);
            self.tip = Some(Tip { notice: *notice, state: state.clone(), finding, block: None });
        }
    }

    /// Waits for what a step makes the miner send, and compares it.
    fn expect(&mut self, due: &Due, number: usize) {
        let finds = usize::from(due.is_new) + due.repeats;
        let finding = self.tip.as_ref().map(|tip| &tip.finding).filter(|_| finds > 0);
        let last = finding.map(|finding| if finding.wins() { BLOCK } else { PROOF });
        // Which connections get what: answers the one that asked, finds all
        // of them, what is sent again the one that repeated itself.
        for at in self.open.clone() {
            let finds = if at == number { finds } else { usize::from(due.is_new) };
            let answers = if at == number { due.pongs.len() + due.acks } else { 0 };
            let seen = self.seen[at];
            self.node.wait_until("what the step asks for", |node| {
                let new = &node.connections[at].frames[seen..];
                let count = |kind: u8| new.iter().filter(|frame| frame[4] == kind).count();
                count(PONG) + count(ACK) >= answers && last.is_none_or(|last| count(last) >= finds)
            });
            let frames = self.take(at);
            if at == number {
                self.compare_answers(due, &frames);
            }
            self.compare_finds(due, finds, &frames);
        }
        if due.is_new
            && let Some(tip) = &self.tip
        {
            self.played.proofs.push(tip.finding.frame.clone());
            let block = tip.block.clone();
            self.played.blocks.extend(block.map(|it| (tip.notice, tip.state.clone(), it)));
        }
    }

    /// The reference answers none (D1).
    fn compare_answers(&self, due: &Due, frames: &[Vec<u8>]) {
        let of = |kind: u8| frames.iter().filter(move |frame| frame[4] == kind);
        let nonces: Vec<Vec<u8>> = of(PONG).map(|pong| pong[5..13].to_vec()).collect();
        assert_eq!(nonces, due.pongs);
        assert!(of(PONG).all(|pong| pong.len() == 21), "a nonce and a clock");
        assert_eq!(of(ACK).map(|ack| ack.len()).collect::<Vec<_>>(), vec![5; due.acks]);
    }

    fn compare_finds(&mut self, due: &Due, finds: usize, frames: &[Vec<u8>]) {
        let finds_only = frames.iter().filter(|frame| ![PONG, ACK].contains(&frame[4]));
        let overtaken: Vec<_> = due.overtaken.iter().map(|notice| notice.hash).collect();
        let current = finds_only.filter(|frame| !self.is_of(frame, &due.overtaken, &overtaken));
        let current: Vec<Vec<u8>> = current.cloned().collect();
        let Some(tip) = self.tip.as_mut().filter(|_| finds > 0) else {
            assert_eq!(current, Vec::<Vec<u8>>::new(), "nothing was asked for");
            return;
        };
        let size = 1 + usize::from(tip.finding.wins());
        assert_eq!(current.len(), finds * size, "proofs, and blocks where they win");
        for pair in current.chunks(size) {
            assert_eq!(const_hex::encode(&pair[0]), const_hex::encode(&tip.finding.frame));
            if let Some(block) = pair.get(1) {
                assert_eq!(block[4], BLOCK, "the block comes after its proof");
                assert_eq!(tip.block.get_or_insert_with(|| block.clone()), block, "one block");
            }
        }
    }

    fn is_of(&self, frame: &[u8], notices: &[Notice], parents: &[BlockHash]) -> bool {
        match frame[4] {
            BLOCK => parents.contains(&Block::decode(&frame[5..]).unwrap().header.parent),
            _ => {
                let found = notices.iter().filter_map(|notice| self.model.find(*notice));
                found.map(|finding| finding.frame).any(|overtaken| overtaken == frame)
            }
        }
    }

    /// Frames of a connection that were not looked at yet.
    fn take(&mut self, number: usize) -> Vec<Vec<u8>> {
        let frames = &self.node.connections[number].frames;
        let new = frames[self.seen[number]..].to_vec();
        self.seen[number] = frames.len();
        new
    }
}

fn read_notice(payload: &[u8]) -> Option<Notice> {
    let hash: [u8; 32] = payload.get(..32)?.try_into().ok()?;
    let height = i64::from_le_bytes(payload.get(32..)?.try_into().ok()?);
    Some(Notice { hash: BlockHash::new(hash), height: u64::try_from(height).ok()? })
}
