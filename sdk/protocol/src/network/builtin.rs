//! The networks that need no file. Their genesis blocks are made here, the same on every
//! machine: fixed parameters and times, signed deterministically with published keys.
//!
//! The reference distributes no genesis block, so those of `mainnet`, `testnet` and `devnet` are
//! ours: its parameters, 2024-01-01 00:00:00 UTC as the time of all of them, and a key whose
//! secret everybody knows, the SHA-256 of `spacetime genesis key of ` and the network's id. It
//! owns nothing; whoever has it can sign other genesis blocks, which are other networks.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{EmptyEpochs, Genesis, Network};
use crate::{
    MAX_NUMBER,
    difficulty::Adjustment,
    keys::{Scheme, SecretKey},
};

const LOCAL_ID: &str = "spacetime-local-v1";
/// 2024-01-01 00:00:00 UTC, as the reference's mainnet.
const GENESIS_TIME: u64 = 1_704_067_200;
/// What the development key owns on the local network from the beginning.
const LOCAL_PREMINE: u64 = 1_000_000_000;

impl Network {
    /// The built-in networks' names: `local`, `mainnet`, `testnet`, `devnet`.
    pub const NAMES: [&'static str; 4] = ["local", "mainnet", "testnet", "devnet"];

    /// A built-in network by its name or its id.
    pub fn named(name: &str) -> Option<Self> {
        if name == "local" || name == LOCAL_ID {
            return Some(Self::local());
        }
        Self::NAMES
            .iter()
            .filter_map(|name| Genesis::reference(name).map(|of| (*name, of)))
            .find(|(known, genesis)| *known == name || genesis.network_id == name)
            .map(|(_, genesis)| reference(genesis))
    }

    /// Our own, the default: `spacetime-local-v1`. Windows of 1 s, blocks every 2 s, plots bound
    /// to their miner, and 1 000 000 000 units for the [`development_key`], which also signs
    /// its genesis block.
    pub fn local() -> Self {
        let key = development_key();
        let genesis = Genesis {
            timestamp: Some(GENESIS_TIME),
            epoch_seconds: 1,
            target_block_time: 2,
            premine: vec![(key.identity().to_string(), LOCAL_PREMINE)],
            ..Genesis::custom(LOCAL_ID)
        };
        Self {
            empty_epochs: EmptyEpochs::Advance,
            bind_plots: true,
            min_plot_leaves: 1024,
            max_future_seconds: 2,
            adjustment: Adjustment { interval: 10, ..adjustment(&genesis) },
            ..with_genesis(genesis, &key)
        }
    }
}

/// The key that the local network's premine belongs to, ed25519. Its secret is public: the
/// SHA-256 of `spacetime-local-v1 development key`.
pub fn development_key() -> SecretKey {
    published_key(Scheme::Ed25519, "spacetime-local-v1 development key")
}

/// A network that follows the reference in everything.
fn reference(genesis: Genesis) -> Network {
    let phrase = format!("spacetime genesis key of {}", genesis.network_id);
    let key = published_key(Scheme::Secp256k1, &phrase);
    with_genesis(Genesis { timestamp: Some(GENESIS_TIME), ..genesis }, &key)
}

fn with_genesis(genesis: Genesis, key: &SecretKey) -> Network {
    Network {
        genesis: genesis.build(key, GENESIS_TIME).expect("the built-in parameters keep the rules"),
        epoch_seconds: genesis.epoch_seconds,
        adjustment: adjustment(&genesis),
        id: genesis.network_id,
        empty_epochs: EmptyEpochs::None,
        bind_plots: false,
        min_plot_leaves: 0,
        max_future_seconds: 120,
    }
}

/// The reference's defaults for difficulty.
fn adjustment(genesis: &Genesis) -> Adjustment {
    Adjustment {
        target_block_time: genesis.target_block_time,
        interval: 100,
        dampening: 4,
        minimum: 1,
        maximum: MAX_NUMBER,
    }
}

fn published_key(scheme: Scheme, phrase: &str) -> SecretKey {
    let secret = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(phrase)));
    SecretKey::new(scheme, secret).expect("a test makes every published key")
}
