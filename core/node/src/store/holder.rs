//! Which process holds a store's lock, found out after the lock was refused.
//! Only for error messages: it never decides whether a store may be opened.

use std::fmt;
use std::fs::{self, Metadata};
use std::path::Path;

/// The process that holds a lock, as far as the system tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; `None` where the system keeps that to itself.
    pub pid: Option<u32>,
    /// Its command, such as `spacetime-miner`.
    pub command: Option<String>,
}

impl Holder {
    /// The process with this id.
    pub fn process(pid: u32) -> Self {
        Self { pid: Some(pid), command: command_of(pid) }
    }

    /// Finds who has locked `file`; `recorded` is the process that the
    /// endpoint file names, believed only while such a process runs.
    pub(crate) fn of(file: &Path, recorded: Option<u32>) -> Self {
        let found = fs::metadata(file).ok().and_then(|metadata| from_proc_locks(&metadata));
        match found.or(recorded.filter(|pid| is_running(*pid))) {
            Some(pid) => Self::process(pid),
            None => Self { pid: None, command: None },
        }
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

/// Whether a process with this id runs. Where there is no `/proc`, yes: an
/// old record is then named rather than nobody.
fn is_running(pid: u32) -> bool {
    !Path::new("/proc/self").exists() || Path::new(&format!("/proc/{pid}")).exists()
}

fn command_of(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(target_os = "linux")]
fn from_proc_locks(metadata: &Metadata) -> Option<u32> {
    use std::os::linux::fs::MetadataExt;
    owner_in(&fs::read_to_string("/proc/locks").ok()?, metadata.st_ino())
}

#[cfg(not(target_os = "linux"))]
fn from_proc_locks(_: &Metadata) -> Option<u32> {
    None
}

/// The owner of a `flock` on an inode, in the format of `/proc/locks`. The
/// device is not compared: overlay and subvolume file systems show another
/// number there than `stat` does.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn owner_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let kind = fields.next()?;
        let pid = fields.nth(2)?;
        let place = fields.next()?;
        let same = place.rsplit(':').next()?.parse() == Ok(inode);
        (kind == "FLOCK" && same).then(|| pid.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "1: FLOCK  ADVISORY  WRITE 9146 fe:00:5308597 0 EOF\n\
        1: -> FLOCK ADVISORY WRITE 77 fe:00:5308597 0 EOF\n\
        2: POSIX  ADVISORY  WRITE 33 fe:00:11 0 EOF\n3: FLOCK\n";

    #[test]
    fn owners_are_found_by_inode() {
        assert_eq!(owner_in(LOCKS, 5_308_597), Some(9146));
        assert_eq!(owner_in(LOCKS, 11), None);
        assert_eq!(owner_in(LOCKS, 12), None);
    }

    #[test]
    fn a_dead_record_is_not_named() {
        let holder = Holder::of(Path::new("/nonexistent"), Some(u32::MAX));
        if Path::new("/proc/self").exists() {
            assert_eq!(holder.to_string(), "another process");
        }
    }
}
