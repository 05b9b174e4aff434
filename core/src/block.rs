//! Builds a block from a proof: asks the policy, drops what would make the
//! block invalid, signs it, and checks it by the network's own rules before
//! anybody else sees it.

use std::{collections::HashMap, sync::Arc};

use spacetime_protocol::{
    BlockHash, Identity, NodeHash, Score,
    accounts::{self, Account},
    block::Block,
    builder::{self, MAX_TRANSACTIONS, Template},
    keys::{self, SecretKey},
    network::Network,
    proof::BlockProof,
    score,
    transaction::Transaction,
    validity::{
        self, Admission, BlockError, BlockErrorKind, Expected, Rules, TransactionError,
        TransactionErrorKind, account_after,
    },
};
use spacetime_sdk_loader::abi;

use crate::{observe::Fault, submit::OwnBlock};

/// What to build.
#[derive(Clone, Debug)]
pub struct BlockPlan {
    /// Hash of the block to build on.
    pub parent: BlockHash,
    /// What the block must say.
    pub expected: Expected,
    /// Its timestamp, Unix seconds.
    pub timestamp: u64,
    /// The clock that it is checked by, Unix seconds: its publication's.
    pub clock: u64,
    /// Root of the winning plot.
    pub plot_root: NodeHash,
    /// Score of the winning leaf.
    pub score: Score,
    /// What won it.
    pub proof: Arc<BlockProof>,
    /// What may go into it.
    pub candidates: Option<Arc<Candidates>>,
}

/// Pending transactions, best fee first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The tip that they are pending on.
    pub tip: BlockHash,
    /// The transactions.
    pub transactions: Vec<Transaction>,
    /// Their senders' accounts there; one that is missing is empty.
    pub accounts: Vec<(Identity, Account)>,
}

/// A block that is ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The block.
    pub block: OwnBlock,
    /// Its timestamp, Unix seconds.
    pub timestamp: u64,
    /// Transactions in it.
    pub transactions: u64,
    /// Their fees.
    pub fees: u64,
    /// What was wrong with the policy's choice.
    pub remarks: Vec<Fault>,
}

/// What came of building.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A valid block.
    Built(Box<Built>),
    /// The policy does not want it.
    Vetoed(Fault),
    /// The network would take no block of this plot, for this reason.
    Unfit(String),
    /// The network would not take it.
    Failed(Fault),
}

impl Outcome {
    /// How many of the faults that it tells are the policy's.
    pub fn faults_of_policy(&self) -> usize {
        match self {
            Self::Built(built) => built.remarks.len(),
            Self::Vetoed(_) => 1,
            Self::Unfit(_) | Self::Failed(_) => 0,
        }
    }
}

/// A policy's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// These candidates, by position, in this order.
    Include(Vec<usize>),
    /// Not this block, for this reason.
    Veto(String),
}

/// Who signs, under which rules, and under which name the policy is known.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// The network.
    pub network: &'a Network,
    /// The miner's key.
    pub key: &'a SecretKey,
    /// The policy's name in faults.
    pub policy: &'a str,
    /// How its author finds out more, for faults of its choice; empty: in no way.
    pub test: &'a str,
}

impl Workshop<'_> {
    /// Something is wrong with what the policy chose.
    fn remark(&self, message: String, next: &str) -> Fault {
        let test = if self.test.is_empty() { String::new() } else { format!("; {}", self.test) };
        Fault::new(self.policy, message, format!("{next}{test}"))
    }
}

