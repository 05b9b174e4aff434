//! One byte is enough: a file that is signed, pinned or locked is refused when
//! any of it differs, and so is a signature.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use spacetime_core::{
    manifest::Manifest,
    plugin::trust::{Gate, Permission},
};
use spacetime_sdk::descriptor::{FRAME, MAGIC};
use spacetime_sdk_loader::{PluginFile, Signature, SigningKey};
use spacetime_tests::artifacts::plugin;

use crate::support::PACKAGE;

/// A plugin, and a manifest in its folder with one entry for it.
struct Case {
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plugin.so");
        fs::copy(plugin(PACKAGE), &file).unwrap();
        Self { folder, file }
    }

    fn manifest(&self, entry: &str, more: &str) -> Manifest {
        let text = format!(
            "(plot_directory: \"p\", plot_metadata_path: \"p.json\", private_key_path: \"key\",
              network_id: \"local\", plugins: [(path: \"./plugin.so\", {entry})], {more})"
        );
        Manifest::parse(&self.folder.path().join("miner.ron"), &text, &[]).unwrap()
    }

    fn sign(&self) -> String {
        let key = SigningKey::new(&[5; 32]);
        let file = PluginFile::read(&self.file).unwrap();
        let signature = Signature::make(&file, &key).unwrap();
        fs::write(Signature::path_of(&self.file), signature.to_text()).unwrap();
        key.public().to_string()
    }
}

fn verdict(manifest: &Manifest, file: &Path) -> Result<Permission, String> {
    let admitted = Gate::of(manifest).admit(file, Some(&manifest.plugins[0]));
    admitted.map(|admitted| admitted.permission().clone()).map_err(|error| error.to_string())
}

/// Positions all over the file, and many in its descriptor.
fn positions(bytes: &[u8]) -> Vec<u64> {
    let descriptor = (0..bytes.len() - FRAME)
        .filter(|at| bytes[*at..].starts_with(&MAGIC))
        .find(|at| bytes[at + FRAME..].starts_with(b"{\"format\""))
        .unwrap();
    let text = &bytes[descriptor + FRAME..];
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len()).min(700);
    let inside = (descriptor..descriptor + FRAME + end).step_by(7);
    let ends = [0, 1, 63, bytes.len() - 1];
    let all = (0..bytes.len()).step_by(bytes.len() / 40);
    ends.into_iter().chain(inside).chain(all).map(|at| at as u64).collect()
}

fn flip(file: &mut File, at: u64, byte: u8) {
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte]).unwrap();
}

#[test]
fn a_plugin_is_refused_for_one_byte_anywhere() {
    let case = Case::new();
    let bytes = fs::read(&case.file).unwrap();
    let sha256 = PluginFile::read(&case.file).unwrap().sha256();
    let key = case.sign();
    let lock = format!(
        "(format: 1, plugins: {{\"{PACKAGE}\": (version: \"0.1.0\", targets: {{\"{}\": (sha256: \
         \"{sha256}\", file: \"plugin.so\")}})}})",
        spacetime_sdk::descriptor::TARGET
    );
    let keys = format!("trusted_keys: {{\"ada\": \"{key}\"}}");
    let manifests = [
        case.manifest(&format!("sha256: \"{sha256}\""), ""),
        case.manifest("trust: signed(by: \"ada\")", &keys),
        case.manifest("", &keys),
        case.manifest("trust: locked", ""),
    ];
    fs::write(case.folder.path().join("plugins.lock"), &lock).unwrap();
    for manifest in &manifests {
        verdict(manifest, &case.file).unwrap();
    }
    let mut file = OpenOptions::new().write(true).open(&case.file).unwrap();
    let positions = positions(&bytes);
    assert!(positions.len() > 80, "{}", positions.len());
    for at in positions {
        let was = bytes[usize::try_from(at).unwrap()];
        flip(&mut file, at, was ^ 1);
        for manifest in &manifests {
            let refusal = verdict(manifest, &case.file).expect_err("one byte differs");
            assert!(refusal.contains("PLG-00"), "byte {at}: {refusal}");
        }
        flip(&mut file, at, was);
    }
    for manifest in &manifests {
        verdict(manifest, &case.file).unwrap();
    }
}

#[test]
fn a_signature_is_refused_for_one_byte_anywhere() {
    let case = Case::new();
    let key = case.sign();
    let manifest = case
        .manifest("trust: signed(by: \"ada\")", &format!("trusted_keys: {{\"ada\": \"{key}\"}}"));
    let file = PluginFile::read(&case.file).unwrap();
    let descriptor = file.descriptor().unwrap();
    let gate = Gate::of(&manifest);
    let judge = || gate.judge(&file, &descriptor, Some(&manifest.plugins[0]));
    judge().unwrap();
    let place = Signature::path_of(&case.file);
    let good = fs::read(&place).unwrap();
    let mut codes = std::collections::BTreeSet::new();
    for at in 0..good.len() {
        // Another bit, another case, a blank, and a byte that is none of text.
        for byte in [good[at] ^ 1, good[at] ^ 0x20, b' ', 0xFF] {
            if byte == good[at] {
                continue;
            }
            let mut bad = good.clone();
            bad[at] = byte;
            fs::write(&place, bad).unwrap();
            let refusal = judge().expect_err("one byte differs");
            codes.insert(refusal.code());
        }
        fs::write(&place, &good[..at]).unwrap();
        assert_eq!(judge().unwrap_err().code(), "PLG-0042", "cut off at {at}");
    }
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["PLG-0042", "PLG-0043", "PLG-0044"]);
    fs::write(&place, good).unwrap();
    judge().unwrap();
}
