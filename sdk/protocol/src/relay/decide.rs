//! Whether a message goes on to the other peers (`wire.md` section 11).

use thiserror::Error;

use super::{
    rate::{RateLimiter, TokenRules},
    seen::{SeenKey, SeenRules, SeenTracker},
};
use crate::wire::{Kind, MAX_FRAME, Message, PayloadError};

/// Whether a node passes such messages on: blocks, transactions, proofs, and
/// what was accepted.
pub fn is_relayed(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Block
            | Kind::NewBlock
            | Kind::Transaction
            | Kind::ProofSubmission
            | Kind::BlockAccepted
    )
}

/// Why a message does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Dropped {
    /// It is not what its type says.
    #[error("malformed: {0}")]
    Malformed(PayloadError),
    /// No frame holds it.
    #[error("a payload of {0} bytes is longer than {MAX_FRAME}")]
    TooLong(usize),
    /// It came before.
    #[error("it was seen already")]
    Duplicate,
    /// Such messages concern only those who exchange them.
    #[error("messages of this type are not relayed")]
    NotRelayed,
    /// Its source sends too many; that counts as a failure of the peer.
    #[error("its source sends too many")]
    RateLimited,
}

/// The decisions, and what they rest on.
#[derive(Debug)]
pub struct Relay<P> {
    limiter: RateLimiter<P>,
    seen: SeenTracker,
    duplicates: u64,
    dropped: u64,
}

impl<P: Ord + Clone> Relay<P> {
    /// A relay that has seen nothing.
    pub fn new(tokens: TokenRules, seen: SeenRules, now_ms: u64) -> Self {
        Self {
            limiter: RateLimiter::new(tokens),
            seen: SeenTracker::new(seen, now_ms),
            duplicates: 0,
            dropped: 0,
        }
    }

    /// Whether a message would be relayed, its source aside; marks nothing.
    ///
    /// # Errors
    /// Why not.
    pub fn should_relay(
        &mut self,
        kind: Kind,
        payload: &[u8],
        now_ms: u64,
    ) -> Result<SeenKey, Dropped> {
        let decision = self.judge(kind, payload, now_ms);
        self.count(decision)
    }

    /// Whether a message goes on to every peer but its source. If so, it is
    /// marked as seen and takes a token of its source.
    ///
    /// # Errors
    /// Why it does not.
    pub fn relay(
        &mut self,
        source: &P,
        kind: Kind,
        payload: &[u8],
        now_ms: u64,
    ) -> Result<(), Dropped> {
        let decision = self.judge(kind, payload, now_ms).and_then(|key| {
            let may = self.limiter.consume(source, 1, now_ms);
            may.then_some(key).ok_or(Dropped::RateLimited)
        });
        let key = self.count(decision)?;
        self.seen.mark(key, now_ms);
        Ok(())
    }

    /// Marks a message of our own as seen, so that it does not come back; it
    /// may be of any type and be sent again.
    ///
    /// # Errors
    /// It is malformed, so nobody would take it.
    pub fn broadcast(&mut self, kind: Kind, payload: &[u8], now_ms: u64) -> Result<(), Dropped> {
        let decision = check_structure(kind, payload);
        self.count(decision)?;
        self.seen.mark(SeenKey::of(kind, payload), now_ms);
        Ok(())
    }

    /// Forgets a source that is gone.
    pub fn remove(&mut self, source: &P) {
        self.limiter.remove(source);
    }

    /// Messages that came again.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Messages that were malformed or too many.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The checks that need no source, in the reference's order.
    fn judge(&self, kind: Kind, payload: &[u8], now_ms: u64) -> Result<SeenKey, Dropped> {
        check_structure(kind, payload)?;
        let key = SeenKey::of(kind, payload);
        if self.seen.has(&key, now_ms) {
            return Err(Dropped::Duplicate);
        }
        if is_relayed(kind) { Ok(key) } else { Err(Dropped::NotRelayed) }
    }

    fn count<T>(&mut self, decision: Result<T, Dropped>) -> Result<T, Dropped> {
        match &decision {
            Err(Dropped::Duplicate) => self.duplicates += 1,
            Ok(_) | Err(Dropped::NotRelayed) => {}
            Err(Dropped::Malformed(_) | Dropped::TooLong(_) | Dropped::RateLimited) => {
                self.dropped += 1;
            }
        }
        decision
    }
}

fn check_structure(kind: Kind, payload: &[u8]) -> Result<(), Dropped> {
    if payload.len() > MAX_FRAME {
        return Err(Dropped::TooLong(payload.len()));
    }
    Message::decode(kind, payload).map(drop).map_err(Dropped::Malformed)
}
