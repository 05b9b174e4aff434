//! Genesis blocks from parameters (`consensus.md` section 2).

use thiserror::Error;

use crate::{
    BlockHash, BytesError, Identity, Leaf, MAX_NUMBER, NodeHash, PlotHeaderHash, PlotSeed, Score,
    block::Block,
    builder::{self, Template},
    challenge,
    header::BlockHeader,
    keys::SecretKey,
    merkle::MerklePath,
    proof::{BlockProof, PlotMetadata},
    transaction::Transaction,
};

/// What a genesis block is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The network's id.
    pub network_id: String,
    /// A line for people.
    pub description: String,
    /// Unix seconds; `None`: when it is built.
    pub timestamp: Option<u64>,
    /// The first difficulty.
    pub difficulty: u64,
    /// The first epoch.
    pub epoch: u64,
    /// Length of a window in seconds.
    pub epoch_seconds: u64,
    /// Seconds between blocks that are aimed at.
    pub target_block_time: u64,
    /// Who owns what from the beginning: a recipient's identity in hexadecimal and an amount.
    pub premine: Vec<(String, u64)>,
}

/// Why there is no genesis block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GenesisError {
    /// A parameter breaks its rule.
    #[error("{field} {problem}")]
    Parameter {
        /// The parameter.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A premine's recipient is not an identity.
    #[error("premine {index}: {error}")]
    Recipient {
        /// Its position, from 0.
        index: usize,
        /// What is wrong with it.
        error: BytesError,
    },
}

impl Genesis {
    /// The reference's defaults for a network of one's own.
    pub fn custom(network_id: &str) -> Self {
        Self {
            network_id: network_id.to_owned(),
            description: format!("Genesis configuration of {network_id}"),
            timestamp: None,
            difficulty: 1000,
            epoch: 0,
            epoch_seconds: 30,
            target_block_time: 30,
            premine: Vec::new(),
        }
    }

    /// The parameters of a network that the reference names: `mainnet`, `testnet` or `devnet`.
    pub fn reference(name: &str) -> Option<Self> {
        let described = |name| format!("Spacetime {name} genesis configuration");
        match name {
            "mainnet" => Some(Self {
                description: described(name),
                timestamp: Some(1_704_067_200),
                difficulty: 1_000_000,
                ..Self::custom("spacetime-mainnet-v1")
            }),
            "testnet" => Some(Self {
                description: described(name),
                difficulty: 10_000,
                ..Self::custom("spacetime-testnet-v1")
            }),
            "devnet" => Some(Self {
                description: described("local development"),
                difficulty: 100,
                epoch_seconds: 10,
                target_block_time: 10,
                ..Self::custom("spacetime-devnet-local")
            }),
            _ => None,
        }
    }

    /// Checks the parameters in the reference's order. Amounts of 0 and recipients that are no
    /// identities only fail when the block is built.
    ///
    /// # Errors
    /// The first parameter that breaks its rule.
    pub fn check(&self) -> Result<(), GenesisError> {
        let fail = |field, problem| Err(GenesisError::Parameter { field, problem });
        if self.network_id.trim().is_empty() {
            return fail("network_id", "is blank");
        }
        for (field, number, lowest) in [
            ("timestamp", self.timestamp.unwrap_or(0), 0),
            ("difficulty", self.difficulty, 1),
            ("epoch", self.epoch, 0),
            ("epoch_seconds", self.epoch_seconds, 1),
            ("target_block_time", self.target_block_time, 1),
        ] {
            if number < lowest {
                return fail(field, "is 0");
            }
            if number > MAX_NUMBER {
                return fail(field, "exceeds 2^63 - 1");
            }
        }
        for (recipient, amount) in &self.premine {
            if recipient.trim().is_empty() {
                return fail("premine", "has a blank recipient");
            }
            if *amount > MAX_NUMBER {
                return fail("premine", "has an amount above 2^63 - 1");
            }
        }
        Ok(())
    }

    /// Builds and signs the block; `now` in Unix seconds. The key's identity becomes the miner,
    /// so another key gives another network.
    ///
    /// # Errors
    /// A parameter breaks its rule, or a premine has no amount or no identity as recipient.
    pub fn build(&self, key: &SecretKey, now: u64) -> Result<Block, GenesisError> {
        self.check()?;
        let challenge = challenge::genesis_challenge(&self.network_id)
            .ok_or(GenesisError::Parameter { field: "network_id", problem: "is blank" })?;
        let premine = self.premine.iter().enumerate();
        let transactions = premine
            .map(|(index, (recipient, amount))| allocate(index, recipient, *amount, key))
            .collect::<Result<_, _>>()?;
        let template = Template {
            parent: BlockHash::ZERO,
            height: 0,
            difficulty: self.difficulty,
            epoch: self.epoch,
            challenge,
            timestamp: self.timestamp.unwrap_or(now),
            plot_root: NodeHash::ZERO,
            score: Score::ZERO,
            proof: proof(),
            transactions,
        };
        Ok(builder::build(template, key))
    }

    /// Whether the reference takes a header as that of the genesis block with these parameters.
    /// It does not look at version, signature, transactions, proof and miner; a
    /// [`Network`](super::Network) does.
    pub fn allows(&self, header: &BlockHeader) -> bool {
        self.check().is_ok()
            && header.height == 0
            && header.parent.is_zero()
            && self.timestamp.is_none_or(|timestamp| timestamp == header.timestamp)
            && header.difficulty == self.difficulty
            && header.epoch == self.epoch
            && challenge::genesis_challenge(&self.network_id) == Some(header.challenge)
            && header.plot_root.is_zero()
            && header.score.is_zero()
            && header.signature.is_some()
    }
}

fn allocate(
    index: usize,
    recipient: &str,
    amount: u64,
    key: &SecretKey,
) -> Result<Transaction, GenesisError> {
    if amount == 0 {
        return Err(GenesisError::Parameter { field: "premine", problem: "has an amount of 0" });
    }
    let recipient = recipient.parse().map_err(|error| GenesisError::Recipient { index, error })?;
    let transaction = Transaction {
        version: 1,
        sender: Identity::ZERO,
        recipient,
        amount,
        nonce: 0,
        fee: 0,
        signature: None,
    };
    Ok(transaction.sign(key))
}

/// What stands in a genesis block where others have a proof.
pub(super) fn proof() -> BlockProof {
    BlockProof {
        leaf: Leaf::ZERO,
        leaf_index: 0,
        path: MerklePath { siblings: Vec::new(), sibling_is_right: Vec::new() },
        plot: PlotMetadata {
            leaf_count: 1,
            plot_id: PlotSeed::ZERO,
            header_hash: PlotHeaderHash::ZERO,
            version: 1,
        },
    }
}
