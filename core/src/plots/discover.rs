//! Finds the files that may be plots.

use std::{
    env, fs, io,
    path::{Component, Path, PathBuf},
};

/// Files of a folder whose names end in `.plot`, sorted; hidden files and
/// links count, folders do not (`plot-format.md` section 6).
///
/// # Errors
///
/// The folder cannot be read.
pub fn plots_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    list(folder, || {})
}

/// As [`plots_in`]; `alive` is called at each file.
pub(super) fn list(folder: &Path, mut alive: impl FnMut()) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        alive();
        let is_plot = entry.file_name().as_encoded_bytes().ends_with(b".plot");
        if is_plot && !entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// One spelling per file: links followed where they lead somewhere, else the
/// absolute path without `.` and `..`.
pub(super) fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| plain(path))
}

/// The absolute path without `.` and `..`, found without the drive.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    let absolute = env::current_dir().map_or_else(|_| path.to_owned(), |here| here.join(path));
    for component in absolute.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
