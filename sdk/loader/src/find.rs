//! Where a plugin file may lie.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    path::{Path, PathBuf},
};

/// The file that a manifest's `path` means: a path as it stands (relative to
/// `base`), or a bare crate name (`spacetime_strategy_full`), which is looked
/// for in the folders with this platform's prefix and suffix.
///
/// The result need not exist: reading it then gives the error.
pub fn resolve(path: &Path, base: &Path, folders: &[PathBuf]) -> PathBuf {
    let direct = base.join(path);
    if direct.exists() || path.components().count() > 1 {
        return direct;
    }
    let name = path.to_string_lossy();
    let file = library_file_name(&name);
    folders
        .iter()
        .flat_map(|folder| [folder.join(&file), folder.join(path)])
        .find(|candidate| candidate.is_file())
        .unwrap_or(direct)
}

fn library_file_name(name: &str) -> String {
    format!("{DLL_PREFIX}{}{DLL_SUFFIX}", name.replace('-', "_"))
}

/// The dynamic libraries of a folder, sorted by name; none if it cannot be
/// read. Sub-folders are not searched.
pub fn file_names(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(DLL_SUFFIX) && path.is_file())
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_are_looked_for_and_paths_are_not() {
        let base = std::env::temp_dir().join(format!("spacetime-find-{}", std::process::id()));
        let folder = base.join("plugins");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(library_file_name("my-plugin"));
        fs::write(&file, "").unwrap();
        fs::write(folder.join("notes.txt"), "").unwrap();
        let folders = [base.join("absent"), folder.clone()];
        let find = |path: &str| resolve(Path::new(path), &base, &folders);
        assert_eq!(find("my-plugin"), file);
        assert_eq!(find("my_plugin"), file);
        assert_eq!(find("notes.txt"), folder.join("notes.txt"));
        assert_eq!(find("other"), base.join("other"), "the error will name this");
        assert_eq!(find("plugins/my-plugin"), base.join("plugins/my-plugin"));
        assert_eq!(file_names(&folder), [file]);
        assert_eq!(file_names(&folders[0]), [] as [PathBuf; 0]);
        fs::remove_dir_all(&base).unwrap();
    }
}
