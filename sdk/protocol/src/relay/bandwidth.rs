//! How much may be sent within one second of the wall clock
//! (`wire.md` section 11).

use std::collections::BTreeMap;

/// Payload bytes per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandwidthLimits {
    /// To one peer.
    pub per_peer: u64,
    /// To all of them.
    pub total: u64,
}

impl BandwidthLimits {
    /// 1 MiB to a peer, 10 MiB to all.
    pub const DEFAULT: Self = Self { per_peer: 1 << 20, total: 10 << 20 };
}

impl Default for BandwidthLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What was sent within the running second. A message that finds no room may
/// be dropped, which is what the reference does, or wait for the next second;
/// one larger than a second's room never finds any, so own blocks and answers
/// must not be asked about here.
#[derive(Debug)]
pub struct Bandwidth<P> {
    limits: BandwidthLimits,
    second: u64,
    total: u64,
    /// Of those who were sent something in this second.
    peers: BTreeMap<P, u64>,
    sent: u64,
}

impl<P: Ord + Clone> Bandwidth<P> {
    /// Nothing was sent yet.
    pub fn new(limits: BandwidthLimits) -> Self {
        Self { limits, second: 0, total: 0, peers: BTreeMap::new(), sent: 0 }
    }

    /// Whether a peer may be sent so many bytes now.
    pub fn can_send(&mut self, peer: &P, bytes: u64, now_ms: u64) -> bool {
        self.turn(now_ms);
        let fits = |sent: u64, limit: u64| sent.saturating_add(bytes) <= limit;
        fits(self.to_peer(peer), self.limits.per_peer) && fits(self.total, self.limits.total)
    }

    /// Counts what a peer was sent.
    pub fn record_sent(&mut self, peer: &P, bytes: u64, now_ms: u64) {
        self.turn(now_ms);
        let to_peer = self.to_peer(peer).saturating_add(bytes);
        self.peers.insert(peer.clone(), to_peer);
        self.total = self.total.saturating_add(bytes);
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Bytes sent to all within the second of the last call.
    pub fn total_this_second(&self) -> u64 {
        self.total
    }

    /// Bytes sent to a peer within the second of the last call.
    pub fn to_peer(&self, peer: &P) -> u64 {
        self.peers.get(peer).copied().unwrap_or(0)
    }

    /// Bytes sent to all, ever.
    pub fn total_sent(&self) -> u64 {
        self.sent
    }

    /// Forgets a peer; what it was sent still counts for all.
    pub fn remove(&mut self, peer: &P) {
        self.peers.remove(peer);
    }

    fn turn(&mut self, now_ms: u64) {
        let second = now_ms / 1000;
        if self.second != second {
            self.second = second;
            self.total = 0;
            self.peers.clear();
        }
    }
}
