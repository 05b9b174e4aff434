//! Reads what a plugin file says about itself, without running any of it.

use std::{fmt, fs, path::Path};

use object::{Object, ObjectSection};
use serde::{Deserialize, Serialize};
use spacetime_sdk::descriptor::{FRAME, MAGIC, crc32};

use crate::refusal::Refusal;

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
    /// Its components.
    #[serde(deserialize_with = "without_null")]
    pub components: Vec<Component>,
}

/// The macro that writes the list ends it with `null`, to close its last comma.
fn without_null<'de, D: serde::Deserializer<'de>>(list: D) -> Result<Vec<Component>, D::Error> {
    Ok(Vec::<Option<Component>>::deserialize(list)?.into_iter().flatten().collect())
}

impl Descriptor {
    /// Reads the descriptor of a plugin file of any platform. Nothing of the
    /// file is executed.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, that is no dynamic library, or that is one
    /// without a (whole) descriptor.
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        let bytes = fs::read(path).map_err(|source| Refusal::unreadable(path, &source))?;
        Self::parse(&bytes, path)
    }

    /// The same of a file's bytes; `path` is what errors call it.
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::read`], reading aside.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, Refusal> {
        let text = text(bytes, path)?;
        serde_json::from_str(text).map_err(|source| Refusal::damaged(path, &source.to_string()))
    }

    /// The component of this kind and name.
    pub fn component(&self, kind: Kind, name: &str) -> Option<&Component> {
        self.components.iter().find(|found| found.kind == kind && found.name == name)
    }
}

/// The text of a plugin file's descriptor, which is what a signature covers.
pub(crate) fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str, Refusal> {
    let file = object::File::parse(bytes).map_err(|_| Refusal::not_a_library(path))?;
    find_text(&file).ok_or_else(|| Refusal::not_a_plugin(path))
}

/// The text of the first whole descriptor in the section made for it.
fn find_text<'data>(file: &object::File<'data>) -> Option<&'data str> {
    let data = [".stplugin", "__stplugin", ".stplg"]
        .iter()
        .find_map(|name| file.section_by_name(name))?
        .data()
        .ok()?;
    let start = data.windows(MAGIC.len()).position(|window| window == MAGIC)?;
    let frame = data.get(start..start + FRAME)?;
    let word = |at: usize| frame[at..at + 4].try_into().ok().map(u32::from_le_bytes);
    let (len, crc) = (usize::try_from(word(16)?).ok()?, word(20)?);
    let text = data.get(start + FRAME..(start + FRAME).checked_add(len)?)?;
    (crc32(text, 0) == crc).then(|| std::str::from_utf8(text).ok())?
}
