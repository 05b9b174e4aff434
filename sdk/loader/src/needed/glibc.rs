//! The places in which the C library of GNU looks for libraries, and a few more
//! than it would: what is in none of them is missing.

use std::{
    collections::HashSet,
    env, fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::Presence;
use crate::library_file::LibraryFile;

/// The list of all libraries in the system's folders, made by `ldconfig`.
const CACHE: &str = "/etc/ld.so.cache";

/// Larger than any.
const CACHE_LIMIT: u64 = 64 << 20;

const CACHE_MAGIC: &[u8] = b"glibc-ld.so.cache1.1";

/// Folders that are looked through without being asked for.
const FOLDERS: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// Where libraries are looked for.
pub(super) struct Places {
    /// Names of libraries that this process has loaded.
    loaded: HashSet<String>,
    /// Names of those that the system lists; `None`: that cannot be told.
    listed: Option<HashSet<String>>,
    folders: Vec<PathBuf>,
    /// Whether there may be places that only the system knows.
    is_open: bool,
}

impl Places {
    /// For a plugin that wants these folders searched.
    pub(super) fn of(wanted: &[String]) -> Self {
        let mut places = Self {
            loaded: loaded(),
            listed: listed(Path::new(CACHE)),
            folders: FOLDERS.map(PathBuf::from).into(),
            is_open: false,
        };
        let multiarch = format!("{}-linux-gnu", env::consts::ARCH);
        places
            .folders
            .extend(["/lib", "/usr/lib"].map(|folder| Path::new(folder).join(&multiarch)));
        // The plugin's private copy is loaded, and beside that there is nothing.
        places.add(None, wanted.iter().map(String::as_str));
        let program = env::current_exe();
        match env::var("LD_LIBRARY_PATH") {
            Ok(folders) if folders.is_empty() => {}
            Ok(folders) => places.add(program.as_deref().ok(), folders.split([':', ';'])),
            Err(env::VarError::NotPresent) => {}
            Err(env::VarError::NotUnicode(_)) => places.is_open = true,
        }
        // What was loaded so may have any name.
        places.is_open |= env::var_os("LD_PRELOAD").is_some();
        // What the program itself was linked to search counts for libraries, too.
        match program.map(|program| (LibraryFile::open(&program), program)) {
            Ok((Ok(file), program)) => {
                places.add(Some(&program), file.search.iter().map(String::as_str));
            }
            _ => places.is_open = true,
        }
        places
    }

    /// Adds folders that a file wants searched; an empty one is the current one.
    /// Those around a file without a place are left out.
    fn add<'a>(&mut self, file: Option<&Path>, folders: impl Iterator<Item = &'a str>) {
        // A link may stand elsewhere than what it leads to.
        let origins = file.map(|file| [std::path::absolute(file).ok(), file.canonicalize().ok()]);
        let origins: Vec<String> = origins
            .iter()
            .flatten()
            .flatten()
            .filter_map(|file| Some(file.parent()?.to_string_lossy().into_owned()))
            .collect();
        for folder in folders.map(|folder| if folder.is_empty() { "." } else { folder }) {
            if !folder.contains('$') {
                self.folders.push(folder.into());
                continue;
            }
            let around =
                |origin: &str| folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin);
            self.is_open |= around("").contains('$');
            self.folders.extend(origins.iter().map(|origin| around(origin).into()));
        }
    }

    pub(super) fn presence(&self, name: &str) -> Presence {
        if self.loaded.contains(name) {
            return Presence::Found;
        }
        // A path is taken as it stands.
        if name.contains('/') {
            return match (name.contains('$'), Path::new(name).exists()) {
                (true, _) => Presence::Unknown,
                (false, true) => Presence::Found,
                (false, false) => Presence::Missing,
            };
        }
        let Some(listed) = &self.listed else { return Presence::Unknown };
        if listed.contains(name) || self.folders.iter().any(|folder| is_in(folder, name)) {
            return Presence::Found;
        }
        if self.is_open { Presence::Unknown } else { Presence::Missing }
    }
}

/// Also in the folder's variants for better processors.
fn is_in(folder: &Path, name: &str) -> bool {
    let variants = fs::read_dir(folder.join("glibc-hwcaps")).into_iter().flatten().flatten();
    folder.join(name).exists() || variants.into_iter().any(|one| one.path().join(name).exists())
}

