//! Why a transaction is not taken into the pool (`consensus.md` section 8, and
//! the pool's own limits).

use spacetime_protocol::validity::TransactionError;

use super::{MAX_PER_SENDER, MAX_TRANSACTIONS};

/// Why a transaction was not taken into the pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// One of the rules 1 to 6.
    #[error(transparent)]
    Rule(#[from] TransactionError),
    /// It is in the pool already.
    #[error("it is pending already")]
    Duplicate,
    /// Rule 8: not the sender's next nonce, pending transactions included.
    #[error("it has nonce {found}, its sender's next is {next}")]
    Nonce {
        /// Its nonce.
        found: u64,
        /// The nonce after those of the account and the pool.
        next: u64,
    },
    /// One with its nonce is pending and pays as much.
    #[error("another one with nonce {nonce} is pending: a fee of at least {at_least} replaces it")]
    Underpriced {
        /// Its nonce.
        nonce: u64,
        /// The least fee that replaces the other.
        at_least: u64,
    },
    /// One with its nonce is pending, and shall not be replaced.
    #[error("another one with nonce {nonce} is pending")]
    Taken {
        /// Its nonce.
        nonce: u64,
    },
    /// Its sender has as many pending as it may.
    #[error(
        "its sender has {MAX_PER_SENDER} pending transactions already: send it once a block has \
         some of them"
    )]
    TooManyOfSender,
    /// Rule 9, the sender's pending transactions included.
    #[error("it and its sender's pending transactions take {needed}, the sender owns {balance}")]
    Balance {
        /// What they take together.
        needed: u128,
        /// What the sender owns.
        balance: u64,
    },
    /// The pool is full of better ones.
    #[error(
        "the pool holds {MAX_TRANSACTIONS} transactions already: \
         a fee of at least {at_least} might make room"
    )]
    Full {
        /// One more than the lowest fee in the pool.
        at_least: u64,
    },
}
