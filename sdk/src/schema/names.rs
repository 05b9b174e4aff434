//! Names of fields and choices, as they stand in a text.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, PoisonError},
};

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

/// Reads a name.
pub(super) struct NameSeed;

/// A name, and itself within the text, if it could be borrowed.
pub(super) struct Name<'de> {
    pub(super) name: String,
    pub(super) borrowed: Option<&'de str>,
}

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name<'de>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Name<'de>, D::Error> {
        name.deserialize_identifier(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name { name: name.to_owned(), borrowed: None })
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name { name: name.to_owned(), borrowed: Some(name) })
    }
}

/// The same text for as long as the process lives: `serde` wants a struct's name
/// so. Each is kept once, and only those of types whose configs are read.
pub(super) fn lasting(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = names.get(name) {
        return name;
    }
    let name: &'static str = Box::leak(name.into());
    names.insert(name);
    name
}
