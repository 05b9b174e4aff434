//! What a manifest says of whom plugins are taken from: `trusted_keys`, and
//! `trust` and `sha256` of an entry of `plugins`.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use spacetime_sdk_loader::{FileHash, PublicKey};

use super::{error::ManifestError, raw::Fields, resolved::Trust};
use crate::unique::Unique;

/// `trusted_keys`: keys by the user's names for them.
pub(super) fn keys(fields: &Fields<'_>) -> Result<BTreeMap<String, PublicKey>, ManifestError> {
    let key = "trusted_keys";
    let (Some(Unique(texts)), Some(source)) =
        (fields.get::<Unique<String>>(key)?, fields.source(key))
    else {
        return Ok(BTreeMap::new());
    };
    let read = |(name, text): (String, String)| {
        let message = match (name.trim().is_empty(), name.parse::<PublicKey>(), text.parse()) {
            (true, ..) => "has a key without a name".to_owned(),
            // `signed(by: …)` would not know which is meant.
            (_, Ok(_), _) => "calls a key by a key: give it a name".to_owned(),
            (.., Ok(key)) => return Ok((name, key)),
            (.., Err(error)) => format!("has no key for `{name}`: {error}"),
        };
        Err(source.invalid(key, format_args!("`{key}` {message}")))
    };
    texts.into_iter().map(read).collect()
}

/// `sha256` of a plugin's entry.
pub(super) fn pin(fields: &Fields<'_>) -> Result<Option<FileHash>, ManifestError> {
    fields.get("sha256")
}

/// `trust` of a plugin's entry.
pub(super) fn rule(fields: &Fields<'_>) -> Result<Option<Trust>, ManifestError> {
    let Some(source) = fields.source("trust") else { return Ok(None) };
    // As everywhere, a name may be quoted.
    let rule = match fields.word("trust").ok().flatten() {
        None => fields.get::<Rule>("trust")?,
        Some(name) => match name.as_str() {
            "any" => Some(Rule::Any),
            "locked" => Some(Rule::Locked),
            other => {
                let key = fields.path("trust");
                let known = "`any`, `locked`, `signed(by: …)`";
                let message = format!("`{key}` cannot be `{other}`; it may be {known}");
                return Err(source.invalid(&key, message));
            }
        },
    };
    let Some(rule) = rule else { return Ok(None) };
    match rule {
        Rule::Any => Ok(Some(Trust::Any)),
        Rule::Locked => Ok(Some(Trust::Locked)),
        Rule::Signed { by: Names(by) } => {
            if by.is_empty() || by.iter().any(|name| name.trim().is_empty()) {
                let key = fields.path("trust");
                let message = format!("`{key}` names nobody who may sign");
                return Err(source.invalid(&key, message));
            }
            Ok(Some(Trust::Signed { by }))
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Rule {
    Any,
    Locked,
    Signed { by: Names },
}

/// One name, or a list of them.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a trusted key, or a list of such")
            }

            fn visit_str<E>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}
