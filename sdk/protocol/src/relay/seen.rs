//! Which messages were seen already (`wire.md` section 11).

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use sha2::{Digest, Sha256};

use crate::wire::Kind;

/// Expired keys are looked for no more often than this, ms.
const SWEEP_EVERY_MS: u64 = 60_000;

/// What makes two messages the same: type and payload. A block as `23` and
/// the same block as `31` are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenKey {
    kind: Kind,
    hash: [u8; 32],
}

impl SeenKey {
    /// The key of a message.
    pub fn of(kind: Kind, payload: &[u8]) -> Self {
        Self { kind, hash: Sha256::digest(payload).into() }
    }
}

impl fmt::Display for SeenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}:{}", self.kind.byte(), const_hex::encode_upper(self.hash))
    }
}

/// How long and how much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenRules {
    /// How long a key counts, ms.
    pub lifetime_ms: u64,
    /// Keys at most; beyond, the oldest goes.
    pub capacity: usize,
}

impl SeenRules {
    /// 5 minutes and 100,000 keys.
    pub const DEFAULT: Self = Self { lifetime_ms: 300_000, capacity: 100_000 };
}

impl Default for SeenRules {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The messages that were seen within a key's lifetime.
#[derive(Debug)]
pub struct SeenTracker {
    rules: SeenRules,
    /// When each was first seen, and its number.
    keys: HashMap<SeenKey, (u64, u64)>,
    by_age: BTreeMap<(u64, u64), SeenKey>,
    next: u64,
    swept_ms: u64,
}

impl SeenTracker {
    /// Nothing was seen yet.
    pub fn new(rules: SeenRules, now_ms: u64) -> Self {
        Self { rules, keys: HashMap::new(), by_age: BTreeMap::new(), next: 0, swept_ms: now_ms }
    }

    /// Notes a message; whether it is new. One that is not does not count
    /// longer for being seen again.
    pub fn mark(&mut self, key: SeenKey, now_ms: u64) -> bool {
        if self.has(&key, now_ms) {
            return false;
        }
        let age = (now_ms, self.next);
        self.next += 1;
        self.by_age.insert(age, key);
        if let Some(expired) = self.keys.insert(key, age) {
            // The table did not grow, so nothing is swept.
            self.by_age.remove(&expired);
            return true;
        }
        let crowded = self.keys.len() > self.rules.capacity;
        if crowded || now_ms.saturating_sub(self.swept_ms) >= SWEEP_EVERY_MS {
            self.sweep(now_ms);
        }
        true
    }

    /// Whether a message was seen.
    pub fn has(&self, key: &SeenKey, now_ms: u64) -> bool {
        self.keys.get(key).is_some_and(|(seen_ms, _)| !self.is_expired(*seen_ms, now_ms))
    }

    /// Keys that are held, expired ones included.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.by_age.clear();
    }

    fn is_expired(&self, seen_ms: u64, now_ms: u64) -> bool {
        now_ms.saturating_sub(seen_ms) > self.rules.lifetime_ms
    }

    /// Drops what is expired, and the oldest of what is too much.
    fn sweep(&mut self, now_ms: u64) {
        self.swept_ms = now_ms;
        while let Some((&(seen_ms, number), key)) = self.by_age.first_key_value() {
            if self.keys.len() <= self.rules.capacity && !self.is_expired(seen_ms, now_ms) {
                break;
            }
            self.keys.remove(key);
            self.by_age.remove(&(seen_ms, number));
        }
    }
}
