//! A plugin file, read once. Whatever is checked of it and whatever is loaded
//! of it are these bytes: its name may mean others a moment later.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use memmap2::MmapMut;
use sha2::{Digest, Sha256};

use crate::{
    descriptor::Descriptor,
    inspection::{Inspection, description},
    refusal::Refusal,
};

/// No plugin is as large: a guard against files that have no end.
const LARGEST: u64 = 1 << 30;

/// The SHA-256 of a whole plugin file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHash([u8; Self::SIZE]);

impl FileHash {
    /// Length in bytes.
    pub const SIZE: usize = 32;

    pub(crate) fn new(hash: [u8; Self::SIZE]) -> Self {
        Self(hash)
    }

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash's bytes.
    pub fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }
}

/// A text that is no SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits")]
pub struct NoFileHash;

impl FromStr for FileHash {
    type Err = NoFileHash;

    fn from_str(text: &str) -> Result<Self, NoFileHash> {
        crate::hex(text).map(Self).ok_or(NoFileHash)
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who may change a file, where the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileOwner {
    /// The number of the user.
    pub user: u32,
    /// The number of the group.
    pub group: u32,
    /// The permission bits.
    pub mode: u32,
}

impl FileOwner {
    /// Of a file, open or not; `None` where the system has no such thing.
    #[cfg(unix)]
    #[allow(clippy::unnecessary_wraps, reason = "other systems have no owners")]
    pub fn of(metadata: &fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let mode = metadata.mode() & 0o7777;
        Some(Self { user: metadata.uid(), group: metadata.gid(), mode })
    }

    /// Of a file, open or not; `None` where the system has no such thing.
    #[cfg(not(unix))]
    pub fn of(_: &fs::Metadata) -> Option<Self> {
        None
    }
}

/// A plugin file, read once.
pub struct PluginFile {
    path: PathBuf,
    real: PathBuf,
    owner: Option<FileOwner>,
    memory: MmapMut,
    len: usize,
    sha256: FileHash,
}

impl PluginFile {
    /// Reads a file, of any platform. Nothing of it is run.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no regular file of at most 1 GiB.
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        let failed = |source: io::Error| Refusal::unreadable(path, &source);
        // Where it lies is part of what is judged, so it is opened there.
        let real = path.canonicalize().map_err(failed)?;
        // Opening a pipe would wait for its writer.
        if !fs::metadata(&real).map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("it is not a regular file")));
        }
        let file = File::open(&real).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        // Before there is memory asked for: a sparse file can be of any length.
        if metadata.len() > LARGEST {
            return Err(failed(io::Error::other("it is larger than 1 GiB")));
        }
        let (memory, len) = read(file, metadata.len()).map_err(failed)?;
        let sha256 = FileHash::of(&memory[..len]);
        let owner = FileOwner::of(&metadata);
        Ok(Self { path: path.to_owned(), real, owner, memory, len, sha256 })
    }

    /// Its path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it lies, symbolic links followed.
    pub fn real_path(&self) -> &Path {
        &self.real
    }

    /// Who may change it.
    pub fn owner(&self) -> Option<FileOwner> {
        self.owner
    }

    /// The hash of what was read.
    pub fn sha256(&self) -> FileHash {
        self.sha256
    }

    /// What was read.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[..self.len]
    }

    /// All that it tells without being run.
    ///
    /// # Errors
    ///
    /// It is no (whole) dynamic library, or one without a whole descriptor.
    pub fn inspect(&self) -> Result<Inspection, Refusal> {
        Inspection::parse(self.bytes(), &self.path)
    }

    /// What it says about itself.
    ///
    /// # Errors
    ///
    /// As for [`inspect`](Self::inspect).
    pub fn descriptor(&self) -> Result<Descriptor, Refusal> {
        Descriptor::parse(self.bytes(), &self.path)
    }

    /// The same as text.
    ///
    /// # Errors
    ///
    /// As for [`descriptor`](Self::descriptor), but that it is not understood.
    pub(crate) fn descriptor_text(&self) -> Result<String, Refusal> {
        description(self.bytes(), &self.path)
    }
}

/// Reads a file of this length, or what is left of it. The memory is the
/// system's again once it is dropped: what an allocator is given back of such
/// sizes, it may keep.
fn read(mut file: File, len: u64) -> io::Result<(MmapMut, usize)> {
    let len = usize::try_from(len).map_err(io::Error::other)?;
    // One more, to see the end.
    let mut memory = MmapMut::map_anon(len + 1)?;
    let mut done = 0;
    while done <= len {
        match file.read(&mut memory[done..]) {
            Ok(0) => return Ok((memory, done)),
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("it grew while it was being read: somebody is still writing it"))
}

impl fmt::Debug for PluginFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginFile")
            .field("path", &self.path)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let read = |path: &Path| PluginFile::read(path).unwrap_err().to_string();
        assert!(read(folder.path()).contains("not a regular file"));
        assert!(read(&folder.path().join("absent")).contains("[PLG-0001]"));
        let long = folder.path().join("long.so");
        // More than any memory has; it takes no room on the disk.
        File::create(&long).unwrap().set_len(1 << 43).unwrap();
        assert!(read(&long).contains("larger than 1 GiB"));
        #[cfg(unix)]
        {
            let pipe = folder.path().join("pipe.so");
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)
                .unwrap();
            assert!(read(&pipe).contains("not a regular file"));
        }
    }

    #[test]
    fn a_file_keeps_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.so");
        fs::write(&path, "one").unwrap();
        let file = PluginFile::read(&path).unwrap();
        fs::write(&path, "two").unwrap();
        assert_eq!(file.bytes(), b"one");
        assert_eq!(file.sha256(), FileHash::of(b"one"));
        assert_eq!(file.sha256().to_string().parse(), Ok(file.sha256()));
        assert_eq!("12".parse::<FileHash>(), Err(NoFileHash));
    }
}
