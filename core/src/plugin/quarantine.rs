//! Components that brought the whole miner down, remembered over restarts:
//! `quarantine.json` in the data directory.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use spacetime_sdk_loader::{
    FileHash, Kind, Library, Method,
    journal::{Cause, Culprit},
};
use thiserror::Error;

use crate::{durable, observe::rfc3339};

/// The file's name in the data directory.
const FILE: &str = "quarantine.json";

/// What becomes of a file that cannot be understood when it is replaced: a newer
/// version of the miner may have written it.
const UNREAD: &str = "quarantine.json.unread";

/// The form of the file.
const FORMAT: u32 = 1;

/// Crashes of a transport, for which the host has no substitute, after which
/// it is not used any more, if they come within the window.
pub(super) const TRANSPORT_CRASHES: usize = 3;

/// How long they count, seconds: a miner that is started again may have a
/// chain to check before its transport crashes again.
const WINDOW: u64 = 3600;

/// Components that brought the miner down.
#[derive(Clone, Debug)]
pub struct Quarantine {
    path: PathBuf,
    entries: Vec<Entry>,
    /// Whether the file that it replaces was not understood.
    is_unread: bool,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The component, and the very file that it was in.
    #[serde(flatten)]
    pub culprit: Culprit,
    /// The call in which it last happened.
    pub method: Method,
    /// What happened.
    pub cause: Cause,
    /// When it happened, the last times, in Unix seconds.
    crashes: Vec<u64>,
    /// Since when it is not used, in Unix seconds; `None`: it still is.
    held_since: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    entries: Vec<Entry>,
}

/// Why the quarantine cannot be read or written.
#[derive(Debug, Error)]
pub enum QuarantineError {
    /// The system says no.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{} is not a list of quarantined plugins ({reason}): mend or remove it", .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Entry {
    /// Whether it is not used.
    pub fn is_held(&self) -> bool {
        self.held_since.is_some()
    }

    /// Whether it is on this component of this very file.
    fn is_on(&self, culprit: &Culprit) -> bool {
        let Culprit { kind, component, plugin, sha256, .. } = &self.culprit;
        *kind == culprit.kind
            && *component == culprit.component
            && *plugin == culprit.plugin
            && *sha256 == culprit.sha256
    }

    /// Whether a user can mean it by this name: the component's, the plugin's,
    /// or both.
    fn is_called(&self, name: &str) -> bool {
        let Culprit { plugin, component, .. } = &self.culprit;
        name == plugin
            || !component.is_empty()
                && (name == component || name == format!("{plugin}/{component}"))
    }
}

/// Why it is not used, after its name.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, cause, crashes, .. } = self;
        match self.held_since {
            Some(since) => write!(f, "is quarantined since {}", rfc3339(since * 1000))?,
            None => write!(f, "is watched")?,
        }
        let times = match crashes.len() {
            1 => String::new(),
            times => format!("{times} times, at last "),
        };
        write!(f, ": it ended the miner {times}in `{}`: {cause}", method.name())
    }
}

