//! Transactions and proofs of a peer, and how much of what nobody asked for it
//! may send.

use spacetime_protocol::Identity;
use spacetime_protocol::proof::BlockProof;
use spacetime_protocol::relay::SeenKey;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::validity::{TransactionError, TransactionErrorKind};
use spacetime_protocol::wire::{Kind, Message};

use super::Peer;
use crate::Refusal;
use crate::net::proof::{self, Worth};
use crate::net::{Event, Lost};

impl Peer {
    /// Whether one more message that nobody asked for is looked at. Dialled
    /// peers are the operator's choice: a miner shall not leave its only node
    /// because that has much to tell.
    pub(super) fn is_within_limit(&mut self) -> Result<bool, Lost> {
        let is_exempt = self.member.dialled || self.is_forgiven();
        if is_exempt || self.standing.may_send(self.hub.clock().steady_ms()) {
            return Ok(true);
        }
        if self.standing.floods() {
            self.ban();
            return Err(Lost::Misbehaved("it sends far more than it may".to_owned()));
        }
        Ok(false)
    }

    /// It sent something that is wrong.
    fn fault(&mut self, what: &str) -> Result<(), Lost> {
        tracing::debug!(peer = %self.member.address, what, "a fault");
        if self.standing.fault() && !self.is_forgiven() {
            self.ban();
            return Err(Lost::Misbehaved(format!("it sends what is wrong, at last: {what}")));
        }
        Ok(())
    }

    /// A transaction; what enters the pool is passed on from there.
    pub(super) async fn transaction(&mut self, bytes: Vec<u8>) -> Result<(), Lost> {
        let key = SeenKey::of(Kind::Transaction, &bytes);
        if self.hub.has_seen(&key) {
            return Ok(());
        }
        if self.pool_credit > 0 {
            self.pool_credit -= 1;
        } else if !self.is_within_limit()? {
            return Ok(());
        }
        let transaction = match Transaction::decode(&bytes) {
            Ok(transaction) => transaction,
            Err(error) => {
                self.hub.mark_seen(key);
                return self.fault(&format!("a transaction that is none: {error}"));
            }
        };
        let (hash, peer) = (transaction.hash(), self.member.id);
        let hub = self.hub.clone();
        let taken = tokio::task::spawn_blocking(move || hub.submit_transaction(transaction, peer));
        match taken.await {
            Ok(Ok(Ok(hash))) => {
                self.standing.credit();
                self.hub.mark_seen(key);
                self.hub.emit(Event::TransactionTaken { peer, hash }).await;
            }
            Ok(Ok(Err(refusal))) => {
                tracing::debug!(peer = %self.member.address, %hash, %refusal, "a transaction is refused");
                let is_wrong = is_wrong(&refusal);
                if is_wrong || refusal == Refusal::Duplicate {
                    self.hub.mark_seen(key);
                }
                if is_wrong {
                    return self.fault(&format!("transaction {hash}: {refusal}"));
                }
            }
            Ok(Err(error)) => tracing::error!(%error, "a transaction cannot be looked at"),
            Err(error) => tracing::error!(%error, "a transaction was not looked at"),
        }
        Ok(())
    }

    /// A proof for the height that is mined on.
    pub(super) async fn proof(
        &mut self,
        height: u64,
        miner: Identity,
        bytes: Vec<u8>,
    ) -> Result<(), Lost> {
        let message = Message::ProofSubmission { height, miner, proof: bytes };
        let payload = message.encode().unwrap_or_default();
        let Message::ProofSubmission { proof: bytes, .. } = &message else { return Ok(()) };
        let key = SeenKey::of(Kind::ProofSubmission, &payload);
        if self.hub.has_seen(&key) || !self.is_within_limit()? {
            return Ok(());
        }
        let proof = match BlockProof::decode(bytes) {
            Ok((proof, _)) => proof,
            Err(error) => {
                self.hub.mark_seen(key);
                return self.fault(&format!("a proof that is none: {error}"));
            }
        };
        let (service, now_ms) = (self.hub.service().clone(), self.hub.clock().now_ms());
        let worth = tokio::task::spawn_blocking(move || {
            proof::worth(&service, height, &miner, &proof, now_ms)
        });
        match worth.await {
            Ok(Ok(Worth::Wins)) => {
                self.standing.credit();
                if self.hub.mark_seen(key) && self.hub.options().relays {
                    self.hub.relay(&message, Some(self.member.id));
                }
                Ok(())
            }
            // It may be for a tip that we have left, or not reached yet.
            Ok(Ok(Worth::Nothing)) => Ok(()),
            Ok(Ok(Worth::Invalid(reason))) => {
                self.hub.mark_seen(key);
                self.fault(&format!("a proof for height {height}: {reason}"))
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "a proof cannot be looked at");
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "a proof was not looked at");
                Ok(())
            }
        }
    }
}

/// Whether no honest peer can have passed it on: malformed, or not signed by
/// its sender. Nonces, balances and fees depend on where a chain stands.
fn is_wrong(refusal: &Refusal) -> bool {
    use TransactionErrorKind::{BasicValidationFailed, InvalidSignature, UnsupportedVersion};
    matches!(
        refusal,
        Refusal::Rule(TransactionError {
            kind: BasicValidationFailed | InvalidSignature | UnsupportedVersion,
            ..
        })
    )
}
