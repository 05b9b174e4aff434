//! Reads what a plugin file says about itself, without running any of it.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacetime_sdk::{
    schema::Shape,
    text::{is_printable, line},
};

use crate::{inspection::Inspection, refusal::Refusal};

/// The kinds of components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Which leaves of a plot, in which order, until when?
    Strategy,
    /// Which of these leaves has the lowest score under the bound?
    Engine,
    /// What goes into a block that we won, and do we want it?
    Policy,
    /// Where do challenges come from, where do proofs and blocks go?
    Transport,
    /// A kind that this host is too old for.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strategy => "strategy",
            Self::Engine => "engine",
            Self::Policy => "policy",
            Self::Transport => "transport",
            Self::Unknown => "unknown",
        })
    }
}

/// One component of a library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// What it is.
    pub kind: Kind,
    /// The name under which manifests use it.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub about: String,
    /// What its config may be; `None`: the SDK that built it did not write it
    /// down yet.
    #[serde(default)]
    pub config: Option<Shape>,
    /// Whether a strategy's plans may hold a leaf more than once; `None`: it is none,
    /// or the SDK that built it did not write that down yet.
    #[serde(default)]
    pub may_repeat: Option<bool>,
}

/// What a plugin file says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// The plugin's id: its package name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    #[serde(default)]
    pub about: String,
    /// Its licence, as SPDX.
    #[serde(default)]
    pub license: String,
    /// The version of the binary interface that it was built with.
    pub abi: String,
    /// The version of the SDK that it was built with.
    pub sdk: String,
    /// The compiler that built it.
    pub rustc: String,
    /// The platform that it was built for.
    pub target: String,
    /// `unwind` or `abort`: what its panics do.
    pub panic: String,
    /// `debug` or `release`: whether it was built with debug assertions; empty:
    /// not told.
    #[serde(default)]
    pub profile: String,
    /// Features that it needs of the processor, beyond what all of its platform
    /// have.
    #[serde(default)]
    pub cpu: Vec<String>,
    /// Its components.
    #[serde(deserialize_with = "without_null")]
    pub components: Vec<Component>,
}

/// The macro that writes the list ends it with `null`, to close its last comma.
fn without_null<'de, D: serde::Deserializer<'de>>(list: D) -> Result<Vec<Component>, D::Error> {
    Ok(Vec::<Option<Component>>::deserialize(list)?.into_iter().flatten().collect())
}

/// A text out of a file that nobody may vouch for, to be shown on one line: it
/// must not pass for what the host says.
pub(crate) fn printable(text: &str) -> String {
    line(text, usize::MAX).into_owned()
}

/// The same of all texts of a document.
fn clean(document: Value) -> Value {
    match document {
        Value::String(text) => Value::String(printable(&text)),
        Value::Array(list) => list.into_iter().map(clean).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (printable(&name), clean(value))).collect()
        }
        other => other,
    }
}

impl Descriptor {
    /// Reads the descriptor of a plugin file of any platform. Nothing of the
    /// file is executed.
    ///
    /// # Errors
    ///
    /// As for [`Inspection::read`].
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        Ok(Inspection::read(path)?.descriptor)
    }

    /// The same of a file's bytes; `path` is what errors call it.
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::read`], reading aside.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, Refusal> {
        Ok(Inspection::parse(bytes, path)?.descriptor)
    }

    pub(crate) fn of(text: &str, path: &Path) -> Result<Self, Refusal> {
        let damaged =
            |source: serde_json::Error| Refusal::damaged(path, &printable(&source.to_string()));
        let value = serde_json::from_str(text).and_then(|found: Self| {
            // Without a backslash, what is not printable stands there as it is.
            let is_plain = !text.contains(|c| c == '\\' || !is_printable(c));
            let cleaned = || serde_json::from_value(clean(serde_json::from_str(text)?));
            if is_plain { Ok(found) } else { cleaned() }
        });
        value.map_err(damaged)
    }

    /// The component of this kind and name.
    pub fn component(&self, kind: Kind, name: &str) -> Option<&Component> {
        self.components.iter().find(|found| found.kind == kind && found.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{"plugin":"p","version":"1.0.0","about":"ABOUT","abi":"1.1.0",
        "sdk":"0.1.0","rustc":"rustc","target":"t","panic":"unwind","components":[
        {"kind":"strategy","name":"NAME","about":"plans"},null]}"#;

    /// A file that is looked at before it is trusted could move the cursor and
    /// write over what the host says of it.
    #[test]
    fn what_a_terminal_would_obey_is_not_passed_on() {
        let of = |about: &str, name: &str| {
            let text = PLAIN.replace("ABOUT", about).replace("NAME", name);
            Descriptor::of(&text, Path::new("a.so")).unwrap()
        };
        let plain = of("does \u{e4} thing", "mine");
        assert_eq!((&*plain.about, &*plain.components[0].name), ("does \u{e4} thing", "mine"));
        let bad = of("one\\ntwo\\u001b[2A\\rsigned", "m\u{202e}\u{7f}\u{9b}");
        assert_eq!(bad.about, "one two\\u{1b}[2A\\u{d}signed");
        assert_eq!(bad.components[0].name, "m\\u{202e}\\u{7f}\\u{9b}");
        assert_eq!(of(r#"a \"quote\""#, "b").about, "a \"quote\"");
    }
}
