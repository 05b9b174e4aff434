//! What a plugin file says about itself, read without running it.

use std::process::Command;

use spacetime_sdk_loader::{
    Descriptor, Kind,
    schema::{FieldShape, Shape, check},
};
use spacetime_tests::artifacts::{PLUGINS, plugin};

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
    assert_eq!(component.about, "An even sample of each plot");
    assert!(descriptor.component(Kind::Engine, "sampling").is_none());
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    assert_eq!(descriptor.profile, profile);
    let Some(Shape::Struct { fields, .. }) = &component.config else { panic!("{component:?}") };
    let [FieldShape { name, required, default, bounds, of, .. }] = &**fields else { panic!() };
    assert_eq!((&**name, required, default.as_deref()), ("sample_size", &false, Some("10000")));
    assert_eq!(bounds.must(), "must be between 1 and 2147483647");
    assert_eq!(serde_json::to_value(of).unwrap()["as"], "u64");
}

/// The default that a plugin tells is one that it takes.
#[test]
fn every_component_describes_its_config() {
    for package in PLUGINS {
        let descriptor = Descriptor::read(&plugin(package)).unwrap();
        for component in &descriptor.components {
            let shape = component.config.as_ref().unwrap_or_else(|| panic!("{package}"));
            check(shape, "()", 0).unwrap_or_else(|error| panic!("{package}: {error:?}"));
            let Shape::Struct { fields, .. } = shape else { continue };
            for field in fields {
                assert!(!field.help.is_empty() || package.contains("misb"), "{}", field.name);
                let Some(default) = &field.default else { continue };
                let config = format!("({}: {default})", field.name);
                check(shape, &config, 0).unwrap_or_else(|error| panic!("{config}: {error:?}"));
            }
        }
    }
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
