//! Records the compiler and target, for the descriptor of every plugin.

use std::{env, process::Command};

fn main() {
    let target = env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    let version = rustc(&["--version"]).unwrap_or_else(|| "unknown".to_owned());
    // Without the build's own flags: what the platform's processors all have.
    let config = rustc(&["--print", "cfg", "--target", &target]).unwrap_or_default();
    let features = config.lines().filter_map(|line| {
        line.strip_prefix("target_feature=\"").and_then(|line| line.strip_suffix('"'))
    });
    let features: Vec<&str> = features.collect();
    println!("cargo::rustc-env=SPACETIME_SDK_RUSTC={}", version.trim());
    println!("cargo::rustc-env=SPACETIME_SDK_TARGET={target}");
    println!("cargo::rustc-env=SPACETIME_SDK_FEATURES={}", features.join(","));
    println!("cargo::rerun-if-changed=build.rs");
}

/// What the build's compiler prints.
fn rustc(arguments: &[&str]) -> Option<String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
}
