//! The reference's transcripts (`transcripts`): its miner and its listener,
//! live on a socket, byte for byte; here with our miner and our node, the real
//! programs.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../../../sdk/protocol/tests/common/mod.rs"]
mod common;
#[cfg(unix)]
mod listen;
mod model;
mod play;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use common::Case;
use serde_json::{Map, Value};
use spacetime_protocol::{
    BlockHash,
    block::Block,
    challenge::challenge,
    keys,
    network::Network,
    transaction::Transaction,
    validity::{self, Expected, Rules},
};

use crate::{
    model::{Model, Notice},
    play::Played,
};

/// Cases that are played at once: they wait for each other's processes.
const AT_ONCE: usize = 4;
/// A block's timestamp and signature, which depend on the clock of the run.
const MASKED: [std::ops::RangeInclusive<usize>; 2] = [41..=48, 226..=289];

const MIXED: &str = "the reference takes height, epoch and difficulty from a chain state that is \
                     not the notice's block, we from the notice (D27, D28)";
const CONFLICTS: &str = "the pool holds conflicting nonces or gaps: the reference's block cannot \
                         be applied (D30), ours can";

/// What was compared.
#[derive(Default)]
struct Tally {
    cases: usize,
    proofs: usize,
    blocks: usize,
    /// Blocks of ours that differ from the reference's, or that it has not, by
    /// reason.
    reasons: BTreeMap<&'static str, usize>,
}

/// The cases of the miner, or of the listener; there are no others.
fn cases(op: &str) -> Vec<Case> {
    let mut cases = common::load("transcripts");
    for case in &cases {
        assert!(["miner", "listen"].contains(&&*case.op), "{}: an unknown operation", case.id);
    }
    cases.retain(|case| case.op == op);
    cases
}

/// Compares cases, several at once; names those that differ.
fn compare_all(cases: &[Case], compare: impl Fn(&Case) + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if catch_unwind(AssertUnwindSafe(|| compare(case))).is_err() {
                        failures.lock().unwrap().push(case.id.clone());
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "these differ: {failures:?}");
}

#[test]
fn our_miner_sends_the_references_frames_and_its_won_blocks_as_well() {
    let tally = Mutex::new(Tally::default());
    compare_all(&cases("miner"), |case| compare(case, &tally));
    let tally = tally.into_inner().unwrap();
    println!(
        "{} cases played, {} proofs and {} blocks are the reference's",
        tally.cases, tally.proofs, tally.blocks
    );
    tally.reasons.iter().for_each(|(reason, count)| println!("{count:3} × {reason}"));
    if std::env::var_os("SPACETIME_VECTORS").is_none() {
        assert_eq!((tally.cases, tally.proofs, tally.blocks), (35, 50, 16));
    }
}

/// Every case is the miner's or the listener's; this is the latter's.
#[cfg(unix)]
#[test]
fn our_node_listens_as_the_reference_or_better() {
    let tally = Mutex::new(listen::Tally::default());
    compare_all(&cases("listen"), |case| listen::compare(case, &tally));
    let tally = tally.into_inner().unwrap();
    println!(
        "{} cases played, {} of {} observations are the reference's",
        tally.cases, tally.same, tally.observations
    );
    tally.reasons.iter().for_each(|(reason, count)| println!("{count:3} × {reason}"));
    if std::env::var_os("SPACETIME_VECTORS").is_none() {
        assert_eq!((tally.cases, tally.same, tally.observations), (11, 35, 54));
    }
}

fn compare(case: &Case, tally: &Mutex<Tally>) {
    let model = Model::of(case);
    let played = play::play(case, &model);
    let out = case.outcome.as_ref().unwrap_or_else(|_| panic!("the reference never refuses"));
    let (proofs, mut reasons) = compare_proofs(out, &played);
    let blocks = compare_blocks(out, &model, &played, &mut reasons);
    let mut tally = tally.lock().unwrap();
    tally.cases += 1;
    tally.proofs += proofs;
    tally.blocks += blocks;
    for reason in reasons {
        *tally.reasons.entry(reason).or_default() += 1;
    }
}

fn frames(out: &Map<String, Value>, kind: u8) -> Vec<Vec<u8>> {
    let all = out["broadcast"].as_array().unwrap().iter();
    let all = all.map(|frame| const_hex::decode(frame.as_str().unwrap()).unwrap());
    all.filter(|frame| frame[4] == kind).collect()
}

