//! A user with a home, plugins from elsewhere and keys.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use spacetime_tests::{
    artifacts::{plugin, program},
    home::Home,
    process::{Ended, Running},
};

/// The plugin that strangers ship here, and its strategy.
pub(crate) const PACKAGE: &str = "spacetime-strategy-sampling";
pub(crate) const STRATEGY: &str = "(name: \"sampling\", config: (sample_size: 20000))";

/// The name of its file.
pub(crate) fn file_name() -> String {
    plugin(PACKAGE).file_name().unwrap().to_str().unwrap().to_owned()
}

/// A copy of the plugin in a folder of the home.
pub(crate) fn stranger(home: &Home, folder: &str) -> PathBuf {
    copy_of(PACKAGE, home, folder)
}

pub(crate) fn copy_of(package: &str, home: &Home, folder: &str) -> PathBuf {
    let from = plugin(package);
    fs::create_dir_all(home.path(folder)).unwrap();
    let to = home.path(folder).join(from.file_name().unwrap());
    fs::copy(from, &to).unwrap();
    to
}

/// The arguments of `spacetime-miner` with the manifest and the home's own user.
fn command_of(home: &Home, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("spacetime-miner"));
    command.args(arguments).current_dir(home.path(""));
    command.env("HOME", home.path("user"));
    command.env_remove("XDG_DATA_HOME").env_remove("XDG_CACHE_HOME");
    command
}

/// Starts a command as the home's own user.
pub(crate) fn start(home: &Home, arguments: &[&str]) -> Running {
    Running::start(command_of(home, arguments))
}

/// Runs a command as the home's own user.
#[track_caller]
pub(crate) fn run(home: &Home, arguments: &[&str]) -> Ended {
    start(home, arguments).wait()
}

/// The document of a command that succeeds.
#[track_caller]
pub(crate) fn document(home: &Home, arguments: &[&str]) -> Value {
    let ended = run(home, &[arguments, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.document()
}

/// Mines a block as the home's own user.
#[track_caller]
pub(crate) fn mine(home: &Home) -> Ended {
    let ended = run(home, &["run", "--json", "--until-blocks", "1", "--for", "60"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended
}

/// The strategy that a run began with.
pub(crate) fn strategy(ended: &Ended) -> Value {
    ended.events("started")[0]["strategy"].clone()
}

/// The code of the refusal of a file, as `plugin verify` gives it; `None`: it
/// is trusted.
#[track_caller]
pub(crate) fn verdict(home: &Home, file: &Path) -> Option<String> {
    let ended = run(home, &["plugin", "verify", file.to_str().unwrap(), "--json"]);
    let document = ended.document();
    let code = document["code"].as_str().map(str::to_owned);
    assert_eq!(ended.code, Some(if code.is_some() { 6 } else { 0 }), "{ended:#?}");
    assert_eq!(document["trusted"], code.is_none(), "{ended:#?}");
    assert_eq!(document["rule"].is_null(), code.is_some(), "{ended:#?}");
    let said = document["error"].as_str().unwrap_or_default();
    assert!(code.as_ref().is_none_or(|code| said.contains(code)), "{ended:#?}");
    code
}

/// A new signing key of this name: its public key.
#[track_caller]
pub(crate) fn key(home: &Home, name: &str) -> String {
    let made = document(home, &["plugin", "key", "new", name]);
    made["public_key"].as_str().unwrap().to_owned()
}

/// Signs a file.
#[track_caller]
pub(crate) fn sign(home: &Home, file: &Path, key: &str) -> PathBuf {
    let signed = document(home, &["plugin", "sign", file.to_str().unwrap(), "--key", key]);
    PathBuf::from(signed["signature"].as_str().unwrap())
}

/// Changes the text of the manifest.
pub(crate) fn edit(home: &Home, from: &str, to: &str) {
    let text = fs::read_to_string(home.manifest()).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    fs::write(home.manifest(), text.replace(from, to)).unwrap();
}
