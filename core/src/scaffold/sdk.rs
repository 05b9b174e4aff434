//! The SDK that a new project is built with: the sources that came with the
//! miner. Where they lie is the same in its repository and where it is
//! installed: a folder with a workspace's `Cargo.toml` and `Cargo.lock`, and
//! the SDK's packages in `sdk` below it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use super::ScaffoldError;

/// Where an installed miner's is, from the folder above its program's.
const INSTALLED: &str = "share/spacetime-miner";

/// An SDK's sources.
#[derive(Clone, Debug)]
pub struct Sdk {
    /// The folder of its workspace, as text that can stand between quotes.
    root: String,
    version: String,
}

impl Sdk {
    /// The one in a folder, which is `sdk` itself or the one above.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn at(path: &Path) -> Result<Self, ScaffoldError> {
        let missing = || ScaffoldError::NoSdk { path: path.to_owned() };
        let path = path.canonicalize().map_err(|_| missing())?;
        let found = Self::in_root(&path)?;
        let found = match (found, path.parent()) {
            (None, Some(root)) if path.ends_with("sdk") => Self::in_root(root)?,
            (found, _) => found,
        };
        found.ok_or_else(missing)
    }

    /// The one that came with this program: installed beside it, or in the
    /// workspace that it was built in.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn of_this_program() -> Result<Self, ScaffoldError> {
        let program = env::current_exe().map_err(ScaffoldError::io(Path::new("this program")))?;
        for root in places(&program) {
            if let Some(sdk) = Self::in_root(&root)? {
                return Ok(sdk);
            }
        }
        Err(ScaffoldError::NoSdkOfOurs { program })
    }

    fn in_root(root: &Path) -> Result<Option<Self>, ScaffoldError> {
        let manifest = |path: &str| fs::read_to_string(root.join(path).join("Cargo.toml"));
        let (Ok(workspace), Ok(package)) = (manifest(""), manifest("sdk")) else { return Ok(None) };
        let is_sdk = value_of(&package, "[package]", "name") == Some("spacetime-sdk");
        let version = value_of(&workspace, "[workspace.package]", "version");
        let (true, Some(version)) = (is_sdk && manifest("sdk/testing").is_ok(), version) else {
            return Ok(None);
        };
        let is_plain = |c: char| !c.is_control() && c != '"' && c != '\\';
        match root.to_str().filter(|text| text.chars().all(is_plain)) {
            Some(text) => Ok(Some(Self { root: text.to_owned(), version: version.to_owned() })),
            None => Err(ScaffoldError::OddPath { path: root.to_owned() }),
        }
    }

    /// The folder of its workspace.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// The folder of the package that authors depend on.
    pub fn path(&self) -> String {
        format!("{}/sdk", self.root)
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The versions of all that it depends on, if it came with them.
    pub(super) fn lock(&self) -> Result<Option<String>, ScaffoldError> {
        let path = Path::new(&self.root).join("Cargo.lock");
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(ScaffoldError::io(&path)),
        }
    }
}

/// The folders in which this program's SDK may be, by where the program is:
/// `PREFIX/bin`, or `WORKSPACE/target/PROFILE`, or a folder deeper for a build
/// for another platform.
fn places(program: &Path) -> Vec<PathBuf> {
    let mut above = program.ancestors().skip(2);
    let installed = above.next().map(|prefix| prefix.join(INSTALLED));
    installed.into_iter().chain(above.take(2).map(Path::to_owned)).collect()
}

/// The quoted value of a key in a table of a TOML text, each on its own line.
fn value_of<'a>(toml: &'a str, table: &str, key: &str) -> Option<&'a str> {
    let lines = toml.lines().skip_while(|line| line.trim() != table).skip(1);
    let mut entries = lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()));
    let (_, value) = entries.find(|(name, _)| *name == key)?;
    value.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_its_own_table() {
        let toml = "[workspace]\nversion = \"0\"\n\n[workspace.package]\nrust = \"2\"\n\
                    version = \"1.2.3\"\n[x]\nname = \"x\"\n";
        assert_eq!(value_of(toml, "[workspace.package]", "version"), Some("1.2.3"));
        assert_eq!(value_of(toml, "[workspace.package]", "name"), None);
        assert_eq!(value_of(toml, "[absent]", "version"), None);
    }

    #[test]
    fn it_is_looked_for_around_the_program() {
        let found = places(Path::new("/opt/miner/bin/spacetime-miner"));
        let expected = ["/opt/miner/share/spacetime-miner", "/opt", "/"];
        assert_eq!(found, expected.map(PathBuf::from));
        let found = places(Path::new("/src/target/debug/spacetime-miner"));
        assert_eq!(found[1], Path::new("/src"));
        let found = places(Path::new("/src/target/other-platform/debug/spacetime-miner"));
        assert_eq!(found[2], Path::new("/src"));
    }

    #[test]
    fn the_workspaces_own_is_one_and_its_neighbours_are_none() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for path in [root, &root.join("sdk")] {
            let sdk = Sdk::at(path).unwrap();
            assert_eq!(sdk.version(), env!("CARGO_PKG_VERSION"));
            assert_eq!(Path::new(&sdk.path()), root.canonicalize().unwrap().join("sdk"));
            assert!(sdk.lock().unwrap().unwrap().contains("abi_stable"));
        }
        for path in [&root.join("core"), &root.join("sdk/abi"), &root.join("absent")] {
            let error = Sdk::at(path).unwrap_err().to_string();
            assert!(error.contains("--sdk"), "{error}");
        }
    }
}
