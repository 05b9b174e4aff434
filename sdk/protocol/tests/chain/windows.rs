//! Windows, what the next block must say, and what our networks ask of plots.

use spacetime_protocol::{
    BlockHash,
    block::Block,
    builder::{self, Template},
    chain::{self, Window, expected, window},
    challenge,
    keys::{self, Scheme, SecretKey},
    network::Network,
    score,
    validity::{BlockErrorKind, Expected, Rules, check_block},
};

use crate::sample;

const NOW: u64 = 1_900_000_000;

#[test]
fn windows_follow_one_another_from_the_tip() {
    let network = Network { epoch_seconds: 5, ..Network::local() };
    let tip = &network.genesis.header;
    let begin = tip.timestamp * 1000;
    for (now_ms, epoch) in [
        (0, 1),
        (begin - 1, 1),
        (begin, 1),
        (begin + 4999, 1),
        (begin + 5000, 2),
        (begin + 14_999, 3),
        (begin + 15_000, 4),
    ] {
        let begins_ms = begin + (epoch - 1) * 5000;
        let ends_ms = Some(begins_ms + 5000);
        assert_eq!(window(&network, tip, now_ms), Window { epoch, begins_ms, ends_ms }, "{now_ms}");
    }
    let far = window(&network, tip, u64::MAX);
    assert!(far.begins_ms < u64::MAX);
}

#[test]
fn without_windows_a_scan_begins_at_once_and_has_no_end() {
    let network = Network::named("mainnet").unwrap();
    let at = window(&network, &network.genesis.header, 1);
    assert_eq!(at, Window { epoch: 1, begins_ms: 0, ends_ms: None });
}

#[test]
fn difficulty_changes_after_each_interval() {
    let network = Network::local();
    let genesis = &network.genesis.header;
    let at = |height, timestamp| {
        let mut header = genesis.clone();
        (header.height, header.timestamp) = (height, timestamp);
        header
    };
    let next = |height, t1, t0| {
        chain::next_difficulty(&network, &at(height, t1), |asked| {
            assert_eq!(asked + 10, height);
            t0
        })
    };
    assert_eq!(chain::next_difficulty(&network, genesis, |_| unreachable!()), Some(1000));
    assert_eq!(next(9, 50, None), Some(1000));
    assert_eq!(next(10, 50, Some(40)), Some(1250));
    assert_eq!(next(10, 50, Some(60)), Some(5750), "earlier than its beginning: one second");
    assert_eq!(next(20, 50, None), None);
}

fn on_genesis(network: &Network, epoch: u64) -> Expected {
    expected(network, &network.genesis.header, &network.genesis_hash(), 1, epoch)
}

/// A block of the first window, of difficulty 1, on the local network's genesis.
fn block(network: &Network, miner: &SecretKey, leaves: u64, epoch: u64) -> Template {
    let parent = network.genesis_hash();
    let challenge = challenge::challenge(&parent, epoch);
    let (proof, plot_root) = sample::proof(&miner.plot_key(), leaves, &challenge);
    Template {
        parent,
        height: 1,
        difficulty: 1,
        epoch,
        challenge,
        timestamp: network.genesis.header.timestamp + epoch * network.epoch_seconds,
        plot_root,
        score: score::score(&challenge, &proof.leaf),
        proof,
        transactions: Vec::new(),
    }
}

fn check(network: &Network, block: &Block, epoch: u64) -> Result<(), BlockErrorKind> {
    let expected = on_genesis(network, epoch);
    check_block(block, &expected, &Rules::of(network), NOW, &keys::verify)
        .map_err(|error| error.kind)
}

#[test]
fn any_later_epoch_is_valid_once_its_window_has_ended() {
    let network = Network { min_plot_leaves: 5, ..Network::local() };
    let miner = sample::key(Scheme::Secp256k1, 1);
    for epoch in [1, 2, 40] {
        let template = block(&network, &miner, 5, epoch);
        let early = Template { timestamp: template.timestamp - 1, ..template.clone() };
        let late = Template { timestamp: template.timestamp + 9, ..template.clone() };
        let verdict = |template| check(&network, &builder::build(template, &miner), epoch);
        assert_eq!(verdict(template), Ok(()));
        assert_eq!(verdict(late), Ok(()));
        assert_eq!(verdict(early), Err(BlockErrorKind::InvalidTimestamp));
    }
    let stale = builder::build(block(&network, &miner, 5, 0), &miner);
    assert_eq!(check(&network, &stale, 0), Err(BlockErrorKind::InvalidEpoch));
    let ahead = Template { timestamp: NOW + 3, ..block(&network, &miner, 5, 1) };
    let ahead = builder::build(ahead, &miner);
    assert_eq!(check(&network, &ahead, 1), Err(BlockErrorKind::InvalidTimestamp));
}

#[test]
fn no_epoch_can_overflow_a_timestamp() {
    let network = Network { epoch_seconds: u64::MAX / 2, ..Network::local() };
    for epoch in [u64::MAX, 1 << 62, 3] {
        assert_eq!(on_genesis(&network, epoch).min_timestamp, u64::MAX);
    }
}

#[test]
fn bound_plots_are_the_miners_own_and_large_enough() {
    let network = Network { min_plot_leaves: 9, ..Network::local() };
    let miner = sample::key(Scheme::Ed25519, 1);
    let verdict = |template: Template| check(&network, &builder::build(template, &miner), 1);
    let good = block(&network, &miner, 11, 1);
    assert_eq!(verdict(good.clone()), Ok(()));

    let bad = Err(BlockErrorKind::InvalidPlot);
    assert_eq!(verdict(block(&network, &miner, 8, 1)), bad, "too small");
    let other = sample::key(Scheme::Ed25519, 2);
    assert_eq!(verdict(block(&network, &other, 11, 1)), bad, "the plot of somebody else");
    let change = |change: fn(&mut Template)| {
        let mut template = good.clone();
        change(&mut template);
        verdict(template)
    };
    assert_eq!(change(|of| of.proof.leaf_index ^= 1), bad, "another index");
    assert_eq!(change(|of| of.proof.leaf_index = 1 << 40), bad, "an index outside");
    assert_eq!(change(|of| of.proof.plot.leaf_count = 9), Ok(()), "as high as one of 11");
    assert_eq!(change(|of| of.proof.plot.leaf_count = 17), bad, "a higher tree");
    assert_eq!(change(|of| of.proof.plot.plot_id = [1; 32].into()), bad, "another seed");

    let unbound = Network { bind_plots: false, ..network.clone() };
    let stranger = builder::build(block(&unbound, &other, 11, 1), &miner);
    assert_eq!(check(&unbound, &stranger, 1), Ok(()));
}

#[test]
fn the_epoch_is_the_height_where_nothing_paces_it() {
    let network = Network::named("devnet").unwrap();
    for claimed in [0, 1, 7] {
        let expected = on_genesis(&network, claimed);
        assert_eq!((expected.epoch, expected.min_timestamp), (1, 0));
        assert_eq!(expected.challenge, challenge::challenge(&network.genesis_hash(), 1));
        assert_ne!(expected.parent, Some(BlockHash::ZERO));
    }
}
