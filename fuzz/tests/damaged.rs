//! Every target over real data and over damaged copies of it, repeatably.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use spacetime_core::plugin::trust::{Lock, LockedFile};
use spacetime_fuzz::{TARGETS, Target};
use spacetime_sdk_loader::{PluginFile, Signature, SigningKey};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/protocol/tests/fixtures");

/// A record of one challenge.
const RECORD: &str = concat!(
    r#"{"kind":"run","record":1,"run":"a","miner":"0.1.0","network":"local","strategy":null,"#,
    r#""workers":2,"readers":1}"#,
    "\n",
    r#"{"kind":"plots","plots":[["1111111111111111111111111111111111111111111111111111111111111111","#,
    r#"50,0]]}"#,
    "\n",
    r#"{"kind":"challenge","job":1,"challenge":"22222222222222222222222222222222222222222222222222222"#,
    r#"22222222222","block_target":"0fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"#,
    r#"ff","share_target":null,"difficulty":16,"epoch":1,"height":1,"stop":"best_of_all","#,
    r#""builder":"host","started_ms":1000,"deadline_ms":2000,"open_ms":1000,"took_us":50,"#,
    r#""ended":"complete","scanned":50,"leaves":50,"scan_rate":1000,"best":null,"wins":false,"#,
    r#""noted":{"reads":[{"plot":0,"jumps":{"count":1,"leaves":50,"ns":50}}]}}"#,
    "\n"
);

#[test]
fn the_record_is_one() {
    assert!(spacetime_core::parsers::challenge_record(RECORD.as_bytes()));
}

/// Byte strings of the reference data, up to 64 KiB each.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![Vec::new()];
    for entry in std::fs::read_dir(FIXTURES).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            collect(&value, &mut seeds);
        }
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../miner.ron");
    seeds.push(std::fs::read(manifest).unwrap());
    let network = spacetime_protocol::network::Network::local();
    seeds.push(network.to_json().unwrap().into_bytes());
    seeds.push(RECORD.as_bytes().to_vec());
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("a.key");
    spacetime_core::keys::create(&key, spacetime_protocol::keys::Scheme::Ed25519).unwrap();
    seeds.push(std::fs::read(&key).unwrap());
    seeds.extend(vouched());
    seeds.extend(described());
    seeds
}

/// A signature of a plugin file, and a list of what is installed.
fn vouched() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.so");
    std::fs::write(&path, &spacetime_tests::assembled::samples()[0]).unwrap();
    let file = PluginFile::read(&path).unwrap();
    let signature = Signature::make(&file, &SigningKey::new(&[3; 32])).unwrap();
    let mut lock = Lock::default();
    for (target, signer) in [("linux", None), ("apple", Some(SigningKey::new(&[3; 32]).public()))] {
        let file = LockedFile { sha256: file.sha256(), file: "plugin.so".to_owned(), signer };
        lock.add("a plugin", "0.1.0", target, file);
    }
    let seeds = [signature.to_text(), lock.to_text()].map(String::into_bytes);
    // Each is spoilt only so often, and has more to spoil than others.
    (0..64).flat_map(|_| seeds.clone()).collect()
}

/// Plugin files of all platforms, and descriptions of configs with configs.
fn described() -> Vec<Vec<u8>> {
    let files = spacetime_tests::assembled::samples();
    let path = std::path::Path::new("plugin.so");
    let shapes = files.iter().flat_map(|file| {
        let inspection = spacetime_sdk_loader::Inspection::parse(file, path).unwrap();
        inspection.descriptor.components.into_iter().filter_map(|component| component.config)
    });
    let mut seeds = Vec::new();
    for shape in shapes {
        let json = serde_json::to_string(&shape).unwrap();
        for config in ["(step: 1)", "(step: Some([(1, \"a\")]))", "L2", "{\"a\": named(size: 1)}"] {
            seeds.push(format!("{json}\n{config}").into_bytes());
        }
    }
    // Each is spoilt only so often, and has more to spoil than others.
    (0..64).for_each(|_| seeds.extend(files.iter().cloned()));
    seeds
}

fn collect(value: &serde_json::Value, seeds: &mut Vec<Vec<u8>>) {
    match value {
        serde_json::Value::String(text) if text.len() < 128 << 10 => {
            seeds.push(const_hex::decode(text).unwrap_or_else(|_| text.clone().into_bytes()));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, seeds)),
        serde_json::Value::Object(items) => {
            seeds.extend(message(value));
            items.values().for_each(|item| collect(item, seeds));
        }
        _ => {}
    }
}

/// A message whose type and payload stand beside each other.
fn message(value: &serde_json::Value) -> Option<Vec<u8>> {
    let byte = u8::try_from(value["type_byte"].as_u64()?).ok()?;
    let payload = const_hex::decode(value["payload"].as_str()?).ok()?;
    Some([&[byte], &payload[..]].concat())
}

/// A small generator of repeatable damage (SplitMix64).
struct Damage(u64);

impl Damage {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        match self.next(4) {
            0 => bytes.truncate(self.next(bytes.len())),
            1 => bytes.extend([0xFF; 9]),
            _ if bytes.is_empty() => bytes.push(0),
            2 => {
                let at = self.next(bytes.len());
                bytes[at] ^= 1 << self.next(8);
            }
            _ => {
                // A length or a count becomes huge.
                let at = self.next(bytes.len());
                bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0x7F);
            }
        }
    }
}

#[test]
fn no_target_panics_on_good_or_damaged_data() {
    let (seeds, mut damage) = (seeds(), Damage(1));
    assert!(seeds.len() > 10_000, "{} seeds", seeds.len());
    for seed in &seeds {
        TARGETS.iter().for_each(|target| run(target, seed));
        let mut bytes = seed.clone();
        for _ in 0..16 {
            damage.spoil(&mut bytes);
            TARGETS.iter().for_each(|target| run(target, &bytes));
        }
    }
}

fn run((name, target): &Target, bytes: &[u8]) {
    let run = std::panic::catch_unwind(|| target(bytes));
    assert!(run.is_ok(), "{name} panicked on {}", const_hex::encode(bytes));
}
