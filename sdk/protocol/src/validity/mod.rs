//! Which blocks, proofs and transactions are valid (`consensus.md` sections 7 and 8): the checks
//! in the reference's order, the first that fails decides.

mod admission;
mod block;
mod proof;

use crate::{Identity, Score, Signature, network::Network, score};

pub use admission::{
    Admission, TransactionError, TransactionErrorKind, account_after, check_form, check_signature,
    check_transaction, check_transactions,
};
pub use block::{
    BlockError, BlockErrorKind, Expected, check_block, check_follows, check_header,
    check_header_alone, check_plot,
};
pub use proof::{ProofClaim, ProofError, ProofErrorKind, ProofExpected, check_proof};

/// What a network asks beyond the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Seconds that a clock may run ahead.
    pub max_future_seconds: u64,
    /// See [`Network::bind_plots`].
    pub bind_plots: bool,
    /// See [`Network::min_plot_leaves`].
    pub min_plot_leaves: u64,
}

impl Rules {
    /// The reference's: 120 s, no binding, plots of any size.
    pub const REFERENCE: Self =
        Self { max_future_seconds: 120, bind_plots: false, min_plot_leaves: 0 };

    /// The rules of a network.
    pub fn of(network: &Network) -> Self {
        Self {
            max_future_seconds: network.max_future_seconds,
            bind_plots: network.bind_plots,
            min_plot_leaves: network.min_plot_leaves,
        }
    }
}

/// Checks signatures; [`crate::keys::verify`] outside tests.
pub type Verify<'a> = &'a dyn Fn(&Identity, &[u8; 32], &Signature) -> bool;

/// Whether a score lies under the target of a difficulty; none does for difficulty 0.
pub fn wins(score: &Score, difficulty: u64) -> bool {
    score::target(difficulty).is_some_and(|target| score::is_under(score, &target))
}
