//! The crash journal. A plugin that brings the whole process down leaves no
//! error behind; what it leaves is a line in this journal, written by a signal
//! handler at the last moment, which says in whose code the process was. The
//! next run reads it. A process that is killed, or loses its power, writes
//! nothing, and so blames nobody.
//!
//! The process has one journal, as it has one set of signal handlers.

mod crumbs;
mod line;
mod record;
#[cfg(unix)]
mod signals;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "other.rs")]
mod system;
mod table;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::OnceLock,
};

pub use self::record::{Cause, Crash, Culprit, LastRun};
pub(crate) use self::{
    crumbs::{Tag, enter, leave},
    table::{register, with_its_code},
};

/// The most that is read of a journal; a few lines are written.
const LONGEST: u64 = 1 << 20;

/// The file of this run, once it has begun.
static FILE: OnceLock<File> = OnceLock::new();

/// A journal that no other process has.
#[derive(Debug)]
pub struct Journal {
    file: File,
    last_run: LastRun,
}

impl Journal {
    /// Opens a journal, or makes one, and reads it. `None`: a process that
    /// runs has it.
    ///
    /// # Errors
    ///
    /// It cannot be made, locked or read.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let options = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = options?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // A file system without locks: better without one than not at all.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let last_run = read(&file)?;
        Ok(Some(Self { file, last_run }))
    }

    /// Reads a journal, and leaves it to whoever has it. Of a run that lasts,
    /// it says that it was killed.
    ///
    /// # Errors
    ///
    /// It is there, and cannot be read.
    pub fn look(path: &Path) -> io::Result<LastRun> {
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(LastRun::Unknown),
            file => read(&file?),
        }
    }

    /// How the last run ended.
    pub fn last_run(&self) -> &LastRun {
        &self.last_run
    }

    /// Forgets the last run.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn forget(self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Begins a new run: the last one is forgotten, and this one's crash is
    /// written here, if it comes to that. Only the first journal of a process
    /// counts.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn begin(self) -> io::Result<()> {
        let mut file = self.file;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(record::BEGAN.as_bytes())?;
        let file = FILE.get_or_init(|| file);
        #[cfg(unix)]
        signals::write_to(file);
        #[cfg(not(unix))]
        let _ = file;
        Ok(())
    }
}

fn read(file: &File) -> io::Result<LastRun> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(LastRun::read(&String::from_utf8_lossy(&bytes)))
}

/// Watches over this process from now on: where a plugin brings it down, that
/// is said on `messages`, and in the journal if there is one. The outcome of a
/// crash stays what it is without; the status of an `exit` that a plugin calls
/// becomes `exit_status`.
///
/// Where the system has no signals, nothing is watched.
pub fn watch(messages: Option<File>, exit_status: i32) {
    #[cfg(unix)]
    signals::install(messages, exit_status);
    #[cfg(not(unix))]
    let _ = (messages, exit_status);
}

/// The host ends in an orderly way: from now on an exit is its own.
pub fn end() {
    #[cfg(unix)]
    signals::exit_is_ours();
    if let Some(mut file) = FILE.get() {
        // Without it, the next run says that this one was killed.
        let _ = file.write_all(record::ENDED.as_bytes());
    }
}
