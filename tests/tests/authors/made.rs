//! A project that `plugin new` has made.

use std::{
    fs,
    path::{Path, PathBuf},
};

use spacetime_tests::{
    artifacts::{cargo, program, repository},
    outside::{build_outside, environment, folder},
    process::{Ended, run_to_end},
};

/// A project, in a folder of its own, which stays for a look.
pub(crate) struct Made {
    name: String,
    root: PathBuf,
}

impl Made {
    /// A new one, named as its kind, by the workspace's miner and SDK.
    pub(crate) fn new(kind: &str) -> Self {
        let name = format!("a-new-{kind}");
        let root = folder().join("projects").join(&name);
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        fs::create_dir_all(root.parent().unwrap()).unwrap();
        // The repository's own taste in format is not every author's.
        fs::write(root.with_file_name("rustfmt.toml"), "").unwrap();
        let sdk = repository().join("sdk");
        let made = run_to_end(
            &program("spacetime-miner"),
            root.parent().unwrap(),
            &["plugin", "new", &name, "--kind", kind, "--sdk", sdk.to_str().unwrap()],
        );
        assert_eq!(made.code, Some(0), "{made:#?}");
        assert!(made.stdout.contains(&format!("cd {name} && cargo test --release")), "{made:#?}");
        Self { name, root }
    }

    /// A file's path.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A file's text.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Runs cargo in it, with nothing but what is on this machine.
    pub(crate) fn cargo(&self, arguments: &[&str]) {
        let mut command = cargo(&self.root);
        let status = command.args(arguments).envs(environment()).status().unwrap();
        assert!(status.success(), "cargo {arguments:?} in {}: {status}", self.root.display());
    }

    /// Builds its library, by this test's profile, and puts it where its
    /// manifest looks for it.
    pub(crate) fn build(&self) -> PathBuf {
        let built = build_outside(&self.root, &["build"]).file(&self.name);
        let library = self.path("target/release").join(built.file_name().unwrap());
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        fs::copy(built, &library).unwrap();
        library
    }

    /// Runs the miner in it, with its own manifest.
    pub(crate) fn miner(&self, arguments: &[&str]) -> Ended {
        run_to_end(&program("spacetime-miner"), &self.root, arguments)
    }

    /// The commands of its CI workflow that are cargo's.
    pub(crate) fn workflow(&self) -> Vec<Vec<String>> {
        let text = self.read(".github/workflows/ci.yml");
        let commands = text.lines().filter_map(|line| line.trim().strip_prefix("- run: cargo "));
        commands.map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    }
}

/// Whether a file or folder of this name lies in a folder.
pub(crate) fn is_in(folder: &Path, name: &str) -> bool {
    let mut entries = folder.read_dir().unwrap();
    entries.any(|entry| entry.unwrap().file_name().to_string_lossy().contains(name))
}
