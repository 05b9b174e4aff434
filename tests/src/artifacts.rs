//! The programs and plugin files under test. `cargo test` leaves neither in
//! its target folder, so they are built here, by the same profile as the test,
//! once per test process; a fresh build costs cargo a moment.
//!
//! With `SPACETIME_TEST_ARTIFACTS=FOLDER` nothing is built, and the files are
//! taken from that folder.

use std::{
    collections::BTreeMap,
    env::{self, consts},
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use cargo_metadata::Message;
use spacetime_sdk_testing::__private;

/// The packages with the plugins that come with the miner, and those of tests.
pub const PLUGINS: [&str; 9] = [
    "spacetime-misbehaving",
    "spacetime-policy-empty",
    "spacetime-policy-fee-priority",
    "spacetime-strategy-adaptive",
    "spacetime-strategy-cache-friendly",
    "spacetime-strategy-full",
    "spacetime-strategy-sampling",
    "spacetime-transport-node",
    "spacetime-transport-solo",
];

/// A build's files: cdylibs by crate name, programs by name.
#[derive(Clone, Debug, Default)]
pub struct Artifacts {
    files: BTreeMap<String, PathBuf>,
}

impl Artifacts {
    /// The file of a cdylib (by package or crate name) or of a program.
    ///
    /// # Panics
    ///
    /// If the build made no such file.
    pub fn file(&self, name: &str) -> PathBuf {
        let found = self.files.get(name).or_else(|| self.files.get(&name.replace('-', "_")));
        found.unwrap_or_else(|| panic!("no `{name}` among {:?}", self.files.keys())).clone()
    }
}

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// The file of a plugin package of the workspace.
pub fn plugin(package: &str) -> PathBuf {
    match prebuilt() {
        Some(folder) => {
            let name = package.replace('-', "_");
            folder.join(format!("{}{name}{}", consts::DLL_PREFIX, consts::DLL_SUFFIX))
        }
        None => workspace().file(package),
    }
}

/// A program of the workspace: `spacetime-miner`, `spacetime-node`.
pub fn program(name: &str) -> PathBuf {
    match prebuilt() {
        Some(folder) => folder.join(format!("{name}{}", consts::EXE_SUFFIX)),
        None => workspace().file(name),
    }
}

/// Cargo's target folder, where tests may keep what is costly to make.
pub fn target_folder() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => repository().join(folder),
        None => repository().join("target"),
    }
}

fn prebuilt() -> Option<PathBuf> {
    env::var_os("SPACETIME_TEST_ARTIFACTS").map(PathBuf::from)
}

fn workspace() -> &'static Artifacts {
    static BUILT: OnceLock<Artifacts> = OnceLock::new();
    // The whole workspace, since then its features, and so its dependencies'
    // files, are those of `cargo test --workspace`.
    BUILT.get_or_init(|| build(&mut cargo(repository()), &["build", "--workspace"]))
}

/// A cargo command in a folder, offline: what tests build needs nothing that
/// building the tests did not need.
pub fn cargo(folder: &Path) -> Command {
    let mut command = __private::cargo(folder);
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

/// Runs cargo with these arguments, a subcommand that builds first, by the
/// test's own profile, and returns what it made.
///
/// # Panics
///
/// If it fails; the compiler's messages are above the panic's.
pub fn build(command: &mut Command, arguments: &[&str]) -> Artifacts {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    build_by(profile, command, arguments)
}

/// The same by a profile.
///
/// # Panics
///
/// As [`build`].
pub fn build_by(profile: &str, command: &mut Command, arguments: &[&str]) -> Artifacts {
    let (subcommand, arguments) = arguments.split_first().expect("a subcommand");
    command.arg(subcommand).arg("--message-format=json-render-diagnostics");
    command.args(["--profile", profile]);
    command.args(arguments).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::inherit()).spawn().expect("cargo starts");
    let output = BufReader::new(child.stdout.take().expect("it was piped"));
    let mut files = BTreeMap::new();
    for message in Message::parse_stream(output) {
        if let Message::CompilerArtifact(artifact) = message.expect("cargo writes JSON") {
            collect(&artifact, &mut files);
        }
    }
    let status = child.wait().expect("cargo ends");
    assert!(status.success(), "{command:?} failed: {status}; its messages are above");
    Artifacts { files }
}

fn collect(artifact: &cargo_metadata::Artifact, files: &mut BTreeMap<String, PathBuf>) {
    let library = artifact
        .filenames
        .iter()
        .find(|file| artifact.target.is_cdylib() && file.as_str().ends_with(consts::DLL_SUFFIX));
    if let Some(file) = artifact.executable.as_ref().or(library) {
        files.insert(artifact.target.name.clone(), file.clone().into());
    }
}
