//! Keeps one broken part from filling the event stream: the same fault of the
//! same culprit is told once in a while, with how often it was left unsaid.

use std::collections::VecDeque;

use crate::observe::Fault;

/// The same fault is told once in this time, ms.
const QUIET_MS: u64 = 10_000;

/// Faults that are remembered.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
pub(super) struct FaultFilter {
    told: VecDeque<Told>,
}

#[derive(Debug)]
struct Told {
    fault: Fault,
    at_ms: u64,
    unsaid: u64,
}

impl FaultFilter {
    /// The fault as it shall be told, if it shall be.
    pub(super) fn pass(&mut self, fault: Fault, now_ms: u64) -> Option<Fault> {
        let is_same = |told: &Told| {
            (&told.fault.culprit, &told.fault.message) == (&fault.culprit, &fault.message)
        };
        let at = self.told.iter().position(is_same);
        let Some(mut told) = at.and_then(|at| self.told.remove(at)) else {
            self.remember(Told { fault: fault.clone(), at_ms: now_ms, unsaid: 0 });
            return Some(fault);
        };
        if now_ms < told.at_ms + QUIET_MS {
            told.unsaid += 1;
            self.remember(told);
            return None;
        }
        let repeated = std::mem::take(&mut told.unsaid);
        told.at_ms = now_ms;
        self.remember(told);
        Some(Fault { repeated, ..fault })
    }

    /// Whether a fault that says the same was told a moment ago: a session's
    /// error comes as a fault of its plugin and as the reason of its end.
    pub(super) fn has_told(&self, reason: &str, now_ms: u64) -> bool {
        let recent = |told: &Told| now_ms < told.at_ms + QUIET_MS;
        !reason.is_empty()
            && self.told.iter().any(|told| recent(told) && told.fault.message.contains(reason))
    }

    fn remember(&mut self, told: Told) {
        if self.told.len() == REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_counted_and_told_later() {
        let mut filter = FaultFilter::default();
        let fault = || Fault::new("plot", "gone", "");
        assert!(filter.pass(fault(), 0).is_some());
        assert!(filter.pass(fault(), 5_000).is_none());
        assert!(filter.pass(Fault::new("other", "gone", ""), 5_000).is_some());
        assert!(filter.pass(fault(), 9_999).is_none());
        assert_eq!(filter.pass(fault(), 10_000).unwrap().repeated, 2);
    }

    #[test]
    fn memory_is_bounded() {
        let mut filter = FaultFilter::default();
        for number in 0..1000 {
            filter.pass(Fault::new("plot", number, ""), 0);
        }
        assert_eq!(filter.told.len(), REMEMBERED);
    }
}
