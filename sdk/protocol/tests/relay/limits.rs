//! Token buckets, bandwidth, and what was seen.

use serde_json::{Value, json};
use spacetime_protocol::{
    relay::{Bandwidth, BandwidthLimits, RateLimiter, SeenKey, SeenRules, SeenTracker, TokenRules},
    wire::Kind,
};

use crate::{
    common::{Answer, Case},
    number, results, steps, text, theirs, unknown,
};

/// Some time, in the middle of a second of the wall clock.
const START_MS: u64 = 1_704_067_200_500;

pub(crate) fn rate(case: &Case) -> Answer {
    let small = |name: &str| u32::try_from(case.int(name)).expect("such numbers are small");
    let rules = TokenRules {
        capacity: small("max_tokens"),
        refill: small("refill_amount"),
        interval_ms: number(case.value("refill_interval_ms")),
    };
    let (mut limiter, mut now) = (RateLimiter::new(rules), START_MS);
    let mut ours = Vec::new();
    for step in steps(case) {
        let peer = step["peer"].as_str().unwrap_or_default().to_owned();
        ours.push(if let Some(tokens) = step.get("consume") {
            let Ok(tokens) = u32::try_from(tokens.as_i64().expect("a number")) else {
                // Ours has no such call; all before it is as in the reference.
                assert_eq!(ours, theirs(case)[..ours.len()], "{}", case.id);
                return Answer::Except;
            };
            limiter.consume(&peer, tokens, now).into()
        } else if let Some(peer) = step.get("available") {
            limiter.available(&text(peer).to_owned(), now).into()
        } else if let Some(ms) = step.get("advance_ms") {
            now += number(ms);
            Value::Null
        } else if let Some(peer) = step.get("remove") {
            limiter.remove(&text(peer).to_owned());
            Value::Null
        } else {
            unknown(case, step)
        });
    }
    results(ours)
}

pub(crate) fn bandwidth(case: &Case) -> Answer {
    let limits = BandwidthLimits {
        per_peer: number(case.value("max_per_peer")),
        total: number(case.value("max_total")),
    };
    let (mut bandwidth, mut now) = (Bandwidth::new(limits), START_MS);
    let step = |step: &Value| {
        let peer = step["peer"].as_str().unwrap_or_default().to_owned();
        if let Some(bytes) = step.get("can_send") {
            // Less than nothing is nothing.
            bandwidth.can_send(&peer, bytes.as_u64().unwrap_or(0), now).into()
        } else if let Some(bytes) = step.get("record_sent") {
            bandwidth.record_sent(&peer, number(bytes), now);
            json!({
                "total_this_second": bandwidth.total_this_second(),
                "peer_this_second": bandwidth.to_peer(&peer),
                "total_sent": bandwidth.total_sent(),
            })
        } else if let Some(seconds) = step.get("advance_s") {
            now += number(seconds) * 1000;
            Value::Null
        } else if let Some(peer) = step.get("remove") {
            bandwidth.remove(&text(peer).to_owned());
            json!({ "total_this_second": bandwidth.total_this_second() })
        } else {
            unknown(case, step)
        }
    };
    results(steps(case).iter().map(step).collect())
}

pub(crate) fn tracker(case: &Case) -> Answer {
    let rules = SeenRules {
        lifetime_ms: number(case.value("lifetime_ms")),
        capacity: usize::try_from(case.int("max_tracked")).unwrap(),
    };
    let mut now = START_MS;
    let mut tracker = SeenTracker::new(rules, now);
    let step = |step: &Value| {
        let key = |payload: &Value| {
            let payload = u32::try_from(number(payload)).unwrap().to_le_bytes();
            let byte = u8::try_from(number(&step["type_byte"])).unwrap();
            SeenKey::of(Kind::from_byte(byte).expect("a type"), &payload)
        };
        if let Some(payload) = step.get("mark") {
            let is_new = tracker.mark(key(payload), now);
            json!({ "is_new": is_new, "count": tracker.len() })
        } else if let Some(payload) = step.get("has") {
            tracker.has(&key(payload), now).into()
        } else if let Some(ms) = step.get("advance_ms") {
            now += number(ms);
            Value::Null
        } else if step.get("clear").is_some() {
            tracker.clear();
            Value::Null
        } else {
            unknown(case, step)
        }
    };
    results(steps(case).iter().map(step).collect())
}