impl Quarantine {
    /// Reads a data directory's quarantine; nothing is quarantined where there
    /// is none.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is something else.
    pub(super) fn read(data_directory: &Path) -> Result<Self, QuarantineError> {
        let path = data_directory.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path, entries: Vec::new(), is_unread: false });
            }
            Err(source) => return Err(QuarantineError::Io { path, source }),
        };
        let damaged = |path, reason: String| QuarantineError::Damaged { path, reason };
        match serde_json::from_slice::<Document>(&bytes) {
            Ok(document) if document.format == FORMAT => {
                Ok(Self { path, entries: document.entries, is_unread: false })
            }
            Ok(document) => Err(damaged(path, format!("format {}", document.format))),
            Err(error) => Err(damaged(path, error.to_string())),
        }
    }

    /// An empty one, for where the file is damaged.
    pub(super) fn empty(data_directory: &Path) -> Self {
        Self { path: data_directory.join(FILE), entries: Vec::new(), is_unread: true }
    }

    /// Writes it whole. A file that was not understood is kept beside it.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn write(&self) -> Result<(), QuarantineError> {
        let document = Document { format: FORMAT, entries: self.entries.clone() };
        let replace = || {
            if self.is_unread {
                self.keep_unread()?;
            }
            durable::replace(&self.path, &serde_json::to_vec_pretty(&document)?)
        };
        replace().map_err(|source| QuarantineError::Io { path: self.path.clone(), source })
    }

    fn keep_unread(&self) -> io::Result<()> {
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            bytes => durable::replace(&self.path.with_file_name(UNREAD), &bytes?),
        }
    }

    /// Everything in it.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes note of a crash.
    pub(super) fn add(
        &mut self,
        culprit: &Culprit,
        method: Method,
        cause: Cause,
        at: u64,
    ) -> &Entry {
        let known = self.entries.iter().position(|entry| entry.is_on(culprit));
        let position = known.unwrap_or_else(|| {
            let (culprit, crashes) = (culprit.clone(), Vec::new());
            self.entries.push(Entry { culprit, method, cause, crashes, held_since: None });
            self.entries.len() - 1
        });
        let entry = &mut self.entries[position];
        (entry.method, entry.cause) = (method, cause);
        entry.crashes.retain(|then| at.saturating_sub(*then) <= WINDOW);
        entry.crashes.push(at);
        if !culprit.transport || entry.crashes.len() >= TRANSPORT_CRASHES {
            entry.held_since.get_or_insert(at);
        }
        entry
    }

    /// Whether a crash has been taken note of.
    pub(super) fn has(&self, culprit: &Culprit, at: u64) -> bool {
        self.entries.iter().any(|entry| entry.is_on(culprit) && entry.crashes.contains(&at))
    }

    /// Why a component of a file with this hash is not used; `None` as a kind:
    /// why the file is not loaded.
    pub(super) fn held(
        &self,
        kind: Option<Kind>,
        component: &str,
        sha256: FileHash,
    ) -> Option<&Entry> {
        self.entries.iter().filter(|entry| entry.is_held()).find(|entry| {
            let culprit = &entry.culprit;
            culprit.sha256 == sha256 && culprit.kind == kind && culprit.component == component
        })
    }

    /// What there is on a component of the file with this hash, or on the file
    /// as a whole, used or not.
    pub fn on(&self, kind: Option<Kind>, component: &str, sha256: FileHash) -> Option<&Entry> {
        self.entries.iter().find(|entry| {
            let culprit = &entry.culprit;
            let is_it = culprit.kind == kind && culprit.component == component;
            culprit.sha256 == sha256 && (is_it || culprit.kind.is_none())
        })
    }

    /// Strikes what was in files that have been replaced since: their plugins
    /// are loaded with other hashes. What was struck.
    pub(super) fn strike_replaced(&mut self, loaded: &[Library]) -> Vec<Entry> {
        let is_replaced = |entry: &mut Entry| {
            let mut same = loaded
                .iter()
                .filter(|library| library.descriptor().plugin == entry.culprit.plugin)
                .peekable();
            same.peek().is_some() && same.all(|library| library.sha256() != entry.culprit.sha256)
        };
        self.entries.extract_if(.., is_replaced).collect()
    }

    /// Strikes what a name means. What was struck.
    pub(super) fn release(&mut self, name: &str) -> Vec<Entry> {
        self.entries.extract_if(.., |entry| entry.is_called(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn culprit(kind: Option<Kind>, component: &str) -> Culprit {
        Culprit {
            kind,
            component: component.into(),
            plugin: "my-plugin".into(),
            version: "1.0.0".into(),
            path: "/plugin.so".into(),
            sha256: FileHash::of(b"a"),
            transport: kind == Some(Kind::Transport),
        }
    }

    fn empty() -> Quarantine {
        Quarantine::empty(Path::new("/nowhere"))
    }

    #[test]
    fn what_can_be_replaced_is_held_at_once_and_only_that_very_file() {
        let mut quarantine = empty();
        let strategy = culprit(Some(Kind::Strategy), "mine");
        assert!(quarantine.add(&strategy, Method::Plan, Cause::Segv, 1_000).is_held());
        let a = strategy.sha256;
        let held = |kind, name, hash| quarantine.held(kind, name, hash).is_some();
        assert!(held(Some(Kind::Strategy), "mine", a));
        assert!(!held(Some(Kind::Strategy), "mine", FileHash::of(b"b")));
        assert!(!held(Some(Kind::Strategy), "other", a));
        assert!(!held(Some(Kind::Policy), "mine", a));
        assert!(!held(None, "", a));
        let text = quarantine.entries()[0].to_string();
        assert!(text.contains("1970-01-01T00:16:40") && text.contains("in `plan`"), "{text}");
        assert!(text.contains("SIGSEGV"), "{text}");
    }

    #[test]
    fn a_transport_is_held_after_three_crashes_within_an_hour() {
        let mut quarantine = empty();
        let pool = culprit(Some(Kind::Transport), "pool");
        for at in [0, 3_000, 6_700, 10_000] {
            assert!(!quarantine.add(&pool, Method::Thread, Cause::Abort, at).is_held(), "{at}");
        }
        assert!(quarantine.add(&pool, Method::Thread, Cause::Abort, 10_001).is_held());
        assert!(quarantine.add(&pool, Method::Thread, Cause::Abort, 99_999).is_held(), "it stays");
        assert_eq!(quarantine.entries().len(), 1);
    }

    #[test]
    fn it_is_released_by_the_name_of_the_component_or_the_plugin() {
        for name in ["mine", "my-plugin", "my-plugin/mine"] {
            let mut quarantine = empty();
            quarantine.add(&culprit(Some(Kind::Engine), "mine"), Method::Scan, Cause::Ill, 0);
            assert_eq!(quarantine.release("other"), []);
            assert_eq!(quarantine.release(name).len(), 1, "{name}");
            assert_eq!(quarantine.entries(), []);
        }
        let mut quarantine = empty();
        quarantine.add(&culprit(None, ""), Method::Load, Cause::Segv, 0);
        assert!(quarantine.release("").is_empty());
        assert_eq!(quarantine.release("my-plugin").len(), 1);
    }

    #[test]
    fn it_is_whole_or_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut quarantine = Quarantine::read(folder.path()).unwrap();
        assert_eq!(quarantine.entries(), []);
        quarantine.add(&culprit(Some(Kind::Policy), "mine"), Method::Select, Cause::Exit, 7);
        quarantine.write().unwrap();
        assert_eq!(Quarantine::read(folder.path()).unwrap().entries(), quarantine.entries());
        for damaged in ["", "{}", "{\"format\":2,\"entries\":[]}"] {
            fs::write(folder.path().join(FILE), damaged).unwrap();
            let error = Quarantine::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(FILE), "{error}");
            let mut quarantine = Quarantine::empty(folder.path());
            quarantine.add(&culprit(Some(Kind::Policy), "mine"), Method::Select, Cause::Exit, 7);
            quarantine.write().unwrap();
            let unread = fs::read_to_string(folder.path().join(UNREAD)).unwrap();
            assert_eq!(unread, damaged, "it may be of use to whoever wrote it");
            assert_eq!(Quarantine::read(folder.path()).unwrap().entries().len(), 1);
        }
    }
}
