//! The folders in which plugin files are looked for, in order.

use std::{
    env,
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    io,
    path::{Path, PathBuf},
};

use spacetime_sdk_loader::file_names;

/// Where plugins are installed, from the folder of the executable.
const INSTALLED: &str = "../lib/spacetime-miner/plugins";

/// How much a file's name is like one that is not there: names of plugins have
/// much in common, and so only a few letters may differ.
const NEAR: f64 = 0.85;

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

/// What an entry of a manifest may mean at whose path there is no file: it with
/// the name of a plugin file that is there and whose name is near.
pub(crate) fn near(entry: &Path, path: &Path, folders: &[PathBuf]) -> Option<PathBuf> {
    let is_name = entry.components().count() < 2;
    let beside = path.parent().map(file_names).unwrap_or_default();
    let mut known: Vec<String> = beside.iter().filter_map(|file| file_name(file)).collect();
    if is_name {
        let files = folders.iter().flat_map(|folder| file_names(folder));
        known.extend(files.flat_map(|file| [Some(name_of(&file)), file_name(&file)]).flatten());
    }
    let name = file_name(entry)?;
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(&name, known);
    let known = known.into_iter().map(|known| (likeness(&known), known));
    let near = known.filter(|(likeness, _)| *likeness > NEAR);
    let (_, nearest) = near.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    Some(entry.with_file_name(nearest))
}

fn file_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
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
    fn a_plugin_file_whose_name_is_near_is_found_where_the_entry_looks() {
        let (base, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = |name: &str| format!("{DLL_PREFIX}{name}{DLL_SUFFIX}");
        let write = |folder: &Path, name: &str| std::fs::write(folder.join(name), "").unwrap();
        write(base.path(), &file("spacetime_strategy_full"));
        write(base.path(), "spacetime_strategy_ful.txt");
        write(folder.path(), &file("spacetime_engine_gpu"));
        let folders = [folder.path().to_owned()];
        let near = |entry: &Path| near(entry, &base.path().join(entry), &folders);
        let meant = file("spacetime_strategy_full");
        for parent in [base.path(), Path::new("."), Path::new("")] {
            let entry = parent.join(file("spacetime_stratgy_full"));
            assert_eq!(near(&entry), Some(parent.join(&meant)));
        }
        // Names of installed plugins are those that a manifest gives them.
        assert_eq!(near(Path::new("spacetime_engin_gpu")), Some("spacetime_engine_gpu".into()));
        assert_eq!(near(&Path::new("./").join("spacetime_engin_gpu.x")), None);
        assert_eq!(near(Path::new("xyz")), None);
        assert_eq!(near(Path::new(&file("spacetime_strategy_lottery"))), None, "another one");
        assert_eq!(near(Path::new("missing/libspacetime_strategy_full.so")), None);
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
