//! Transactions that a node has shown since it announced its tip. Accounts are
//! not known here: who signed a transaction is taken to be able to pay it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, btree_map::Entry},
};

use spacetime_sdk::protocol::{
    Identity, MAX_NUMBER, TxHash, accounts::Account, transaction::Transaction,
};

/// Transactions that are kept; a block takes 1,000.
const MAX: usize = 4096;

/// Pending transactions: one per sender and nonce.
#[derive(Debug, Default)]
pub(super) struct Pool {
    senders: BTreeMap<Identity, BTreeMap<u64, Transaction>>,
    len: usize,
}

impl Pool {
    /// Takes a transaction; of two with the same nonce the one that pays more.
    ///
    /// # Errors
    /// Why it is none that a block could hold.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        let transaction = Transaction::decode(bytes).map_err(|error| error.to_string())?;
        if bytes.len() != Transaction::SIZE {
            return Err(format!("it has {} bytes, not {}", bytes.len(), Transaction::SIZE));
        }
        if !transaction.keeps_basic_rules() {
            return Err("it breaks the basic rules".to_owned());
        }
        if !transaction.is_signed_by_sender() {
            return Err("it is not signed by its sender".to_owned());
        }
        let is_full = self.len >= MAX;
        match self.senders.entry(transaction.sender).or_default().entry(transaction.nonce) {
            Entry::Occupied(mut known) => {
                if transaction.priority() < known.get().priority() {
                    known.insert(transaction);
                }
            }
            Entry::Vacant(_) if is_full => return Err("too many are pending".to_owned()),
            Entry::Vacant(place) => {
                place.insert(transaction);
                self.len += 1;
            }
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Best fee first, each after its sender's earlier ones, and accounts that
    /// can pay for all of them. Nonces behind a gap cannot be used yet.
    pub(super) fn candidates(&self) -> (Vec<Transaction>, Vec<(Identity, Account)>) {
        let (mut transactions, mut accounts) = (Vec::new(), Vec::new());
        let mut heads: BinaryHeap<Reverse<(Rank, Identity, u64)>> = BinaryHeap::new();
        let mut usable: BTreeMap<Identity, Vec<&Transaction>> = BTreeMap::new();
        for (sender, queue) in &self.senders {
            let (run, balance) = payable(queue);
            let Some(first) = run.first() else { continue };
            accounts.push((*sender, Account { balance, nonce: first.nonce }));
            heads.push(Reverse((first.priority(), *sender, 0)));
            usable.insert(*sender, run);
        }
        while let Some(Reverse((_, sender, at))) = heads.pop() {
            let run = usable.get(&sender).map_or(&[][..], Vec::as_slice);
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            transactions.extend(run.get(at).map(|transaction| (*transaction).clone()));
            if let Some(next) = run.get(at + 1) {
                heads.push(Reverse((next.priority(), sender, at as u64 + 1)));
            }
        }
        (transactions, accounts)
    }
}

type Rank = (Reverse<u64>, TxHash);

/// A sender's transactions up to the first gap, and what they take together.
fn payable(queue: &BTreeMap<u64, Transaction>) -> (Vec<&Transaction>, u64) {
    let (mut run, mut total, mut next) = (Vec::new(), 0_u64, None);
    for transaction in queue.values() {
        let is_gap = next.is_some_and(|next| next != transaction.nonce);
        let cost = transaction.amount.checked_add(transaction.fee);
        let sum = cost.and_then(|cost| total.checked_add(cost)).filter(|sum| *sum <= MAX_NUMBER);
        let (false, Some(sum)) = (is_gap, sum) else { break };
        run.push(transaction);
        (total, next) = (sum, transaction.nonce.checked_add(1));
    }
    (run, total)
}

#[cfg(test)]
mod tests {
    use spacetime_sdk::protocol::network;

    use super::*;

    fn transaction(amount: u64, fee: u64, nonce: u64) -> Transaction {
        let key = network::development_key();
        let unsigned = Transaction {
            version: 1,
            sender: key.identity(),
            recipient: Identity::new([3; 33]),
            amount,
            nonce,
            fee,
            signature: None,
        };
        unsigned.sign(&key)
    }

    fn add(pool: &mut Pool, transaction: &Transaction) -> Result<(), String> {
        pool.add(&transaction.encode().unwrap())
    }

    /// D30: the reference puts both of two with one nonce into a block.
    #[test]
    fn d30_one_per_sender_and_nonce_and_none_behind_a_gap() {
        let mut pool = Pool::default();
        let [cheap, dear] = [transaction(5, 1, 7), transaction(6, 2, 7)];
        let [next, later] = [transaction(1, 9, 8), transaction(1, 9, 10)];
        for transaction in [&later, &cheap, &next, &dear, &cheap] {
            add(&mut pool, transaction).unwrap();
        }
        let (transactions, accounts) = pool.candidates();
        assert_eq!(transactions, [dear.clone(), next]);
        let account = Account { balance: 6 + 2 + 1 + 9, nonce: 7 };
        assert_eq!(accounts, [(dear.sender, account)]);
        pool.clear();
        assert!(pool.candidates().0.is_empty());
    }

    #[test]
    fn forged_and_malformed_ones_are_refused() {
        let mut pool = Pool::default();
        let good = transaction(5, 1, 0);
        let mut forged = good.encode().unwrap();
        forged[154] ^= 1;
        assert!(pool.add(&forged).unwrap_err().contains("not signed"));
        assert!(pool.add(&forged[..100]).is_err());
        assert!(pool.add(&[&good.encode().unwrap()[..], &[0]].concat()).is_err());
        assert!(pool.candidates().0.is_empty());
    }
}
