//! Builds the package under test.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A cargo command in a folder. It does not hear of the package that is tested:
/// build scripts that watch its name or version would be run again, and all that
/// depends on them be built again, in here and out there.
pub fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(folder);
    let ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(ours) {
            command.env_remove(name);
        }
    }
    command
}

/// Builds the package in a folder by the profile of the running test, and
/// finds its dynamic library.
pub(crate) fn cdylib(package: &Path) -> PathBuf {
    let mut command = cargo(package);
    command.args(["build", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|error| panic!("cargo cannot be run: {error}"));
    assert!(output.status.success(), "the plugin does not build; cargo's messages are above");
    let manifest = package.join("Cargo.toml");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| library(line, &manifest))
        .next_back()
        .unwrap_or_else(|| {
            panic!(
                "cargo builds no dynamic library of this package: does {} say crate-type = \
                 [\"cdylib\"] under [lib]?",
                manifest.display()
            )
        })
}

/// The dynamic library of a message of cargo's, if it is this package's.
fn library(line: &str, manifest: &Path) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_cdylib = message["target"]["crate_types"].as_array()?.contains(&"cdylib".into());
    let own = Path::new(message["manifest_path"].as_str()?) == manifest;
    let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str);
    let mut libraries = files.filter(|file| file.ends_with(env::consts::DLL_SUFFIX));
    libraries.next().filter(|_| is_cdylib && own).map(PathBuf::from)
}
