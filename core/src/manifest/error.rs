//! What can be wrong with a manifest: where, which field, and what to do.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why a manifest could not be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// There is no manifest.
    #[error(
        "there is no manifest {}: name one with --manifest, or start in a folder with a miner.ron",
        file.display()
    )]
    Missing {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// The manifest, or a file that it names, could not be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It does not say what it should.
    #[error("{place}: {message}")]
    Invalid {
        /// File and line, or `--set`.
        place: ErrorPlace,
        /// The field by its dotted path; empty for the manifest as a whole.
        field: String,
        /// A sentence that names the field.
        message: String,
    },
}

/// Where in the user's input an error is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorPlace {
    /// In a file.
    File {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// In an override of the command line, as it was given.
    Set(String),
}

impl fmt::Display for ErrorPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Set(given) => write!(f, "--set {given}"),
        }
    }
}

impl ManifestError {
    /// Line and column of the manifest, where the error is in it.
    pub fn position(&self) -> Option<(u32, u32)> {
        match self {
            Self::Invalid { place: ErrorPlace::File { line, column, .. }, .. } => {
                Some((*line, *column))
            }
            _ => None,
        }
    }

    /// The field at fault, by its dotted path.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } if !field.is_empty() => Some(field),
            _ => None,
        }
    }

    pub(super) fn unreadable(file: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { file: file.to_owned() },
            _ => Self::Unreadable { file: file.to_owned(), source },
        }
    }

    pub(super) fn invalid(place: ErrorPlace, field: &str, message: impl fmt::Display) -> Self {
        Self::Invalid { place, field: field.to_owned(), message: message.to_string() }
    }
}

/// The known name that is most like one that is not known, if any is at all.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), known);
    known
        .into_iter()
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

/// A hint at the end of a sentence: the nearest known name, or all of them.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(name, known.clone()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => {
            let names: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
            format!("known are {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["plot_directory", "plot_directories", "node_port"];
        assert_eq!(nearest("plot_dirctory", known), Some("plot_directory"));
        assert_eq!(nearest("nodeport", known), Some("node_port"));
        assert_eq!(nearest("xyz", known), None);
        assert_eq!(did_you_mean("xyz", ["a", "b"]), "known are `a`, `b`");
    }
}
