//! The decision whether a plugin file may be loaded.
//!
//! An entry that says `trust` gets just that. Without, any of these will do:
//! that the file lies with the miner, that its entry pins its hash, that the
//! lock file has it, that one of the trusted keys signed it. A pin must be
//! right whatever else holds.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use spacetime_sdk_loader::{
    Cache, Descriptor, FileHash, Made, PluginFile, PrivateCopy, PublicKey, Refusal, Signature,
};

use super::{
    lock::Lock,
    place::{Place, Stand},
};
use crate::manifest::{Manifest, PluginEntry, Trust};

/// Copies that are kept though nobody uses them: of the versions before.
const UNUSED_COPIES: usize = 16;

/// What plugin files are judged by.
#[derive(Clone, Debug)]
pub struct Gate {
    place: Place,
    keys: BTreeMap<String, PublicKey>,
    /// The lock file, and what it says or why that is not known.
    lock: Option<(PathBuf, Result<Lock, String>)>,
    /// Folders of the command line from which anything is loaded.
    open: Vec<PathBuf>,
    /// Where private copies are kept.
    copies: Option<PathBuf>,
}

/// Why a file may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It lies with the miner, and is as well guarded.
    WithTheMiner,
    /// Its entry has its hash.
    Pinned,
    /// The lock file has its hash.
    Locked,
    /// A trusted key signed it.
    Signed {
        /// Which.
        key: PublicKey,
        /// The user's name for it, if it has one.
        name: Option<String>,
    },
    /// Whatever it is: its entry says so.
    Any,
    /// Whatever it is: the command line says so of its folder.
    AnyInFolder,
}

impl Permission {
    /// A word for programs.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::WithTheMiner => "miner",
            Self::Pinned => "pinned",
            Self::Locked => "locked",
            Self::Signed { .. } => "signed",
            Self::Any | Self::AnyInFolder => "any",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithTheMiner => f.write_str("it came with the miner"),
            Self::Pinned => f.write_str("the manifest pins its SHA-256"),
            Self::Locked => f.write_str("plugins.lock has its SHA-256"),
            Self::Signed { name: Some(name), .. } => write!(f, "signed by {name}"),
            Self::Signed { key, name: None } => write!(f, "signed by {key}"),
            Self::Any => {
                f.write_str("its entry in the manifest says `trust: any`, whoever made it")
            }
            Self::AnyInFolder => {
                f.write_str("`--trust any` takes every file of its folder, whoever made it")
            }
        }
    }
}

/// A file that may be loaded.
#[derive(Debug)]
pub struct Admitted {
    // Not the file itself, for plugins are large, and all are admitted before
    // the first one is loaded.
    path: PathBuf,
    sha256: FileHash,
    descriptor: Descriptor,
    permission: Permission,
    copies: Option<PathBuf>,
}

impl Admitted {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The hash of the file.
    pub fn sha256(&self) -> FileHash {
        self.sha256
    }

    /// Why it may be loaded.
    pub fn permission(&self) -> &Permission {
        &self.permission
    }

    /// The private copy that it is loaded from.
    ///
    /// # Errors
    ///
    /// The file is not the admitted one any more, or the copy cannot be made.
    pub fn copy(self) -> Result<PrivateCopy, Refusal> {
        let path = &*self.path;
        let folder = self.copies.ok_or_else(|| Refusal::nowhere_to_copy(path))?;
        let cache = Cache::open(&folder).map_err(|error| Refusal::no_copy(path, &error))?;
        let file = PluginFile::read(path)?;
        if file.sha256() != self.sha256 {
            return Err(Refusal::exchanged(path));
        }
        let copy = cache.keep(file)?;
        if copy.made() == Made::Again {
            let path = copy.path().display();
            tracing::warn!(%path, "the private copy of a plugin was damaged, and is made again");
        }
        if copy.made() != Made::Before
            && let Err(error) = cache.tidy(UNUSED_COPIES)
        {
            tracing::warn!("old private copies of plugins stay: {error}");
        }
        Ok(copy)
    }
}

impl Gate {
    /// What a manifest says, with what its overrides do.
    pub fn of(manifest: &Manifest) -> Self {
        let path = manifest.lock_file();
        let lock = Lock::read(&path).map_err(|error| error.to_string());
        Self {
            place: Place::of_this_process(),
            keys: manifest.trusted_keys.clone(),
            lock: Some((path, lock)),
            open: real(&manifest.open_directories),
            copies: Some(manifest.plugin_cache.clone()),
        }
    }

    /// Without a manifest: only what came with the miner, and anything from the
    /// folders `open`; copies are kept in a folder of their own.
    pub fn without_manifest(open: &[PathBuf], copies: Option<PathBuf>) -> Self {
        Self {
            place: Place::of_this_process(),
            keys: BTreeMap::new(),
            lock: None,
            open: real(open),
            copies,
        }
    }

    /// The same, but that the lock file locks nothing: for what is to be
    /// locked anew.
    pub(super) fn without_lock(mut self) -> Self {
        self.lock = None;
        self
    }

    /// The user's name for a key.
    pub fn name_of(&self, key: PublicKey) -> Option<&str> {
        let known = self.keys.iter().find(|(_, known)| **known == key);
        known.map(|(name, _)| name.as_str())
    }

    /// Where private copies are kept, if anywhere.
    pub fn copies(&self) -> Option<&Path> {
        self.copies.as_deref()
    }

    /// Whether a file came with the miner, whatever a manifest says of it.
    pub fn came_with_miner(&self, file: &PluginFile) -> bool {
        self.place.stand(file) == Stand::WithTheMiner
    }

