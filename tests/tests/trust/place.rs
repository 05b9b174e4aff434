//! What lies with the miner is trusted as the miner is, and nothing else for
//! where it lies.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use spacetime_tests::{
    artifacts::{plugin, program},
    home::Home,
    process::{Ended, Running},
};

use crate::support::{PACKAGE, file_name};

/// A miner in a folder of its own.
struct Installed {
    root: tempfile::TempDir,
}

impl Installed {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["bin", "lib/spacetime-miner/plugins", "downloads"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let miner = root.path().join("bin/spacetime-miner");
        fs::copy(program("spacetime-miner"), &miner).unwrap();
        fs::set_permissions(&miner, fs::Permissions::from_mode(0o755)).unwrap();
        Self { root }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// A plugin in a folder.
    fn plugin(&self, folder: &str) -> PathBuf {
        let to = self.path(folder).join(file_name());
        fs::copy(plugin(PACKAGE), &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        to
    }

    fn command(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(self.path("bin/spacetime-miner"));
        command.args(arguments).current_dir(self.root.path()).env("HOME", self.path("user"));
        command.env_remove("XDG_DATA_HOME").env_remove("XDG_CACHE_HOME");
        Running::start(command).wait()
    }

    /// Why a file is trusted, or the code of its refusal.
    fn verdict(&self, file: &Path) -> String {
        let ended = self.command(&["plugin", "verify", file.to_str().unwrap(), "--json"]);
        let document = ended.document();
        let Value::String(verdict) =
            document["rule"].as_str().map_or_else(|| document["code"].clone(), Value::from)
        else {
            panic!("{ended:#?}")
        };
        verdict
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_lies_with_the_miner_is_trusted_as_the_miner_is() {
    let installed = Installed::new();
    for folder in ["bin", "lib/spacetime-miner/plugins"] {
        let file = installed.plugin(folder);
        assert_eq!(installed.verdict(&file), "miner");
        for (mode, verdict) in [(0o757, "PLG-0053"), (0o775, "PLG-0053"), (0o644, "miner")] {
            set_mode(&file, mode);
            assert_eq!(installed.verdict(&file), verdict, "{mode:o}");
        }
    }
    let elsewhere = installed.plugin("downloads");
    assert_eq!(installed.verdict(&elsewhere), "PLG-0040");
    // Where the group may change the miner, it may change its plugins as well.
    set_mode(&installed.path("bin/spacetime-miner"), 0o775);
    let file = installed.plugin("bin");
    set_mode(&file, 0o775);
    assert_eq!(installed.verdict(&file), "miner");
}

#[test]
fn a_link_is_where_it_leads() {
    let installed = Installed::new();
    let elsewhere = installed.plugin("downloads");
    let link = installed.path("bin").join(file_name());
    symlink(&elsewhere, &link).unwrap();
    assert_eq!(installed.verdict(&link), "PLG-0040");
    // And the other way round.
    let own = installed.plugin("lib/spacetime-miner/plugins");
    let link = installed.path("downloads/linked.so");
    symlink(own, &link).unwrap();
    assert_eq!(installed.verdict(&link), "miner");
}

/// Only the administrator can give files away.
#[test]
fn a_file_of_another_user_is_nobodys_who_made_the_miner() {
    let installed = Installed::new();
    let file = installed.plugin("bin");
    if chown(&file, Some(12345), None).is_err() {
        return;
    }
    assert_eq!(installed.verdict(&file), "PLG-0053");
    chown(installed.path("bin/spacetime-miner"), Some(12345), None).unwrap();
    assert_eq!(installed.verdict(&file), "miner");
}

#[test]
fn a_folder_in_the_manifest_is_a_place_to_look_and_no_permission() {
    let installed = Installed::new();
    let file = installed.plugin("downloads");
    let home = Home::new().set("plugin_directories", "[\"downloads\"]");
    fs::copy(home.manifest(), installed.path("miner.ron")).unwrap();
    assert_eq!(installed.verdict(&file), "PLG-0040");
}

#[test]
fn prove_takes_a_strategy_by_the_same_rules() {
    let installed = Installed::new();
    let file = installed.plugin("downloads");
    let made = ["plot", "create", "--out", "a.plot", "--leaves", "1000", "--plot-key"];
    let key = "11".repeat(32);
    let made = installed.command(&[&made[..], &[&key]].concat());
    assert_eq!(made.code, Some(0), "{made:#?}");
    let prove = |arguments: &[&str]| {
        let fixed = ["prove", "--plot", "a.plot", "--challenge", &key, "--strategy", "sampling"];
        installed.command(&[&fixed, arguments].concat())
    };
    prove(&["--plugin-dir", "downloads"]).assert_refused(6, "PLG-0040");
    let allowed = prove(&["--plugin-dir", "downloads", "--trust", "any"]);
    assert_eq!(allowed.code, Some(0), "{allowed:#?}");
    assert!(installed.path("user/.cache/spacetime-miner/plugin-cache").is_dir());

    let home = Home::new().plugin(&file);
    fs::copy(home.manifest(), installed.path("miner.ron")).unwrap();
    prove(&[]).assert_refused(6, "PLG-0040");
    let pinned = installed.command(&["plugin", "trust", "downloads/../downloads/missing.so"]);
    pinned.assert_refused(6, "PLG-0001");
    let pinned = installed.command(&["plugin", "trust", file.to_str().unwrap()]);
    assert_eq!(pinned.code, Some(0), "{pinned:#?}");
    let allowed = prove(&[]);
    assert_eq!(allowed.code, Some(0), "{allowed:#?}");
}
