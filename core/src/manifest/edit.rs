//! Changes of a manifest's text that touch nothing else: comments, order and
//! layout stay. What comes out is read again and compared before anybody gets
//! it, so that an unusual layout costs the change, never the manifest.

use std::{fmt, path::Path};

use ron::value::RawValue;
use spacetime_sdk_loader::{FileHash, PublicKey};

use super::{
    error::ManifestError,
    raw::{self, Fields},
    resolved::Manifest,
    source::Source,
};
use crate::unique::Unique;

/// A change of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another trusted key, of a new name.
    TrustKey {
        /// The user's name for it.
        name: String,
        /// The key.
        key: PublicKey,
    },
    /// The hash of the plugin of an entry.
    Pin {
        /// Which entry of `plugins`, from 0.
        entry: usize,
        /// The hash.
        sha256: FileHash,
    },
    /// Another plugin, with its hash.
    Plugin {
        /// Its path, as an entry has it.
        path: String,
        /// The hash.
        sha256: FileHash,
    },
}

/// What must be written into the manifest, and where.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrustKey { name, key } => write!(f, "trusted_keys: {{{name:?}: \"{key}\"}},"),
            Self::Pin { sha256, .. } => write!(f, "sha256: \"{sha256}\","),
            Self::Plugin { .. } => write!(f, "plugins: [{}],", self.item()),
        }
    }
}

impl Change {
    /// The manifest's text with the change; `None` if it is written so that
    /// this cannot be done safely.
    ///
    /// # Errors
    ///
    /// It is no manifest.
    pub fn apply(&self, file: &Path, text: &str) -> Result<Option<String>, ManifestError> {
        let before = Manifest::parse(file, text, &[])?;
        let Some(changed) = self.splice(file, text)? else { return Ok(None) };
        let is_right = Manifest::parse(file, &changed, &[]).is_ok_and(|after| {
            self.is_all(before, after) && others(file, text, self) == others(file, &changed, self)
        });
        Ok(is_right.then_some(changed))
    }

    /// The key that it changes the value of.
    fn key(&self) -> &'static str {
        match self {
            Self::TrustKey { .. } => "trusted_keys",
            Self::Pin { .. } | Self::Plugin { .. } => "plugins",
        }
    }

    /// What is put into that value, without a comma.
    fn item(&self) -> String {
        match self {
            Self::TrustKey { name, key } => format!("{name:?}: \"{key}\""),
            Self::Pin { sha256, .. } => format!("sha256: \"{sha256}\""),
            Self::Plugin { path, sha256 } => format!("(path: {path:?}, sha256: \"{sha256}\")"),
        }
    }

    fn splice(&self, file: &Path, text: &str) -> Result<Option<String>, ManifestError> {
        let whole = Source::file(file, text)?;
        let fields = Fields::read(raw::MANIFEST, "", Some(whole), &[])?;
        let text = Text(text);
        if let Self::Pin { entry, .. } = self {
            let entries = fields.list("plugins", raw::PLUGIN)?;
            let Some((entry, fields)) = entries.get(*entry) else { return Ok(None) };
            if let Some(old) = fields.source("sha256") {
                return Ok(Some(text.replace(&old, &self.item()["sha256: ".len()..])));
            }
            return Ok(text.append(entry, &values(fields, raw::PLUGIN), &self.item()));
        }
        let Some(list) = fields.source(self.key()) else {
            // Keys stand behind the plugins that they are for.
            let all = values(&fields, raw::MANIFEST);
            let siblings = fields.source("plugins").map_or(all, |plugins| vec![plugins]);
            let line = self.to_string();
            return Ok(text.append(&whole, &siblings, line.trim_end_matches(',')));
        };
        let items: Vec<Source<'_>> = match self {
            Self::TrustKey { .. } => {
                let Unique(keys) = list.read::<Unique<&RawValue>>(self.key())?;
                keys.into_values().map(|value| list.within(value)).collect()
            }
            _ => {
                let plugins: Vec<&RawValue> = list.read(self.key())?;
                plugins.into_iter().map(|value| list.within(value)).collect()
            }
        };
        Ok(text.append(&list, &items, &self.item()))
    }

    /// Whether this is all that differs between two manifests, as far as it
    /// is of the kind that is changed.
    fn is_all(&self, mut before: Manifest, mut after: Manifest) -> bool {
        for plugin in before.plugins.iter_mut().chain(&mut after.plugins) {
            plugin.line = 0;
        }
        match self {
            Self::TrustKey { name, key } => {
                let is_new = before.trusted_keys.insert(name.clone(), *key).is_none();
                is_new && before.trusted_keys == after.trusted_keys
            }
            Self::Pin { entry, sha256 } => {
                before.plugins[*entry].sha256 = Some(*sha256);
                before.plugins == after.plugins
            }
            Self::Plugin { path, sha256 } => {
                let added = after.plugins.pop();
                let is_it = added.is_some_and(|added| {
                    added.path == Path::new(path) && added.sha256 == Some(*sha256)
                });
                is_it && before.plugins == after.plugins
            }
        }
    }
}

