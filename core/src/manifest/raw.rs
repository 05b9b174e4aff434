//! Mirrors the file: which keys there are, where their values stand, and what
//! `--set` puts in their place. Values are read later, by those who need them.

use std::{collections::BTreeMap, fmt};

use ron::value::RawValue;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};

use super::{
    error::{ErrorPlace, ManifestError, did_you_mean},
    source::Source,
};

/// The manifest's keys.
pub(super) const MANIFEST: Keys = Keys(&[
    "plot_directory",
    "plot_directories",
    "plot_metadata_path",
    "node_address",
    "node_port",
    "private_key_path",
    "network_id",
    "max_concurrent_proofs",
    "leaf_source",
    "io",
    "proof_generation_timeout_seconds",
    "connection_retry_interval_seconds",
    "max_connection_retries",
    "enable_performance_monitoring",
    "network_file",
    "data_directory",
    "first_run",
    "plugins",
    "plugin_directories",
    "plugin_cache",
    "trusted_keys",
    "strategy",
    "engine",
    "kernels",
    "policy",
    "transports",
    "record",
    "shadow",
]);

/// The keys of an entry of `plugins`.
pub(super) const PLUGIN: Keys = Keys(&["path", "trust", "sha256"]);

/// The keys of `strategy`, `engine`, `policy` and an entry of `transports`.
pub(super) const COMPONENT: Keys = Keys(&["name", "plugin", "config"]);

/// The keys of an entry of `shadow`.
pub(super) const SHADOW: Keys = Keys(&["name", "plugin", "config", "reads"]);

/// The keys of `record`.
pub(super) const RECORD: Keys = Keys(&["enabled", "file", "limit"]);

/// The keys of `first_run`.
pub(super) const FIRST_RUN: Keys = Keys(&["create_key", "plot_size"]);

/// The keys that a struct of the manifest may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys(&'static [&'static str]);

impl Keys {
    /// Their names.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }

    fn known(self, name: &str) -> Option<&'static str> {
        self.names().find(|known| *known == name)
    }
}

/// An override: the rest of its path, and its value.
#[derive(Clone, Debug)]
pub(super) struct Set<'a> {
    given: &'a str,
    path: Vec<&'a str>,
    value: Source<'a>,
}

impl<'a> Set<'a> {
    /// Reads `KEY=RON`.
    pub(super) fn parse(
        given: &'a str,
        extensions: ron::extensions::Extensions,
    ) -> Result<Self, ManifestError> {
        let (key, text) =
            given.split_once('=').filter(|(key, _)| !key.trim().is_empty()).ok_or_else(|| {
                let message = "an override is KEY=RON, such as --set max_concurrent_proofs=4";
                ManifestError::invalid(ErrorPlace::Set(given.to_owned()), "", message)
            })?;
        let value = Source::set(given, text, extensions)?;
        Ok(Self { given, path: key.trim().split('.').collect(), value })
    }

    pub(super) fn error(&self, field: &str, message: impl fmt::Display) -> ManifestError {
        ManifestError::invalid(ErrorPlace::Set(self.given.to_owned()), field, message)
    }
}

/// A struct of the manifest: the values of its keys, overrides applied.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// Its own dotted path with a dot behind, or nothing for the manifest.
    prefix: String,
    values: BTreeMap<&'static str, Source<'a>>,
    /// Overrides of what lies further inside, in the order given.
    deeper: Vec<Set<'a>>,
}

