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
    Ok(list(folder, || {})?.into_iter().map(|listed| listed.path).collect())
}

/// A file of a folder that may be a plot.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) path: PathBuf,
    /// Whether it may be a link.
    may_be_link: bool,
}

impl Listed {
    /// Its one spelling, `folder` being that of its folder: only a link takes
    /// a look at the drive.
    pub(super) fn canonical(&self, folder: &Path) -> PathBuf {
        match self.path.file_name() {
            Some(name) if !self.may_be_link => folder.join(name),
            _ => canonical(&self.path),
        }
    }
}

/// As [`plots_in`]; `alive` is called at each file.
pub(super) fn list(folder: &Path, mut alive: impl FnMut()) -> io::Result<Vec<Listed>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        alive();
        if !entry.file_name().as_encoded_bytes().ends_with(b".plot") {
            continue;
        }
        let path = entry.path();
        // Most systems tell this with the name.
        let may_be_link = !entry.file_type().is_ok_and(|kind| kind.is_file());
        if !may_be_link || !path.is_dir() {
            found.push(Listed { path, may_be_link });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
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
