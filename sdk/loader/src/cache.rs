//! The private copies that libraries are loaded from. A library is mapped into
//! the process, so whoever changes its file changes the code that runs, or ends
//! the process; a copy that only its owner can reach, under the hash of what is
//! in it, cannot be changed between the check and the load, nor afterwards.
//!
//! `<folder>/<sha256>/<file name>`. Whoever loads a copy holds a shared lock on
//! it for as long as the process lives: what can be locked alone is in nobody's
//! use.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    file::{FileHash, PluginFile},
    inspection::Inspection,
    refusal::Refusal,
};

/// Held alone by whoever tidies up, shared by those who take or make copies.
const LOCK: &str = ".lock";

/// What copies are called while they are written.
const UNFINISHED: &str = ".new";

/// Tidying takes far less, unless whoever does it was stopped.
const TIDYING: Duration = Duration::from_secs(5);

/// A folder of private copies.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// Why there is no private copy.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct CacheError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl CacheError {
    fn is_for_want_of_room(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> CacheError + 'a {
    move |source| CacheError { action, path: path.to_owned(), source }
}

/// The private copy of a plugin file.
#[derive(Debug)]
pub struct PrivateCopy {
    original: PathBuf,
    inspection: Inspection,
    sha256: FileHash,
    path: PathBuf,
    in_use: File,
    made: Made,
}

impl PrivateCopy {
    /// The file that was copied.
    pub fn original(&self) -> &Path {
        &self.original
    }

    /// The copy.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that it tells without being run.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// The hash of what is in it.
    pub fn sha256(&self) -> FileHash {
        self.sha256
    }

    /// How it came to be there.
    pub fn made(&self) -> Made {
        self.made
    }

    /// Keeps the copy in use until the process ends.
    pub(crate) fn keep_for_good(self) {
        static IN_USE: Mutex<Option<HashMap<PathBuf, File>>> = Mutex::new(None);
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.get_or_insert_default().insert(self.path, self.in_use);
    }
}

/// How a copy came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was there.
    Before,
    /// There was none.
    Now,
    /// There was one that was damaged, or that others could change.
    Again,
}

/// What there is in place of a copy.
enum Present {
    Whole(File),
    Damaged,
    Absent,
}