/// The values of a struct that are given.
fn values<'a>(fields: &Fields<'a>, keys: raw::Keys) -> Vec<Source<'a>> {
    keys.names().filter_map(|key| fields.source(key)).collect()
}

/// The texts of all values that a change must leave as they are.
fn others(file: &Path, text: &str, change: &Change) -> Option<Vec<(&'static str, String)>> {
    let whole = Source::file(file, text).ok()?;
    let fields = Fields::read(raw::MANIFEST, "", Some(whole), &[]).ok()?;
    let keys = raw::MANIFEST.names().filter(|key| *key != change.key());
    Some(keys.filter_map(|key| Some((key, fields.source(key)?.text().to_owned()))).collect())
}

/// The text of a whole manifest.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl Text<'_> {
    /// Where a value of it begins and ends.
    fn place(&self, value: &Source<'_>) -> (usize, usize) {
        let start = value.text().as_ptr().addr() - self.0.as_ptr().addr();
        (start, start + value.text().len())
    }

    fn replace(&self, value: &Source<'_>, with: &str) -> String {
        let (start, end) = self.place(value);
        format!("{}{with}{}", &self.0[..start], &self.0[end..])
    }

    /// Puts an item behind the last one of a list, map or struct.
    fn append(&self, list: &Source<'_>, items: &[Source<'_>], item: &str) -> Option<String> {
        let places = items.iter().map(|item| self.place(item));
        let Some((start, end)) = places.max() else {
            // Right behind what opens it.
            let (start, _) = self.place(list);
            let inside = start + self.0[start..].find(['(', '[', '{'])? + 1;
            return Some(format!("{}{item},{}", &self.0[..inside], &self.0[inside..]));
        };
        let behind = self.0[end..].trim_start();
        let (comma, end) = match behind.strip_prefix(',') {
            Some(rest) => ("", self.0.len() - rest.len()),
            None => (",", end),
        };
        let (before, behind) = self.0.split_at(end);
        let line = behind.split('\n').next()?;
        let is_last_on_its_line = line.trim().is_empty() || line.trim_start().starts_with("//");
        if !is_last_on_its_line || !list.text().contains('\n') {
            // Where the last item has no comma, nor has the new one.
            let trailing = if comma.is_empty() { "," } else { "" };
            return Some(format!("{before}{comma} {item}{trailing}{behind}"));
        }
        let first_line = self.0[..start].rsplit('\n').next()?;
        let indent = &first_line[..first_line.len() - first_line.trim_start().len()];
        let rest = &behind[line.len()..];
        let carriage = if line.ends_with('\r') { "\r" } else { "" };
        Some(format!("{before}{comma}{line}\n{indent}{item},{carriage}{rest}"))
    }
}

#[cfg(test)]
mod tests;
