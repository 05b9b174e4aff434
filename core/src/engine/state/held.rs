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
}

impl Held {
    /// Holds a fault back, of which `reason`, which is not empty, would be said
    /// again; one to be told now, if there are too many.
    pub(super) fn hold(&mut self, fault: Fault, reason: String, now_ms: u64) -> Option<Fault> {
        // The same, from another part of the session.
        self.0.retain(|said| !reason.contains(&said.reason));
        self.0.push(Said { fault, reason, until_ms: now_ms + HOLD_MS });
        (self.0.len() > HELD).then(|| self.0.remove(0).fault)
    }

    /// Whether this is held back.
    pub(super) fn has(&self, reason: &str) -> bool {
        !reason.is_empty() && self.0.iter().any(|said| said.reason.contains(reason))
    }

    /// A fault together with what was held back and is in it.
    pub(super) fn merge(&mut self, mut fault: Fault) -> Fault {
        self.0.retain_mut(|said| {
            let is_in_it = fault.message.contains(&said.reason);
            if is_in_it && fault.detail.is_empty() {
                fault.detail = std::mem::take(&mut said.fault.detail);
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
        assert_eq!(held.hold(fault, reason.to_owned(), 5), None);
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
    fn memory_is_bounded() {
        let mut list = Held::default();
        let hold = |list: &mut Held, number: usize| {
            let reason = format!("<{number}>");
            list.hold(Fault::new("t", &reason, ""), reason, 0)
        };
        assert!((0..HELD).all(|number| hold(&mut list, number).is_none()));
        assert_eq!(hold(&mut list, HELD).unwrap().message, "<0>");
    }
}
