//! The header chain: forks, weight, bounds and anchors.

use proptest::prelude::*;
use spacetime_protocol::{
    chain::{self, FORK_DEPTH, HeaderChain, InsertError, Inserted},
    challenge,
    header::BlockHeader,
    keys::{Scheme, SecretKey},
    network::{EmptyEpochs, Network},
    validity::BlockErrorKind,
};

use crate::sample;

const NOW: u64 = 1_900_000_000;

/// A network of difficulty 1, where every score but the worst wins.
fn network(empty_epochs: EmptyEpochs, interval: u64) -> Network {
    let mut network = Network { empty_epochs, ..Network::local() };
    network.genesis.header.difficulty = 1;
    network.genesis.header = network.genesis.header.clone().sign(&key());
    network.adjustment.interval = interval;
    network.adjustment.maximum = 1;
    network
}

fn key() -> SecretKey {
    sample::key(Scheme::Ed25519, 1)
}

/// A header on another, a number of windows after it; `score` tells siblings apart.
fn child(network: &Network, parent: &BlockHeader, windows: u64, score: u8) -> BlockHeader {
    let epoch = match network.empty_epochs {
        EmptyEpochs::None => parent.height + 1,
        EmptyEpochs::Advance => parent.epoch + windows,
    };
    let header = BlockHeader {
        parent: parent.hash(),
        height: parent.height + 1,
        timestamp: parent.timestamp + windows * network.epoch_seconds,
        epoch,
        challenge: challenge::challenge(&parent.hash(), epoch),
        score: [score; 32].into(),
        ..network.genesis.header.clone()
    };
    header.sign(&key())
}

fn branch(network: &Network, from: &BlockHeader, len: usize, score: u8) -> Vec<BlockHeader> {
    let mut headers = vec![from.clone()];
    for _ in 0..len {
        headers.push(child(network, headers.last().unwrap(), 1, score));
    }
    headers.split_off(1)
}

fn insert_all(chain: &mut HeaderChain, network: &Network, headers: &[BlockHeader]) {
    for header in headers {
        chain.insert(network, header.clone(), NOW).unwrap();
    }
}

#[test]
fn the_heavier_branch_wins() {
    let network = network(EmptyEpochs::None, 10);
    let mut chain = HeaderChain::new(&network);
    let genesis = &network.genesis.header;
    let (short, long) = (branch(&network, genesis, 3, 9), branch(&network, genesis, 4, 1));
    insert_all(&mut chain, &network, &short);
    for header in &long[..3] {
        assert_eq!(chain.insert(&network, header.clone(), NOW), Ok(Inserted::Side), "a tie stays");
    }
    assert_eq!(chain.insert(&network, long[3].clone(), NOW), Ok(Inserted::NewTip));
    assert_eq!(chain.insert(&network, long[1].clone(), NOW), Ok(Inserted::Known));
    assert_eq!(chain.tip().hash, long[3].hash());
    assert_eq!(chain.tip().total_difficulty, 5);
    for header in &long {
        assert_eq!(chain.best_at(header.height).unwrap().hash, header.hash());
    }
    assert!(chain.get(&short[2].hash()).is_some(), "the other branch is remembered");
}

#[test]
fn at_a_tie_the_lower_score_wins_where_epochs_advance() {
    let network = network(EmptyEpochs::Advance, 10);
    let genesis = &network.genesis.header;
    let (worse, better) = (child(&network, genesis, 1, 9), child(&network, genesis, 1, 1));
    let mut chain = HeaderChain::new(&network);
    insert_all(&mut chain, &network, &[worse.clone(), better.clone()]);
    assert_eq!(chain.tip().hash, better.hash());
    let mut chain = HeaderChain::new(&network);
    insert_all(&mut chain, &network, &[better.clone(), worse]);
    assert_eq!(chain.tip().hash, better.hash());
}

