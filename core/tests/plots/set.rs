//! The live set: what is plugged in, pulled out, damaged and remembered.

use std::{fs, sync::Arc};

use spacetime_core::{
    plots::{PlotSet, PlotSetError},
    scan::LeafSource,
};

use crate::support::{flip, make, names, spec};

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("plots")).unwrap();
        Self { folder }
    }

    fn plot(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("plots").join(name)
    }

    fn metadata(&self) -> std::path::PathBuf {
        self.folder.path().join("meta/plots_metadata.json")
    }

    fn open(&self) -> (PlotSet, Vec<String>) {
        let folders = [self.folder.path().join("plots")];
        let (set, problems) = PlotSet::open(&folders, &self.metadata()).unwrap();
        (set, problems.into_iter().map(|problem| problem.to_string()).collect())
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.metadata()).unwrap()).unwrap()
    }
}

fn paths(set: &PlotSet) -> Vec<String> {
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    set.plots().iter().map(|plot| name(plot.path())).collect()
}

#[test]
fn plots_come_and_go_without_concern_to_the_others() {
    let home = Home::new();
    make(&spec(&home.plot("a.plot"), 10));
    let (mut set, problems) = home.open();
    assert_eq!((paths(&set), problems.len()), (vec!["a.plot".to_owned()], 0));
    let first = set.plots()[0].clone();

    make(&spec(&home.plot("b.plot"), 9000));
    fs::write(home.plot("bad.plot"), "text").unwrap();
    fs::create_dir(home.plot("folder.plot")).unwrap();
    fs::write(home.plot("c.plot.plotting"), "ignored").unwrap();
    let told = set.rescan();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].reason.contains("bad.plot is not a usable plot"), "{}", told[0]);
    assert_eq!(paths(&set), ["a.plot", "b.plot"]);
    assert!(Arc::ptr_eq(&first, &set.plots()[0]), "an unchanged plot stays the same object");
    assert!(set.rescan().is_empty(), "what was told is not told again");

    fs::remove_file(home.plot("a.plot")).unwrap();
    flip(&home.plot("b.plot"), 60);
    let told = set.rescan();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(paths(&set).is_empty());
    first.read(0, &mut [0; 32]).unwrap_err();

    flip(&home.plot("b.plot"), 60);
    assert!(set.rescan().is_empty());
    assert_eq!(paths(&set), ["b.plot"]);
    let statuses = home.json();
    let status = |name: &str| {
        let entries = statuses.as_array().unwrap();
        let found =
            entries.iter().find(|entry| entry["filePath"].as_str().unwrap().ends_with(name));
        found.unwrap()["status"].clone()
    };
    assert_eq!(
        [status("/a.plot"), status("/b.plot"), status("/bad.plot")],
        ["Missing", "Valid", "Corrupted"]
    );
}

#[test]
fn what_is_remembered_is_repaired_and_kept() {
    let home = Home::new();
    fs::write(home.plot("a.plot"), "not yet").unwrap();
    let (mut set, problems) = home.open();
    assert_eq!(problems.len(), 1);
    assert_eq!(home.json()[0]["merkleRoot"], "");
    let (id, created) = (home.json()[0]["plotId"].clone(), home.json()[0]["createdAtUtc"].clone());
    fs::remove_file(home.plot("a.plot")).unwrap();
    make(&spec(&home.plot("a.plot"), 9000));
    set.rescan();
    let entry = &home.json()[0];
    // D18: root and size come with the status. D12: the cache is remembered.
    assert_eq!(entry["status"], "Valid");
    assert_eq!(entry["merkleRoot"].as_str().unwrap().len(), 44);
    assert_eq!(entry["spaceAllocatedBytes"], 121 + 32 * 9000);
    assert!(entry["cacheFilePath"].as_str().unwrap().ends_with("a.plot.cache"));
    assert_eq!((&entry["plotId"], &entry["createdAtUtc"]), (&id, &created));
    let before = fs::read(home.metadata()).unwrap();
    drop(set);
    let (set, _) = home.open();
    assert_eq!(paths(&set), ["a.plot"]);
    assert_eq!(fs::read(home.metadata()).unwrap(), before, "nothing changed, nothing written");
    assert_eq!(names(&home.folder.path().join("meta")), ["plots_metadata.json"]);
}

