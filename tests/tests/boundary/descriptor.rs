//! What a plugin file says about itself, read without running it.

use std::process::Command;

use spacetime_sdk_loader::{Descriptor, Kind};
use spacetime_tests::artifacts::plugin;

#[test]
fn a_descriptor_is_read_from_the_file() {
    let descriptor = Descriptor::read(&plugin("spacetime-strategy-sampling")).unwrap();
    assert_eq!(descriptor.plugin, "spacetime-strategy-sampling");
    assert_eq!(descriptor.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(descriptor.abi, spacetime_sdk_loader::abi::ABI_VERSION);
    assert_eq!(descriptor.license, "MIT");
    assert_eq!(descriptor.panic, "unwind");
    assert!(descriptor.rustc.starts_with("rustc 1."), "{}", descriptor.rustc);
    let component = descriptor.component(Kind::Strategy, "sampling").unwrap();
    assert!(component.about.contains("sample_size"));
    assert!(descriptor.component(Kind::Engine, "sampling").is_none());
}

#[test]
fn a_library_of_many_components_lists_them_all() {
    let descriptor = Descriptor::read(&plugin("spacetime-misbehaving")).unwrap();
    let kinds: Vec<Kind> = descriptor.components.iter().map(|component| component.kind).collect();
    assert_eq!(kinds, [Kind::Strategy, Kind::Engine, Kind::Policy, Kind::Transport]);
}

/// Reading maps no file as code: the process gains no library.
#[test]
#[cfg(target_os = "linux")]
fn reading_a_descriptor_loads_nothing() {
    let path = plugin("spacetime-policy-empty");
    Descriptor::read(&path).unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains("spacetime_policy_empty"));
}

/// Nor does it need a machine that could run it: a file whose code is zeroed
/// still tells what it is.
#[test]
#[cfg(target_os = "linux")]
fn a_descriptor_survives_stripping() {
    let folder = tempfile::tempdir().unwrap();
    let stripped = folder.path().join("stripped.so");
    std::fs::copy(plugin("spacetime-strategy-full"), &stripped).unwrap();
    let before = Descriptor::read(&stripped).unwrap();
    // Binutils come with every C compiler, which building needs anyway.
    let status = Command::new("strip").arg(&stripped).status().unwrap();
    assert!(status.success());
    assert_eq!(Descriptor::read(&stripped).unwrap(), before);
    spacetime_tests::plugins::load(&stripped);
}
