//! A plugin file that is not there because its Cargo project has not built it,
//! or never will.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::find::file_names;

/// What would make a Cargo project leave a dynamic library.
const CRATE_TYPE: &str = "crate-type = [\"cdylib\"]";

/// What to do about a path at which there is no file, if that lies in a Cargo
/// project or is one; a sentence without its stop.
pub fn unbuilt(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    let project = absolute.ancestors().find(|folder| folder.join("Cargo.toml").is_file())?;
    let manifest = project.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).ok()?;
    if !text.contains("[package]") {
        // A workspace of several: nobody knows which is meant.
        return None;
    }
    if !text.contains("cdylib") {
        return Some(format!(
            "Cargo builds no dynamic library of this project: does {} say {CRATE_TYPE} under \
             [lib]?",
            manifest.display()
        ));
    }
    let built = built(project);
    Some(match (built.is_empty(), absolute == project) {
        (true, _) => "Build it: `cargo build --release` puts it into target/release".to_owned(),
        (false, true) => format!("Name the library in it: {}", list(&built)),
        (false, false) => format!("What cargo has built there is {}", list(&built)),
    })
}

/// The dynamic libraries that cargo has left in a project's own folder.
fn built(project: &Path) -> Vec<PathBuf> {
    let folders = ["release", "debug"].map(|profile| project.join("target").join(profile));
    folders.iter().flat_map(|folder| file_names(folder)).collect()
}

fn list(files: &[PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    files.join(" or ")
}

#[cfg(test)]
mod tests {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

    use super::*;

    #[test]
    fn what_a_project_lacks_is_told() {
        let home = tempfile::tempdir().unwrap();
        let project = home.path().join("first");
        let release = project.join("target/release");
        fs::create_dir_all(&release).unwrap();
        let file = release.join(format!("{DLL_PREFIX}first{DLL_SUFFIX}"));
        assert_eq!(unbuilt(&home.path().join("a.so")), None);

        fs::write(project.join("Cargo.toml"), "[workspace]\nmembers = [\"*\"]\n").unwrap();
        assert_eq!(unbuilt(&file), None);
        fs::write(project.join("Cargo.toml"), "[package]\nname = \"first\"\n").unwrap();
        for path in [&project, &file] {
            let told = unbuilt(path).unwrap();
            assert!(told.contains(CRATE_TYPE) && told.contains("first/Cargo.toml"), "{told}");
        }
        let manifest = format!("[package]\nname = \"first\"\n[lib]\n{CRATE_TYPE}\n");
        fs::write(project.join("Cargo.toml"), manifest).unwrap();
        for path in [&project, &file] {
            assert!(unbuilt(path).unwrap().starts_with("Build it: `cargo build"));
        }
        fs::write(&file, "").unwrap();
        let told = unbuilt(&project).unwrap();
        assert_eq!(told, format!("Name the library in it: {}", file.display()));
        let told = unbuilt(&release.join("other.so")).unwrap();
        assert_eq!(told, format!("What cargo has built there is {}", file.display()));
    }
}
