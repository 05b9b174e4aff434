//! Every dependency has a licence that we may ship under; the same list as in
//! `deny.toml`, checked here because this needs no other tool and no network.

use cargo_metadata::MetadataCommand;

const ALLOWED: [&str; 9] = [
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// MPL-2.0, a licence per file: of `abi_stable`'s, used unchanged.
const EXCEPTIONS: [&str; 1] = ["generational-arena"];

#[test]
fn every_dependency_has_an_allowed_licence() {
    // Packages for other platforms need not be on this machine.
    let platform = spacetime_sdk::descriptor::TARGET.to_owned();
    let options = ["--locked", "--filter-platform", &platform].map(str::to_owned);
    let metadata = MetadataCommand::new().other_options(options).exec().unwrap();
    let refused: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| !EXCEPTIONS.contains(&package.name.as_str()))
        .filter(|package| !is_allowed(package.license.as_deref().unwrap_or_default()))
        .map(|package| format!("{} ({:?})", package.name, package.license))
        .collect();
    assert!(refused.is_empty(), "licences to look at: {refused:?}");
    assert!(metadata.packages.len() > 100, "the whole graph was read");
}

/// Evaluates an SPDX expression; the old `A/B` notation is read too.
fn is_allowed(expression: &str) -> bool {
    spdx::Expression::parse_mode(expression, spdx::ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|requirement| {
            requirement.license.id().is_some_and(|id| ALLOWED.contains(&id.name))
        })
    })
}

#[test]
fn the_list_is_that_of_deny_toml() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml");
    let text = std::fs::read_to_string(path).unwrap();
    for name in ALLOWED.into_iter().chain(EXCEPTIONS) {
        assert!(text.contains(&format!("\"{name}\"")), "{name} is missing in deny.toml");
    }
}
