//! Whether the libraries that a plugin's file needs are on this system, told
//! without loading one. Only the answers that are sure count: a plugin is
//! refused for a library that is missing, and never on suspicion.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc;

use serde::Serialize;

use crate::{descriptor::printable, library_file::LibraryFile};

/// A library that a plugin's file needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeededLibrary {
    /// Its name, as the file has it.
    pub name: String,
    /// Whether it is here.
    pub presence: Presence,
}

/// Whether a library is on this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// The system will find it.
    Found,
    /// The system will not.
    Missing,
    /// That cannot be told without asking the system to load it.
    Unknown,
}

/// The libraries that a file needs; those of another platform's are unknown.
pub(crate) fn needed(file: &LibraryFile, is_ours: bool) -> Vec<NeededLibrary> {
    let presence = presences(file, is_ours);
    let of = |name: &String| NeededLibrary { name: printable(name), presence: presence(name) };
    file.needed.iter().map(of).collect()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn presences(file: &LibraryFile, is_ours: bool) -> impl Fn(&str) -> Presence {
    let system = is_ours.then(|| glibc::Places::of(&file.search));
    move |name| system.as_ref().map_or(Presence::Unknown, |system| system.presence(name))
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn presences(_: &LibraryFile, _: bool) -> impl Fn(&str) -> Presence {
    |_| Presence::Unknown
}