/// Builds, signs and checks a block. `choose` asks the policy, once.
pub fn build(
    workshop: Workshop<'_>,
    plan: &BlockPlan,
    choose: impl FnOnce(&abi::PolicyContext, &[abi::Candidate]) -> Choice,
) -> Outcome {
    let none = Candidates { tip: plan.parent, transactions: Vec::new(), accounts: Vec::new() };
    let candidates = plan.candidates.as_deref().unwrap_or(&none);
    let accounts: HashMap<Identity, Account> = candidates.accounts.iter().copied().collect();
    let context = context(plan, workshop.key.identity());
    let chosen = match choose(&context, &describe(candidates, &accounts)) {
        Choice::Include(chosen) => chosen,
        Choice::Veto(reason) => {
            let message = format!("it vetoed the block of epoch {}: {reason}", context.epoch);
            return Outcome::Vetoed(Fault::new(workshop.policy, message, "it was not published"));
        }
    };
    let (transactions, mut remarks) = select(workshop, candidates, &accounts, chosen);
    let error = match finish(workshop, plan, transactions.clone(), &accounts) {
        Ok(built) => return Outcome::Built(Box::new(Built { remarks, ..built })),
        Err(error) => error,
    };
    // A win is too dear to lose over a transaction.
    if !transactions.is_empty()
        && let Ok(built) = finish(workshop, plan, Vec::new(), &accounts)
    {
        remarks.push(workshop.remark(error.reason, "the block goes out without transactions"));
        return Outcome::Built(Box::new(Built { remarks, ..built }));
    }
    if error.lies_in_plot {
        return Outcome::Unfit(error.reason);
    }
    let next = "it was not published; mining goes on";
    let message = format!("the block of epoch {} is not valid: {}", context.epoch, error.reason);
    Outcome::Failed(Fault::new("block", message, next))
}

fn context(plan: &BlockPlan, miner: Identity) -> abi::PolicyContext {
    abi::PolicyContext {
        parent: plan.parent.to_bytes(),
        height: plan.expected.height,
        epoch: plan.expected.epoch,
        difficulty: plan.expected.difficulty,
        score: plan.score.to_bytes(),
        miner: miner.to_bytes(),
        max_transactions: MAX_TRANSACTIONS as u64,
        reserved: [0; 8],
    }
}

fn describe(candidates: &Candidates, accounts: &HashMap<Identity, Account>) -> Vec<abi::Candidate> {
    let describe = |transaction: &Transaction| {
        let sender = accounts.get(&transaction.sender).copied().unwrap_or_default();
        abi::Candidate {
            hash: transaction.hash().to_bytes(),
            sender: transaction.sender.to_bytes(),
            recipient: transaction.recipient.to_bytes(),
            amount: transaction.amount,
            fee: transaction.fee,
            nonce: transaction.nonce,
            // Each sits in a slot with its length before it.
            size: Transaction::SIZE as u64 + 4,
            sender_balance: sender.balance,
            sender_nonce: sender.nonce,
            reserved: [0; 2],
        }
    };
    candidates.transactions.iter().map(describe).collect()
}

/// The chosen transactions that can be in the block together, and a fault that
/// names the first that cannot.
fn select(
    workshop: Workshop<'_>,
    candidates: &Candidates,
    accounts: &HashMap<Identity, Account>,
    chosen: Vec<usize>,
) -> (Vec<Transaction>, Vec<Fault>) {
    let mut senders: HashMap<Identity, Account> = HashMap::new();
    let (mut kept, mut dropped, mut first) = (Vec::new(), 0_u64, None);
    for at in chosen {
        let Some(transaction) = candidates.transactions.get(at) else { continue };
        let known = accounts.get(&transaction.sender).copied().unwrap_or_default();
        let sender = senders.entry(transaction.sender).or_insert(known);
        let problem = if kept.len() == MAX_TRANSACTIONS {
            Some(format!("a block takes {MAX_TRANSACTIONS} transactions at most"))
        } else {
            spend(sender, transaction)
        };
        match problem {
            None => kept.push(transaction.clone()),
            Some(problem) => {
                dropped += 1;
                first.get_or_insert(problem);
            }
        }
    }
    let remark = first.map(|first| {
        let message = format!("{dropped} of the transactions it chose cannot be used: {first}");
        workshop.remark(message, "the block goes out without them")
    });
    (kept, remark.into_iter().collect())
}

