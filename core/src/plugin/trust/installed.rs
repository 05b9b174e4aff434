//! Installing plugins: a copy in the user's plugin folder, and a line in the
//! lock file beside the manifest. Several installations at once lose nothing:
//! the lock file is locked from reading it to replacing it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk::descriptor::TARGET;
use spacetime_sdk_loader::{Descriptor, FileHash, PluginFile, PublicKey, Refusal, Signature};
use thiserror::Error;

use super::{
    super::{folders::folders, inventory::entry_of},
    gate::{Gate, Permission},
    lock::{Lock, LockFileError, Locked, LockedFile},
};
use crate::{
    durable,
    lock::{Holder, LockError, open_locked},
    manifest::{Manifest, PluginEntry, Trust},
};

/// How long another installation is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a file.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The version that was installed before, if another.
    pub replaced: Option<String>,
    /// The platform that the file is for.
    pub target: String,
    /// The file's hash.
    pub sha256: FileHash,
    /// Why it may be installed.
    pub permission: Permission,
    /// Who signed it, if anybody.
    pub signer: Option<PublicKey>,
    /// Who signed what was installed before, if somebody else did.
    pub signer_before: Option<PublicKey>,
    /// Where it is now; `None`: it is for another platform, and only locked.
    pub path: Option<PathBuf>,
}

/// What became of a plugin.
#[derive(Clone, Debug)]
pub struct Uninstalled {
    /// Its version.
    pub version: String,
    /// The file that was removed.
    pub removed: Option<PathBuf>,
    /// The file that is not what was installed, and stays.
    pub left: Option<PathBuf>,
}

/// Why nothing was installed or uninstalled.
#[derive(Debug, Error)]
pub enum InstallError {
    /// A file cannot or may not be loaded.
    #[error("{0}")]
    Refused(Refusal),
    /// Two files are the same plugin for the same platform.
    #[error("{} and {} are both {plugin} for {target}: install one of them", one.display(), other.display())]
    Twice {
        /// The plugin's id.
        plugin: String,
        /// The platform.
        target: String,
        /// A file.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// Another plugin has a file of this name.
    #[error(
        "{} is a file of the plugin {owner} already: uninstall that, or give the file of {plugin} \
         another name",
        path.display()
    )]
    Occupied {
        /// The file in the user's plugin folder.
        path: PathBuf,
        /// Whose it is.
        owner: String,
        /// Whose it was to be.
        plugin: String,
    },
    /// The environment does not say where the user's folder is.
    #[error("the environment has no HOME, so that there is no folder to install plugins in")]
    NoFolder,
    /// The lock file cannot be used.
    #[error("{0}")]
    Lock(#[from] LockFileError),
    /// Another process installs, and does not end.
    #[error("the lock file {} is in use by {holder}: try again when that has ended", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// Who uses it.
        holder: Holder,
    },
    /// There is no such plugin.
    #[error("{} has no plugin {plugin}; it has {}", path.display(), list(known))]
    Unknown {
        /// The lock file.
        path: PathBuf,
        /// The plugin's id.
        plugin: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn list(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> InstallError + 'a {
    move |source| InstallError::Io { action, path: path.to_owned(), source }
}

/// Installs and uninstalls plugins.
#[derive(Debug)]
pub struct Installer<'a> {
    manifest: &'a Manifest,
    gate: Gate,
    /// The user's plugin folder.
    folder: PathBuf,
    lock: PathBuf,
}

/// A file that may be installed.
struct Candidate {
    file: PluginFile,
    descriptor: Descriptor,
    permission: Permission,
    signature: Option<Signature>,
    name: String,
}

impl<'a> Installer<'a> {
    /// Into the user's plugin folder, and the lock file beside the manifest.
    ///
    /// # Errors
    ///
    /// The environment does not say where that folder is.
    pub fn new(manifest: &'a Manifest, folder: Option<PathBuf>) -> Result<Self, InstallError> {
        let folder = folder.ok_or(InstallError::NoFolder)?;
        // What is installed anew is not what was locked.
        let gate = Gate::of(manifest).without_lock();
        Ok(Self { manifest, gate, folder, lock: manifest.lock_file() })
    }