#[test]
fn what_could_not_be_written_is_written_later() {
    let home = Home::new();
    make(&spec(&home.plot("a.plot"), 10));
    let (mut set, _) = home.open();
    let written = fs::read(home.metadata()).unwrap();
    // A folder where the new file would be written first.
    let temporary = home.metadata().with_extension("json.new");
    fs::create_dir(&temporary).unwrap();
    make(&spec(&home.plot("b.plot"), 10));
    let told = set.rescan();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].reason.contains("plots_metadata.json"), "{}", told[0]);
    assert_eq!(paths(&set), ["a.plot", "b.plot"], "mining goes on");
    assert!(set.rescan().is_empty(), "what was told is not told again");
    assert_eq!(fs::read(home.metadata()).unwrap(), written);
    fs::remove_dir(&temporary).unwrap();
    assert!(set.rescan().is_empty());
    assert_eq!(home.json().as_array().unwrap().len(), 2);
}

#[test]
fn one_file_under_two_spellings_is_one_plot() {
    let home = Home::new();
    make(&spec(&home.plot("a.plot"), 10));
    std::os::unix::fs::symlink(home.plot("a.plot"), home.plot("link.plot")).unwrap();
    std::os::unix::fs::symlink("nowhere", home.plot("dangling.plot")).unwrap();
    let folders = [home.folder.path().join("plots"), home.folder.path().join("./plots/../plots")];
    let (set, problems) = PlotSet::open(&folders, &home.metadata()).unwrap();
    assert_eq!(paths(&set), ["a.plot"]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].reason.contains("dangling.plot"));
}

#[test]
fn a_metadata_file_that_cannot_be_read_is_kept_aside() {
    let home = Home::new();
    make(&spec(&home.plot("a.plot"), 10));
    fs::create_dir_all(home.metadata().parent().unwrap()).unwrap();
    // D23: bad Base64 is corrupt like everything else.
    let corrupt = br#"[{"plotId":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","merkleRoot":"!"}]"#;
    for text in [&b"not json"[..], b"", corrupt, b"[null]"] {
        let _ = fs::remove_dir_all(home.metadata().parent().unwrap());
        fs::create_dir_all(home.metadata().parent().unwrap()).unwrap();
        fs::write(home.metadata(), text).unwrap();
        let (set, problems) = home.open();
        assert_eq!(paths(&set), ["a.plot"]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("plots_metadata.json cannot be read"), "{}", problems[0]);
        let names = names(&home.folder.path().join("meta"));
        assert_eq!(names.len(), 2, "{names:?}");
        let backup = names[1].strip_prefix("plots_metadata.json.corrupt.").unwrap();
        assert!(backup.len() == 14 && backup.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(fs::read(home.folder.path().join("meta").join(&names[1])).unwrap(), text);
        assert_eq!(home.json().as_array().unwrap().len(), 1);
    }
}

#[test]
fn metadata_has_one_writer_and_many_readers() {
    let home = Home::new();
    make(&spec(&home.plot("a.plot"), 10));
    let (mut set, _) = home.open();
    let folders = [home.folder.path().join("plots")];
    let refused = |text: &str| {
        let error = PlotSet::open(&folders, &home.metadata()).unwrap_err();
        assert!(matches!(error, PlotSetError::Held { .. }), "{error}");
        let error = error.to_string();
        assert!(
            error.contains(&format!("this process ({})", std::process::id())),
            "{text}: {error}"
        );
    };
    refused("after opening");
    make(&spec(&home.plot("b.plot"), 10));
    set.rescan();
    refused("after the file was replaced");
    let (reader, problems) = PlotSet::inspect(&folders, &home.metadata()).unwrap();
    assert_eq!((paths(&reader).len(), problems.len()), (2, 0));
    drop(set);
    home.open();
    assert_eq!(names(&home.folder.path().join("meta")), ["plots_metadata.json"]);
}

#[test]
fn a_folder_that_is_not_there_is_reported() {
    let home = Home::new();
    let gone = home.folder.path().join("gone");
    let (set, problems) = PlotSet::open(&[gone], &home.metadata()).unwrap();
    assert!(set.plots().is_empty());
    assert!(problems[0].reason.contains("cannot look for plots in"), "{}", problems[0]);
}