#[test]
fn what_breaks_a_rule_changes_nothing() {
    let network = network(EmptyEpochs::Advance, 10);
    let genesis = &network.genesis.header;
    let mut chain = HeaderChain::new(&network);
    let mut refuse = |change: fn(&mut BlockHeader), kind| {
        let mut header = child(&network, genesis, 1, 1);
        change(&mut header);
        let header = header.sign(&key());
        match chain.insert(&network, header, NOW) {
            Err(InsertError::Invalid { error, .. }) => assert_eq!(error.kind, kind),
            other => panic!("{kind:?}: {other:?}"),
        }
        assert_eq!(chain.tip().hash, network.genesis_hash());
    };
    refuse(|header| header.height = 2, BlockErrorKind::InvalidHeight);
    refuse(|header| header.difficulty = 2, BlockErrorKind::InvalidDifficulty);
    refuse(|header| header.epoch = 0, BlockErrorKind::InvalidEpoch);
    refuse(|header| header.epoch = 2, BlockErrorKind::InvalidChallenge);
    refuse(|header| header.timestamp -= 1, BlockErrorKind::InvalidTimestamp);
    refuse(|header| header.timestamp = NOW + 3, BlockErrorKind::InvalidTimestamp);
    refuse(|header| header.version = 2, BlockErrorKind::UnsupportedVersion);
    refuse(|header| header.score = [0xFF; 32].into(), BlockErrorKind::ProofScoreTooHigh);
    let mut unsigned = child(&network, genesis, 1, 1);
    unsigned.miner = sample::key(Scheme::Ed25519, 2).identity();
    assert!(matches!(
        chain.insert(&network, unsigned, NOW),
        Err(InsertError::Invalid { error, .. })
            if error.kind == BlockErrorKind::InvalidHeaderSignature
    ));
}

#[test]
fn branches_begin_at_most_so_far_below_the_tip() {
    let network = network(EmptyEpochs::None, 7);
    let genesis = &network.genesis.header;
    let depth = usize::try_from(FORK_DEPTH).unwrap();
    let main = branch(&network, genesis, depth + 1, 9);
    let mut chain = HeaderChain::new(&network);
    insert_all(&mut chain, &network, &main);

    let early = child(&network, genesis, 1, 1);
    let refused = chain.insert(&network, early, NOW);
    assert!(matches!(refused, Err(InsertError::TooDeep { .. })), "{refused:?}");

    // From the deepest block that may be left, a longer branch takes over.
    let side = branch(&network, &main[0], depth + 1, 1);
    insert_all(&mut chain, &network, &side);
    assert_eq!(chain.tip().hash, side[depth].hash());

    let lost = branch(&network, &child(&network, &side[depth], 1, 3), 1, 3);
    let orphan = chain.insert(&network, lost[0].clone(), NOW);
    assert!(matches!(orphan, Err(InsertError::Orphan { .. })), "{orphan:?}");
}

#[test]
fn memory_is_bounded_and_difficulty_still_derived() {
    // An interval beyond what is kept: its beginning is remembered all the same.
    let mut network = network(EmptyEpochs::None, 1500);
    network.adjustment.maximum = 1_000_000;
    let mut chain = HeaderChain::new(&network);
    let headers = branch(&network, &network.genesis.header, 1500, 1);
    insert_all(&mut chain, &network, &headers);
    assert_eq!(chain.get(&network.genesis_hash()), None, "the first ones are dropped");
    assert!(chain.best_at(1500 - 1099).is_some());
    assert!(chain.best_at(1500 - 1100).is_none());

    let (t1, t0) = (headers[1499].timestamp, network.genesis.header.timestamp);
    let next = chain.next_difficulty(&network, &headers[1499].hash());
    assert_eq!(next, Some(network.adjustment.next(1, t1, t0)));
    assert_eq!(chain.expected(&network, 1501).difficulty, next.unwrap());
}

#[test]
fn side_headers_do_not_fill_the_memory() {
    let network = network(EmptyEpochs::Advance, 10);
    let mut chain = HeaderChain::new(&network);
    let main = branch(&network, &network.genesis.header, 2, 0);
    insert_all(&mut chain, &network, &main);
    let sides = (2..1200).map(|windows| child(&network, &network.genesis.header, windows, 1));
    let sides = sides.collect::<Vec<_>>();
    insert_all(&mut chain, &network, &sides);
    let kept = sides.iter().filter(|side| chain.get(&side.hash()).is_some()).count();
    assert_eq!(kept, 1000);
    assert!(chain.get(&sides.last().unwrap().hash()).is_some(), "the newest is kept");
    assert_eq!(chain.tip().hash, main[1].hash());
}