fn loaded() -> HashSet<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let files = maps.lines().filter_map(|line| line.rsplit_once('/'));
    files.map(|(_, name)| name.to_owned()).collect()
}

/// The names in the system's list; `None`: it is not there, or in a form that is
/// not known here.
fn listed(cache: &Path) -> Option<HashSet<String>> {
    let mut bytes = Vec::new();
    fs::File::open(cache).ok()?.take(CACHE_LIMIT).read_to_end(&mut bytes).ok()?;
    names(&bytes)
}

/// A header of 48 bytes, of which the last of the magic's neighbours is the
/// count, then 24 bytes for each library; texts are offsets from the header.
fn names(bytes: &[u8]) -> Option<HashSet<String>> {
    let start = bytes.windows(CACHE_MAGIC.len()).position(|window| window == CACHE_MAGIC)?;
    let bytes = &bytes[start..];
    let word = |at: usize| {
        let word = bytes.get(at..at.checked_add(4)?)?;
        word.try_into().ok().map(u32::from_ne_bytes).and_then(|word| usize::try_from(word).ok())
    };
    let count = word(CACHE_MAGIC.len())?;
    (0..count)
        .map(|number| {
            let text = bytes.get(word(48 + 24 * number + 4)?..)?;
            let end = text.iter().position(|byte| *byte == 0)?;
            Some(String::from_utf8_lossy(&text[..end]).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_has_is_found_and_what_nobody_has_is_missing() {
        let places = Places::of(&[]);
        assert_eq!(places.presence("libc.so.6"), Presence::Found);
        let expected = match (&places.listed, places.is_open) {
            (Some(_), false) => Presence::Missing,
            _ => Presence::Unknown,
        };
        assert_eq!(places.presence("libnobody-has-this.so.9"), expected);
        assert_eq!(places.presence("/nowhere/libc.so.6"), Presence::Missing);
    }

    #[test]
    fn a_files_own_folders_are_searched() {
        let folder = std::env::temp_dir().join(format!("spacetime-needed-{}", std::process::id()));
        fs::create_dir_all(folder.join("deep/glibc-hwcaps/x86-64-v3")).unwrap();
        fs::write(folder.join("libnear.so"), "").unwrap();
        fs::write(folder.join("deep/glibc-hwcaps/x86-64-v3/libdeep.so"), "").unwrap();
        let presence = |file: &Option<PathBuf>, wanted: &[&str], name| {
            let wanted: Vec<String> = wanted.iter().copied().map(str::to_owned).collect();
            let mut places = Places { listed: Some(HashSet::new()), ..Places::of(&[]) };
            places.add(file.as_deref(), wanted.iter().map(String::as_str));
            places.presence(name)
        };
        let program = Some(folder.join("x"));
        assert_eq!(presence(&program, &[], "libnear.so"), Presence::Missing);
        assert_eq!(presence(&program, &["$ORIGIN"], "libnear.so"), Presence::Found);
        assert_eq!(presence(&program, &["${ORIGIN}/deep"], "libdeep.so"), Presence::Found);
        assert_eq!(presence(&program, &["$ORIGIN/$LIB"], "libnear.so"), Presence::Unknown);
        assert_eq!(presence(&None, &["$ORIGIN"], "libnear.so"), Presence::Missing);
        assert_eq!(presence(&None, &["$ORIGIN/$LIB"], "libnear.so"), Presence::Unknown);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_list_of_another_form_tells_nothing() {
        let mut good = b"glibc-ld.so.cache1.1".to_vec();
        good.extend(1u32.to_ne_bytes());
        good.resize(48, 0);
        good.extend([0, 72, 0, 0, 0, 0].map(u32::to_ne_bytes).as_flattened());
        good.extend(b"libx.so\0");
        assert_eq!(names(&good), Some(HashSet::from(["libx.so".to_owned()])));
        for len in 0..good.len() {
            assert_eq!(names(&good[..len]), None, "{len} bytes");
        }
        assert_eq!(listed(Path::new("/nowhere/ld.so.cache")), None);
    }
}
