//! Accounts, and what a block does to them (`consensus.md` section 7, end).

use std::collections::HashMap;

use thiserror::Error;

use crate::{DecodeError, Identity, MAX_NUMBER, TxHash, codec::Reader, transaction::Transaction};

/// What an identity owns; an absent account is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What it owns.
    pub balance: u64,
    /// The nonce that its next transaction takes.
    pub nonce: u64,
}

impl Account {
    /// Bytes of its stored form.
    pub const SIZE: usize = 16;

    /// Balance, then nonce (`blocks.md` section 8).
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.balance.to_le_bytes());
        bytes[8..].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// Reads what [`Account::encode`] wrote.
    ///
    /// # Errors
    /// Another length, or a negative number.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let account = Self { balance: reader.number("balance")?, nonce: reader.number("nonce")? };
        if reader.remaining() > 0 {
            return Err(DecodeError {
                offset: Self::SIZE,
                field: "account",
                problem: format!("{} bytes too many", reader.remaining()),
            });
        }
        Ok(account)
    }
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
/// included (even without transactions), each once, in the order in which they are first touched.
/// `account` looks one up at the parent; `verify` is [`Transaction::is_signed_by_sender`] outside
/// tests. Coins received in the block cannot be spent in it.
///
/// # Errors
/// The first transaction that cannot be applied; nothing is changed then.
pub fn apply(
    miner: &Identity,
    transactions: &[Transaction],
    account: impl FnMut(&Identity) -> Account,
    verify: impl Fn(&Transaction) -> bool,
) -> Result<Vec<(Identity, Account)>, ApplyError> {
    let mut changes = Changes::new(account);
    let mut fees = 0;
    for transaction in transactions {
        if !transaction.keeps_basic_rules() {
            return Err(ApplyError::Basic { hash: transaction.hash() });
        }
        if !verify(transaction) {
            return Err(ApplyError::Signature { hash: transaction.hash() });
        }
        changes.pay(transaction)?;
        fees = add(fees, transaction.fee)?;
    }
    let account = &mut changes.of(miner).account;
    account.balance = add(account.balance, fees)?;
    Ok(changes.into_accounts())
}

/// The accounts that a genesis block's premine makes (section 2): coins from the zero identity,
/// without fees. Signatures are not looked at: the genesis hash vouches for the transactions.
///
/// # Errors
/// A transaction that is no premine, or amounts that overflow.
pub fn premine(transactions: &[Transaction]) -> Result<Vec<(Identity, Account)>, ApplyError> {
    let mut changes = Changes::new(|_| Account::default());
    for transaction in transactions {
        if !transaction.sender.is_zero() || transaction.fee != 0 || transaction.amount == 0 {
            return Err(ApplyError::Basic { hash: transaction.hash() });
        }
        let account = &mut changes.of(&transaction.recipient).account;
        account.balance = add(account.balance, transaction.amount)?;
    }
    Ok(changes.into_accounts())
}

/// Accounts as a block changes them one transaction after the other.
struct Changes<F> {
    lookup: F,
    places: HashMap<Identity, usize>,
    touched: Vec<(Identity, Touched)>,
}

struct Touched {
    account: Account,
    /// What may still be spent in this block: what was there before it, less what was spent.
    spendable: u64,
}

impl<F: FnMut(&Identity) -> Account> Changes<F> {
    fn new(lookup: F) -> Self {
        Self { lookup, places: HashMap::new(), touched: Vec::new() }
    }

    fn of(&mut self, identity: &Identity) -> &mut Touched {
        let place = *self.places.entry(*identity).or_insert_with(|| {
            let account = (self.lookup)(identity);
            self.touched.push((*identity, Touched { account, spendable: account.balance }));
            self.touched.len() - 1
        });
        &mut self.touched[place].1
    }

    fn pay(&mut self, transaction: &Transaction) -> Result<(), ApplyError> {
        let sender = self.of(&transaction.sender);
        if transaction.nonce != sender.account.nonce {
            return Err(ApplyError::Nonce {
                hash: transaction.hash(),
                found: transaction.nonce,
                expected: sender.account.nonce,
            });
        }
        let total = transaction.amount.checked_add(transaction.fee);
        let Some(spent) = total.filter(|total| *total <= sender.spendable) else {
            let balance = sender.spendable;
            return Err(ApplyError::Balance { hash: transaction.hash(), balance });
        };
        sender.account.nonce = add(sender.account.nonce, 1)?;
        // The balance is never less than what is spendable of it.
        sender.account.balance -= spent;
        sender.spendable -= spent;

        let recipient = &mut self.of(&transaction.recipient).account;
        recipient.balance = add(recipient.balance, transaction.amount)?;
        Ok(())
    }

    fn into_accounts(self) -> Vec<(Identity, Account)> {
        self.touched.into_iter().map(|(identity, touched)| (identity, touched.account)).collect()
    }
}

fn add(a: u64, b: u64) -> Result<u64, ApplyError> {
    a.checked_add(b).filter(|sum| *sum <= MAX_NUMBER).ok_or(ApplyError::Overflow)
}
