//! How many messages a source may have relayed: one token bucket for each
//! (`wire.md` section 11).

use std::collections::BTreeMap;

use super::MAX_PEERS;

/// What a bucket holds and how it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// Tokens in a full bucket.
    pub capacity: u32,
    /// Tokens that come with every interval.
    pub refill: u32,
    /// The interval, ms; at least 1.
    pub interval_ms: u64,
}

impl TokenRules {
    /// 100 messages, and 10 more per second.
    pub const DEFAULT: Self = Self { capacity: 100, refill: 10, interval_ms: 1000 };
}

impl Default for TokenRules {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A bucket for every source.
#[derive(Debug)]
pub struct RateLimiter<P> {
    rules: TokenRules,
    buckets: BTreeMap<P, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u32,
    refilled_ms: u64,
}

impl Bucket {
    /// Adds what whole intervals brought; what is over of the last one is
    /// lost, as in the reference.
    fn refill(&mut self, rules: &TokenRules, now_ms: u64) {
        let intervals = now_ms.saturating_sub(self.refilled_ms) / rules.interval_ms.max(1);
        if intervals > 0 {
            let brought = intervals.saturating_mul(u64::from(rules.refill));
            let tokens = brought.saturating_add(u64::from(self.tokens));
            self.tokens = u32::try_from(tokens).unwrap_or(u32::MAX).min(rules.capacity);
            self.refilled_ms = now_ms;
        }
    }
}

impl<P: Ord + Clone> RateLimiter<P> {
    /// A limiter that knows no source yet.
    pub fn new(rules: TokenRules) -> Self {
        Self { rules, buckets: BTreeMap::new() }
    }

    /// Takes tokens of a source, all or none; whether it had them.
    pub fn consume(&mut self, source: &P, tokens: u32, now_ms: u64) -> bool {
        let rules = self.rules;
        let Some(bucket) = self.bucket(source, now_ms) else { return false };
        bucket.refill(&rules, now_ms);
        let left = bucket.tokens.checked_sub(tokens);
        bucket.tokens = left.unwrap_or(bucket.tokens);
        left.is_some()
    }

    /// Tokens that a source has.
    pub fn available(&mut self, source: &P, now_ms: u64) -> u32 {
        self.buckets.get_mut(source).map_or(self.rules.capacity, |bucket| {
            bucket.refill(&self.rules, now_ms);
            bucket.tokens
        })
    }

    /// Forgets a source.
    pub fn remove(&mut self, source: &P) {
        self.buckets.remove(source);
    }

    /// A source's bucket; `None`: it is new and there are too many.
    fn bucket(&mut self, source: &P, now_ms: u64) -> Option<&mut Bucket> {
        if !self.buckets.contains_key(source) {
            if self.buckets.len() >= MAX_PEERS {
                self.forget_full(now_ms);
            }
            if self.buckets.len() >= MAX_PEERS {
                return None;
            }
            let full = Bucket { tokens: self.rules.capacity, refilled_ms: now_ms };
            self.buckets.insert(source.clone(), full);
        }
        self.buckets.get_mut(source)
    }

    /// A source whose bucket is full is no different from one that is new.
    fn forget_full(&mut self, now_ms: u64) {
        let rules = self.rules;
        self.buckets.retain(|_, bucket| {
            bucket.refill(&rules, now_ms);
            bucket.tokens < rules.capacity
        });
    }
}
