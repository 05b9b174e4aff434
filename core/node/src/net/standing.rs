//! How one peer behaves: what it may send, and when it has sent too much that
//! is wrong. The rules are `relay`'s; what follows from them is ours.

use spacetime_protocol::relay::{PeerRules, Peers, RateLimiter, TokenRules};

/// Messages over the limit within [`FLOOD_MS`] that end the connection: as many
/// as an honest peer's whole pool, which comes back out of replaced blocks at
/// once.
const FLOOD: u32 = 10_000;
/// How long a message over the limit counts, ms.
const FLOOD_MS: u64 = 60_000;

/// How one peer behaves.
#[derive(Debug)]
pub(super) struct Standing {
    tokens: RateLimiter<()>,
    reputation: Peers<()>,
    /// Messages over the limit since then, Unix ms.
    dropped: u32,
    since_ms: u64,
}

impl Standing {
    pub(super) fn new() -> Self {
        let mut reputation = Peers::new(PeerRules::DEFAULT);
        reputation.add(());
        reputation.connected(&());
        Self { tokens: RateLimiter::new(TokenRules::DEFAULT), reputation, dropped: 0, since_ms: 0 }
    }

    /// Whether one more unasked message is looked at (`wire.md` section 11).
    pub(super) fn may_send(&mut self, now_ms: u64) -> bool {
        let may = self.tokens.consume(&(), 1, now_ms);
        if now_ms.saturating_sub(self.since_ms) >= FLOOD_MS {
            (self.dropped, self.since_ms) = (0, now_ms);
        }
        self.dropped = self.dropped.saturating_add(u32::from(!may));
        may
    }

    /// Whether it goes on sending far beyond its limit.
    pub(super) fn floods(&self) -> bool {
        self.dropped >= FLOOD
    }

    /// It sent something that was right.
    pub(super) fn credit(&mut self) {
        self.reputation.success(&());
    }

    /// It sent something that was wrong; whether that was once too often.
    pub(super) fn fault(&mut self) -> bool {
        self.reputation.failure(&());
        self.reputation.is_blacklisted(&())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_by_whole_seconds() {
        let mut standing = Standing::new();
        let mut taken = |now_ms| (0..200).filter(|_| standing.may_send(now_ms)).count();
        assert_eq!([taken(0), taken(999), taken(1000), taken(2999)], [100, 0, 10, 10]);
        assert_eq!(taken(100_000), 100);
    }

    #[test]
    fn floods_and_faults_in_a_row_end_it() {
        let mut standing = Standing::new();
        for _ in 0..TokenRules::DEFAULT.capacity + FLOOD - 1 {
            standing.may_send(0);
        }
        assert!(!standing.floods());
        standing.may_send(FLOOD_MS - 1);
        standing.may_send(FLOOD_MS - 1);
        assert!(!standing.floods(), "there were new tokens");
        for _ in 0..TokenRules::DEFAULT.capacity {
            standing.may_send(FLOOD_MS - 1);
        }
        assert!(standing.floods());
        standing.may_send(FLOOD_MS);
        assert!(!standing.floods(), "it is over");
        let faults = |standing: &mut Standing| [(); 5].map(|()| standing.fault());
        assert_eq!(faults(&mut standing), [false, false, false, false, true]);
        let mut standing = Standing::new();
        for _ in 0..8 {
            assert!(!standing.fault());
            standing.credit();
        }
        assert!(standing.fault(), "more often wrong than right");
    }
}
