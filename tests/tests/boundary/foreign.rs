//! Plugin files of other platforms, inspected here.

use std::{fs, path::Path};

use object::{elf, macho, pe};
use spacetime_sdk_loader::{Format, Inspection, Presence, Refusal};
use spacetime_tests::assembled::{self, description, framed};

const LIBRARIES: [&str; 2] = ["first.library", "/a/second.library"];

fn inspect(bytes: &[u8]) -> Result<Inspection, Refusal> {
    let whole = Inspection::parse(bytes, Path::new("far.library"));
    // The same from a file, which is not read as a whole.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("far.library");
    fs::write(&path, bytes).unwrap();
    match (&whole, Inspection::read(&path)) {
        (Ok(whole), Ok(read)) => assert_eq!(whole.descriptor, read.descriptor),
        (Err(whole), Err(read)) => assert_eq!(whole.code(), read.code()),
        (whole, read) => panic!("{whole:?} {read:?}"),
    }
    whole
}

#[track_caller]
fn assert_inspected(bytes: &[u8], target: &str, format: Format, architecture: &str) {
    let inspection = inspect(bytes).unwrap();
    assert_eq!((inspection.format, inspection.architecture), (format, architecture));
    assert_eq!(inspection.descriptor.plugin, "far-away");
    assert!(inspection.descriptor.components[0].config.is_some());
    let names: Vec<&str> = inspection.libraries.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, LIBRARIES);
    // Whether they are there is for that platform to say.
    assert!(inspection.libraries.iter().all(|one| one.presence == Presence::Unknown));
    let refusal = inspection.refusal.expect("it is for another platform");
    assert_eq!(refusal.code(), "PLG-0005");
    assert!(refusal.to_string().contains(target), "{refusal}");
}

#[test]
fn files_of_all_platforms_tell_what_they_are() {
    let about = |target| framed(&description(target, ""));
    for (target, machine, is_64, architecture) in [
        ("aarch64-unknown-linux-musl", elf::EM_AARCH64, true, "aarch64"),
        ("x86_64-unknown-freebsd", elf::EM_X86_64, true, "x86_64"),
        ("armv7-unknown-linux-gnueabihf", elf::EM_ARM, false, "arm"),
        ("mysterious-unknown-linux-gnu", elf::EM_AVR, true, ""),
    ] {
        let file = assembled::elf(machine, is_64, &about(target), &LIBRARIES, "$ORIGIN");
        assert_inspected(&file, target, Format::Elf, architecture);
    }
    for (target, machine, architecture) in [
        ("x86_64-pc-windows-gnu", pe::IMAGE_FILE_MACHINE_AMD64, "x86_64"),
        ("aarch64-pc-windows-gnullvm", pe::IMAGE_FILE_MACHINE_ARM64, "aarch64"),
    ] {
        let file = assembled::pe(machine, &about(target), &LIBRARIES);
        assert_inspected(&file, target, Format::Pe, architecture);
    }
    let target = "arm64e-apple-darwin";
    let file = assembled::macho(macho::CPU_TYPE_ARM64, &about(target), &LIBRARIES);
    assert_inspected(&file, target, Format::MachO, "aarch64");
    // Of several in one file, the one for this processor counts.
    let ours = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x86_64" };
    assert_inspected(
        &assembled::universal(&about(target), &LIBRARIES),
        target,
        Format::MachO,
        ours,
    );
}

/// A description that says otherwise does not make a file fit.
#[test]
fn a_file_of_another_platform_than_it_says_is_refused() {
    let section = framed(&description(spacetime_sdk::descriptor::TARGET, ""));
    for file in [
        assembled::elf(elf::EM_S390, true, &section, &[], ""),
        assembled::elf(elf::EM_AVR, true, &section, &[], ""),
        assembled::pe(pe::IMAGE_FILE_MACHINE_ARMNT, &section, &[]),
    ] {
        let refusal = inspect(&file).unwrap().refusal.expect("it is another platform's");
        assert_eq!(refusal.code(), "PLG-0005", "{refusal}");
        assert!(refusal.to_string().contains("is of another platform than it says"), "{refusal}");
    }
}

/// Whatever of a file is missing, it is refused, and never partly believed.
#[test]
fn files_that_end_early_are_refused() {
    let section = framed(&description("elsewhere", ""));
    for file in [
        assembled::elf(elf::EM_AARCH64, true, &section, &LIBRARIES, ""),
        assembled::pe(pe::IMAGE_FILE_MACHINE_AMD64, &section, &LIBRARIES),
        assembled::macho(macho::CPU_TYPE_ARM64, &section, &LIBRARIES),
        assembled::universal(&section, &LIBRARIES),
    ] {
        for len in 0..file.len() {
            let refusal = Inspection::parse(&file[..len], Path::new("cut.so")).expect_err("cut");
            assert_eq!(refusal.code(), "PLG-0002", "{len} of {} bytes", file.len());
        }
    }
}

/// A description may be long, but not without end.
#[test]
fn a_description_that_is_too_long_is_none() {
    let about = |len: usize| framed(&description("elsewhere", &" ".repeat(len)));
    let file = |len| assembled::elf(elf::EM_X86_64, true, &about(len), &[], "");
    inspect(&file(1_000_000)).unwrap();
    assert_eq!(inspect(&file(1 << 20)).expect_err("too long").code(), "PLG-0003");
}
