//! What was seen lately, so that nothing is looked at or passed on twice
//! (`wire.md` section 11).

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};
use spacetime_protocol::wire::Kind;

/// How long something counts as seen, ms.
const MEMORY_MS: u64 = 5 * 60_000;
/// What is remembered at most.
const CAPACITY: usize = 100_000;

/// What was seen lately.
#[derive(Debug, Default)]
pub(super) struct Seen {
    until_ms: HashMap<Key, u64>,
    order: VecDeque<(Key, u64)>,
}

/// A message: its type and the hash of its payload.
pub(super) type Key = (u8, [u8; 32]);

/// The key of a message.
pub(super) fn key(kind: Kind, payload: &[u8]) -> Key {
    (kind as u8, Sha256::digest(payload).into())
}

impl Seen {
    pub(super) fn contains(&self, key: &Key, now_ms: u64) -> bool {
        self.until_ms.get(key).is_some_and(|until| *until > now_ms)
    }

    /// Marks it; whether it is new.
    pub(super) fn mark(&mut self, key: Key, now_ms: u64) -> bool {
        if self.contains(&key, now_ms) {
            return false;
        }
        let until = now_ms.saturating_add(MEMORY_MS);
        self.until_ms.insert(key, until);
        self.order.push_back((key, until));
        while let Some((oldest, end)) = self.order.front().copied()
            && (end <= now_ms || self.order.len() > CAPACITY)
        {
            self.order.pop_front();
            // It may have been marked again since.
            if self.until_ms.get(&oldest) == Some(&end) {
                self.until_ms.remove(&oldest);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seen_for_five_minutes_and_within_bounds() {
        let mut seen = Seen::default();
        let a = key(Kind::Block, b"a");
        assert!(seen.mark(a, 0));
        assert!(!seen.mark(a, MEMORY_MS - 1));
        assert!(seen.mark(a, MEMORY_MS), "forgotten by then");
        assert_ne!(a, key(Kind::NewBlock, b"a"));
        for number in 0..CAPACITY {
            assert!(seen.mark(key(Kind::Block, &number.to_le_bytes()), MEMORY_MS));
        }
        assert_eq!((seen.until_ms.len(), seen.order.len()), (CAPACITY, CAPACITY));
        assert!(!seen.contains(&a, MEMORY_MS), "the oldest went");
    }
}
