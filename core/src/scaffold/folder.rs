//! A folder of files that is there as a whole, or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

use super::ScaffoldError;
use crate::durable;

/// Makes a folder with these files.
pub(super) fn write(folder: &Path, files: &[(PathBuf, String)]) -> Result<(), ScaffoldError> {
    let exists = || ScaffoldError::Exists { path: folder.to_owned() };
    if fs::symlink_metadata(folder).is_ok() {
        return Err(exists());
    }
    // A path that ends in `..`, and so on, is there already.
    let name = folder.file_name().ok_or_else(exists)?;
    let parent = durable::folder_of(folder);
    if !parent.is_dir() {
        return Err(ScaffoldError::NoParent { path: parent.to_owned() });
    }
    // Under a name of this process's own: what has it is not overwritten either.
    let temporary = format!(".{}.{}.new", name.to_string_lossy(), process::id());
    let temporary = parent.join(temporary);
    fs::create_dir(&temporary).map_err(ScaffoldError::io(&temporary))?;
    let made = fill(&temporary, files).and_then(|()| {
        durable::rename_new(&temporary, folder).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(),
            _ => ScaffoldError::Io { path: folder.to_owned(), source: error },
        })
    });
    if made.is_err() {
        // The first error says more than that this failed too.
        let _ = fs::remove_dir_all(&temporary);
    }
    made
}

fn fill(folder: &Path, files: &[(PathBuf, String)]) -> Result<(), ScaffoldError> {
    for (path, text) in files {
        let path = folder.join(path);
        let write = || {
            fs::create_dir_all(durable::folder_of(&path))?;
            let mut file = File::create_new(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(ScaffoldError::io(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> (PathBuf, String) {
        (path.into(), format!("text of {path}"))
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_files_are_there_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("new");
        write(&folder, &[file("a"), file("b/c/d")]).unwrap();
        assert_eq!(fs::read_to_string(folder.join("b/c/d")).unwrap(), "text of b/c/d");
        assert_eq!(
            (names(home.path()), names(&folder)),
            (vec!["new".into()], vec!["a".into(), "b".into()])
        );
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let (folder, file_there) = (home.path().join("folder"), home.path().join("file"));
        fs::create_dir(&folder).unwrap();
        fs::write(&file_there, "mine").unwrap();
        for path in [&folder, &file_there, &home.path().join("folder/..")] {
            let error = write(path, &[file("a")]).unwrap_err();
            assert!(matches!(error, ScaffoldError::Exists { .. }), "{error}");
        }
        let error = write(&home.path().join("absent/new"), &[file("a")]).unwrap_err();
        assert!(matches!(error, ScaffoldError::NoParent { .. }), "{error}");
        assert_eq!(fs::read_to_string(&file_there).unwrap(), "mine");
        assert_eq!(names(home.path()), ["file", "folder"]);
        assert_eq!(names(&folder), [] as [String; 0]);
    }

    #[test]
    fn a_failure_on_the_way_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        // The second file's folder is a file.
        let error = write(&home.path().join("new"), &[file("a"), file("a/b")]).unwrap_err();
        assert!(matches!(error, ScaffoldError::Io { .. }), "{error}");
        assert_eq!(names(home.path()), [] as [String; 0]);
    }
}
