//! Transactions of peers that came ahead of their turn: their sender's earlier
//! ones are not pending yet, or too many of them are. They wait here, outside
//! the pool, until their nonce is the next one. Peers may answer a question for
//! their pool in any order, and the pool's own order (`consensus.md` section 9)
//! goes by fee.

use std::collections::{BTreeMap, HashMap};

use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::{Identity, TxHash};

use super::{Hub, PeerId};
use crate::Refusal;
use crate::store::StoreError;

/// Transactions that wait at most, and those of one sender.
const MAX_WAITING: usize = 1000;
const MAX_OF_SENDER: usize = 64;

/// What waits for its turn.
#[derive(Default)]
pub(super) struct Ahead {
    senders: HashMap<Identity, BTreeMap<u64, Waiting>>,
    waiting: usize,
}

struct Waiting {
    transaction: Transaction,
    source: PeerId,
}

impl Ahead {
    /// Keeps a transaction whose form and signature are right, if there is
    /// room, or it comes before another one of its sender or pays more than
    /// the one with its nonce.
    fn put(&mut self, transaction: Transaction, source: PeerId) {
        let queue = self.senders.entry(transaction.sender).or_default();
        let nonce = transaction.nonce;
        let is_better = queue.get(&nonce).is_none_or(|w| w.transaction.fee < transaction.fee);
        if is_better && queue.insert(nonce, Waiting { transaction, source }).is_none() {
            self.waiting += 1;
            if queue.len() > MAX_OF_SENDER || self.waiting > MAX_WAITING {
                queue.pop_last();
                self.waiting -= 1;
            }
        }
        self.senders.retain(|_, queue| !queue.is_empty());
    }

    /// The one with this nonce; those before it are of no use any more.
    fn take(&mut self, sender: &Identity, nonce: u64) -> Option<Waiting> {
        let queue = self.senders.get_mut(sender)?;
        let before = queue.len();
        *queue = queue.split_off(&nonce);
        let next = queue.remove(&nonce);
        self.waiting -= before - queue.len();
        if queue.is_empty() {
            self.senders.remove(sender);
        }
        next
    }
}

impl Hub {
    /// Submits a peer's transaction; one that is ahead of its turn is refused,
    /// and waits if its sender could pay for it. Takes time: reads the store.
    pub(super) fn submit_transaction(
        &self,
        transaction: Transaction,
        source: PeerId,
    ) -> Result<Result<TxHash, Refusal>, StoreError> {
        let hash = transaction.hash();
        self.set_source(hash, source);
        let taken = self.service().submit_transaction(transaction.clone())?;
        if let Err(refusal) = &taken {
            self.take_source(&hash);
            let balance = self.service().account(&transaction.sender)?.balance;
            let cost = transaction.amount.saturating_add(transaction.fee);
            if is_ahead(refusal) && cost <= balance {
                self.ahead().put(transaction, source);
                // Its turn may have come since it was refused.
                self.turns().notify_one();
            }
        }
        Ok(taken)
    }

    /// Submits those whose turn has come.
    fn submit_in_turn(&self) -> Result<(), StoreError> {
        let senders: Vec<Identity> = self.ahead().senders.keys().copied().collect();
        for sender in senders {
            while self.submit_next(&sender)? {}
        }
        Ok(())
    }

    /// Whether the sender's next transaction was here, and went into the pool.
    fn submit_next(&self, sender: &Identity) -> Result<bool, StoreError> {
        let nonce = self.service().next_nonce(sender)?;
        let next = self.ahead().take(sender, nonce);
        let Some(Waiting { transaction, source }) = next else { return Ok(false) };
        Ok(self.submit_transaction(transaction, source)?.is_ok())
    }
}

/// Whether the refusal is a matter of waiting.
fn is_ahead(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Nonce { found, next } => found > next,
        Refusal::TooManyOfSender => true,
        _ => false,
    }
}

/// Looks after every change of the pool or the tip whose turn it is.
pub(super) async fn run(hub: Hub) {
    let mut changes = hub.service().subscribe();
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = hub.turns().notified() => {}
        }
        if hub.ahead().senders.is_empty() {
            continue;
        }
        let at_work = hub.clone();
        match tokio::task::spawn_blocking(move || at_work.submit_in_turn()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "waiting transactions cannot be looked at"),
            Err(error) => tracing::error!(%error, "waiting transactions were not looked at"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(sender: u8, nonce: u64, fee: u64) -> Transaction {
        Transaction {
            version: 1,
            sender: Identity::new([sender; 33]),
            recipient: Identity::new([9; 33]),
            amount: 1,
            nonce,
            fee,
            signature: None,
        }
    }

    fn source() -> PeerId {
        PeerId::new(1)
    }

    fn nonces(ahead: &Ahead) -> Vec<u64> {
        ahead.senders.values().flat_map(|queue| queue.keys().copied()).collect()
    }

    #[test]
    fn a_turn_takes_what_is_next_and_drops_what_is_past() {
        let mut ahead = Ahead::default();
        for nonce in [5, 3, 4, 7] {
            ahead.put(transaction(1, nonce, 1), source());
        }
        assert_eq!(ahead.take(&transaction(1, 0, 0).sender, 4).unwrap().transaction.nonce, 4);
        assert_eq!(nonces(&ahead), [5, 7]);
        assert!(ahead.take(&transaction(1, 0, 0).sender, 6).is_none());
        assert_eq!((nonces(&ahead), ahead.waiting), (vec![7], 1));
    }

    #[test]
    fn of_two_with_one_nonce_the_one_that_pays_more_waits() {
        let mut ahead = Ahead::default();
        for fee in [5, 9, 2] {
            ahead.put(transaction(1, 3, fee), source());
        }
        let next = ahead.take(&transaction(1, 0, 0).sender, 3).unwrap();
        assert_eq!((next.transaction.fee, ahead.waiting), (9, 0));
    }

    #[test]
    fn there_are_bounds_and_what_comes_last_goes_first() {
        let mut ahead = Ahead::default();
        for nonce in (1..=200).rev() {
            ahead.put(transaction(1, nonce, 1), source());
        }
        assert_eq!(nonces(&ahead), (1..=64).collect::<Vec<_>>());
        for sender in 2..=200 {
            for nonce in 1..=20 {
                ahead.put(transaction(sender, nonce, 1), source());
            }
        }
        assert_eq!((nonces(&ahead).len(), ahead.waiting), (MAX_WAITING, MAX_WAITING));
    }
}