    /// Reads a file and decides whether it may be loaded, by its entry in the
    /// manifest if it has one.
    ///
    /// # Errors
    ///
    /// Why it cannot or may not be loaded.
    pub fn admit(&self, path: &Path, entry: Option<&PluginEntry>) -> Result<Admitted, Refusal> {
        let file = PluginFile::read(path)?;
        // First, so that a pinned file that was damaged is told as changed.
        check_pin(&file, entry)?;
        let descriptor = file.inspect()?.accepted()?.descriptor;
        let permission = self.judge(&file, &descriptor, entry)?;
        Ok(Admitted {
            path: path.to_owned(),
            sha256: file.sha256(),
            descriptor,
            permission,
            copies: self.copies.clone(),
        })
    }

    /// Decides whether a file may be loaded, as far as that is a matter of
    /// trust.
    ///
    /// # Errors
    ///
    /// Why it may not.
    pub fn judge(
        &self,
        file: &PluginFile,
        descriptor: &Descriptor,
        entry: Option<&PluginEntry>,
    ) -> Result<Permission, Refusal> {
        check_pin(file, entry)?;
        match entry.and_then(|entry| entry.trust.as_ref()) {
            Some(Trust::Any) => Ok(Permission::Any),
            Some(Trust::Locked) => self.must_be_locked(file, descriptor),
            Some(Trust::Signed { by }) => self.must_be_signed(file, by),
            None => self.may_be_anything(file, descriptor, entry),
        }
    }

    fn may_be_anything(
        &self,
        file: &PluginFile,
        descriptor: &Descriptor,
        entry: Option<&PluginEntry>,
    ) -> Result<Permission, Refusal> {
        let stand = self.place.stand(file);
        if stand == Stand::WithTheMiner {
            return Ok(Permission::WithTheMiner);
        }
        if entry.is_some_and(|entry| entry.sha256.is_some()) {
            return Ok(Permission::Pinned);
        }
        let folder = file.path().parent().and_then(|folder| folder.canonicalize().ok());
        if folder.is_some_and(|folder| self.open.contains(&folder)) {
            return Ok(Permission::AnyInFolder);
        }
        if self.is_locked(file, descriptor)? {
            return Ok(Permission::Locked);
        }
        match (Signature::beside(file)?, stand) {
            (Some(signature), _) => {
                signature.verify(file)?;
                let key = signature.signer;
                match self.name_of(key) {
                    Some(name) => Ok(Permission::Signed { key, name: Some(name.to_owned()) }),
                    None => Err(Refusal::untrusted_signer(file.path(), key)),
                }
            }
            (None, Stand::Exposed(owner, miner)) => {
                Err(Refusal::exposed(file.path(), owner, miner, &entry_for(file, entry)))
            }
            (None, _) => Err(Refusal::not_allowed(file.path(), &entry_for(file, entry))),
        }
    }

    fn must_be_signed(&self, file: &PluginFile, by: &[String]) -> Result<Permission, Refusal> {
        let known = |name: &String| self.keys.get(name).copied().or_else(|| name.parse().ok());
        let keys: Vec<Option<PublicKey>> = by.iter().map(known).collect();
        let unknown = by.iter().zip(&keys).find(|(_, key)| key.is_none()).map(|(name, _)| name);
        let removed = unknown.map(|name| Refusal::unknown_signer(file.path(), name));
        if let Some(removed) = removed.clone().filter(|_| keys.iter().all(Option::is_none)) {
            return Err(removed);
        }
        let signature = Signature::beside(file)?;
        let signature = signature.ok_or_else(|| Refusal::not_signed(file.path()))?;
        signature.verify(file)?;
        let key = signature.signer;
        if keys.contains(&Some(key)) {
            return Ok(Permission::Signed { key, name: self.name_of(key).map(str::to_owned) });
        }
        let wanted = by.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        Err(removed.unwrap_or_else(|| Refusal::other_signer(file.path(), key, &wanted)))
    }

    fn must_be_locked(
        &self,
        file: &PluginFile,
        descriptor: &Descriptor,
    ) -> Result<Permission, Refusal> {
        if self.is_locked(file, descriptor)? {
            return Ok(Permission::Locked);
        }
        let lock = self.lock.as_ref().map_or(Path::new("plugins.lock"), |(path, _)| path);
        Err(Refusal::not_locked(file.path(), lock, &descriptor.target))
    }

    /// Whether the lock file has a file; one that it has otherwise is refused.
    fn is_locked(&self, file: &PluginFile, descriptor: &Descriptor) -> Result<bool, Refusal> {
        let Some((path, lock)) = &self.lock else { return Ok(false) };
        let lock = lock.as_ref().map_err(|error| Refusal::lock_damaged(file.path(), error))?;
        let ours = file.sha256();
        match lock.file(&descriptor.plugin, &descriptor.target) {
            None => Ok(false),
            Some(locked) if locked.sha256 == ours => Ok(true),
            Some(locked) => Err(Refusal::not_the_locked(file.path(), path, locked.sha256, ours)),
        }
    }
}

fn check_pin(file: &PluginFile, entry: Option<&PluginEntry>) -> Result<(), Refusal> {
    match entry.and_then(|entry| entry.sha256) {
        Some(pinned) if pinned != file.sha256() => {
            Err(Refusal::not_the_pinned(file.path(), pinned, file.sha256()))
        }
        _ => Ok(()),
    }
}

/// The entry of `plugins` that allows exactly this file.
pub(crate) fn entry_for(file: &PluginFile, entry: Option<&PluginEntry>) -> String {
    let path = entry.map_or(file.path(), |entry| &entry.path);
    format!("(path: {path:?}, sha256: \"{}\")", file.sha256())
}

/// Folders as files name theirs, symbolic links followed; without those that
/// are not there.
fn real(folders: &[PathBuf]) -> Vec<PathBuf> {
    folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect()
}
