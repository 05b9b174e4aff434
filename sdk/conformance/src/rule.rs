//! What a rule is, and the list of all.

use spacetime_sdk_loader::Kind;

use crate::{
    any, engine, policy,
    probe::{Judged, Probe},
    strategy, transport,
};

/// Something that every component of a kind must do, or must not do.
pub struct Rule {
    /// A name that stays the same between versions (`STR-003`).
    pub id: &'static str,
    /// The rule in a few words.
    pub name: &'static str,
    /// What is required.
    pub requires: &'static str,
    /// Why it is.
    pub why: &'static str,
    /// Up to where it is kept, in numbers, with an example; `None`: there is no more
    /// or less of it.
    pub limit: Option<&'static str>,
    /// What an author does whose component breaks it.
    pub mend: &'static str,
    /// The kind that it is for; `None`: every kind.
    pub kind: Option<Kind>,
    /// Looks whether it is kept; `None`: every rule's test does so too.
    pub(crate) test: Option<fn(&Probe) -> Judged>,
}

impl Rule {
    /// Whether a test of its own looks for it. The others are looked after by
    /// every test.
    pub fn has_test(&self) -> bool {
        self.test.is_some()
    }

    /// Whether it is for components of a kind.
    pub fn is_for(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|own| own == kind)
    }
}

/// All rules, those of every kind first.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [any::RULES, strategy::RULES, engine::RULES, policy::RULES, transport::RULES]
        .into_iter()
        .flatten()
}

/// The rules for components of a kind.
pub fn rules_for(kind: Kind) -> impl Iterator<Item = &'static Rule> {
    rules().filter(move |rule| rule.is_for(kind))
}

/// The rule of an id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_say_the_kind() {
        let mut seen = BTreeSet::new();
        for rule in rules() {
            let prefix = match rule.kind {
                None => "ANY-",
                Some(Kind::Strategy) => "STR-",
                Some(Kind::Engine) => "ENG-",
                Some(Kind::Policy) => "POL-",
                Some(_) => "TRN-",
            };
            assert!(rule.id.starts_with(prefix), "{}", rule.id);
            assert!(seen.insert(rule.id), "{} is there twice", rule.id);
            assert!(!rule.name.is_empty(), "{}", rule.id);
            for text in [rule.requires, rule.why, rule.mend].into_iter().chain(rule.limit) {
                assert!(text.len() > 3 && text.ends_with('.'), "{}: {text}", rule.id);
            }
        }
    }
}