    /// Installs files: all of them, or none if one is refused. With `anything`,
    /// unsigned ones too.
    ///
    /// # Errors
    ///
    /// See [`InstallError`].
    pub fn install(
        &self,
        files: &[PathBuf],
        anything: bool,
    ) -> Result<Vec<Installed>, InstallError> {
        let look = |path: &PathBuf| self.candidate(path, anything);
        let candidates = files.iter().map(look).collect::<Result<Vec<_>, _>>()?;
        refuse_twins(&candidates)?;
        self.change(|lock| {
            for candidate in &candidates {
                self.check_name(candidate, lock)?;
            }
            candidates.into_iter().map(|candidate| self.put(candidate, lock)).collect()
        })
    }

    /// Uninstalls a plugin: takes it off the lock file, and removes its file,
    /// if that is the one that was installed.
    ///
    /// # Errors
    ///
    /// See [`InstallError`].
    pub fn uninstall(&self, plugin: &str) -> Result<Uninstalled, InstallError> {
        if !self.lock.exists() {
            return Err(self.unknown(plugin, &Lock::default()));
        }
        self.change(|lock| {
            let Some(Locked { version, targets }) = lock.plugins.remove(plugin) else {
                return Err(self.unknown(plugin, lock));
            };
            let mut done = Uninstalled { version, removed: None, left: None };
            if let Some(locked) = targets.get(TARGET) {
                let path = self.folder.join(&locked.file);
                match PluginFile::read(&path) {
                    Ok(file) if file.sha256() == locked.sha256 => {
                        remove(&path)?;
                        remove(&Signature::path_of(&path))?;
                        done.removed = Some(path);
                    }
                    _ if path.exists() => done.left = Some(path),
                    _ => {}
                }
            }
            Ok(done)
        })
    }

    fn unknown(&self, plugin: &str, lock: &Lock) -> InstallError {
        let known = lock.plugins.keys().cloned().collect();
        InstallError::Unknown { path: self.lock.clone(), plugin: plugin.to_owned(), known }
    }