impl<'a> Fields<'a> {
    /// Reads a struct, or starts from nothing, and applies overrides.
    pub(super) fn read(
        keys: Keys,
        path: &str,
        source: Option<Source<'a>>,
        sets: &[Set<'a>],
    ) -> Result<Self, ManifestError> {
        let mut values = BTreeMap::new();
        if let Some(source) = source {
            for (key, value) in source.read_with(path, |ron| keys.deserialize(ron))? {
                values.insert(key, source.within(value));
            }
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
        let mut fields = Self { prefix, values, deeper: Vec::new() };
        for set in sets {
            fields.apply(keys, set)?;
        }
        Ok(fields)
    }

    fn apply(&mut self, keys: Keys, set: &Set<'a>) -> Result<(), ManifestError> {
        let Some((name, rest)) = set.path.split_first() else { return Ok(()) };
        let Some(key) = keys.known(name) else {
            let path = self.path(name);
            let hint = did_you_mean(name, keys.0.iter().copied());
            return Err(set.error(&path, format_args!("`{path}` is not an option; {hint}")));
        };
        if rest.is_empty() {
            self.values.insert(key, set.value);
            self.deeper.retain(|deeper| deeper.path.first() != Some(&key));
        } else {
            self.deeper.push(set.clone());
        }
        Ok(())
    }

    /// The dotted path of a key.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// A key's value as it stands.
    pub(super) fn source(&self, key: &str) -> Option<Source<'a>> {
        self.values.get(key).copied()
    }

    /// The overrides of what lies inside a key's value.
    pub(super) fn inside(&self, key: &str) -> Vec<Set<'a>> {
        let inside = |set: &Set<'a>| {
            let (first, rest) = set.path.split_first()?;
            (*first == key).then(|| Set { path: rest.to_vec(), ..set.clone() })
        };
        self.deeper.iter().filter_map(inside).collect()
    }

    /// A key's value as a type; `None` if it is not given.
    pub(super) fn get<T: Deserialize<'a>>(&self, key: &str) -> Result<Option<T>, ManifestError> {
        self.only_whole(key)?;
        self.source(key).map(|source| source.read(&self.path(key))).transpose()
    }

    /// A key's value as a name, quoted or not; `None` if it is not given.
    pub(super) fn word(&self, key: &str) -> Result<Option<String>, ManifestError> {
        match self.get::<Key>(key) {
            Ok(bare) => Ok(bare.map(|Key(name)| name)),
            Err(_) => self.get::<String>(key),
        }
    }

    /// Refuses overrides of what lies inside a value that has no inside.
    pub(super) fn only_whole(&self, key: &str) -> Result<(), ManifestError> {
        let Some(set) = self.inside(key).into_iter().next() else { return Ok(()) };
        let path = self.path(key);
        let message = format!("`{path}` can only be set as a whole: --set '{path}=…'");
        Err(set.error(&path, message))
    }

    /// The struct at a key; `None` if neither the file nor an override has it.
    pub(super) fn fields(
        &self,
        key: &str,
        keys: Keys,
    ) -> Result<Option<Fields<'a>>, ManifestError> {
        let (source, sets) = (self.source(key), self.inside(key));
        if source.is_none() && sets.is_empty() {
            return Ok(None);
        }
        Fields::read(keys, &self.path(key), source, &sets).map(Some)
    }

    /// The structs in the list at a key. Overrides name an entry by its
    /// number, from 0.
    pub(super) fn list(
        &self,
        key: &str,
        keys: Keys,
    ) -> Result<Vec<(Source<'a>, Fields<'a>)>, ManifestError> {
        let path = self.path(key);
        let values = self.source(key).map(|list| Ok((list, list.read::<Vec<&RawValue>>(&path)?)));
        let entries: Vec<Source<'a>> = match values.transpose()? {
            Some((list, values)) => values.into_iter().map(|value| list.within(value)).collect(),
            None => Vec::new(),
        };
        let mut sets = vec![Vec::new(); entries.len()];
        for mut set in self.inside(key) {
            let number: Option<usize> = set.path.remove(0).parse().ok();
            let Some(entry) = number.and_then(|number| sets.get_mut(number)) else {
                let message = format!(
                    "`{path}` has {} entries, which are named by their number from 0, as in {path}.0",
                    entries.len()
                );
                return Err(set.error(&path, message));
            };
            entry.push(set);
        }
        let read = |(number, (source, sets)): (usize, (Source<'a>, Vec<Set<'a>>))| {
            let whole = sets.iter().rposition(|set| set.path.is_empty());
            let source = whole.map_or(source, |at| sets[at].value);
            let rest = &sets[whole.map_or(0, |at| at + 1)..];
            Ok((source, Fields::read(keys, &format!("{path}.{number}"), Some(source), rest)?))
        };
        entries.into_iter().zip(sets).enumerate().map(read).collect()
    }
}

impl<'de> DeserializeSeed<'de> for Keys {
    type Value = Vec<(&'static str, &'de RawValue)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_struct("Manifest", self.0, self)
    }
}

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<(&'static str, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a struct of {}", self.0.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Self::Value = Vec::new();
        while let Some(Key(name)) = map.next_key()? {
            let key = self.known(&name).ok_or_else(|| A::Error::unknown_field(&name, self.0))?;
            if fields.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::duplicate_field(key));
            }
            fields.push((key, map.next_value()?));
        }
        Ok(fields)
    }
}

/// A field's name.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an option")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key(name.to_owned()))
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}
