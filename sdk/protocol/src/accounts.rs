//! Accounts, and what a block does to them (`consensus.md` section 7, end).

use thiserror::Error;

use crate::{Identity, TxHash, transaction::Transaction};

/// What an identity owns; an absent account is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What it owns.
    pub balance: u64,
    /// The nonce that its next transaction takes.
    pub nonce: u64,
}

/// Why a block cannot be applied to the accounts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// A transaction breaks the basic rules (section 8, rule 1).
    #[error("transaction {hash} breaks the basic rules")]
    Basic {
        /// The transaction.
        hash: TxHash,
    },
    /// A signature is wrong.
    #[error("transaction {hash} is not signed by its sender")]
    Signature {
        /// The transaction.
        hash: TxHash,
    },
    /// Not the sender's next nonce.
    #[error("transaction {hash} has nonce {found}, its sender's next is {expected}")]
    Nonce {
        /// The transaction.
        hash: TxHash,
        /// Its nonce.
        found: u64,
        /// The account's.
        expected: u64,
    },
    /// More than the sender owns.
    #[error("transaction {hash} spends more than its sender's {balance}")]
    Balance {
        /// The transaction.
        hash: TxHash,
        /// What the sender owned at that point.
        balance: u64,
    },
    /// A balance, a nonce or the sum of the fees would not fit.
    #[error("a balance, a nonce or the sum of the fees would exceed 2^63 - 1")]
    Overflow,
}

/// What a block's transactions change: every account touched, with its new state, the miner's
/// included (even without transactions), each once. `account` looks one up at the parent;
/// `verify` is [`crate::keys::verify`] outside tests. Coins received in the block cannot be spent in it.
///
/// # Errors
/// The first transaction that cannot be applied; nothing is changed then.
pub fn apply(
    miner: &Identity,
    transactions: &[Transaction],
    account: impl FnMut(&Identity) -> Account,
    verify: impl Fn(&Transaction) -> bool,
) -> Result<Vec<(Identity, Account)>, ApplyError> {
    todo!()
}

/// The accounts that a genesis block's premine makes.
///
/// # Errors
/// Amounts that overflow.
pub fn premine(transactions: &[Transaction]) -> Result<Vec<(Identity, Account)>, ApplyError> {
    todo!()
}