    fn candidate(&self, path: &Path, anything: bool) -> Result<Candidate, InstallError> {
        let look = || {
            let file = PluginFile::read(path)?;
            let mut inspection = file.inspect()?;
            if inspection.descriptor.target == TARGET {
                inspection = inspection.accepted()?;
            }
            let descriptor = inspection.descriptor;
            let folders = folders(&[], &self.manifest.plugin_directories);
            let mut entry = entry_of(self.manifest, &file, &folders).cloned();
            // What is locked anew is vouched for by something else.
            if let Some(entry) = entry.as_mut().filter(|entry| entry.trust == Some(Trust::Locked)) {
                entry.trust = None;
            }
            if anything {
                let fresh = PluginEntry { path: path.to_owned(), ..PluginEntry::default() };
                entry.get_or_insert(fresh).trust = Some(Trust::Any);
            }
            let permission = self.gate.judge(&file, &descriptor, entry.as_ref())?;
            // What is signed is signed by whom it says, or is not installed.
            let signature = Signature::beside(&file)?;
            signature.as_ref().map_or(Ok(()), |signature| signature.verify(&file))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Candidate { file, descriptor, permission, signature, name })
        };
        look().map_err(InstallError::Refused)
    }

    /// Refuses a name in the user's plugin folder that another plugin has.
    fn check_name(&self, candidate: &Candidate, lock: &Lock) -> Result<(), InstallError> {
        let Descriptor { plugin, target, .. } = &candidate.descriptor;
        let path = self.folder.join(&candidate.name);
        let locked = lock.plugins.iter().find(|(id, locked)| {
            let file = locked.targets.get(target);
            *id != plugin && file.is_some_and(|file| file.file == candidate.name)
        });
        let there = || Descriptor::read(&path).ok().map(|there| there.plugin);
        let owner = locked.map(|(id, _)| id.clone()).or_else(there);
        match owner.filter(|owner| owner != plugin) {
            Some(owner) => Err(InstallError::Occupied { path, owner, plugin: plugin.clone() }),
            None => Ok(()),
        }
    }

    /// Copies a file to its place and notes it.
    fn put(&self, candidate: Candidate, lock: &mut Lock) -> Result<Installed, InstallError> {
        let Candidate { file, descriptor, permission, signature, name } = candidate;
        let Descriptor { plugin, version, target, .. } = descriptor;
        let before = lock.plugins.get(&plugin).cloned();
        let signer = signature.as_ref().map(|signature| signature.signer);
        let path = self.folder.join(&name);
        let is_for_here = target == TARGET;
        if is_for_here && path.canonicalize().ok().as_deref() != Some(file.real_path()) {
            fs::create_dir_all(&self.folder).map_err(failed("make the folder", &self.folder))?;
            let beside = Signature::path_of(&path);
            match &signature {
                Some(signature) => replace(&beside, signature.to_text().as_bytes())?,
                None => remove(&beside)?,
            }
            replace(&path, file.bytes())?;
        }
        let sha256 = file.sha256();
        lock.add(&plugin, &version, &target, LockedFile { sha256, file: name, signer });
        let signer_before = before.as_ref().and_then(|before| before.targets.get(&target)?.signer);
        Ok(Installed {
            replaced: before.map(|before| before.version).filter(|before| *before != version),
            plugin,
            version,
            target,
            sha256,
            permission,
            signer,
            signer_before: signer_before.filter(|before| Some(*before) != signer),
            path: is_for_here.then_some(path),
        })
    }

    /// Changes the lock file, alone.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Lock) -> Result<T, InstallError>,
    ) -> Result<T, InstallError> {
        let held = self.hold()?;
        let changed = Lock::read(&self.lock).map_err(InstallError::from).and_then(|mut lock| {
            let done = change(&mut lock)?;
            replace(&self.lock, lock.to_text().as_bytes())?;
            Ok(done)
        });
        let is_empty = |metadata: fs::Metadata| metadata.is_file() && metadata.len() == 0;
        if changed.is_err() && held.metadata().is_ok_and(is_empty) {
            // There was none before, and there is nothing to say.
            let _ = durable::remove(&self.lock);
        }
        changed
    }

    /// Locks the lock file, once nobody else has it locked.
    fn hold(&self) -> Result<File, InstallError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match open_locked(&self.lock) {
                Ok(file) => return Ok(file),
                Err(LockError::Held(_)) if Instant::now() < deadline => {}
                Err(LockError::Held(holder)) => {
                    return Err(InstallError::Busy { path: self.lock.clone(), holder });
                }
                Err(LockError::Io(source)) => {
                    let path = self.lock.clone();
                    return Err(LockFileError::Io { action: "written", path, source }.into());
                }
            }
            // The system wakes nobody when a lock becomes free that is only tried.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn refuse_twins(candidates: &[Candidate]) -> Result<(), InstallError> {
    for (number, one) in candidates.iter().enumerate() {
        let key = |candidate: &Candidate| {
            (candidate.descriptor.plugin.clone(), candidate.descriptor.target.clone())
        };
        if let Some(other) = candidates[..number].iter().find(|other| key(other) == key(one)) {
            let (plugin, target) = key(one);
            let (one, other) = (other.file.path().to_owned(), one.file.path().to_owned());
            return Err(InstallError::Twice { plugin, target, one, other });
        }
    }
    Ok(())
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), InstallError> {
    durable::replace(path, bytes).map_err(failed("write", path))
}

fn remove(path: &Path) -> Result<(), InstallError> {
    durable::remove(path).map_err(failed("remove", path))
}
