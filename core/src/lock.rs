//! One writer at a time, without lock files: the lock is on the very file
//! that is written, and follows it through renames. The system frees it when
//! its holder ends, however that happens.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
    sync::Once,
};

use crate::stamp::FileStamp;

/// Why a lock was not taken.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process has it.
    Held(Holder),
    /// The system refused.
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens a file, making it if need be, and locks it.
pub(crate) fn open_locked(path: &Path) -> Result<File, LockError> {
    loop {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        lock(&file, path)?;
        if is_at(&file, path)? {
            return Ok(file);
        }
        // Between opening and locking, the last holder renamed or removed it.
    }
}

/// Locks an open file; `path` is for finding out who has it. Where the file
/// system has no locks, that is a warning, once.
pub(crate) fn lock(file: &File, path: &Path) -> Result<(), LockError> {
    judge(file.try_lock(), path)
}

fn judge(locked: Result<(), TryLockError>, path: &Path) -> Result<(), LockError> {
    static WARNED: Once = Once::new();
    match locked {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(LockError::Held(Holder::of(path))),
        // A file system without locks: better without one than not at all.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            WARNED.call_once(|| {
                tracing::warn!(
                    file = %path.display(),
                    "this file system has no locks: let no other process write here"
                );
            });
            Ok(())
        }
        Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
    }
}

/// Whether the open file is the one that has this name now.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(there) => Ok(FileStamp::of(&there).is_same_file(&FileStamp::of(&file.metadata()?))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The process that holds a lock, as far as the system tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; `None` where the system keeps that to itself.
    pub pid: Option<u32>,
    /// Its command, such as `spacetime-miner`.
    pub command: Option<String>,
}

impl Holder {
    fn of(path: &Path) -> Self {
        let pid = by_lock_table(path).or_else(|| by_open_files(path));
        let command = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
        Self { pid, command: command.map(|command| command.trim().to_owned()) }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.command) {
            (None, _) => f.write_str("another process"),
            (Some(pid), _) if pid == std::process::id() => write!(f, "this process ({pid})"),
            (Some(pid), None) => write!(f, "process {pid}"),
            (Some(pid), Some(command)) => write!(f, "process {pid} ({command})"),
        }
    }
}

#[cfg(target_os = "linux")]
fn by_lock_table(path: &Path) -> Option<u32> {
    use std::os::linux::fs::MetadataExt;
    let inode = fs::metadata(path).ok()?.st_ino();
    owner_in(&fs::read_to_string("/proc/locks").ok()?, inode)
}

/// The owner of a `flock` on an inode, in the format of `/proc/locks`. The
/// device is not compared: overlay and subvolume file systems show another
/// number there than `stat` does.
#[cfg(target_os = "linux")]
fn owner_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let kind = fields.next()?;
        let pid = fields.nth(2)?;
        let same = fields.next()?.rsplit(':').next()?.parse() == Ok(inode);
        (kind == "FLOCK" && same).then(|| pid.parse().ok()).flatten()
    })
}

/// Containers often show no lock table: then whoever has the file open. Others
/// open it for moments only.
#[cfg(target_os = "linux")]
fn by_open_files(path: &Path) -> Option<u32> {
    let path = fs::canonicalize(path).ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has_it_open = |pid: &u32| {
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == path))
    };
    // This process has only just opened it, unless nobody else has.
    let own = std::process::id();
    pids.find(|pid| *pid != own && has_it_open(pid)).or_else(|| has_it_open(&own).then_some(own))
}

#[cfg(not(target_os = "linux"))]
fn by_lock_table(_: &Path) -> Option<u32> {
    None
}

#[cfg(not(target_os = "linux"))]
fn by_open_files(_: &Path) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let first = open_locked(&path).unwrap();
        let Err(LockError::Held(holder)) = open_locked(&path) else { panic!("locked twice") };
        if cfg!(target_os = "linux") {
            assert_eq!(holder.pid, Some(std::process::id()));
            assert!(holder.to_string().starts_with("this process ("));
        }
        drop(first);
        open_locked(&path).unwrap();
    }

    #[test]
    fn the_lock_follows_a_rename() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        let first = open_locked(&from).unwrap();
        fs::rename(&from, &to).unwrap();
        assert!(matches!(open_locked(&to), Err(LockError::Held(_))));
        assert!(open_locked(&from).is_ok(), "the old name is free");
        assert!(!is_at(&first, &from).unwrap());
    }

    #[test]
    fn a_file_system_without_locks_is_put_up_with() {
        let refused = |kind: io::ErrorKind| TryLockError::Error(kind.into());
        let path = Path::new("file");
        judge(Err(refused(io::ErrorKind::Unsupported)), path).unwrap();
        let error = judge(Err(refused(io::ErrorKind::PermissionDenied)), path).unwrap_err();
        assert!(matches!(error, LockError::Io(_)), "{error:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn owners_are_found_by_inode() {
        const LOCKS: &str = "1: FLOCK  ADVISORY  WRITE 9146 fe:00:5308597 0 EOF\n\
            1: -> FLOCK ADVISORY WRITE 77 fe:00:5308597 0 EOF\n\
            2: POSIX  ADVISORY  WRITE 33 fe:00:11 0 EOF\n3: FLOCK\n";
        assert_eq!(owner_in(LOCKS, 5_308_597), Some(9146));
        assert_eq!(owner_in(LOCKS, 11), None);
    }
}
