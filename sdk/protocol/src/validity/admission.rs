//! Admission of transactions (`consensus.md` section 8): to the memory pool one by one, to a
//! block as a list.

use std::collections::HashMap;

use thiserror::Error;

use super::Verify;
use crate::{Identity, TxHash, accounts::Account, transaction::Transaction};

/// What admission asks of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Lowest fee.
    pub minimum_fee: u64,
    /// Highest fee.
    pub maximum_fee: u64,
    /// Most transactions of one block.
    pub max_transactions_per_block: usize,
    /// Largest transaction in bytes; all have [`Transaction::SIZE`].
    pub max_transaction_size: usize,
    /// Whether a transaction that the index knows is refused.
    pub check_duplicate_transactions: bool,
}

impl Admission {
    /// The reference's default.
    pub const DEFAULT: Self = Self {
        minimum_fee: 1,
        maximum_fee: 1_000_000,
        max_transactions_per_block: 10_000,
        max_transaction_size: 1 << 20,
        check_duplicate_transactions: true,
    };

    /// The reference's profile for tests: any fee, any number, no look at the index.
    pub const PERMISSIVE: Self = Self {
        minimum_fee: 0,
        maximum_fee: crate::MAX_NUMBER,
        max_transactions_per_block: i32::MAX as usize,
        max_transaction_size: 1 << 20,
        check_duplicate_transactions: false,
    };
}

/// The kind of the first check that a transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are those of the specification's table")]
pub enum TransactionErrorKind {
    BasicValidationFailed,
    UnsupportedVersion,
    FeeTooLow,
    FeeTooHigh,
    TransactionTooLarge,
    InvalidSignature,
    DuplicateTransaction,
    InvalidNonce,
    InsufficientBalance,
    /// Not looked at: the list is too long, or one before it failed.
    Other,
}

/// The first check that a transaction failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TransactionError {
    /// Its kind.
    pub kind: TransactionErrorKind,
    /// A sentence with the values found and expected.
    pub message: String,
}

/// Checks one transaction. `account` is its sender's (absent: the default); `is_known` asks the
/// index of transactions already in the chain, if there is one.
///
/// # Errors
/// The first check that failed.
pub fn check_transaction(
    transaction: &Transaction,
    admission: &Admission,
    account: impl FnOnce(&Identity) -> Account,
    is_known: Option<&dyn Fn(&TxHash) -> bool>,
    verify: Verify<'_>,
) -> Result<(), TransactionError> {
    check_form(transaction, admission)?;
    check_signature(transaction, verify)?;
    if admission.check_duplicate_transactions
        && is_known.is_some_and(|is_known| is_known(&transaction.hash()))
    {
        let message = "the transaction is in the chain already".to_owned();
        return fail(TransactionErrorKind::DuplicateTransaction, message);
    }
    check_account(transaction, account(&transaction.sender))
}

/// Checks a list as the transactions of one block: each sees what the ones before it left its
/// sender; after the first failure the rest is not looked at. One result per transaction.
pub fn check_transactions(
    transactions: &[Transaction],
    admission: &Admission,
    mut account: impl FnMut(&Identity) -> Account,
    is_known: Option<&dyn Fn(&TxHash) -> bool>,
    verify: Verify<'_>,
) -> Vec<Result<(), TransactionError>> {
    if transactions.len() > admission.max_transactions_per_block {
        let most = admission.max_transactions_per_block;
        let message = format!("{} transactions are more than {most}", transactions.len());
        return vec![fail(TransactionErrorKind::Other, message); transactions.len()];
    }
    let mut senders = HashMap::<Identity, Account>::new();
    let mut failed = false;
    let mut check = |transaction: &Transaction| {
        if failed {
            let message = "a transaction before it failed".to_owned();
            return fail(TransactionErrorKind::Other, message);
        }
        let before =
            *senders.entry(transaction.sender).or_insert_with_key(|sender| account(sender));
        let result = check_transaction(transaction, admission, |_| before, is_known, verify);
        failed = result.is_err();
        if !failed {
            senders.insert(transaction.sender, account_after(transaction, before));
        }
        result
    };
    transactions.iter().map(&mut check).collect()
}

/// The sender's account after a transaction that it can pay. A nonce after the last one is that
/// of no transaction.
///
/// # Panics
/// May panic if [`check_transaction`] refuses the transaction for this account.
pub fn account_after(transaction: &Transaction, before: Account) -> Account {
    Account {
        balance: before.balance - transaction.amount - transaction.fee,
        nonce: before.nonce + 1,
    }
}

/// Rules 1 to 5: what needs nothing but the transaction.
///
/// # Errors
/// The first check that failed.
pub fn check_form(
    transaction: &Transaction,
    admission: &Admission,
) -> Result<(), TransactionError> {
    use TransactionErrorKind as Kind;

    let Transaction { version, fee, .. } = transaction;
    let Admission { minimum_fee, maximum_fee, max_transaction_size, .. } = admission;
    if !transaction.keeps_basic_rules() {
        let message = "the transaction is unsigned, has no amount, or pays its own sender";
        return fail(Kind::BasicValidationFailed, message.to_owned());
    }
    if *version != 1 {
        let message = format!("transaction version {version} is not supported, 1 is");
        return fail(Kind::UnsupportedVersion, message);
    }
    if fee < minimum_fee {
        return fail(Kind::FeeTooLow, format!("fee {fee} is less than {minimum_fee}"));
    }
    if fee > maximum_fee {
        return fail(Kind::FeeTooHigh, format!("fee {fee} is more than {maximum_fee}"));
    }
    if Transaction::SIZE > *max_transaction_size {
        let message = format!("{} bytes are more than {max_transaction_size}", Transaction::SIZE);
        return fail(Kind::TransactionTooLarge, message);
    }
    Ok(())
}

/// Rule 6: its sender signed it.
///
/// # Errors
/// It did not.
pub fn check_signature(
    transaction: &Transaction,
    verify: Verify<'_>,
) -> Result<(), TransactionError> {
    let is_signed = transaction.signature.is_some_and(|signature| {
        verify(&transaction.sender, transaction.hash().as_bytes(), &signature)
    });
    if is_signed {
        return Ok(());
    }
    let message = format!("the transaction is not signed by its sender {}", transaction.sender);
    fail(TransactionErrorKind::InvalidSignature, message)
}

/// Rules 8 and 9.
fn check_account(transaction: &Transaction, account: Account) -> Result<(), TransactionError> {
    let Transaction { amount, nonce, fee, .. } = transaction;
    if *nonce != account.nonce {
        let message = format!("nonce is {nonce}, the sender's next is {}", account.nonce);
        return fail(TransactionErrorKind::InvalidNonce, message);
    }
    if amount.checked_add(*fee).is_none_or(|total| total > account.balance) {
        let message = format!("{amount} and the fee {fee} exceed the balance {}", account.balance);
        return fail(TransactionErrorKind::InsufficientBalance, message);
    }
    Ok(())
}

fn fail(kind: TransactionErrorKind, message: String) -> Result<(), TransactionError> {
    Err(TransactionError { kind, message })
}