/// Every proof of the reference is one that the script's notices lead to, in
/// order, and ours too; where they differ there is a reason.
fn compare_proofs(out: &Map<String, Value>, played: &Played) -> (usize, Vec<&'static str>) {
    let theirs = frames(out, 0x40);
    let mut possible = played.possible.iter();
    for proof in &theirs {
        assert!(possible.any(|ours| ours == proof), "another proof: {}", const_hex::encode(proof));
    }
    let distinct = |proofs: &[Vec<u8>]| {
        let mut distinct = proofs.to_vec();
        distinct.dedup();
        distinct
    };
    if distinct(&theirs) != distinct(&played.proofs) {
        assert!(!played.reasons.is_empty(), "another number of proofs, without a reason");
    }
    let same = played.proofs.iter().filter(|proof| theirs.contains(proof)).count();
    (same, played.reasons.clone())
}

/// Our blocks are valid on the notice's block, and the reference's where the
/// state that it was told is the notice's.
fn compare_blocks(
    out: &Map<String, Value>,
    model: &Model,
    played: &Played,
    reasons: &mut Vec<&'static str>,
) -> usize {
    let built = out["built_blocks"].as_array().unwrap().iter();
    let theirs = built
        .filter(|built| built["valid"] == true)
        .map(|built| const_hex::decode(built["block"].as_str().unwrap()).unwrap());
    let mut theirs: Vec<Vec<u8>> = theirs.collect();
    let mut same = 0;
    for (notice, state, frame) in &played.blocks {
        let ours = &frame[5..];
        check(model, *notice, ours);
        let is_theirs =
            |bytes: &Vec<u8>| Block::decode(bytes).unwrap().header.parent == notice.hash;
        let their = theirs.iter().position(is_theirs).map(|at| theirs.remove(at));
        if !is_of(state, *notice, model.difficulty) {
            reasons.push(MIXED);
            continue;
        }
        let their = their.unwrap_or_else(|| panic!("the reference won nothing: {notice:?}"));
        if same_transactions(&their, &model.transactions()) {
            assert_eq!(masked(ours), masked(&their));
        } else {
            reasons.push(CONFLICTS);
            let header = |bytes: &[u8]| masked(&bytes[..161]);
            assert_eq!(header(ours), header(&their), "all before the transaction root");
        }
        same += 1;
    }
    // What is left is of notices that we were not mining on any more.
    let left = !theirs.is_empty();
    assert!(!left || !reasons.is_empty(), "{} more blocks of the reference", theirs.len());
    same
}

/// Whether a chain state is that of a notice's block.
fn is_of(state: &Value, notice: Notice, difficulty: u64) -> bool {
    state["tip_hash"].as_str() == Some(&*const_hex::encode(notice.hash.as_bytes()))
        && state["tip_height"].as_u64() == Some(notice.height)
        && state["epoch"].as_u64() == notice.next()
        && state["difficulty"].as_u64() == Some(difficulty)
}

fn same_transactions(block: &[u8], transactions: &[Transaction]) -> bool {
    Block::decode(block).unwrap().transactions == transactions
}

fn masked(block: &[u8]) -> String {
    let mut block = block.to_vec();
    for range in MASKED {
        if let Some(bytes) = block.get_mut(range) {
            bytes.fill(0);
        }
    }
    const_hex::encode(block)
}

/// A block of ours follows the rules on the block that was announced, and
/// holds the proof and the transactions that it should.
fn check(model: &Model, notice: Notice, bytes: &[u8]) {
    let block = Block::decode(bytes).unwrap();
    let next = notice.next().unwrap();
    let expected = Expected {
        parent: Some(notice.hash),
        height: next,
        difficulty: model.difficulty,
        epoch: next,
        challenge: challenge(&notice.hash, next),
        min_timestamp: 0,
    };
    let network = Network::named("testnet").unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    validity::check_block(&block, &expected, &Rules::of(&network), now, &keys::verify).unwrap();
    assert_eq!(block.header.miner, model.identity);
    let finding = model.find(notice).unwrap();
    assert_eq!((&block.proof, block.header.plot_root), (&finding.proof, finding.root));
    assert_eq!(block.transactions, model.transactions());
}

#[test]
fn masks_cover_the_clock_and_the_signature() {
    let network = Network::named("testnet").unwrap();
    let bytes = network.genesis.header.encode().unwrap();
    let header = &network.genesis.header;
    assert_eq!(bytes[41..=48], header.timestamp.to_le_bytes());
    assert_eq!(bytes[226..=289], *header.signature.unwrap().as_bytes());
    assert_eq!(BlockHash::new(bytes[1..33].try_into().unwrap()), header.parent);
}