/// Takes a transaction out of its sender's account; the reason if that cannot
/// be done. What is received in the block cannot be spent in it.
fn spend(sender: &mut Account, transaction: &Transaction) -> Option<String> {
    let before = *sender;
    // Which fees are worth it is the policy's to say.
    let rules = Admission::PERMISSIVE;
    match validity::check_transaction(transaction, &rules, |_| before, None, &keys::verify) {
        Ok(()) => {
            *sender = account_after(transaction, before);
            None
        }
        Err(TransactionError { kind: TransactionErrorKind::InvalidNonce, .. })
            if transaction.nonce > before.nonce =>
        {
            Some(format!(
                "transaction {} has nonce {}, and its sender's next, with nonce {}, was not chosen \
                 before it",
                transaction.hash(),
                transaction.nonce,
                before.nonce
            ))
        }
        Err(error) => Some(format!("transaction {}: {error}", transaction.hash())),
    }
}

/// Why a block is not valid.
struct Invalid {
    reason: String,
    /// Whether its plot is the reason: its leaf, path or number of leaves.
    lies_in_plot: bool,
}

impl Invalid {
    fn otherwise(reason: &impl ToString) -> Self {
        Self { reason: reason.to_string(), lies_in_plot: false }
    }

    fn of(error: BlockError, plan: &BlockPlan) -> Self {
        let lies_in_plot = match error.kind {
            BlockErrorKind::InvalidPlot => true,
            // The plot cannot help it if its leaf was given a wrong score.
            BlockErrorKind::InvalidProof => {
                score::score(&plan.expected.challenge, &plan.proof.leaf) == plan.score
            }
            _ => false,
        };
        Self { reason: error.message, lies_in_plot }
    }
}

/// Builds and signs a block, and checks it as everybody else will.
fn finish(
    workshop: Workshop<'_>,
    plan: &BlockPlan,
    transactions: Vec<Transaction>,
    accounts: &HashMap<Identity, Account>,
) -> Result<Built, Invalid> {
    let template = Template {
        parent: plan.parent,
        height: plan.expected.height,
        difficulty: plan.expected.difficulty,
        epoch: plan.expected.epoch,
        challenge: plan.expected.challenge,
        timestamp: plan.timestamp,
        plot_root: plan.plot_root,
        score: plan.score,
        proof: (*plan.proof).clone(),
        transactions,
    };
    let rules = Rules::of(workshop.network);
    let check =
        |block: &_| validity::check_block(block, &plan.expected, &rules, plan.clock, &keys::verify);
    let block = builder::build_checked(template, workshop.key, check)
        .map_err(|error| Invalid::of(error, plan))?;
    let account = |identity: &Identity| accounts.get(identity).copied().unwrap_or_default();
    // Their signatures have been checked with the block.
    accounts::apply(&block.header.miner, &block.transactions, account, |_| true)
        .map_err(|error| Invalid::otherwise(&error))?;
    describe_built(&block).map_err(|error| Invalid::otherwise(&error))
}

