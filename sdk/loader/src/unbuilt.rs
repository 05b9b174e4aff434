//! A plugin file that is not there because its Cargo project has not built it,
//! or never will.

use std::{
    env,
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// What would make a Cargo project leave a dynamic library.
const CRATE_TYPE: &str = "crate-type = [\"cdylib\"]";

/// What to do about a path at which there is no file, if that is a Cargo
/// project, or where its library lies or would lie; a sentence without its stop.
pub fn unbuilt(path: &Path) -> Option<String> {
    unbuilt_in(path, &Surroundings::of_this_process())
}

/// What cargo would take from where it runs.
#[derive(Debug, Default)]
struct Surroundings {
    /// `CARGO_TARGET_DIR`, or the other name that it has.
    target: Option<PathBuf>,
    /// `CARGO_HOME`, or where that is by default.
    home: Option<PathBuf>,
}

impl Surroundings {
    fn of_this_process() -> Self {
        let path =
            |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            target: path("CARGO_TARGET_DIR").or_else(|| path("CARGO_BUILD_TARGET_DIR")),
            home: path("CARGO_HOME").or_else(|| Some(path("HOME")?.join(".cargo"))),
        }
    }
}

fn unbuilt_in(path: &Path, around: &Surroundings) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    let project = absolute.ancestors().find(|folder| folder.join("Cargo.toml").is_file())?;
    let manifest = project.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).ok()?;
    if !text.contains("[package]") {
        // A workspace of several: nobody knows which is meant.
        return None;
    }
    let target = target(project, around);
    let is_of_cargo = absolute.starts_with(&target)
        || absolute.starts_with(project.join("target"))
        || absolute.file_name().is_some_and(|name| Some(name) == library(&text).as_deref());
    if absolute != project && !is_of_cargo {
        return None;
    }
    if !text.contains("cdylib") {
        return Some(format!(
            "Cargo builds no dynamic library of this project: does {} say {CRATE_TYPE} under \
             [lib]?",
            manifest.display()
        ));
    }
    let built = built(&text, &target);
    let release = target.join("release");
    let release = release.strip_prefix(project).unwrap_or(&release);
    Some(match (built.is_empty(), absolute == project) {
        (true, _) => {
            format!("Build it: `cargo build --release` puts it into {}", release.display())
        }
        (false, true) => format!("Name the library in it: {}", list(&built)),
        (false, false) => format!("What cargo has built there is {}", list(&built)),
    })
}

/// The folder that cargo builds a project into: what the environment says, or
/// the nearest `config.toml`, or `target` in the project or its workspace.
fn target(project: &Path, around: &Surroundings) -> PathBuf {
    if let Some(target) = &around.target {
        // Cargo takes it from where it is run, which is the project as a rule.
        return project.join(target);
    }
    let folders = project.ancestors().map(|folder| (folder.join(".cargo"), folder));
    let home = around.home.iter().filter_map(|home| Some((home.clone(), home.parent()?)));
    let mut configs = folders.chain(home);
    let configured = configs.find_map(|(folder, base)| {
        let texts = ["config.toml", "config"].map(|name| fs::read_to_string(folder.join(name)));
        let text = texts.into_iter().find_map(Result::ok)?;
        let target = value(&text, "build", "target-dir");
        Some(base.join(target.or_else(|| value(&text, "", "build.target-dir"))?))
    });
    let own = project.join("target");
    let usual = || if own.is_dir() { own } else { workspace(project).join("target") };
    configured.unwrap_or_else(usual)
}

/// The folder of the workspace that a project is in, or its own.
fn workspace(project: &Path) -> &Path {
    let is_workspace = |folder: &&Path| {
        let text = fs::read_to_string(folder.join("Cargo.toml"));
        text.is_ok_and(|text| text.lines().any(|line| line.trim().starts_with("[workspace")))
    };
    project.ancestors().find(is_workspace).unwrap_or(project)
}

/// A text of a TOML file, in a table or before all of them. Nothing here has
/// to understand more of TOML than what such files are made of.
fn value(text: &str, table: &str, key: &str) -> Option<String> {
    let mut here = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            here = name.trim();
        } else if let Some((name, value)) = line.split_once('=')
            && here == table
            && name.trim() == key
        {
            let value = value.trim();
            let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            return value[1..].split(quote).next().map(str::to_owned);
        }
    }
    None
}

/// The dynamic libraries of a project, by its `Cargo.toml`, that cargo has left
/// in its folder, which may be that of others, too.
fn built(manifest: &str, target: &Path) -> Vec<PathBuf> {
    let Some(file) = library(manifest) else { return Vec::new() };
    let folders = ["release", "debug"].map(|profile| target.join(profile));
    folders.map(|folder| folder.join(&file)).into_iter().filter(|file| file.is_file()).collect()
}

