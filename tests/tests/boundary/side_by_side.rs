//! Libraries that could be taken for one another, in one process: of the same
//! crate name, in two versions, one loaded twice, one from two files.

use std::{fs, path::Path, sync::Mutex, time::SystemTime};

use spacetime_sdk_loader::{Library, OpenRequest, Strategy, abi::Span};
use spacetime_tests::{
    artifacts::{plugin, repository},
    outside::{Project, profiles},
    plugins::{Recorder, load, open_strategy, request, spans},
};

/// Builds a plugin whose crate is called `outside_twin`, whatever its package,
/// into a folder; its strategy `twin` plans the half of a plot from `plan` on.
fn twin(folder: &Path, package: &str, version: &str, plan: &str) -> Library {
    // All twins have one file name, so one must be copied before the next.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let project = Project::new(&format!("{package}-{version}"));
    project.write("Cargo.toml", &manifest(package, version)).write("src/lib.rs", &source(plan));
    // A file that another twin overwrote looks fresh to cargo: build anyway.
    let source = project.root().join("src/lib.rs");
    fs::File::open(source).unwrap().set_modified(SystemTime::now()).unwrap();
    let built = project.build(&["build"]).file("outside_twin");
    fs::create_dir(folder).unwrap();
    let kept = folder.join("liboutside_twin.so");
    fs::copy(built, &kept).unwrap();
    load(&kept)
}

fn manifest(package: &str, version: &str) -> String {
    let sdk = repository().join("sdk");
    format!(
        r#"[package]
name = "{package}"
version = "{version}"
edition = "2024"
description = "A twin"
license = "MIT"

[lib]
name = "outside_twin"
crate-type = ["cdylib"]

[dependencies]
spacetime-sdk = {{ path = {sdk:?} }}

[workspace]

{profiles}"#,
        profiles = profiles()
    )
}

fn source(plan: &str) -> String {
    format!(
        r#"//! A twin.
use spacetime_sdk::{{Job, Plan, Plot, Result, Spans, Strategy, tracing}};

struct Twin(u64);

impl Strategy for Twin {{
    type Config = ();
    fn open((): ()) -> Result<Self> {{
        Ok(Self(0))
    }}
    fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {{
        tracing::info!("{plan}");
        self.0 = plot.leaf_count;
        Ok(())
    }}
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {{
        let half = self.0 / 2;
        let _ = spans.push({plan}, half);
        Ok(Plan::Done)
    }}
}}

spacetime_sdk::export_plugin! {{ strategy "twin": Twin, "A twin"; }}
"#
    )
}

fn plan_of(library: &Library) -> Vec<Span> {
    spans(&mut open_strategy(library, "twin", "()").unwrap(), 100).unwrap()
}

const FIRST_HALF: Span = Span { start: 0, len: 50 };
const SECOND_HALF: Span = Span { start: 50, len: 50 };

#[test]
fn two_libraries_of_one_crate_name() {
    let folder = tempfile::tempdir().unwrap();
    let one = twin(&folder.path().join("a"), "castor", "1.0.0", "0");
    let other = twin(&folder.path().join("b"), "pollux", "1.0.0", "half");
    assert_eq!([&one, &other].map(|twin| &*twin.descriptor().plugin), ["castor", "pollux"]);
    assert_eq!(plan_of(&one), [FIRST_HALF]);
    assert_eq!(plan_of(&other), [SECOND_HALF]);
    assert_eq!(plan_of(&one), [FIRST_HALF]);
}

#[test]
fn two_versions_of_one_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let old = twin(&folder.path().join("a"), "castor", "1.0.0", "0");
    let new = twin(&folder.path().join("b"), "castor", "2.0.0", "half");
    assert_eq!([&old, &new].map(|twin| &*twin.descriptor().version), ["1.0.0", "2.0.0"]);
    assert_eq!(plan_of(&new), [SECOND_HALF]);
    assert_eq!(plan_of(&old), [FIRST_HALF]);
}

#[test]
fn one_library_loaded_twice() {
    let path = plugin("spacetime-strategy-sampling");
    let (first, second) = (load(&path), load(&path));
    let open = |library, size| {
        open_strategy(library, "sampling", &format!("(sample_size: {size})")).unwrap()
    };
    let (mut three, mut five) = (open(&first, 3), open(&second, 5));
    assert_eq!(spans(&mut three, 100).unwrap().len(), 3);
    assert_eq!(spans(&mut five, 100).unwrap().len(), 5);
    drop((first, three));
    assert_eq!(spans(&mut five, 100).unwrap().len(), 5);
}

/// Each copy has globals of its own: its logs go to the host that loaded it.
#[test]
fn two_copies_of_one_file_have_hosts_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = ["one", "two"].map(|name| {
        let copy = folder.path().join(format!("{name}.so"));
        fs::copy(plugin("spacetime-misbehaving"), &copy).unwrap();
        let host = Recorder::new(3);
        let library = Library::load(&copy, host.clone()).unwrap();
        let named = OpenRequest { instance: name, ..request("misbehaving", "()") };
        spans(&mut Strategy::open(&library, &named).unwrap(), 10).unwrap();
        host
    });
    for (host, name) in hosts.iter().zip(["one", "two"]) {
        let logs = host.told().logs;
        assert_eq!(logs.len(), 1);
        assert_eq!(logs[0].1, name);
    }
}
