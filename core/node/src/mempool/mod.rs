//! The pool of pending transactions (`consensus.md` section 9): bounded,
//! ordered by fee, and always such that every transaction in it could be
//! applied on the tip after its sender's earlier ones. Holds no accounts:
//! callers bring those of the tip.
//!
//! Unlike the reference's, it takes a sender's next nonces in sequence, and
//! never two transactions with one nonce.

mod journal;
mod refusal;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use spacetime_protocol::accounts::Account;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::validity::{Admission, check_form, check_signature};
use spacetime_protocol::{Identity, TxHash, keys};

pub(crate) use journal::Journal;
pub use refusal::Refusal;

/// Transactions in the pool at most.
pub const MAX_TRANSACTIONS: usize = 10_000;
/// Transactions of one sender in the pool at most.
pub const MAX_PER_SENDER: usize = 16;

/// Place in the order: fee descending, then hash ascending.
type Rank = (Reverse<u64>, TxHash);
/// A sender's transactions by nonce: without gaps, from the account's nonce on.
type Queue = BTreeMap<u64, Transaction>;

/// The pool.
pub(crate) struct Mempool {
    capacity: usize,
    queues: HashMap<Identity, Queue>,
    order: BTreeMap<Rank, (Identity, u64)>,
}

impl Mempool {
    /// An empty pool of so many transactions at most.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, queues: HashMap::new(), order: BTreeMap::new() }
    }

    /// Transactions in the pool.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Takes a transaction; `account` is its sender's at the tip. One with the
    /// same sender and nonce is replaced if it pays less, and `replace` allows it.
    pub(crate) fn admit(
        &mut self,
        transaction: Transaction,
        account: &Account,
        replace: bool,
    ) -> Result<TxHash, Refusal> {
        check_form(&transaction, &Admission::DEFAULT)?;
        check_signature(&transaction, &keys::verify)?;
        self.enter(transaction, account, replace)
    }

    /// Takes a transaction that is right in itself, if its sender's others,
    /// its account and the room in the pool allow it.
    fn enter(
        &mut self,
        transaction: Transaction,
        account: &Account,
        replace: bool,
    ) -> Result<TxHash, Refusal> {
        let hash = transaction.hash();
        if self.order.contains_key(&(Reverse(transaction.fee), hash)) {
            return Err(Refusal::Duplicate);
        }
        let replaces = self.check_nonce(&transaction, account)?;
        if replaces && !replace {
            return Err(Refusal::Taken { nonce: transaction.nonce });
        }
        self.check_balance(&transaction, account)?;
        if !replaces {
            self.make_room(&transaction)?;
        }
        self.put(transaction);
        Ok(hash)
    }

    /// Whether it would replace one; an error if its nonce is not its
    /// sender's next one either.
    fn check_nonce(&self, transaction: &Transaction, account: &Account) -> Result<bool, Refusal> {
        let queue = self.queues.get(&transaction.sender);
        let (found, pending) = (transaction.nonce, queue.map_or(0, Queue::len));
        if let Some(other) = queue.and_then(|queue| queue.get(&found)) {
            let at_least = other.fee.saturating_add(1);
            return if transaction.fee < at_least {
                Err(Refusal::Underpriced { nonce: found, at_least })
            } else {
                Ok(true)
            };
        }
        let next = account.nonce.saturating_add(pending as u64);
        if found != next {
            return Err(Refusal::Nonce { found, next });
        }
        if pending >= MAX_PER_SENDER {
            return Err(Refusal::TooManyOfSender);
        }
        Ok(false)
    }

    /// The sender must be able to pay for all of its pending transactions.
    fn check_balance(&self, transaction: &Transaction, account: &Account) -> Result<(), Refusal> {
        let others = self.queues.get(&transaction.sender).into_iter().flatten();
        let others =
            others.filter(|(nonce, _)| **nonce != transaction.nonce).map(|(_, other)| other);
        let needed = others.map(cost).fold(cost(transaction), u128::saturating_add);
        if needed > u128::from(account.balance) {
            return Err(Refusal::Balance { needed, balance: account.balance });
        }
        Ok(())
    }

    /// Evicts the last in order if the newcomer pays strictly more.
    fn make_room(&mut self, newcomer: &Transaction) -> Result<(), Refusal> {
        if self.len() < self.capacity {
            return Ok(());
        }
        let Some(((Reverse(fee), _), (sender, nonce))) = self.order.last_key_value() else {
            return Err(Refusal::Full { at_least: u64::MAX });
        };
        // Without its sender's earlier transaction the newcomer is worth nothing.
        if newcomer.fee <= *fee || *sender == newcomer.sender {
            return Err(Refusal::Full { at_least: fee.saturating_add(1) });
        }
        let (sender, nonce) = (*sender, *nonce);
        self.cut(&sender, nonce);
        Ok(())
    }

    fn put(&mut self, transaction: Transaction) {
        let (sender, nonce) = (transaction.sender, transaction.nonce);
        self.order.insert(rank(&transaction), (sender, nonce));
        let replaced = self.queues.entry(sender).or_default().insert(nonce, transaction);
        if let Some(replaced) = replaced {
            self.order.remove(&rank(&replaced));
        }
    }

    /// Removes a sender's transactions from a nonce on.
    fn cut(&mut self, sender: &Identity, nonce: u64) {
        let Some(queue) = self.queues.get_mut(sender) else { return };
        for transaction in queue.split_off(&nonce).values() {
            self.order.remove(&rank(transaction));
        }
        if queue.is_empty() {
            self.queues.remove(sender);
        }
    }

    /// Whether a transaction with this hash is in the pool.
    pub(crate) fn contains(&self, hash: &TxHash) -> bool {
        self.order.keys().any(|(_, pending)| pending == hash)
    }

    /// The same of a transaction that is at hand: found by its place in the order.
    pub(crate) fn holds(&self, transaction: &Transaction) -> bool {
        self.order.contains_key(&rank(transaction))
    }

    /// What a sender's pending transactions leave of its account, and the nonce
    /// after theirs.
    pub(crate) fn after(&self, sender: &Identity, account: &Account) -> Account {
        let queue = self.queues.get(sender).into_iter().flatten();
        queue.fold(*account, |account, (nonce, pending)| Account {
            balance: account.balance.saturating_sub(pending.amount).saturating_sub(pending.fee),
            nonce: nonce.saturating_add(1),
        })
    }

    /// Whose accounts [`Mempool::follow`] asks for.
    pub(crate) fn senders(&self) -> impl Iterator<Item = &Identity> {
        self.queues.keys()
    }

    /// Follows the chain to a new tip: transactions of blocks that left the
    /// chain come back, and what cannot be applied any more goes. `account`
    /// finds accounts at the new tip.
    pub(crate) fn follow(
        &mut self,
        orphaned: Vec<Transaction>,
        account: impl Fn(&Identity) -> Account,
    ) {
        for transaction in orphaned {
            let pending = self.queues.get(&transaction.sender);
            let other = pending.and_then(|queue| queue.get(&transaction.nonce));
            let pays_more = other.is_none_or(|other| other.fee < transaction.fee);
            if pays_more && check_form(&transaction, &Admission::DEFAULT).is_ok() {
                self.put(transaction);
            }
        }
        let senders: Vec<Identity> = self.senders().copied().collect();
        for sender in senders {
            self.settle(&sender, &account(&sender));
        }
        while self.len() > self.capacity {
            let Some((_, (sender, nonce))) = self.order.last_key_value() else { break };
            let (sender, nonce) = (*sender, *nonce);
            self.cut(&sender, nonce);
        }
    }

    /// Keeps of a sender's transactions what its account allows.
    fn settle(&mut self, sender: &Identity, account: &Account) {
        let Some(queue) = self.queues.get_mut(sender) else { return };
        let ahead = queue.split_off(&account.nonce);
        for done in std::mem::replace(queue, ahead).values() {
            self.order.remove(&rank(done));
        }
        let mut next = account.nonce;
        let mut left = u128::from(account.balance);
        for (nonce, transaction) in queue.iter().take(MAX_PER_SENDER) {
            let Some(rest) = left.checked_sub(cost(transaction)).filter(|_| *nonce == next) else {
                break;
            };
            (next, left) = (next.saturating_add(1), rest);
        }
        self.cut(sender, next);
    }

    /// At most `limit` transactions, best fee first, each after its sender's
    /// earlier ones: in this order they can be applied on the tip.
    pub(crate) fn select(&self, limit: usize) -> Vec<&Transaction> {
        let mut reached: HashSet<(&Identity, u64)> = HashSet::new();
        let mut next: HashMap<&Identity, u64> = HashMap::new();
        let mut selected = Vec::new();
        for (sender, nonce) in self.order.values() {
            let Some(queue) = self.queues.get(sender) else { continue };
            reached.insert((sender, *nonce));
            let first = queue.keys().next().copied().unwrap_or(*nonce);
            let next = next.entry(sender).or_insert(first);
            // One that pays more than its sender's earlier one comes right after it.
            while reached.contains(&(sender, *next)) && selected.len() < limit {
                selected.extend(queue.get(next));
                *next = next.saturating_add(1);
            }
            if selected.len() >= limit {
                break;
            }
        }
        selected
    }
}

fn rank(transaction: &Transaction) -> Rank {
    (Reverse(transaction.fee), transaction.hash())
}

/// What a transaction takes from its sender.
fn cost(transaction: &Transaction) -> u128 {
    u128::from(transaction.amount).saturating_add(u128::from(transaction.fee))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
