//! Cargo projects outside the workspace, as a stranger's plugin would be:
//! written by a test, or copied, and built here.
//!
//! All share one target folder and, for the dependencies that they have in
//! common with the workspace, the workspace's own build folder (where cargo
//! knows `build.build-dir`, from 1.91 on), so that little is built twice.
//! Cargo names the files of dynamic libraries by their crate alone, and tells
//! packages apart by name, version and path within their workspace: what is
//! built here must differ from the workspace's packages in both.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::artifacts::{Artifacts, build, cargo, repository, target_folder};

/// Where such projects live and are built.
pub fn folder() -> PathBuf {
    target_folder().join("outside")
}

/// A project of a test's own, below [`folder`].
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// A project of this name, with the workspace's locked dependencies.
    pub fn new(name: &str) -> Self {
        let root = folder().join("projects").join(name);
        fs::create_dir_all(&root).unwrap();
        lock_dependencies(&root);
        Self { root }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file, unless it is as wanted already: cargo goes by times.
    pub fn write(&self, path: &str, text: &str) -> &Self {
        let file = self.root.join(path);
        if fs::read_to_string(&file).ok().as_deref() != Some(text) {
            fs::create_dir_all(file.parent().expect("it lies below the root")).unwrap();
            fs::write(&file, text).unwrap();
        }
        self
    }

    /// Copies a file or folder of the repository, its texts changed by `patch`,
    /// which gets each file's path within the folder.
    pub fn copy(&self, from: &str, to: &str, patch: &dyn Fn(&str, String) -> String) -> &Self {
        let source = repository().join(from);
        for path in files_below(&source) {
            let relative = path.strip_prefix(&source).expect("it lies below").to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let target =
                if relative.is_empty() { to.to_owned() } else { format!("{to}/{relative}") };
            self.write(&target, &patch(relative, text));
        }
        self
    }

    /// Builds it by cargo with these arguments, a subcommand first.
    pub fn build(&self, arguments: &[&str]) -> Artifacts {
        build_outside(&self.root, arguments)
    }
}

/// The least that is a plugin, built by the unchanged SDK with these flags of the
/// compiler for its own crate only: in a profile, they would rebuild all others.
pub fn plugin_with_flags(name: &str, flags: &[&str]) -> PathBuf {
    let project = Project::new(name);
    let sdk = repository().join("sdk");
    let manifest = format!(
        "[package]\nname = \"outside-{name}\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\
         [dependencies]\nspacetime-sdk = {{ path = {sdk:?} }}\n[workspace]\n{}",
        profiles()
    );
    project.write("Cargo.toml", &manifest).write("src/lib.rs", MINIMAL);
    let arguments = [&["rustc", "--lib", "--"], flags].concat();
    project.build(&arguments).file(&format!("outside-{name}"))
}

/// The least that is a plugin.
pub const MINIMAL: &str = r#"//! The least that is a plugin.
use spacetime_sdk::{Job, Plan, Plot, Result, Spans, Strategy};

struct Nothing;

impl Strategy for Nothing {
    type Config = ();
    fn open((): ()) -> Result<Self> {
        Ok(Self)
    }
    fn begin(&mut self, _: &Job, _: &Plot) -> Result<()> {
        Ok(())
    }
    fn plan(&mut self, _: &mut Spans<'_>) -> Result<Plan> {
        Ok(Plan::Done)
    }
}

spacetime_sdk::export_plugin! { strategy "nothing": Nothing, "Plans nothing"; }
"#;

/// Runs a cargo that builds in a folder outside the workspace.
pub fn build_outside(root: &Path, arguments: &[&str]) -> Artifacts {
    // Cargo's own lock would do, but for the hint that it prints when it waits.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = cargo(root);
    build(command.envs(environment()), arguments)
}

/// What makes a cargo outside the workspace share the build folders.
pub fn environment() -> [(&'static str, PathBuf); 2] {
    [("CARGO_TARGET_DIR", folder()), ("CARGO_BUILD_BUILD_DIR", target_folder())]
}

/// Gives a project the workspace's choice of versions, so that it builds from
/// what is on this machine already; cargo drops what it does not need.
pub fn lock_dependencies(root: &Path) {
    let lock = root.join("Cargo.lock");
    if !lock.exists() {
        fs::copy(repository().join("Cargo.lock"), lock).unwrap();
    }
}

/// The workspace's profile tables, for projects that want to share what was
/// built with them.
pub fn profiles() -> String {
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let start = manifest.find("[profile.dev]").expect("the workspace sets profiles");
    manifest[start..].to_owned()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
