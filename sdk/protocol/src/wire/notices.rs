//! A peer's notices (`wire.md` section 7): only the newest matters, and a
//! flood of them is looked at now and then.

use crate::BlockHash;

/// Notices that are looked at at once.
const AT_ONCE: u64 = 8;
/// After those, one is looked at so often, ms.
const EVERY_MS: u64 = 500;
/// A peer whose notice had to wait counts as flooding for so long, ms.
const FLOOD_MS: u64 = 10_000;

/// A block that a peer says it has accepted, and its height.
pub type Notice = (BlockHash, u64);

/// The newest of a peer's notices, and when it may be looked at.
///
/// Without a clock: `now_ms` is Unix ms, as everywhere here. A clock that is
/// set back delays nothing by more than the flood's own pauses.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    newest: Option<Notice>,
    /// Whether that may be looked at, whatever comes after it.
    is_ready: bool,
    /// When as many as ever may be looked at again, Unix ms.
    free_ms: u64,
    /// When the last one came that had to wait, Unix ms.
    waited_ms: Option<u64>,
}

impl Notices {
    /// Takes a notice, which counts even if it is never looked at; the one before
    /// it is forgotten.
    pub fn hear(&mut self, notice: Notice, now_ms: u64) {
        self.free_ms = self.free_ms.min(now_ms + AT_ONCE * EVERY_MS);
        self.newest = Some(notice);
        match self.has_room(now_ms) {
            true => self.is_ready = true,
            false => self.waited_ms = Some(now_ms),
        }
    }

    /// The newest one, once, if it may be looked at now.
    pub fn take(&mut self, now_ms: u64) -> Option<Notice> {
        self.newest?;
        let may = std::mem::take(&mut self.is_ready) || self.has_room(now_ms);
        self.newest.take_if(|_| may)
    }

    /// When [`Notices::take`] has something, Unix ms, 0: at once; `None`: nothing
    /// waits.
    pub fn due_ms(&self) -> Option<u64> {
        self.newest.map(|_| if self.is_ready { 0 } else { self.opens_ms() })
    }

    /// Whether there were lately more than are looked at.
    pub fn floods(&self, now_ms: u64) -> bool {
        self.waited_ms.is_some_and(|waited_ms| now_ms.abs_diff(waited_ms) < FLOOD_MS)
    }

    /// A notice that was looked at brought something: it counts no more, so that
    /// a chain that grows fast is not kept waiting.
    pub fn credit(&mut self) {
        self.free_ms = self.free_ms.saturating_sub(EVERY_MS);
    }

    /// Forgets what waits, and not how much there was.
    pub fn forget(&mut self) {
        (self.newest, self.is_ready) = (None, false);
    }

    /// Whether one more may be looked at; if so, it counts.
    fn has_room(&mut self, now_ms: u64) -> bool {
        let has_room = self.opens_ms() <= now_ms;
        if has_room {
            self.free_ms = self.free_ms.max(now_ms) + EVERY_MS;
        }
        has_room
    }

    /// When there is room for one, Unix ms.
    fn opens_ms(&self) -> u64 {
        self.free_ms.saturating_sub((AT_ONCE - 1) * EVERY_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(number: u64) -> Notice {
        (BlockHash::ZERO, number)
    }

    /// How many of so many notices, each so long after the other, are looked at.
    fn looked_at(notices: &mut Notices, count: u64, every_ms: u64, from_ms: u64) -> u64 {
        let look = |number: &u64| {
            let now_ms = from_ms + number * every_ms;
            notices.hear(notice(*number), now_ms);
            notices.take(now_ms).is_some()
        };
        (0..count).filter(look).count() as u64
    }

    #[test]
    fn of_a_flood_a_few_are_looked_at_and_the_newest_in_the_end() {
        let mut notices = Notices::default();
        assert_eq!(looked_at(&mut notices, 100_000, 0, 1_000), AT_ONCE);
        assert!(notices.floods(1_000) && notices.floods(10_999) && !notices.floods(11_000));
        assert_eq!(notices.take(1_000), None);
        let due_ms = notices.due_ms().unwrap();
        assert_eq!(due_ms, 1_000 + EVERY_MS);
        assert_eq!(notices.take(due_ms), Some(notice(99_999)));
        assert_eq!((notices.due_ms(), notices.take(u64::MAX / 2)), (None, None));
        // One that never ends.
        assert_eq!(looked_at(&mut notices, 100_000, 1, 20_000), AT_ONCE + 199);
        // Nor does it if nobody looks.
        for number in 0..100_000 {
            notices.hear(notice(number), 1_000_000 + number);
            assert!(number < 100 || notices.floods(1_000_000 + number));
        }
        assert_eq!(notices.take(1_099_999), Some(notice(99_999)));
        assert_eq!(notices.take(2_000_000), None);
    }

    #[test]
    fn a_chain_that_grows_is_never_kept_waiting() {
        let mut notices = Notices::default();
        assert_eq!(looked_at(&mut notices, 1_000, EVERY_MS, 1_000), 1_000);
        assert!(!notices.floods(1_000 + 999 * EVERY_MS));
        // However fast, as long as there is something behind it.
        for number in 0..1_000 {
            notices.hear(notice(number), 2_000_000);
            assert_eq!(notices.take(2_000_000), Some(notice(number)));
            notices.credit();
        }
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting_for_long() {
        let mut notices = Notices::default();
        looked_at(&mut notices, 100, 0, 10_000_000);
        notices.hear(notice(7), 1_000);
        assert!(notices.due_ms() <= Some(1_000 + EVERY_MS), "{notices:?}");
        assert!(notices.floods(1_000) && !notices.floods(1_000 + FLOOD_MS), "{notices:?}");
    }
}
