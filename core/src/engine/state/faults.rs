//! Keeps one broken part from filling the event stream: the same fault of the
//! same culprit is told once in a while, with how often it was left unsaid.

use std::collections::HashMap;

use crate::observe::{Fault, Untold};

/// The same fault is told once in this time, ms; the longer it lasts, the less
/// often.
const QUIET_MS: u64 = 10_000;

/// How much longer each time.
const LONGER: u64 = 6;

/// The longest such time, ms.
const MAX_QUIET_MS: u64 = 3_600_000;

/// Faults that are remembered: one for each plot of a large drive.
const REMEMBERED: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct FaultFilter {
    /// By culprit and message.
    told: HashMap<(String, String), Told>,
    /// Those that were not told of what is not remembered any more.
    forgotten: u64,
}

#[derive(Debug)]
struct Told {
    at_ms: u64,
    quiet_ms: u64,
    unsaid: u64,
}

impl FaultFilter {
    /// The fault as it shall be told, if it shall be.
    pub(super) fn pass(&mut self, fault: Fault, now_ms: u64) -> Option<Fault> {
        let key = (fault.culprit.clone(), fault.message.clone());
        let Some(told) = self.told.get_mut(&key) else {
            self.make_room();
            self.told.insert(key, Told { at_ms: now_ms, quiet_ms: QUIET_MS, unsaid: 0 });
            return Some(fault);
        };
        if now_ms < told.at_ms + told.quiet_ms {
            told.unsaid += 1 + fault.repeated;
            return None;
        }
        let repeated = std::mem::take(&mut told.unsaid);
        // One that had gone away for a while is news again.
        let is_lasting = repeated > 0;
        let longer = if is_lasting { told.quiet_ms.saturating_mul(LONGER) } else { QUIET_MS };
        (told.at_ms, told.quiet_ms) = (now_ms, longer.min(MAX_QUIET_MS));
        Some(Fault { repeated: repeated + fault.repeated, ..fault })
    }

    /// What is left unsaid now, by culprit and message.
    pub(super) fn untold(&self) -> Vec<Untold> {
        let unsaid = self.told.iter().filter(|(_, told)| told.unsaid > 0);
        let mut untold: Vec<Untold> = unsaid
            .map(|((culprit, message), told)| Untold {
                culprit: culprit.clone(),
                message: message.clone(),
                times: told.unsaid,
            })
            .collect();
        untold.sort_by(|one, other| {
            (&one.culprit, &one.message).cmp(&(&other.culprit, &other.message))
        });
        if self.forgotten > 0 {
            let (culprit, message) = ("several".to_owned(), "faults of many kinds".to_owned());
            untold.push(Untold { culprit, message, times: self.forgotten });
        }
        untold
    }

    /// Whether a fault that says the same was told a moment ago: a session's
    /// error comes as a fault of its plugin and as the reason of its end.
    pub(super) fn has_told(&self, reason: &str, now_ms: u64) -> bool {
        let says_it = |((_, message), told): (&(String, String), &Told)| {
            now_ms < told.at_ms + QUIET_MS && message.contains(reason)
        };
        !reason.is_empty() && self.told.iter().any(says_it)
    }

    /// Forgets what was told longest ago, if there is too much.
    fn make_room(&mut self) {
        if self.told.len() < REMEMBERED {
            return;
        }
        let oldest = self.told.iter().min_by_key(|(_, told)| told.at_ms);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            self.forgotten += self.told.remove(&oldest).map_or(0, |told| told.unsaid);
        }
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
        assert!(filter.pass(fault(), 69_999).is_none(), "it lasts");
        assert_eq!(filter.pass(fault(), 70_000).unwrap().repeated, 1);
        assert_eq!(filter.pass(fault(), 1_000_000).unwrap().repeated, 0, "it had gone away");
        assert!(filter.pass(fault(), 1_010_000).is_some());
    }

    #[test]
    fn what_was_not_repeated_is_known_at_the_end() {
        let mut filter = FaultFilter::default();
        for (now_ms, culprit) in [(0, "b"), (1, "b"), (2, "b"), (3, "a"), (4, "a"), (5, "c")] {
            filter.pass(Fault::new(culprit, "gone", ""), now_ms);
        }
        let untold = |culprit: &str, times| Untold {
            culprit: culprit.into(),
            message: "gone".into(),
            times,
        };
        assert_eq!(filter.untold(), [untold("a", 1), untold("b", 2)]);
        // Now it is told how many there were.
        filter.pass(Fault::new("b", "gone", ""), 10_000);
        assert_eq!(filter.untold(), [untold("a", 1)]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut filter = FaultFilter::default();
        for number in 0..2 * REMEMBERED {
            filter.pass(Fault::new("plot", number, ""), 0);
        }
        assert_eq!(filter.told.len(), REMEMBERED);
        assert_eq!(filter.untold(), []);
        filter.pass(Fault::new("plot", 2 * REMEMBERED - 1, ""), 0);
        for number in 0..REMEMBERED {
            filter.pass(Fault::new("other", number, ""), 1);
        }
        let all: u64 = filter.untold().iter().map(|untold| untold.times).sum();
        assert_eq!(all, 1, "it counts, whatever is remembered");
    }
}