impl Cache {
    /// The cache in a folder, which is made if need be, and made private.
    ///
    /// # Errors
    ///
    /// It cannot be made, or belongs to another user.
    pub fn open(folder: &Path) -> Result<Self, CacheError> {
        let failed = failed("use the folder", folder);
        // Libraries are loaded by absolute paths.
        let folder = std::path::absolute(folder).map_err(&failed)?;
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(&failed)?;
        }
        make_private_folder(&folder).map_err(&failed)?;
        Ok(Self { folder })
    }

    /// The private copy of what was read of a file: the one that is there, or
    /// a new one, for which unused ones make room if there is none.
    ///
    /// # Errors
    ///
    /// The file is no plugin; or the copy cannot be written ([`NoCopy`](crate::Code::NoCopy)).
    pub fn keep(&self, file: PluginFile) -> Result<PrivateCopy, Refusal> {
        let inspection = file.inspect()?;
        let name = file.path().file_name().unwrap_or(OsStr::new("plugin"));
        let path = self.folder.join(file.sha256().to_string()).join(name);
        let (in_use, made) = self
            .take_or_make(&path, file.bytes())
            .map_err(|error| Refusal::no_copy(file.path(), &error))?;
        // Tidying goes by it; no loss where it cannot be written.
        let _ = in_use.set_modified(SystemTime::now());
        let (original, sha256) = (file.path().to_owned(), file.sha256());
        Ok(PrivateCopy { original, inspection, sha256, path, in_use, made })
    }

    fn take_or_make(&self, path: &Path, bytes: &[u8]) -> Result<(File, Made), CacheError> {
        match self.try_take_or_make(path, bytes) {
            // The copies of versions before an upgrade have the room that it needs.
            Err(error) if error.is_for_want_of_room() => {
                self.tidy(0)?;
                self.try_take_or_make(path, bytes)
            }
            taken => taken,
        }
    }

    fn try_take_or_make(&self, path: &Path, bytes: &[u8]) -> Result<(File, Made), CacheError> {
        let _tidying_waits = self.lock_shared()?;
        let write = || self.write(path, bytes).map_err(failed("write", path));
        let (file, made) = match look(path, bytes).unwrap_or(Present::Damaged) {
            Present::Whole(file) => (file, Made::Before),
            Present::Absent => (write()?, Made::Now),
            Present::Damaged => (write()?, Made::Again),
        };
        mark_used(&file).map_err(failed("lock", path))?;
        Ok((file, made))
    }

    /// Writes a copy under another name, and gives it its own when it is whole.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        if let Some(folder) = path.parent() {
            make_private_folder(folder)?;
        }
        let (temporary, mut file) = self.unfinished()?;
        let written = file
            .write_all(bytes)
            .and_then(|()| make_read_only(&file))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, path))
            // One that cannot be written through.
            .and_then(|()| File::open(path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// A new file of a name that no other process uses.
    fn unfinished(&self) -> io::Result<(PathBuf, File)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number}{UNFINISHED}", std::process::id());
            let path = self.folder.join(name);
            match create_private(&path) {
                // A process elsewhere has the same id, or one that was killed had.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|file| (path, file)),
            }
        }
    }

    /// Removes all copies but those in use by any process and, of the rest,
    /// the `newest` that were used last. Does nothing while somebody takes or
    /// makes a copy.
    ///
    /// # Errors
    ///
    /// The folder cannot be read. What cannot be removed stays.
    pub fn tidy(&self, newest: usize) -> Result<(), CacheError> {
        let lock = self.lock_file()?;
        if !try_alone(&lock) {
            return Ok(());
        }
        let mut unused = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed("read", &self.folder))?.flatten() {
            let path = entry.path();
            if path.to_string_lossy().ends_with(UNFINISHED) {
                // Its writer held the lock, so it is not there any more.
                let _ = fs::remove_file(&path);
            }
            for copy in fs::read_dir(&path).into_iter().flatten().flatten() {
                if File::open(copy.path()).is_ok_and(|file| try_alone(&file)) {
                    let used = copy.metadata().and_then(|metadata| metadata.modified());
                    unused.push((used.unwrap_or(SystemTime::UNIX_EPOCH), copy.path()));
                }
            }
        }
        unused.sort();
        let surplus = unused.len().saturating_sub(newest);
        for (_, path) in &unused[..surplus] {
            let _ = fs::remove_file(path);
            // Not while there is a copy of another name in it.
            let _ = path.parent().map(fs::remove_dir);
        }
        Ok(())
    }

    fn lock_file(&self) -> Result<File, CacheError> {
        let path = self.folder.join(LOCK);
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        opened.map_err(failed("open", &path))
    }

    /// Keeps others from tidying up until the file is closed.
    fn lock_shared(&self) -> Result<File, CacheError> {
        let lock = self.lock_file()?;
        let deadline = Instant::now() + TIDYING;
        while let Err(TryLockError::WouldBlock) = lock.try_lock_shared() {
            // Whoever tidies was stopped, and may go on at a bad moment; that
            // is less likely than a miner that never starts.
            if Instant::now() >= deadline {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(lock)
    }
}

/// Locks a file alone. Where the file system has no locks, nobody's use shows;
/// to remove a file that is mapped does no harm.
fn try_alone(file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => error.kind() == io::ErrorKind::Unsupported,
    }
}

/// Locks a copy, shared with all who use it.
fn mark_used(file: &File) -> io::Result<()> {
    match file.try_lock_shared() {
        Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(()),
    }
}

/// Looks whether a copy is there, is what it should be, and cannot be changed
/// by others.
fn look(path: &Path, bytes: &[u8]) -> io::Result<Present> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Present::Absent),
        opened => opened?,
    };
    Ok(match is_private(&file.metadata()?) && is_of(&mut file, bytes)? {
        true => Present::Whole(file),
        false => Present::Damaged,
    })
}

/// Whether a file has these bytes and no others.
fn is_of(file: &mut File, mut bytes: &[u8]) -> io::Result<bool> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        match bytes.split_at_checked(read) {
            Some((front, rest)) if front == &buffer[..read] => bytes = rest,
            _ => return Ok(false),
        }
        if read == 0 {
            return Ok(bytes.is_empty());
        }
    }
}

/// Makes a folder that only its owner can use, or makes one such.
#[cfg(unix)]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let metadata = fs::metadata(folder)?;
    if !metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    check_owner(&metadata)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

#[cfg(unix)]
fn check_owner(metadata: &Metadata) -> io::Result<()> {
    let us = rustix::process::geteuid().as_raw();
    match std::os::unix::fs::MetadataExt::uid(metadata) {
        owner if owner == us => Ok(()),
        owner => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("it belongs to user {owner}, and this is user {us}"),
        )),
    }
}

/// Whether only this user can change a file.
#[cfg(unix)]
fn is_private(metadata: &Metadata) -> bool {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata);
    check_owner(metadata).is_ok() && mode & 0o022 == 0
}

#[cfg(not(unix))]
fn is_private(_: &Metadata) -> bool {
    true
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn make_read_only(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o500))
}

#[cfg(not(unix))]
fn make_read_only(_: &File) -> io::Result<()> {
    // There, a file that is read-only could not be removed again.
    Ok(())
}
