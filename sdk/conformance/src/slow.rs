//! What is known of a component's slow calls, so that not every test waits for
//! them again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    rule::Rule,
    task::{Late, Lateness, Outcome, Slow},
};

/// How often what took too long is tested again: the machine may be busy.
const ATTEMPTS: usize = 3;

/// The slow methods of one component with one config, as its tests find them.
///
/// What took too long is tested again before it counts. Once a method has been
/// found to be slow in that way, no other test does so for it. None calls a
/// method again of which no call was in time, and the others end at the first
/// call that is late: what they came to would not count.
#[derive(Debug, Default)]
pub struct SlowMethods {
    known: Mutex<BTreeMap<String, Slow>>,
}

impl SlowMethods {
    /// What is known so far.
    pub(crate) fn known(&self) -> BTreeMap<String, Slow> {
        self.lock().clone()
    }

    /// Whether another attempt is to be made, after so many that came to these
    /// outcomes.
    pub(crate) fn is_open(&self, rule: &Rule, outcomes: &[Outcome]) -> bool {
        let Some(Outcome::Broken(last)) = outcomes.last() else { return false };
        let Some(late) = &last.late else { return last.by_time && !are_enough(outcomes) };
        let hangs = late.how == Lateness::Hangs;
        let mut known = self.lock();
        if known.get(&late.method).is_some_and(|slow| slow.how == Lateness::Hangs || !hangs) {
            return false;
        }
        // A hang takes long to see, and does not come by chance twice.
        let enough = if hangs { 2 } else { ATTEMPTS };
        let alike: Vec<Lateness> =
            outcomes.iter().filter_map(|outcome| like(late, outcome)).collect();
        if alike.len() >= enough {
            // In one attempt at least it was no later than that.
            let how = alike.into_iter().fold(late.how, Lateness::min);
            known.insert(late.method.clone(), Slow { by: rule.id.to_owned(), how });
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

/// How late the same method was in another attempt, if it hung in both or in none.
fn like(late: &Late, outcome: &Outcome) -> Option<Lateness> {
    let Outcome::Broken(finding) = outcome else { return None };
    let other = finding.late.as_ref().filter(|other| other.method == late.method)?;
    let hangs = |how| how == Lateness::Hangs;
    (hangs(other.how) == hangs(late.how)).then_some(other.how)
}

#[cfg(test)]
mod tests {
    use super::{Lateness::*, *};
    use crate::{rule::rule, task::Finding};

    fn slow(method: &str, how: Lateness) -> Outcome {
        Outcome::Broken(Finding {
            rule: "ANY-003".to_owned(),
            seen: String::new(),
            input: String::new(),
            by_time: how != Hangs,
            late: Some(Late { method: method.to_owned(), how }),
            panic: None,
        })
    }

    fn known(how: Lateness) -> BTreeMap<String, Slow> {
        [("plan".to_owned(), Slow { by: "STR-002".to_owned(), how })].into()
    }

    #[test]
    fn a_hang_is_known_once_it_was_repeated() {
        let (methods, rule) = (SlowMethods::default(), rule("STR-002").unwrap());
        assert!(methods.is_open(rule, &[slow("plan", Hangs)]));
        assert!(methods.known().is_empty(), "once is chance");
        assert!(methods.is_open(rule, &[slow("plan", Hangs), slow("begin", Hangs)]));
        assert!(!methods.is_open(rule, &[slow("plan", Hangs), slow("plan", Hangs)]));
        assert_eq!(methods.known(), known(Hangs));
        assert!(!methods.is_open(rule, &[slow("plan", Hangs)]), "it was under way then");
        assert!(methods.is_open(rule, &[slow("begin", Hangs)]));
    }

    #[test]
    fn what_is_slow_is_tried_three_times_once_per_method() {
        let (methods, rule) = (SlowMethods::default(), rule("STR-002").unwrap());
        let late = |times| vec![slow("plan", Always); times];
        assert!(methods.is_open(rule, &late(1)) && methods.is_open(rule, &late(2)));
        assert!(methods.known().is_empty(), "twice is chance");
        assert!(!methods.is_open(rule, &late(3)));
        assert_eq!(methods.known(), known(Always));
        assert!(!methods.is_open(rule, &late(1)), "it is known");
        assert!(methods.is_open(rule, &[slow("plan", Hangs)]), "it may hang besides");
        let kept = Outcome::Kept { note: String::new() };
        assert!(!methods.is_open(rule, &[slow("begin", Always), kept]));
    }

    #[test]
    fn a_method_that_was_in_time_once_is_not_always_late() {
        let (methods, rule) = (SlowMethods::default(), rule("STR-002").unwrap());
        let outcomes = [slow("plan", Sometimes), slow("plan", Always), slow("plan", Always)];
        assert!(!methods.is_open(rule, &outcomes));
        assert_eq!(methods.known(), known(Sometimes));
    }
}
