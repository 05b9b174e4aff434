//! The layering: which package may depend on which, compared with the table
//! in `edges.txt`.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};
use spacetime_tests::artifacts::repository;

/// How the names of plugins' packages begin.
const PLUGINS: [&str; 3] = ["spacetime-strategy", "spacetime-policy", "spacetime-transport"];

type Edges = BTreeMap<String, BTreeSet<String>>;

/// What the packages depend on, of the workspace's own; tests of a package may
/// use what its code may not, and are marked.
fn actual() -> Edges {
    let metadata = MetadataCommand::new()
        .current_dir(repository())
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec();
    let mut edges = Edges::new();
    for package in metadata.unwrap().packages {
        let own = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        let names = own.map(|dependency| match dependency.kind {
            DependencyKind::Development => format!("dev:{}", dependency.name),
            _ => dependency.name.clone(),
        });
        edges.insert(package.name.to_string(), names.collect());
    }
    edges
}

fn allowed() -> Edges {
    let lines = include_str!("edges.txt").lines();
    let rows = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| {
        let (package, edges) = line.split_once(':').expect("package: edges");
        (package.to_owned(), edges.split_whitespace().map(str::to_owned).collect())
    })
    .collect()
}

#[test]
fn packages_depend_on_what_the_table_says() {
    let (actual, allowed) = (actual(), allowed());
    let packages = |edges: &Edges| edges.keys().cloned().collect::<Vec<_>>();
    assert_eq!(packages(&actual), packages(&allowed));
    for (package, edges) in actual {
        assert_eq!(edges, allowed[&package], "{package}");
    }
}

/// What the table is for, in case it is ever changed thoughtlessly.
#[test]
fn the_layering_holds() {
    for (package, edges) in actual() {
        let uses = |name: &str| edges.contains(name);
        let is_plugin = PLUGINS.iter().any(|plugin| package.starts_with(plugin));
        if is_plugin {
            assert!(!uses("spacetime-miner"), "{package}: authors never see the host");
            assert!(uses("spacetime-sdk") && !uses("spacetime-sdk-abi"), "{package}");
        }
        let names_a_plugin = edges.iter().any(|edge| {
            let edge = edge.trim_start_matches("dev:");
            PLUGINS.iter().any(|plugin| edge.starts_with(plugin))
        });
        assert!(!names_a_plugin, "{package}: plugins are loaded, never linked");
    }
}
