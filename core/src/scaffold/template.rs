//! The templates, and what is put into them. They are real files, with a
//! plugin's name that is as good as any: `my-plugin`.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    path::PathBuf,
};

use super::{PluginName, Sdk};

/// What a new plugin is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A scanning strategy.
    Strategy,
    /// A scan engine.
    Engine,
    /// A transport.
    Transport,
    /// A block policy.
    Policy,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Strategy, Self::Engine, Self::Transport, Self::Policy];

    /// The name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strategy => "strategy",
            Self::Engine => "engine",
            Self::Transport => "transport",
            Self::Policy => "policy",
        }
    }
}

/// A file's path in the project, and its template.
type File = (&'static str, &'static str);

const COMMON: [File; 2] = [
    (".gitignore", include_str!("../../templates/common/gitignore")),
    (".github/workflows/ci.yml", include_str!("../../templates/common/ci.yml")),
];

macro_rules! of_kind {
    ($kind:literal) => {
        [
            ("Cargo.toml", include_str!(concat!("../../templates/", $kind, "/manifest.toml"))),
            ("README.md", include_str!(concat!("../../templates/", $kind, "/README.md"))),
            ("miner.ron", include_str!(concat!("../../templates/", $kind, "/miner.ron"))),
            ("src/lib.rs", include_str!(concat!("../../templates/", $kind, "/lib.rs"))),
            ("tests/boundary.rs", include_str!(concat!("../../templates/", $kind, "/boundary.rs"))),
            (
                "tests/conformance.rs",
                include_str!(concat!("../../templates/", $kind, "/conformance.rs")),
            ),
        ]
    };
}

const LINES: File = ("src/lines.rs", include_str!("../../templates/transport/lines.rs"));

/// The files of a project, with their texts.
pub(super) fn files(name: &PluginName, kind: Template, sdk: &Sdk) -> Vec<(PathBuf, String)> {
    let (of_kind, more): (_, &[File]) = match kind {
        Template::Strategy => (of_kind!("strategy"), &[]),
        Template::Engine => (of_kind!("engine"), &[]),
        Template::Transport => (of_kind!("transport"), &[LINES]),
        Template::Policy => (of_kind!("policy"), &[]),
    };
    let values = [
        ("my-plugin", name.to_string()),
        ("my_plugin", name.library()),
        ("MY_LIBRARY", format!("{DLL_PREFIX}{}{DLL_SUFFIX}", name.library())),
        ("SDK_PATH", sdk.path()),
        ("SDK_ROOT", sdk.root().to_owned()),
        ("SDK_VERSION", sdk.version().to_owned()),
        ("MINER_REPOSITORY", env!("CARGO_PKG_REPOSITORY").to_owned()),
    ];
    let files = of_kind.iter().chain(more).chain(&COMMON);
    files.map(|(path, text)| (PathBuf::from(path), fill(text, &values))).collect()
}

/// The text with each key's value in its place. What is put in is not looked
/// at again.
fn fill(text: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    let next = |rest: &str| {
        let places = values.iter().filter_map(|(key, value)| Some((rest.find(key)?, key, value)));
        places.min_by_key(|(place, ..)| *place)
    };
    while let Some((place, key, value)) = next(rest) {
        filled += &rest[..place];
        filled += value;
        rest = &rest[place + key.len()..];
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_once() {
        let values = [("ab", "b-cd".to_owned()), ("cd", "ab".to_owned())];
        assert_eq!(fill("ab cd, abcd; a", &values), "b-cd ab, b-cdab; a");
        assert_eq!(fill("", &values), "");
    }
}
