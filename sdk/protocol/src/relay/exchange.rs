//! Answering those who ask for peers, and telling peers of others unasked
//! (`wire.md` section 4).

use std::collections::BTreeMap;

use super::{AddressBook, MAX_PEERS, parse_exclusion};
use crate::wire::PeerAddress;

/// Between two answers to one peer, ms.
const ANSWER_EVERY_MS: u64 = 300_000;
/// Addresses in one answer at most.
const MAX_ADDRESSES: usize = 1000;
/// How often peers are told of others unasked, ms.
pub const GOSSIP_INTERVAL_MS: u64 = 600_000;
/// How many others they are told of at most.
pub const GOSSIP_ADDRESSES: usize = 20;

/// When each peer was last answered.
#[derive(Debug)]
pub struct PeerExchange<P> {
    answered: BTreeMap<P, u64>,
}

impl<P: Ord + Clone> PeerExchange<P> {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self { answered: BTreeMap::new() }
    }

    /// The answer to a GetPeers: the best addresses, or none at all if the
    /// last answer to the same peer is less than five minutes old.
    pub fn answer(
        &mut self,
        requester: &P,
        max: i32,
        exclude: &[String],
        book: &AddressBook,
        now_ms: u64,
    ) -> Vec<PeerAddress> {
        let is_recent = |at: &u64| now_ms.saturating_sub(*at) < ANSWER_EVERY_MS;
        if self.answered.get(requester).is_some_and(is_recent) {
            return Vec::new();
        }
        if self.answered.len() >= MAX_PEERS {
            self.answered.retain(|_, at| is_recent(at));
        }
        if self.answered.len() >= MAX_PEERS {
            return Vec::new();
        }
        self.answered.insert(requester.clone(), now_ms);
        let excluded = exclude.iter().filter_map(|text| parse_exclusion(text)).collect::<Vec<_>>();
        let count = usize::try_from(max).unwrap_or(0).min(MAX_ADDRESSES);
        book.best(count, &excluded)
    }
}

impl<P: Ord + Clone> Default for PeerExchange<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl AddressBook {
    /// What peers are told unasked.
    pub fn gossip(&self) -> Vec<PeerAddress> {
        self.best(GOSSIP_ADDRESSES, &[])
    }

    /// Takes what a peer told, asked or not; how many addresses were new.
    pub fn hear(&mut self, addresses: &[PeerAddress], peer: &str, now_ms: u64) -> usize {
        let source = format!("gossip:{peer}");
        let added = addresses.iter().filter(|address| self.add(**address, &source, now_ms).is_ok());
        added.count()
    }
}
