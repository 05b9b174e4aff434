//! Reads what a plugin file says about itself, without running any of it.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};
use spacetime_sdk::schema::Shape;

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
        serde_json::from_str(text).map_err(|source| Refusal::damaged(path, &source.to_string()))
    }

    /// The component of this kind and name.
    pub fn component(&self, kind: Kind, name: &str) -> Option<&Component> {
        self.components.iter().find(|found| found.kind == kind && found.name == name)
    }
}
