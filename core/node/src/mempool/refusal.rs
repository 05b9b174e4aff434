//! Why a transaction is not taken into the pool, and the rules that need
//! nothing but the transaction (`consensus.md` section 8, 1 to 6).

use spacetime_protocol::keys;
use spacetime_protocol::transaction::Transaction;

use super::{MAX_PER_SENDER, MAX_TRANSACTIONS};

/// The least fee that is taken.
const MIN_FEE: u64 = 1;
/// The highest fee that is taken: more is a slip of the sender's.
const MAX_FEE: u64 = 1_000_000;

/// Why a transaction was not taken into the pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Rule 1: unsigned, nothing to pay, or paid to the sender itself.
    #[error("it is not signed, pays nothing, or pays its sender")]
    Basic,
    /// Rule 2.
    #[error("it has version {0}, not 1")]
    Version(u8),
    /// Rule 3.
    #[error("its fee {0} is lower than {MIN_FEE}")]
    FeeTooLow(u64),
    /// Rule 4.
    #[error("its fee {0} is higher than {MAX_FEE}")]
    FeeTooHigh(u64),
    /// Rule 6.
    #[error("its signature is not its sender's")]
    Signature,
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
    /// Its sender has as many pending as it may.
    #[error("its sender has {MAX_PER_SENDER} pending transactions already")]
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

/// Rules 1 to 6. Rule 5 always holds: every transaction has 155 bytes.
pub(super) fn check_alone(transaction: &Transaction) -> Result<(), Refusal> {
    let signature = transaction.signature.ok_or(Refusal::Basic)?;
    check_limits(transaction)?;
    if !keys::verify(&transaction.sender, transaction.hash().as_bytes(), &signature) {
        return Err(Refusal::Signature);
    }
    Ok(())
}

/// Rules 1 to 4.
pub(super) fn check_limits(transaction: &Transaction) -> Result<(), Refusal> {
    if !transaction.keeps_basic_rules() {
        return Err(Refusal::Basic);
    }
    if transaction.version != 1 {
        return Err(Refusal::Version(transaction.version));
    }
    if transaction.fee < MIN_FEE {
        return Err(Refusal::FeeTooLow(transaction.fee));
    }
    if transaction.fee > MAX_FEE {
        return Err(Refusal::FeeTooHigh(transaction.fee));
    }
    Ok(())
}