#[test]
fn an_anchor_continues_like_the_whole_chain() {
    let mut network = network(EmptyEpochs::Advance, 10);
    network.adjustment.maximum = 1;
    let headers = branch(&network, &network.genesis.header, 47, 1);
    let anchored =
        |from: usize, to: usize| HeaderChain::anchored(&network, headers[from - 1..to].to_vec());
    let mut chain = anchored(30, 40).unwrap();
    insert_all(&mut chain, &network, &headers[40..]);
    assert_eq!(chain.tip().hash, headers[46].hash());
    let mut whole = HeaderChain::new(&network);
    insert_all(&mut whole, &network, &headers);
    assert_eq!(chain.expected(&network, 99), whole.expected(&network, 99));

    assert_eq!(anchored(31, 40).unwrap_err(), InsertError::TooFew { needed: 30 });
    assert_eq!(anchored(42, 47).unwrap_err(), InsertError::TooFew { needed: 40 });
    assert!(anchored(40, 47).is_ok());
    assert!(matches!(HeaderChain::anchored(&network, Vec::new()), Err(InsertError::TooFew { .. })));
    let gap = vec![headers[20].clone(), headers[22].clone()];
    assert!(matches!(HeaderChain::anchored(&network, gap), Err(InsertError::Orphan { .. })));

    let from_genesis = [vec![network.genesis.header.clone()], headers[..4].to_vec()].concat();
    assert_eq!(
        HeaderChain::anchored(&network, from_genesis).unwrap().tip().hash,
        headers[3].hash()
    );
    let other = Network::local().genesis.header;
    assert!(matches!(
        HeaderChain::anchored(&network, vec![other]),
        Err(InsertError::OtherGenesis { .. })
    ));
}

#[test]
fn a_locator_names_the_newest_blocks_and_the_oldest() {
    let network = network(EmptyEpochs::None, 10);
    let mut chain = HeaderChain::new(&network);
    assert_eq!(chain.locator(), [network.genesis_hash()]);
    let headers = branch(&network, &network.genesis.header, 300, 1);
    insert_all(&mut chain, &network, &headers);
    let locator = chain.locator();
    let heights = locator.iter().map(|hash| chain.get(hash).unwrap().header.height);
    let heights = heights.collect::<Vec<_>>();
    assert_eq!(heights[..10], [300, 299, 298, 297, 296, 295, 294, 293, 292, 291]);
    assert_eq!(heights[10..], [289, 285, 277, 261, 229, 165, 37, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 32,
        ..ProptestConfig::default()
    })]

    /// Where epochs advance, nodes that have seen the same headers follow the same tip.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        parents in prop::collection::vec(any::<prop::sample::Index>(), 1..25),
        order in prop::collection::vec(any::<prop::sample::Index>(), 25),
    ) {
        let network = network(EmptyEpochs::Advance, 10);
        let mut tree = vec![network.genesis.header.clone()];
        for (score, parent) in (1..).zip(&parents) {
            let parent = tree[parent.index(tree.len())].clone();
            tree.push(child(&network, &parent, 1, score));
        }
        let mut first = HeaderChain::new(&network);
        insert_all(&mut first, &network, &tree[1..]);

        let mut second = HeaderChain::new(&network);
        let mut waiting = tree[1..].to_vec();
        for pick in order.iter().cycle() {
            if waiting.is_empty() {
                break;
            }
            // An orphan waits for its parent.
            let known = |header: &BlockHeader| second.get(&header.parent).is_some();
            let ready = (0..waiting.len()).filter(|index| known(&waiting[*index]));
            let ready = ready.collect::<Vec<_>>();
            let header = waiting.remove(ready[pick.index(ready.len())]);
            second.insert(&network, header, NOW).unwrap();
        }
        prop_assert_eq!(first.tip(), second.tip());
        let heaviest = |of: &BlockHeader| (of.height, std::cmp::Reverse(of.score));
        let best = tree.iter().max_by_key(|header| heaviest(header)).unwrap();
        prop_assert_eq!(first.tip().hash, best.hash());
        prop_assert!(!chain::is_better(&network, second.tip(), first.tip()));
    }
}
