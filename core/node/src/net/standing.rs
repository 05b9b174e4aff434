//! How one peer behaves: what it may send, and when it has sent too much that
//! is wrong.

/// Unasked messages that may come at once.
const BURST: u64 = 100;
/// More of them per whole second.
const PER_SECOND: u64 = 10;
/// Messages over the limit, in a row, that end the connection.
const FLOOD: u32 = 500;
/// Faults in a row that end it.
const FAULTS: u32 = 5;

/// How one peer behaves.
#[derive(Debug)]
pub(super) struct Standing {
    tokens: u64,
    filled_ms: u64,
    dropped: u32,
    faults: u32,
}

impl Standing {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { tokens: BURST, filled_ms: now_ms, dropped: 0, faults: 0 }
    }

    /// Whether one more unasked message is looked at (`wire.md` section 11).
    pub(super) fn may_send(&mut self, now_ms: u64) -> bool {
        let seconds = now_ms.saturating_sub(self.filled_ms) / 1000;
        if seconds > 0 {
            self.tokens = self.tokens.saturating_add(seconds.saturating_mul(PER_SECOND)).min(BURST);
            self.filled_ms = now_ms;
        }
        if self.tokens == 0 {
            self.dropped = self.dropped.saturating_add(1);
            return false;
        }
        self.tokens -= 1;
        self.dropped = 0;
        true
    }

    /// Whether it goes on sending far beyond its limit.
    pub(super) fn floods(&self) -> bool {
        self.dropped >= FLOOD
    }

    /// It sent something that was right.
    pub(super) fn credit(&mut self) {
        self.faults = 0;
    }

    /// It sent something that was wrong; whether that was once too often.
    pub(super) fn fault(&mut self) -> bool {
        self.faults = self.faults.saturating_add(1);
        self.faults >= FAULTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_by_whole_seconds() {
        let mut standing = Standing::new(0);
        let mut taken = |now_ms| (0..200).filter(|_| standing.may_send(now_ms)).count();
        assert_eq!([taken(0), taken(999), taken(1000), taken(2999)], [100, 0, 10, 10]);
        assert_eq!(taken(100_000), 100);
    }

    #[test]
    fn floods_and_faults_in_a_row_end_it() {
        let mut standing = Standing::new(0);
        for _ in 0..BURST + u64::from(FLOOD) - 1 {
            standing.may_send(0);
        }
        assert!(!standing.floods());
        standing.may_send(0);
        assert!(standing.floods());
        let mut fault = || standing.fault();
        assert_eq!([fault(), fault(), fault(), fault()], [false; 4]);
        assert!(fault());
        standing.credit();
        assert!(!standing.fault());
    }
}