/// The file name of a project's dynamic library, by its `Cargo.toml`.
fn library(manifest: &str) -> Option<OsString> {
    let name = value(manifest, "lib", "name").or_else(|| value(manifest, "package", "name"))?;
    Some(format!("{DLL_PREFIX}{}{DLL_SUFFIX}", name.replace('-', "_")).into())
}

fn list(files: &[PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    files.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &Path) -> Option<String> {
        unbuilt_in(path, &Surroundings::default())
    }

    fn project(home: &Path) -> PathBuf {
        let project = home.join("first");
        fs::create_dir_all(&project).unwrap();
        let manifest = format!("[package]\nname = \"my-first\"\n[lib]\n{CRATE_TYPE}\n");
        fs::write(project.join("Cargo.toml"), manifest).unwrap();
        project
    }

    fn build(target: &Path, profile: &str, name: &str) -> PathBuf {
        let folder = target.join(profile);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"));
        fs::write(&file, "").unwrap();
        file
    }

    #[test]
    fn what_a_project_lacks_is_told() {
        let home = tempfile::tempdir().unwrap();
        let project = home.path().join("first");
        let release = project.join("target/release");
        fs::create_dir_all(&release).unwrap();
        let file = release.join(format!("{DLL_PREFIX}first{DLL_SUFFIX}"));
        assert_eq!(told(&home.path().join("a.so")), None);

        fs::write(project.join("Cargo.toml"), "[workspace]\nmembers = [\"*\"]\n").unwrap();
        assert_eq!(told(&file), None);
        fs::write(project.join("Cargo.toml"), "[package]\nname = \"first\"\n").unwrap();
        for path in [&project, &file] {
            let told = told(path).unwrap();
            assert!(told.contains(CRATE_TYPE) && told.contains("first/Cargo.toml"), "{told}");
        }
        let manifest = format!("[package]\nname = \"first\"\n[lib]\n{CRATE_TYPE}\n");
        fs::write(project.join("Cargo.toml"), manifest).unwrap();
        for path in [&project, &file] {
            assert_eq!(
                told(path).unwrap(),
                "Build it: `cargo build --release` puts it into target/release"
            );
        }
        fs::write(&file, "").unwrap();
        let named = told(&project).unwrap();
        assert_eq!(named, format!("Name the library in it: {}", file.display()));
        assert_eq!(told(&project.join("plugins/other.so")), None, "it is none of cargo's");
        let moved = told(&project.join(file.file_name().unwrap())).unwrap();
        assert_eq!(moved, format!("What cargo has built there is {}", file.display()));
        let built = told(&release.join("other.so")).unwrap();
        assert_eq!(built, format!("What cargo has built there is {}", file.display()));
    }

    #[test]
    fn what_the_environment_says_of_the_folder_is_known() {
        let home = tempfile::tempdir().unwrap();
        let project = project(home.path());
        let target = home.path().join("all");
        let around = Surroundings { target: Some(target.clone()), home: None };
        let told = || unbuilt_in(&project.join("target/release/x.so"), &around).unwrap();
        let into = format!("puts it into {}", target.join("release").display());
        assert!(told().ends_with(&into), "{}", told());
        // Of another project that is built into the same folder.
        build(&target, "release", "other");
        assert!(told().ends_with(&into), "{}", told());
        let file = build(&target, "debug", "my_first");
        assert_eq!(told(), format!("What cargo has built there is {}", file.display()));
        let relative = Surroundings { target: Some("out".into()), home: None };
        let file = build(&project.join("out"), "release", "my_first");
        let told = unbuilt_in(&project, &relative).unwrap();
        assert_eq!(told, format!("Name the library in it: {}", file.display()));
    }

    #[test]
    fn what_a_config_says_of_the_folder_is_known() {
        let home = tempfile::tempdir().unwrap();
        let project = project(home.path());
        let cargo_home = home.path().join("user/.cargo");
        let around = Surroundings { target: None, home: Some(cargo_home.clone()) };
        let write = |folder: &Path, text: &str| {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("config.toml"), text).unwrap();
        };
        let told = |file: &Path| {
            let told = unbuilt_in(&project, &around).unwrap();
            assert_eq!(told, format!("Name the library in it: {}", file.display()));
        };
        // The farthest first: the nearest one counts.
        write(&cargo_home, "build.target-dir = 'of-all'\n");
        told(&build(&home.path().join("user/of-all"), "release", "my_first"));
        write(&home.path().join(".cargo"), "[net]\n[build]\njobs = 2\ntarget-dir = \"here\" # x\n");
        told(&build(&home.path().join("here"), "debug", "my_first"));
    }

    #[test]
    fn a_member_of_a_workspace_is_built_into_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let project = project(home.path());
        fs::write(home.path().join("Cargo.toml"), "[workspace]\nmembers = [\"first\"]\n").unwrap();
        let file = build(&home.path().join("target"), "release", "my_first");
        assert_eq!(told(&project).unwrap(), format!("Name the library in it: {}", file.display()));
    }
}