fn describe_built(block: &Block) -> Result<Built, spacetime_protocol::EncodeError> {
    let bytes = block.encode()?;
    let header = &block.header;
    Ok(Built {
        block: OwnBlock {
            hash: block.hash(),
            parent: header.parent,
            epoch: header.epoch,
            height: header.height,
            score: header.score,
            bytes: bytes.into(),
        },
        timestamp: header.timestamp,
        transactions: block.transactions.len() as u64,
        fees: block.transactions.iter().map(|transaction| transaction.fee).sum(),
        remarks: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use spacetime_protocol::{
        Leaf, PlotKey, PlotSeed,
        chain::HeaderChain,
        challenge,
        keys::Scheme,
        merkle::{Tree, leaf_hash},
        network::EmptyEpochs,
        plot::{self, PlotHeader},
        proof::PlotMetadata,
    };

    use super::*;

    fn key(secret: u8) -> SecretKey {
        SecretKey::new(Scheme::Ed25519, [secret; 32].into()).unwrap()
    }

    /// A network on which any score wins, and a real plot's best leaf for the
    /// block after its genesis.
    struct Scene {
        network: Network,
        key: SecretKey,
        plan: BlockPlan,
    }

    impl Scene {
        fn new() -> Self {
            let mut network = Network::local();
            network.empty_epochs = EmptyEpochs::None;
            network.genesis.header.difficulty = 1;
            network.min_plot_leaves = 1;
            let key = key(1);
            let expected = HeaderChain::new(&network).expected(&network, 1);
            let (proof, plot_root, score) = win(&key.plot_key(), &expected);
            let timestamp = network.genesis.header.timestamp + 60;
            let plan = BlockPlan {
                parent: network.genesis_hash(),
                expected,
                timestamp,
                clock: timestamp,
                plot_root,
                score,
                proof: Arc::new(proof),
                candidates: None,
            };
            Self { network, key, plan }
        }

        /// With senders 2 and 3, who own 100 each.
        fn pending(mut self, transactions: Vec<Transaction>) -> Self {
            let rich = Account { balance: 100, nonce: 0 };
            let accounts = vec![(key(2).identity(), rich), (key(3).identity(), rich)];
            let candidates = Candidates { tip: self.plan.parent, transactions, accounts };
            self.plan.candidates = Some(Arc::new(candidates));
            self
        }

        fn build(&self, choice: Choice) -> Outcome {
            let workshop = Workshop {
                network: &self.network,
                key: &self.key,
                policy: "the policy",
                test: "look",
            };
            build(workshop, &self.plan, |_, _| choice)
        }

        fn built(&self, chosen: Vec<usize>) -> (Built, Block) {
            let Outcome::Built(built) = self.build(Choice::Include(chosen)) else {
                panic!("it was not built")
            };
            let block = Block::decode(&built.block.bytes).unwrap();
            (*built, block)
        }
    }

    /// The best of eight leaves.
    fn win(key: &PlotKey, expected: &Expected) -> (BlockProof, NodeHash, Score) {
        let seed = PlotSeed::new([6; 32]);
        let leaves: Vec<Leaf> = (0..8).map(|index| plot::leaf(key, &seed, index)).collect();
        let tree =
            Tree::new(leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect()).unwrap();
        let scored = leaves.iter().map(|leaf| score::score(&expected.challenge, leaf));
        let (score, index) = scored.zip(0_u64..).min().unwrap();
        let header = PlotHeader::new(seed, 8, tree.root());
        let metadata =
            PlotMetadata { leaf_count: 8, plot_id: seed, header_hash: header.hash(), version: 1 };
        let path = tree.path(index).unwrap();
        let leaf = leaves[index as usize];
        (BlockProof { leaf, leaf_index: index, path, plot: metadata }, tree.root(), score)
    }

    fn payment(from: u8, nonce: u64, amount: u64, fee: u64) -> Transaction {
        let payment = Transaction {
            version: 1,
            sender: key(from).identity(),
            recipient: key(9).identity(),
            amount,
            nonce,
            fee,
            signature: None,
        };
        payment.sign(&key(from))
    }

    #[test]
    fn a_block_without_transactions_keeps_every_rule() {
        let scene = Scene::new();
        let (built, block) = scene.built(Vec::new());
        assert_eq!((built.transactions, built.fees, built.remarks.len()), (0, 0, 0));
        assert_eq!(built.block.hash, block.hash());
        assert_eq!(block.header.challenge, challenge::challenge(&scene.plan.parent, 1));
    }

    #[test]
    fn the_policy_sees_accounts_and_its_order_is_kept() {
        let scene = Scene::new().pending(vec![payment(2, 0, 10, 3), payment(3, 0, 10, 4)]);
        let workshop = Workshop { network: &scene.network, key: &scene.key, policy: "p", test: "" };
        let outcome = build(workshop, &scene.plan, |context, candidates| {
            assert_eq!((context.height, context.epoch), (1, 1));
            assert_eq!(context.miner, scene.key.identity().to_bytes());
            let known: Vec<_> =
                candidates.iter().map(|known| (known.sender_balance, known.fee)).collect();
            assert_eq!(known, [(100, 3), (100, 4)]);
            Choice::Include(vec![1, 0])
        });
        let Outcome::Built(built) = outcome else { panic!("it was not built") };
        assert_eq!((built.transactions, built.fees), (2, 7));
        let fees = Block::decode(&built.block.bytes).unwrap().transactions;
        assert_eq!(fees.iter().map(|paid| paid.fee).collect::<Vec<_>>(), [4, 3]);
    }

    #[test]
    fn what_cannot_be_in_the_block_is_left_out_and_told() {
        let mut forged = payment(3, 0, 1, 1);
        forged.fee = 90;
        let scene = Scene::new().pending(vec![
            payment(2, 1, 10, 1), // too early
            payment(2, 0, 60, 1),
            payment(2, 0, 10, 9), // D30: the same nonce again
            payment(2, 1, 60, 1), // more than is left
            payment(2, 1, 30, 1),
            forged,
            payment(4, 0, 1, 1), // owns nothing
        ]);
        let (built, block) = scene.built((0..7).collect());
        let kept: Vec<_> =
            block.transactions.iter().map(|kept| (kept.nonce, kept.amount)).collect();
        assert_eq!(kept, [(0, 60), (1, 30)]);
        assert_eq!(built.remarks.len(), 1);
        assert!(built.remarks[0].message.starts_with("5 of the transactions"));
        assert_eq!(built.remarks[0].culprit, "the policy");
    }

    #[test]
    fn both_ends_of_a_gap_are_told_and_where_to_look() {
        let scene = Scene::new().pending(vec![
            payment(2, 0, 10, 1),
            payment(2, 1, 10, 1),
            payment(2, 2, 10, 1),
            payment(2, 3, 10, 1),
        ]);
        let (built, _) = scene.built(vec![0, 2, 3]);
        let Fault { message, next, .. } = &built.remarks[0];
        let hash = payment(2, 2, 10, 1).hash();
        assert_eq!(
            *message,
            format!(
                "2 of the transactions it chose cannot be used: transaction {hash} has nonce 2, \
                 and its sender's next, with nonce 1, was not chosen before it"
            )
        );
        assert_eq!(next, "the block goes out without them; look");
    }

    #[test]
    fn a_veto_is_no_block() {
        let Outcome::Vetoed(fault) = Scene::new().build(Choice::Veto("too dear".to_owned())) else {
            panic!("it was built")
        };
        assert!(fault.message.contains("too dear"));
    }

    #[test]
    fn a_block_that_the_network_would_refuse_is_not_made() {
        let mut scene = Scene::new();
        scene.plan.score = Score::ZERO;
        let Outcome::Failed(fault) = scene.build(Choice::Include(Vec::new())) else {
            panic!("it was built")
        };
        assert!(fault.message.contains("is not valid"), "{}", fault.message);
    }

    #[test]
    fn a_block_that_is_not_valid_for_its_plot_says_so() {
        let reason = |scene: &Scene| match scene.build(Choice::Include(vec![0])) {
            Outcome::Unfit(reason) => reason,
            other => panic!("{other:?}"),
        };
        let mut scene = Scene::new();
        scene.key = key(8);
        assert!(reason(&scene).contains("not that of the miner's own plot"), "D27");
        // A transaction is not to blame.
        let mut scene = Scene::new().pending(vec![payment(2, 0, 60, 1)]);
        scene.network.min_plot_leaves = 9;
        assert!(reason(&scene).contains("8 leaves, 9 are the fewest"));
        let mut scene = Scene::new();
        scene.plan.plot_root = NodeHash::ZERO;
        assert!(reason(&scene).contains("path does not lead"));
    }
}
