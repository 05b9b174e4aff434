//! The folders in which plugin files are looked for, in order.

use std::{
    env,
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    io,
    path::{Path, PathBuf},
};

/// Where plugins are installed, from the folder of the executable.
const INSTALLED: &str = "../lib/spacetime-miner/plugins";

/// The folders in order: those of `--plugin-dir`, those of the manifest, the
/// executable's, the installed ones beside it, the user's. A folder that is
/// missing or named twice is left out.
pub fn folders(command_line: &[PathBuf], manifest: &[PathBuf]) -> Vec<PathBuf> {
    let own = own_folders().into_iter().chain(user_folder());
    existing(command_line.iter().chain(manifest).cloned().chain(own))
}

/// The folders with what came with the miner: the executable's, and the
/// installed one beside it. They need not exist.
pub(crate) fn own_folders() -> Vec<PathBuf> {
    let beside = env::current_exe().ok().and_then(|file| Some(file.parent()?.to_owned()));
    let installed = beside.as_ref().map(|folder| folder.join(INSTALLED));
    [beside, installed].into_iter().flatten().collect()
}

/// The folder with what this user installed. It need not exist.
pub(crate) fn user_folder() -> Option<PathBuf> {
    Some(user_data(environment)?.join("spacetime-miner").join("plugins"))
}

/// The key that the user signs plugins with, unless another is named. It need
/// not exist.
pub(crate) fn user_signing_key() -> Option<PathBuf> {
    Some(user_data(environment)?.join("spacetime-miner").join("plugin.key"))
}

/// The folder with private copies of plugins, where no manifest names one. It
/// need not exist.
pub(crate) fn user_cache() -> Option<PathBuf> {
    Some(user_caches(environment)?.join("spacetime-miner").join("plugin-cache"))
}

fn environment(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from)
}

fn existing(folders: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut seen = Vec::new();
    folders
        .filter_map(|folder| folder.canonicalize().ok().filter(|folder| folder.is_dir()))
        .filter(|folder| {
            let new = !seen.contains(folder);
            seen.push(folder.clone());
            new
        })
        .collect()
}

/// The user's data folder, by this platform's customs.
fn user_data(var: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    user_base(var, "APPDATA", "Library/Application Support", "XDG_DATA_HOME", ".local/share")
}

/// The user's folder of what can be made again, likewise.
fn user_caches(var: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    user_base(var, "LOCALAPPDATA", "Library/Caches", "XDG_CACHE_HOME", ".cache")
}

fn user_base(
    var: impl Fn(&str) -> Option<PathBuf>,
    windows: &str,
    apple: &str,
    xdg: &str,
    other: &str,
) -> Option<PathBuf> {
    let absolute = |name| var(name).filter(|path| path.is_absolute());
    let home = |rest: &str| absolute("HOME").map(|home| home.join(rest));
    if cfg!(windows) {
        absolute(windows)
    } else if cfg!(target_os = "macos") {
        home(apple)
    } else {
        absolute(xdg).or_else(|| home(other))
    }
}

/// The name under which a file of these folders is found.
pub(crate) fn name_of(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let name = file.strip_prefix(DLL_PREFIX).and_then(|file| file.strip_suffix(DLL_SUFFIX));
    match name.filter(|name| !name.contains('-')) {
        Some(name) => name.to_owned(),
        None => file.into_owned(),
    }
}

/// Folders as one text for messages.
pub(crate) fn list(folders: &[PathBuf]) -> String {
    let names: Vec<String> = folders.iter().map(|folder| show(folder)).collect();
    names.join(", ")
}

fn show(folder: &Path) -> String {
    match folder.read_dir() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            format!("{}, which cannot be read ({error})", folder.display())
        }
        _ => folder.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_once_at_its_first_place() {
        let one = tempfile::tempdir().unwrap();
        let two = tempfile::tempdir().unwrap();
        let (one, two) = (one.path().canonicalize().unwrap(), two.path().canonicalize().unwrap());
        let given = [one.join("."), two.clone(), one.clone(), one.join("missing")];
        assert_eq!(existing(given.into_iter()), [one, two]);
    }

    #[test]
    fn what_cannot_be_read_is_said_where_it_was_looked_in() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(list(&[folder.path().to_owned()]), folder.path().display().to_string());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(list(&[file]).contains("which cannot be read"));
    }

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_data_folder_follows_the_xdg_rules() {
        let vars = |xdg: Option<&'static str>| {
            move |name: &str| match name {
                "XDG_DATA_HOME" => xdg.map(PathBuf::from),
                "HOME" => Some("/home/ada".into()),
                _ => None,
            }
        };
        assert_eq!(user_data(vars(Some("/data"))), Some("/data".into()));
        assert_eq!(user_data(vars(Some("relative"))), Some("/home/ada/.local/share".into()));
        assert_eq!(user_data(vars(None)), Some("/home/ada/.local/share".into()));
    }
}
