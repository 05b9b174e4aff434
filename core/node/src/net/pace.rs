//! How fast relays go out (`wire.md` section 11): what finds no room in this
//! second waits for the next one. What is told of the chain itself counts, and
//! never waits: a tip that comes late is of no use. Answers and our own blocks
//! are not relays.

use spacetime_protocol::relay::{Bandwidth, BandwidthLimits, Priority};

use super::PeerId;

/// What comes before a frame's payload, bytes.
pub(super) const BEFORE_PAYLOAD: usize = 5;

/// How fast relays go out.
#[derive(Debug)]
pub(super) struct Pace {
    bandwidth: Bandwidth<PeerId>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { bandwidth: Bandwidth::new(BandwidthLimits::DEFAULT) }
    }

    /// Whether a frame may go to a peer now; if so, it counts.
    pub(super) fn may_send(
        &mut self,
        peer: PeerId,
        priority: Priority,
        frame: usize,
        now_ms: u64,
    ) -> bool {
        let payload = u64::try_from(frame.saturating_sub(BEFORE_PAYLOAD)).unwrap_or(u64::MAX);
        let may = priority <= Priority::High || self.bandwidth.can_send(&peer, payload, now_ms);
        if may {
            self.bandwidth.record_sent(&peer, payload, now_ms);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = (1 << 20) / 8 + BEFORE_PAYLOAD;

    #[test]
    fn a_peer_gets_a_mebibyte_a_second_and_all_of_them_ten_and_the_chain_goes_first() {
        let mut pace = Pace::new();
        let peer = PeerId::new;
        let mut sent = |number, priority, now_ms| {
            let may = |pace: &mut Pace| pace.may_send(peer(number), priority, FRAME, now_ms);
            (0..100).take_while(|_| may(&mut pace)).count()
        };
        assert_eq!(sent(1, Priority::Low, 5_000), 8);
        assert_eq!(sent(1, Priority::Normal, 5_999), 0);
        let all: usize = (2..50).map(|number| sent(number, Priority::Low, 5_999)).sum();
        assert_eq!(all, 72);
        assert_eq!(sent(1, Priority::High, 5_999), 100, "blocks and notices never wait");
        assert_eq!(sent(50, Priority::Low, 6_000), 8, "another second");
        assert_eq!(sent(1, Priority::High, 6_000), 100);
        assert_eq!(sent(2, Priority::Low, 6_999), 0, "they count");
    }
}
