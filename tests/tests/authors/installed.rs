//! An installed miner: it finds its plugins, its SDK makes and builds plugins,
//! and it can be taken away again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use spacetime_tests::{
    artifacts::{cargo, program, repository},
    outside::{build_outside, environment, folder},
    process::{Ended, Running, run_to_end},
};

/// Runs the installer with what this test's workspace has built already.
fn install(prefix: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new("sh");
    command.arg(repository().join("install.sh")).arg("--prefix").arg(prefix).args(arguments);
    Running::start(command).wait()
}

/// Where the workspace's programs and plugins are.
fn built() -> PathBuf {
    program("spacetime-miner").parent().unwrap().to_owned()
}

/// A prefix in which the miner is installed, for all tests. It is always the
/// same one, so that cargo knows what it has built of its SDK.
pub(crate) fn shared() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let prefix = folder().join("installed");
        if prefix.exists() {
            fs::remove_dir_all(&prefix).unwrap();
        }
        let ended = install(&prefix, &["--from", built().to_str().unwrap()]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert!(ended.stdout.starts_with("Installed spacetime-miner "), "{ended:#?}");
        prefix
    })
}

/// Every file and folder below a folder, as paths within it.
fn below(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in next.read_dir().unwrap() {
            let path = entry.unwrap().path();
            paths.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            folders.extend(path.is_dir().then_some(path));
        }
    }
    paths.sort();
    paths
}

#[test]
fn it_mines_with_its_own_plugins_and_builds_new_ones_with_its_own_sdk() {
    let prefix = shared();
    let miner = prefix.join("bin/spacetime-miner");
    let home = tempfile::tempdir().unwrap();

    let list = run_to_end(&miner, home.path(), &["plugin", "list", "--json"]).document();
    let plugins = prefix.join("lib/spacetime-miner/plugins").canonicalize().unwrap();
    let shipped = repository().join("plugins").read_dir().unwrap().count();
    let names = |kind: &str| {
        let rows = list.as_array().unwrap().iter().filter(|row| row["kind"] == kind);
        rows.filter(|row| Path::new(row["path"].as_str().unwrap()).starts_with(&plugins)).count()
    };
    let found = ["strategy", "policy", "transport"].map(names);
    assert_eq!(found.iter().sum::<usize>(), shipped, "{list:#}");

    // Its default manifest, in a folder of the user's.
    let manifest = prefix.join("share/spacetime-miner/miner.ron");
    fs::copy(manifest, home.path().join("miner.ron")).unwrap();
    let ended = run_to_end(&miner, home.path(), &["run", "--until-blocks", "1", "--for", "60"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");

    // A plugin, with the SDK that came with it.
    let projects = folder().join("projects");
    let project = projects.join("an-installed-strategy");
    fs::create_dir_all(&projects).unwrap();
    if project.exists() {
        fs::remove_dir_all(&project).unwrap();
    }
    let arguments = ["plugin", "new", "an-installed-strategy", "--kind", "strategy"];
    let made = run_to_end(&miner, &projects, &arguments);
    assert_eq!(made.code, Some(0), "{made:#?}");
    let sdk = prefix.canonicalize().unwrap().join("share/spacetime-miner/sdk");
    let cargo_toml = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    assert!(cargo_toml.contains(&format!("path = {sdk:?}")), "{cargo_toml}");
    let status = cargo(&project).arg("test").envs(environment()).status().unwrap();
    assert!(status.success(), "{status}");

    let built = build_outside(&project, &["build"]).file("an-installed-strategy");
    let library = project.join("target/release").join(built.file_name().unwrap());
    fs::create_dir_all(library.parent().unwrap()).unwrap();
    fs::copy(built, library).unwrap();
    let arguments = ["run", "--json", "--until-blocks", "1", "--for", "60"];
    let ended = run_to_end(&miner, &project, &arguments);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.events("started")[0]["strategy"], "an-installed-strategy", "{ended:#?}");
}

#[test]
fn it_is_installed_over_an_older_one_and_taken_away_without_a_trace() {
    let home = tempfile::tempdir().unwrap();
    let prefix = home.path().join("a prefix");
    let built = built();
    let from = ["--from", built.to_str().unwrap()];
    assert_eq!(install(&prefix, &from).code, Some(0));
    let first = below(&prefix);

    // A plugin of the user's stays; one of an older version's goes.
    let plugins = prefix.join("lib/spacetime-miner/plugins");
    let list = prefix.join("share/spacetime-miner/installed.txt");
    let (own, old) = (plugins.join("libmine.so"), plugins.join("libold.so"));
    for file in [&own, &old] {
        fs::write(file, "").unwrap();
    }
    let listed = fs::read_to_string(&list).unwrap() + old.to_str().unwrap() + "\n";
    fs::write(&list, listed).unwrap();
    assert_eq!(install(&prefix, &from).code, Some(0));
    fs::rename(&own, home.path().join("libmine.so")).unwrap();
    assert_eq!(below(&prefix), first);

    fs::rename(home.path().join("libmine.so"), &own).unwrap();
    let gone = install(&prefix, &["--uninstall"]);
    assert_eq!(gone.code, Some(0), "{gone:#?}");
    assert!(gone.stdout.contains("other plugins"), "{gone:#?}");
    let files = |path: &String| prefix.join(path).is_file();
    let left: Vec<String> = below(&prefix).into_iter().filter(files).collect();
    assert_eq!(left, ["lib/spacetime-miner/plugins/libmine.so"]);

    let nothing = install(&prefix, &["--uninstall"]);
    assert_eq!(nothing.code, Some(1), "{nothing:#?}");
    assert!(nothing.stderr.contains("nothing is installed"), "{nothing:#?}");
}

#[test]
fn an_installation_that_fails_says_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let prefix = home.path().join("prefix");
    let failed = install(&prefix, &["--from", empty.to_str().unwrap()]);
    assert_eq!(failed.code, Some(1), "{failed:#?}");
    assert!(failed.stderr.contains("there is no"), "{failed:#?}");
    assert!(failed.stderr.contains("spacetime-miner"), "{failed:#?}");
    assert!(!prefix.exists(), "{failed:#?}");
    assert_eq!(install(&prefix, &["--form", "x"]).code, Some(2));
    // Half of what is needed is no less of a failure.
    fs::copy(program("spacetime-miner"), empty.join("spacetime-miner")).unwrap();
    let failed = install(&prefix, &["--from", empty.to_str().unwrap()]);
    assert_eq!(failed.code, Some(1), "{failed:#?}");
    assert!(failed.stderr.contains("spacetime-node"), "{failed:#?}");
    assert!(!prefix.exists(), "{failed:#?}");
}
