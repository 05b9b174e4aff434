//! What a transport says of itself, held back for a moment: it may be why its
//! session ends, and then it is told with that, once.

use crate::observe::Fault;

/// How long, ms: a session that ends does so at once.
const HOLD_MS: u64 = 1_000;

/// What is held back at a time.
const HELD: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Held(Vec<Said>);

#[derive(Debug)]
struct Said {
    fault: Fault,
    reason: String,
    until_ms: u64,
    /// Whether it is a fault of a component, each of which counts, rather than
    /// what a transport says of its peer.
    counts: bool,
}

impl Said {
    fn is_of(&self, culprit: &str) -> bool {
        self.fault.culprit == culprit
    }

    /// How many faults of a component it stands for.
    fn count(&self) -> u64 {
        if self.counts { 1 + self.fault.repeated } else { 0 }
    }
}

impl Held {
    /// Holds a fault back, of which `reason`, which is not empty, would be said
    /// again, and which `counts` if it is a component's; one to be told now, if
    /// there are too many.
    pub(super) fn hold(
        &mut self,
        mut fault: Fault,
        reason: String,
        counts: bool,
        now_ms: u64,
    ) -> Option<Fault> {
        let mut until_ms = now_ms + HOLD_MS;
        self.0.retain(|said| {
            // The same, from another part of the session, or once more.
            let is_in_it =
                reason.contains(&said.reason) && (!said.counts || said.is_of(&fault.culprit));
            if is_in_it {
                until_ms = until_ms.min(said.until_ms);
                fault.repeated += said.count();
            }
            !is_in_it
        });
        self.0.push(Said { fault, reason, until_ms, counts });
        (self.0.len() > HELD).then(|| self.0.remove(0).fault)
    }

    /// Whether this is held back.
    pub(super) fn has(&self, reason: &str) -> bool {
        !reason.is_empty() && self.0.iter().any(|said| said.reason.contains(reason))
    }

    /// A fault together with what was held back and is in it.
    pub(super) fn merge(&mut self, mut fault: Fault) -> Fault {
        self.0.retain_mut(|said| {
            let is_in_it = fault.message.contains(&said.reason)
                && (!said.counts || said.is_of(&fault.culprit));
            if is_in_it {
                // The session's error and its end are one fault.
                fault.repeated += said.count().saturating_sub(1);
                if fault.detail.is_empty() {
                    fault.detail = std::mem::take(&mut said.fault.detail);
                }
            }
            !is_in_it
        });
        fault
    }

    /// When something must be told at the latest.
    pub(super) fn due(&self) -> Option<u64> {
        self.0.iter().map(|said| said.until_ms).min()
    }

    /// What must be told by now.
    pub(super) fn take_due(&mut self, now_ms: u64) -> Vec<Fault> {
        let due = self.0.extract_if(.., |said| said.until_ms <= now_ms);
        due.map(|said| said.fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(held: &mut Held, reason: &str) {
        let fault = Fault { detail: "at 1".to_owned(), ..Fault::new("t", reason, "") };
        assert_eq!(held.hold(fault, reason.to_owned(), true, 5), None);
    }

    #[test]
    fn the_end_of_a_session_brings_its_reason_along() {
        let mut list = Held::default();
        held(&mut list, "refused");
        held(&mut list, "it was refused");
        held(&mut list, "slow");
        assert!(list.has("refused") && !list.has("gone"));
        let merged = list.merge(Fault::new("t", "its session ended: it was refused", "again"));
        assert_eq!((&*merged.detail, &*merged.next), ("at 1", "again"));
        assert!(!list.has("refused"));
        assert_eq!(list.due(), Some(5 + HOLD_MS));
        assert_eq!(list.take_due(5), []);
        assert_eq!(list.take_due(5 + HOLD_MS)[0].message, "slow");
        assert_eq!(list.due(), None);
    }

    #[test]
    fn what_is_said_more_than_once_counts_and_is_told_in_time() {
        let mut list = Held::default();
        let mut hold = |culprit: &str, now_ms| {
            let fault = Fault::new(culprit, "flood", "");
            assert_eq!(list.hold(fault, "flood".to_owned(), true, now_ms), None);
        };
        hold("one", 0);
        hold("other", 1);
        hold("one", 900);
        hold("one", 950);
        let due = list.take_due(HOLD_MS);
        assert_eq!(due.len(), 1, "the other's is not due: {due:?}");
        assert_eq!((&*due[0].culprit, due[0].repeated), ("one", 2));
        assert_eq!(list.take_due(HOLD_MS + 1)[0].culprit, "other");
    }

    #[test]
    fn memory_is_bounded() {
        let mut list = Held::default();
        let hold = |list: &mut Held, number: usize| {
            let reason = format!("<{number}>");
            list.hold(Fault::new("t", &reason, ""), reason, true, 0)
        };
        assert!((0..HELD).all(|number| hold(&mut list, number).is_none()));
        assert_eq!(hold(&mut list, HELD).unwrap().message, "<0>");
    }
}
