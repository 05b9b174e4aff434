//! How peers behaved (`wire.md` section 11).

use std::{cmp::Reverse, collections::BTreeMap};

use super::MAX_PEERS;

/// From when on a peer is not tried any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerRules {
    /// At this reputation and below.
    pub blacklist_at: i32,
    /// At so many failures in a row.
    pub max_failures: u32,
}

impl PeerRules {
    /// A reputation of -10, or 5 failures in a row.
    pub const DEFAULT: Self = Self { blacklist_at: -10, max_failures: 5 };
}

impl Default for PeerRules {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How a peer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// +1 for each success, -2 for each failure.
    pub reputation: i32,
    /// Failures in a row.
    pub failures: u32,
    /// Whether there is a connection with it.
    pub connected: bool,
}

impl Standing {
    /// Whether it is not to be tried.
    pub fn is_blacklisted(&self, rules: &PeerRules) -> bool {
        self.reputation <= rules.blacklist_at || self.failures >= rules.max_failures
    }
}

/// The peers that are known.
#[derive(Debug)]
pub struct Peers<P> {
    rules: PeerRules,
    /// Each with its number, in the order in which they became known.
    standings: BTreeMap<P, (u64, Standing)>,
    next: u64,
}

impl<P: Ord + Clone> Peers<P> {
    /// None is known.
    pub fn new(rules: PeerRules) -> Self {
        Self { rules, standings: BTreeMap::new(), next: 0 }
    }

    /// Makes a peer known. When too many are, the unconnected one with the
    /// lowest reputation is forgotten, of these the one known longest; if all
    /// are connected, the new one stays unknown.
    pub fn add(&mut self, peer: P) {
        if self.standings.contains_key(&peer) || !self.make_room() {
            return;
        }
        self.standings.insert(peer, (self.next, Standing::default()));
        self.next += 1;
    }

    /// Forgets a peer.
    pub fn remove(&mut self, peer: &P) {
        self.standings.remove(peer);
    }

    /// A peer did well: its failures are forgiven.
    pub fn success(&mut self, peer: &P) {
        self.change(peer, |standing| {
            standing.reputation = standing.reputation.saturating_add(1);
            standing.failures = 0;
        });
    }

    /// A peer failed.
    pub fn failure(&mut self, peer: &P) {
        self.change(peer, |standing| {
            standing.reputation = standing.reputation.saturating_sub(2);
            standing.failures = standing.failures.saturating_add(1);
        });
    }

    /// There is a connection with a peer.
    pub fn connected(&mut self, peer: &P) {
        self.change(peer, |standing| {
            standing.connected = true;
            standing.failures = 0;
        });
    }

    /// There is none any more.
    pub fn disconnected(&mut self, peer: &P) {
        self.change(peer, |standing| standing.connected = false);
    }

    /// How a peer stands; `None`: it is not known.
    pub fn standing(&self, peer: &P) -> Option<Standing> {
        self.standings.get(peer).map(|(_, standing)| *standing)
    }

    /// Whether a peer is not to be tried.
    pub fn is_blacklisted(&self, peer: &P) -> bool {
        self.standing(peer).is_some_and(|standing| standing.is_blacklisted(&self.rules))
    }

    /// Up to `count` peers to try: unconnected, not blacklisted, the highest
    /// reputation first, of equals the one known longer.
    pub fn best(&self, count: usize) -> Vec<P> {
        let free = self.standings.iter().filter(|(_, (_, standing))| {
            !standing.connected && !standing.is_blacklisted(&self.rules)
        });
        let mut free = free.collect::<Vec<_>>();
        free.sort_by_key(|(_, (number, standing))| (Reverse(standing.reputation), *number));
        free.into_iter().take(count).map(|(peer, _)| peer.clone()).collect()
    }

    fn change(&mut self, peer: &P, change: impl FnOnce(&mut Standing)) {
        if let Some((_, standing)) = self.standings.get_mut(peer) {
            change(standing);
        }
    }

    fn make_room(&mut self) -> bool {
        if self.standings.len() < MAX_PEERS {
            return true;
        }
        let free = self.standings.iter().filter(|(_, (_, standing))| !standing.connected);
        let worst = free.min_by_key(|(_, (number, standing))| (standing.reputation, *number));
        let Some(worst) = worst.map(|(peer, _)| peer.clone()) else { return false };
        self.standings.remove(&worst);
        true
    }
}
