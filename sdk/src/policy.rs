//! Block policies: what goes into a block that we won, and do we want it?

use abi::abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice},
};
use serde::de::DeserializeOwned;
use spacetime_protocol::{BlockHash, Identity, Score, TxHash};
use spacetime_sdk_abi::{self as abi, Fault, OpenArgs, PolicyObject};

use crate::{
    config,
    error::Result,
    instance::Instance,
    schema::Schema,
    text::{LONGEST, line},
};

/// Chooses transactions; the host builds, checks and signs the block.
pub trait Policy: Sized + Send + 'static {
    /// The component's config in the manifest; `()` when it takes none.
    type Config: DeserializeOwned + Schema;

    /// Makes an instance; check the config's values here.
    ///
    /// # Errors
    ///
    /// A sentence for the user, naming the field and its allowed values.
    fn open(config: Self::Config) -> Result<Self>;

    /// Chooses among the pending transactions. The host drops what would make
    /// the block invalid, and says so.
    ///
    /// # Errors
    ///
    /// The host builds the block without transactions then.
    fn select(&mut self, block: &BlockContext, candidates: &[Candidate]) -> Result<Selection>;
}

/// The block that transactions are chosen for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockContext {
    /// Hash of the block that it builds on.
    pub parent: BlockHash,
    /// Its height.
    pub height: u64,
    /// Its epoch.
    pub epoch: u64,
    /// Its difficulty.
    pub difficulty: u64,
    /// The score of its proof.
    pub score: Score,
    /// Who mines it and gets the fees.
    pub miner: Identity,
    /// The most transactions that it can take.
    pub max_transactions: usize,
}

/// A pending transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// Its hash.
    pub hash: TxHash,
    /// Who pays.
    pub sender: Identity,
    /// Who is paid.
    pub recipient: Identity,
    /// What the recipient gets.
    pub amount: u64,
    /// What the miner gets.
    pub fee: u64,
    /// Its place in the sender's sequence.
    pub nonce: u64,
    /// Bytes that it takes in a block.
    pub size: u64,
    /// What the sender owns at the tip that the block builds on.
    pub sender_balance: u64,
    /// The nonce that the sender's next transaction must have there.
    pub sender_nonce: u64,
}

/// What a policy decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Positions in the candidate list, in block order: of each sender, in the
    /// order of nonces, from [`Candidate::sender_nonce`] on and without a gap.
    Include(Vec<usize>),
    /// Do not publish this block, for this reason: a line for people, see
    /// [`text`](crate::text).
    Veto(String),
}

impl BlockContext {
    fn from_abi(context: &abi::PolicyContext) -> Self {
        Self {
            parent: BlockHash::new(context.parent),
            height: context.height,
            epoch: context.epoch,
            difficulty: context.difficulty,
            score: Score::new(context.score),
            miner: Identity::new(context.miner),
            max_transactions: usize::try_from(context.max_transactions).unwrap_or(usize::MAX),
        }
    }
}

impl Candidate {
    fn from_abi(candidate: &abi::Candidate) -> Self {
        Self {
            hash: TxHash::new(candidate.hash),
            sender: Identity::new(candidate.sender),
            recipient: Identity::new(candidate.recipient),
            amount: candidate.amount,
            fee: candidate.fee,
            nonce: candidate.nonce,
            size: candidate.size,
            sender_balance: candidate.sender_balance,
            sender_nonce: candidate.sender_nonce,
        }
    }
}

impl Selection {
    fn to_abi(&self) -> abi::Selection {
        let (candidates, veto) = match self {
            // A position that does not fit becomes one that the host refuses.
            Self::Include(positions) => {
                (positions.iter().map(|at| u32::try_from(*at).unwrap_or(u32::MAX)).collect(), None)
            }
            Self::Veto(reason) => (Vec::new(), Some(line(reason, LONGEST).into())),
        };
        abi::Selection { candidates: candidates.into(), veto: veto.into(), reserved: [0; 4] }
    }
}

struct Adapter<T>(Instance<T>);

impl<T: Policy> abi::Policy for Adapter<T> {
    fn select(
        &mut self,
        context: &abi::PolicyContext,
        candidates: RSlice<'_, abi::Candidate>,
    ) -> RResult<abi::Selection, Fault> {
        let context = BlockContext::from_abi(context);
        let candidates: Vec<_> = candidates.iter().map(Candidate::from_abi).collect();
        self.0
            .call_mut("select", |policy| policy.select(&context, &candidates))
            .map(|selection| selection.to_abi())
            .into()
    }
}

/// The factory of a policy, as a plugin module holds it.
#[doc(hidden)]
pub fn open<T: Policy>(args: &OpenArgs<'_>) -> Result<PolicyObject, Fault> {
    let config = crate::guard_config(args, config::parse::<T::Config>)?;
    let instance = Instance::open(args, || T::open(config))?;
    Ok(PolicyObject::from_value(Adapter(instance), TD_Opaque))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_veto_crosses_with_one_short_line() {
        let veto = Selection::Veto(format!("no\n\u{7}{}", "x".repeat(10_000))).to_abi().veto;
        let reason = veto.into_option().unwrap();
        assert!(reason.starts_with("no \\u{7}xxx") && reason.len() <= LONGEST, "{reason}");
    }
}
