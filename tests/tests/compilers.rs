//! Plugins and hosts of another compiler than this host's, in debug and in
//! release: what they say to each other is understood.
//!
//! `.ci/run` installs a second compiler and names it; by hand:
//! `SPACETIME_SECOND_RUSTC=FILE cargo test --workspace --test compilers -- --ignored`.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "../stored/host/src/uses.rs"]
mod uses;

use std::{env, path::PathBuf, process::Command};

use spacetime_protocol::network::Network;
use spacetime_sdk_loader::Descriptor;
use spacetime_tests::{
    artifacts::{Artifacts, build_by, cargo, plugin, repository, target_folder},
    home::Home,
    outside::lock_dependencies,
    pool::share_twice,
};

const PROFILES: [&str; 2] = ["dev", "release"];

/// The second compiler.
fn rustc() -> PathBuf {
    let path = env::var_os("SPACETIME_SECOND_RUSTC");
    path.expect("SPACETIME_SECOND_RUSTC names a compiler").into()
}

/// The same profiles for all projects, whatever they say themselves, so that
/// what they depend on is built once: this is about two compilers, not about
/// speed.
const SAME: [&str; 6] = [
    "profile.dev.debug=false",
    "profile.dev.package.\"*\".opt-level=0",
    "profile.release.codegen-units=16",
    "profile.release.lto=false",
    "profile.release.opt-level=3",
    "profile.release.strip=false",
];

/// Builds a project of the repository with the second compiler.
fn build(project: &str, profile: &str) -> Artifacts {
    let root = repository().join(project);
    lock_dependencies(&root);
    let mut command = cargo(&root);
    command.env("RUSTC", rustc()).env("CARGO_TARGET_DIR", target_folder().join("second-compiler"));
    let same = SAME.iter().flat_map(|setting| ["--config", setting]);
    let arguments: Vec<&str> = ["build"].into_iter().chain(same).collect();
    build_by(profile, &mut command, &arguments)
}

/// The compiler's own words, as descriptors hold them.
fn version() -> String {
    let output = Command::new(rustc()).arg("--version").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
#[ignore = "needs a second compiler"]
fn plugins_of_another_compiler_work_on_this_host() {
    let data = tempfile::tempdir().unwrap();
    let network = Network::local().to_json().unwrap();
    let own = Descriptor::read(&plugin("spacetime-strategy-full")).unwrap().rustc;
    for profile in PROFILES {
        // One of each kind, each of its calls.
        let file = build("tests/stored/plugin", profile).file("stored");
        let descriptor = Descriptor::read(&file).unwrap();
        assert_eq!(descriptor.rustc, version());
        assert_ne!(descriptor.rustc, own, "the second compiler is the first one");
        let used = uses::of(&file, "5", data.path(), &network);
        let expected = [
            "strategy stored: [(0, 1), (5, 1), (10, 1), (15, 1)]",
            "engine stored: leaf 1, 4",
            "policy stored: Ok([1, 3])",
            "transport stored: online, number 5; verdict 0 on 8, yes",
        ];
        assert_eq!(used, expected, "{profile}");
    }
}

#[test]
#[ignore = "needs a second compiler"]
fn examples_of_another_compiler_mine() {
    for profile in PROFILES {
        for (example, role, name) in [
            ("strategy-minimal", "strategy", "second-half-first"),
            ("strategy-good-enough", "strategy", "good-enough"),
            ("policy-patrons", "policy", "patrons"),
            ("engine-plain", "engine", "plain"),
        ] {
            let file = build(&format!("examples/{example}"), profile).file(example);
            let component = format!("(name: \"{name}\")");
            let ended = Home::new().outside_plugin(&file).set(role, &component).mine(1);
            assert_eq!(ended.events("started")[0][role], name, "{profile}: {ended:#?}");
            assert_eq!(ended.events("fault").len(), 0, "{profile}: {ended:#?}");
        }
        share_twice(&build("examples/transport-pool", profile));
    }
}

#[test]
#[ignore = "needs a second compiler"]
fn this_compiler_s_plugins_work_on_hosts_of_another() {
    let data = tempfile::tempdir().unwrap();
    let network = Network::local().to_json().unwrap();
    for profile in PROFILES {
        let host = build("tests/stored/host", profile).file("stored-host");
        for (plugin, expected) in [
            (plugin("spacetime-strategy-full"), "strategy full: [(0, 20)]\n"),
            (plugin("spacetime-policy-fee-priority"), "policy fee-priority: Ok(["),
            (plugin("spacetime-transport-solo"), "transport solo: online, "),
        ] {
            let mut command = Command::new(&host);
            command.arg(data.path()).arg(&network).arg(&plugin).arg("()");
            let output = command.output().unwrap();
            assert!(output.status.success(), "{profile}: {output:?}");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.starts_with(expected), "{profile}: {said}");
        }
    }
}
