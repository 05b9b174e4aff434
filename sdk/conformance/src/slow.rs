//! What is known of a component's slow calls, so that not every test waits for
//! them again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    rule::Rule,
    task::{Late, Outcome},
};

/// How often what took too long is tested again: the machine may be busy.
const ATTEMPTS: usize = 3;

/// The slow methods of one component with one config, as its tests find them.
///
/// What took too long is tested again before it counts. Once a method has been
/// found to be slow in that way, no other test does so for it; and none calls a
/// method again that was found not to return.
#[derive(Debug, Default)]
pub struct SlowMethods {
    known: Mutex<BTreeMap<String, Slow>>,
}

#[derive(Debug)]
struct Slow {
    /// The id of the rule whose test found it.
    by: &'static str,
    hangs: bool,
}

impl SlowMethods {
    /// Methods that do not return, each with the rule whose test found that.
    pub(crate) fn hanging(&self) -> BTreeMap<String, String> {
        let known = self.lock();
        let hanging = known.iter().filter(|(_, slow)| slow.hangs);
        hanging.map(|(method, slow)| (method.clone(), slow.by.to_owned())).collect()
    }

    /// Whether another attempt is to be made, after so many that came to these
    /// outcomes.
    pub(crate) fn is_open(&self, rule: &Rule, outcomes: &[Outcome]) -> bool {
        let Some(Outcome::Broken(last)) = outcomes.last() else { return false };
        let Some(late) = &last.late else { return last.by_time && !are_enough(outcomes) };
        let mut known = self.lock();
        if known.get(&late.method).is_some_and(|slow| slow.hangs || !late.hangs) {
            return false;
        }
        // A hang takes long to see, and does not come by chance twice.
        let enough = if late.hangs { 2 } else { ATTEMPTS };
        if outcomes.iter().filter(|outcome| is_of(outcome, late)).count() >= enough {
            known.insert(late.method.clone(), Slow { by: rule.id, hangs: late.hangs });
            return false;
        }
        !are_enough(outcomes)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Slow>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn are_enough(outcomes: &[Outcome]) -> bool {
    outcomes.len() >= ATTEMPTS
}

fn is_of(outcome: &Outcome, late: &Late) -> bool {
    matches!(outcome, Outcome::Broken(finding) if finding.late.as_ref() == Some(late))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rule::rule, task::Finding};

    fn slow(method: &str, hangs: bool) -> Outcome {
        Outcome::Broken(Finding {
            rule: "ANY-003".to_owned(),
            seen: String::new(),
            input: String::new(),
            by_time: !hangs,
            late: Some(Late { method: method.to_owned(), hangs }),
        })
    }

    #[test]
    fn a_hang_is_known_once_it_was_repeated() {
        let (methods, rule) = (SlowMethods::default(), rule("STR-002").unwrap());
        assert!(methods.is_open(rule, &[slow("plan", true)]));
        assert!(methods.hanging().is_empty(), "once is chance");
        assert!(methods.is_open(rule, &[slow("plan", true), slow("begin", true)]));
        assert!(!methods.is_open(rule, &[slow("plan", true), slow("plan", true)]));
        assert_eq!(methods.hanging(), [("plan".to_owned(), "STR-002".to_owned())].into());
        assert!(!methods.is_open(rule, &[slow("plan", true)]), "it was under way then");
        assert!(methods.is_open(rule, &[slow("begin", true)]));
    }

    #[test]
    fn what_is_slow_is_tried_three_times_once_per_method() {
        let (methods, rule) = (SlowMethods::default(), rule("STR-002").unwrap());
        let late = |times| vec![slow("plan", false); times];
        assert!(methods.is_open(rule, &late(1)) && methods.is_open(rule, &late(2)));
        assert!(!methods.is_open(rule, &late(3)));
        assert!(!methods.is_open(rule, &late(1)), "it is known");
        assert!(methods.hanging().is_empty(), "it returns");
        assert!(methods.is_open(rule, &[slow("plan", true)]), "it may hang besides");
        let kept = Outcome::Kept { note: String::new() };
        assert!(!methods.is_open(rule, &[slow("begin", false), kept]));
    }
}
