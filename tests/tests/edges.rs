//! The layering: which package may depend on which, compared with the table
//! in `edges.txt`; and that the host knows no plugin by name.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

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

/// The places at which a text of code names a plugin: its package or crate
/// anywhere, or its component as a whole string, as a special case for it
/// would. Comments and messages may speak of a component, and tests may use it.
fn named(code: &str, packages: &[String]) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("\\\"", "'");
    let mut found = Vec::new();
    for package in packages {
        let component = PLUGINS.iter().find_map(|plugin| package.strip_prefix(plugin));
        let component = component.unwrap_or_default().trim_start_matches('-');
        let library = package.replace('-', "_");
        let library = library.trim_start_matches("spacetime_").to_owned();
        let mut names = vec![package.trim_start_matches("spacetime-").to_owned(), library];
        // A word of the language besides.
        if component != "empty" {
            names.push(format!("\"{component}\""));
        }
        found.extend(names.into_iter().filter(|name| code.contains(name)));
    }
    found
}

/// The Rust files below a folder, but for those of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_tests = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !is_tests {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests {
            files.push(path);
        }
    }
    files
}

/// What a file may name, in spite of the rule: a default that users can change.
const EXCEPTIONS: [(&str, &str); 1] = [("core/src/cli/chain.rs", "\"node\"")];

#[test]
fn the_host_knows_no_plugin_by_name() {
    let packages = actual().into_keys();
    let plugins = packages.filter(|name| PLUGINS.iter().any(|plugin| name.starts_with(plugin)));
    let plugins: Vec<String> = plugins.collect();
    assert!(plugins.len() >= 6, "{plugins:?}");
    let mut files = 0;
    for folder in ["core/src", "core/node/src"] {
        for file in sources(&repository().join(folder)) {
            files += 1;
            let mut found = named(&fs::read_to_string(&file).unwrap(), &plugins);
            found
                .retain(|name| !EXCEPTIONS.iter().any(|(of, it)| file.ends_with(of) && name == it));
            assert_eq!(found, [] as [String; 0], "{}: nothing is special", file.display());
        }
    }
    assert!(files > 50, "only {files} files were looked at");

    // What it finds, so that it cannot pass by finding nothing.
    for code in ["use spacetime_strategy_full as f;", "name == \"solo\"", "\"transport-solo\""] {
        assert_ne!(named(code, &plugins), [] as [String; 0], "{code}");
    }
    for code in ["\"try (name: \\\"solo\\\")\"", "a\n#[cfg(test)]\nmod tests {\n\"solo\""] {
        assert_eq!(named(code, &plugins), [] as [String; 0], "{code}");
    }
}
