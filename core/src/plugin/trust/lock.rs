//! `plugins.lock`, beside the manifest: what is installed, by the hashes of
//! its files. Text for people and version control, in the manifest's notation,
//! sorted, so that a difference of two is what changed.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use ron::{Options, extensions::Extensions};
use serde::{Deserialize, Deserializer, de::Error as _};
use spacetime_sdk_loader::{FileHash, PublicKey};
use thiserror::Error;

use crate::unique::unique;

/// What is installed: plugins by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The plugins.
    pub plugins: BTreeMap<String, Locked>,
}

/// An installed plugin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its version.
    pub version: String,
    /// Its file for each platform, all of this version.
    #[serde(deserialize_with = "unique")]
    pub targets: BTreeMap<String, LockedFile>,
}

/// A file of an installed plugin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// The hash of the file.
    pub sha256: FileHash,
    /// The name of the file that was installed.
    #[serde(deserialize_with = "file_name")]
    pub file: String,
    /// Who signed it, if anybody.
    #[serde(default)]
    pub signer: Option<PublicKey>,
}

/// Why the lock file cannot be used.
#[derive(Debug, Error)]
pub enum LockFileError {
    /// The system refused.
    #[error("the lock file {} cannot be {action}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `written`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It does not say what it should.
    #[error("the lock file {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(rename = "Lock", deny_unknown_fields)]
struct Form {
    format: u32,
    #[serde(deserialize_with = "unique")]
    plugins: BTreeMap<String, Locked>,
}

/// No path: lock files are passed on, and what is uninstalled is removed.
fn file_name<'de, D: Deserializer<'de>>(text: D) -> Result<String, D::Error> {
    let name = String::deserialize(text)?;
    match Path::new(&name).file_name().is_some_and(|only| only == name.as_str()) {
        true => Ok(name),
        false => Err(D::Error::custom(format_args!("`{name}` is no name of a file"))),
    }
}

/// A file's text. Nobody knows when there is something to read in a pipe.
fn read_text(path: &Path) -> io::Result<String> {
    match fs::metadata(path)?.is_file() {
        true => fs::read_to_string(path),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

impl Lock {
    /// Reads the lock file; none at all locks nothing.
    ///
    /// # Errors
    ///
    /// See [`LockFileError`].
    pub fn read(path: &Path) -> Result<Self, LockFileError> {
        let text = match read_text(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.map_err(|source| LockFileError::Io {
                action: "read",
                path: path.to_owned(),
                source,
            })?,
        };
        Self::parse(&text)
            .map_err(|reason| LockFileError::Damaged { path: path.to_owned(), reason })
    }

    /// Reads a lock file's text.
    ///
    /// # Errors
    ///
    /// Where it is damaged, and how.
    pub fn parse(text: &str) -> Result<Self, String> {
        // What the first installation leaves when it is killed early.
        if text.is_empty() {
            return Ok(Self::default());
        }
        let options = Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        let form: Form = options.from_str(text).map_err(|error| error.to_string())?;
        match form.format {
            1 => Ok(Self { plugins: form.plugins }),
            other => Err(format!("it has format {other}, and this host knows format 1")),
        }
    }

    /// The lock file's text.
    pub fn to_text(&self) -> String {
        let mut text =
            "// What `spacetime-miner plugin install` installed, which keeps this file.\n\
                        (\n    format: 1,\n    plugins: {\n"
                .to_owned();
        // Writing to a string cannot fail.
        for (id, Locked { version, targets }) in &self.plugins {
            let _ = write!(text, "        {id:?}: (\n            version: {version:?},\n");
            text += "            targets: {\n";
            for (target, LockedFile { sha256, file, signer }) in targets {
                let _ = writeln!(text, "                {target:?}: (");
                let _ = writeln!(text, "                    sha256: \"{sha256}\",");
                let _ = writeln!(text, "                    file: {file:?},");
                if let Some(signer) = signer {
                    let _ = writeln!(text, "                    signer: \"{signer}\",");
                }
                text += "                ),\n";
            }
            text += "            },\n        ),\n";
        }
        text + "    },\n)\n"
    }

    /// The file of a plugin for a platform.
    pub fn file(&self, plugin: &str, target: &str) -> Option<&LockedFile> {
        self.plugins.get(plugin)?.targets.get(target)
    }

    /// Notes a file; files of other versions of the plugin are struck out.
    pub fn add(&mut self, plugin: &str, version: &str, target: &str, file: LockedFile) {
        let fresh = || Locked { version: version.to_owned(), targets: BTreeMap::new() };
        let locked = self.plugins.entry(plugin.to_owned()).or_insert_with(fresh);
        if locked.version != version {
            *locked = fresh();
        }
        locked.targets.insert(target.to_owned(), file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, signer: Option<PublicKey>) -> LockedFile {
        LockedFile { sha256: FileHash::of(name.as_bytes()), file: name.to_owned(), signer }
    }

    fn key() -> PublicKey {
        spacetime_sdk_loader::SigningKey::new(&[3; 32]).public()
    }

    fn lock() -> Lock {
        let mut lock = Lock::default();
        lock.add("zebra", "1.0.0", "linux", file("libzebra.so", Some(key())));
        lock.add("apple \"q\"", "0.1.0-β\u{7}", "linux", file("a\\b.so", None));
        lock.add("zebra", "1.0.0", "apple", file("libzebra.dylib", None));
        lock
    }

    #[test]
    fn what_is_written_is_read_again() {
        for lock in [Lock::default(), lock()] {
            let text = lock.to_text();
            assert_eq!(Lock::parse(&text).as_ref(), Ok(&lock), "{text}");
        }
        assert_eq!(Lock::parse(""), Ok(Lock::default()));
        let text = lock().to_text();
        let place = |word: &str| text.find(word).unwrap();
        assert!(place("apple \\\"q") < place("zebra") && place("dylib") < place("libzebra.so"));
    }

    #[test]
    fn another_version_takes_the_place_of_all_files() {
        let mut lock = lock();
        lock.add("zebra", "1.0.1", "linux", file("libzebra.so", None));
        assert_eq!(lock.file("zebra", "linux"), Some(&file("libzebra.so", None)));
        assert_eq!(lock.file("zebra", "apple"), None);
        assert_eq!(lock.plugins["zebra"].version, "1.0.1");
    }

    #[test]
    fn damage_is_told_with_its_place() {
        let text = lock().to_text();
        let twice = text.replace("\"apple \\\"q\\\"\"", "\"zebra\"");
        assert!(Lock::parse(&twice).unwrap_err().contains("`zebra` is given twice"));
        let later = text.replace("format: 1", "format: 2");
        assert!(Lock::parse(&later).unwrap_err().contains("format 2"));
        for bad in [
            text.replace("version", "versoin"),
            text.replace("sha256: \"", "sha256: \"0"),
            text.replace("\"libzebra.so\"", "\"../libzebra.so\""),
            text.replace("\"libzebra.so\"", "\"/libzebra.so\""),
            text.replace("\"libzebra.so\"", "\"libzebra.so/\""),
            text.replace("\"libzebra.so\"", "\"..\""),
            text[..text.len() / 2].to_owned(),
            "()".to_owned(),
            "\n".to_owned(),
        ] {
            assert!(Lock::parse(&bad).is_err(), "{bad}");
        }
    }
}
