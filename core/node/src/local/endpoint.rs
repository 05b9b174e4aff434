//! Where a running chain listens: the record beside its store, and the
//! private folder of its socket.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::LocalError;

/// Name of the record in the data directory.
pub const FILE_NAME: &str = "endpoint.json";
const NEW_FILE_NAME: &str = "endpoint.json.new";
/// Longest record that is read, in bytes.
const MAX_RECORD: u64 = 64 << 10;
/// Longest socket path that every Unix takes, in bytes.
const MAX_SOCKET_PATH: usize = 100;

/// What the record says: who runs the chain of this directory, and where it
/// listens. It may be stale: a killed process leaves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The process.
    pub pid: u32,
    /// Its socket.
    pub socket: PathBuf,
    /// Its network.
    pub network_id: String,
}

impl Endpoint {
    /// Reads the record of a directory; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not such a record.
    pub fn read(directory: &Path) -> Result<Option<Self>, LocalError> {
        use std::io::Read;
        let path = directory.join(FILE_NAME);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(LocalError::io("read", &path))?,
        };
        let mut text = String::new();
        file.take(MAX_RECORD).read_to_string(&mut text).map_err(LocalError::io("read", &path))?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| LocalError::Record { path, reason: error.to_string() })
    }

    /// Replaces the record of a directory, whole or not at all.
    pub(super) fn write(&self, directory: &Path) -> Result<(), LocalError> {
        let path = directory.join(FILE_NAME);
        let new = directory.join(NEW_FILE_NAME);
        let text = serde_json::to_string(self).map_err(|error| LocalError::Record {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        File::create(&new)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .map_err(LocalError::io("write", &new))?;
        fs::rename(&new, &path).map_err(LocalError::io("write", &path))
    }

    /// Removes the record if it is still this one.
    pub(super) fn remove(&self, directory: &Path) {
        if matches!(Self::read(directory), Ok(Some(found)) if found == *self) {
            let _ = fs::remove_file(directory.join(FILE_NAME));
        }
    }
}

/// The socket of a data directory: always the same path, so that what a
/// killed process left is replaced by the next one.
pub(super) fn socket_path(directory: &Path) -> Result<PathBuf, LocalError> {
    let directory = directory.canonicalize().map_err(LocalError::io("find", directory))?;
    let digest = Sha256::digest(directory.as_os_str().as_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("spacetime-{name}.sock");
    let fits = |folder: &Path| folder.join(&name).as_os_str().len() <= MAX_SOCKET_PATH;
    if let Some(folder) = runtime_folder().filter(|folder| fits(folder)) {
        return Ok(folder.join(name));
    }
    let roots = [std::env::temp_dir(), PathBuf::from("/tmp")];
    let folder_name = format!("spacetime-{}", rustix::process::getuid().as_raw());
    let folder = roots
        .into_iter()
        .map(|root| root.join(&folder_name))
        .find(|folder| fits(folder))
        .ok_or_else(|| LocalError::SocketPath { directory: directory.clone() })?;
    make_private(&folder)?;
    Ok(folder.join(name))
}

/// The user's runtime folder, if the session has one that is private.
fn runtime_folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    (folder.is_absolute() && is_private(&folder)).then_some(folder)
}

/// Whether a folder is ours alone; links are not followed.
fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|metadata| {
        metadata.is_dir()
            && metadata.mode() & 0o077 == 0
            && metadata.uid() == rustix::process::getuid().as_raw()
    })
}

fn make_private(folder: &Path) -> Result<(), LocalError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(LocalError::io("create", folder)(error));
        }
        _ => {}
    }
    if is_private(folder) {
        return Ok(());
    }
    Err(LocalError::NotPrivate { folder: folder.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_are_removed_by_their_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let record = Endpoint { pid: 7, socket: "/run/a.sock".into(), network_id: "n".into() };
        assert_eq!(Endpoint::read(directory.path()).unwrap(), None);
        record.write(directory.path()).unwrap();
        assert_eq!(Endpoint::read(directory.path()).unwrap(), Some(record.clone()));
        Endpoint { pid: 8, ..record.clone() }.remove(directory.path());
        assert!(Endpoint::read(directory.path()).unwrap().is_some());
        record.remove(directory.path());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_broken_record_is_named() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE_NAME), "{\"pid\":").unwrap();
        let message = Endpoint::read(directory.path()).unwrap_err().to_string();
        assert!(message.contains("endpoint.json"), "{message}");
    }

    #[test]
    fn sockets_have_short_paths_in_a_private_folder() {
        let directory = tempfile::tempdir().unwrap();
        let socket = socket_path(directory.path()).unwrap();
        assert!(socket.as_os_str().len() <= MAX_SOCKET_PATH);
        assert!(is_private(socket.parent().unwrap()));
        assert_eq!(socket, socket_path(directory.path()).unwrap());
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let open = directory.path().join("open");
        DirBuilder::new().mode(0o755).create(&open).unwrap();
        let message = make_private(&open).unwrap_err().to_string();
        assert!(message.contains("open"), "{message}");
    }
}
