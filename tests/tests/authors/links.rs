//! What the documentation links to is there: in the repository, and where it is
//! installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use spacetime_tests::artifacts::repository;

use crate::installed;

/// The pages below a folder, or a page itself; what cargo has built is none.
fn pages(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = path.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
    let wanted = entries.filter(|path| match path.is_dir() {
        true => !path.ends_with("target"),
        false => is_page(path),
    });
    wanted.flat_map(|path| pages(&path)).collect()
}

/// Where the links of a page lead to, sections aside.
fn links(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let files = targets.filter_map(|link| link.split('#').next());
    files.filter(|file| !file.is_empty()).map(str::to_owned).collect()
}

/// Links that lead nowhere, of these pages and folders below a folder, and how many
/// were followed.
fn followed(folder: &Path, paths: &[&str]) -> (usize, Vec<String>) {
    let (mut count, mut dead) = (0, Vec::new());
    for page in paths.iter().flat_map(|path| pages(&folder.join(path))) {
        for link in links(&page) {
            count += 1;
            let is_there = page.parent().unwrap().join(&link).exists();
            if !is_there && !link.starts_with("https://") {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    (count, dead)
}

#[test]
fn every_link_leads_somewhere() {
    let all = ["README.md", "CHANGELOG.md", "docs", "examples", "plugins", "sdk"];
    let (count, dead) = followed(repository(), &[&all[..], &["core", "tests"]].concat());
    assert!(count > 100, "only {count} links were followed");
    assert_eq!(dead, [] as [&str; 0]);

    let share = installed::shared().join("share/spacetime-miner");
    let (count_installed, dead) = followed(&share, &all);
    assert!(count_installed > 100 && count_installed <= count, "{count_installed} of {count}");
    assert_eq!(dead, [] as [&str; 0]);
}
