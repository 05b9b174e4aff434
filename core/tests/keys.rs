//! Keys of both schemes as a user has them, and the reference's own: the same
//! secret is the same identity, and its plots are the same files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../sdk/protocol/tests/common/mod.rs"]
mod common;

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use spacetime_core::keys;

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn document(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    #[track_caller]
    fn assert_refused(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(words), "{}", self.stderr);
    }
}

/// Runs the program in a folder, with this on its standard input.
fn miner(folder: &Path, arguments: &[&str], input: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spacetime-miner"))
        .current_dir(folder)
        .args(arguments)
        .arg("--json")
        .env("HOME", folder)
        .env_remove("XDG_DATA_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[test]
fn a_new_key_is_of_the_scheme_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let new = |name: &str, more: &[&str]| {
        let arguments = [&["key", "new", "--key", name], more].concat();
        let document = miner(folder.path(), &arguments, "").document();
        let identity = document["identity"].as_str().unwrap().to_owned();
        assert_eq!(document["plot_key"], identity[2..], "its bytes 1 to 32");
        let shown = miner(folder.path(), &["key", "show", "--key", name], "").document();
        assert_eq!(shown, document);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        (document["scheme"].as_str().unwrap().to_owned(), identity[..2].to_owned())
    };
    assert_eq!(new("a", &[]), ("ed25519".into(), "ed".into()));
    assert_eq!(new("b", &["--scheme", "ed25519"]), ("ed25519".into(), "ed".into()));
    let (scheme, tag) = new("c", &["--scheme", "secp256k1"]);
    assert_eq!(scheme, "secp256k1");
    assert!(tag == "02" || tag == "03", "{tag}");

    let before = fs::read(folder.path().join("a")).unwrap();
    let again = ["key", "new", "--key", "a", "--scheme", "secp256k1"];
    miner(folder.path(), &again, "").assert_refused(4, "never overwritten");
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), before);
    let unknown = ["key", "new", "--key", "d", "--scheme", "rsa"];
    miner(folder.path(), &unknown, "").assert_refused(2, "[possible values: ed25519, secp256k1]");
    let both = ["key", "new", "--key", "d", "--development", "--scheme", "secp256k1"];
    miner(folder.path(), &both, "").assert_refused(2, "cannot be used with");
    assert!(!folder.path().join("d").exists());
}

#[test]
fn a_secret_from_elsewhere_is_imported_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = format!("{:0>64}", "1");
    let point = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let import = |to: &str, scheme: &str, from: &str, input: &str| {
        let arguments = ["key", "import", "--key", to, "--scheme", scheme, "--from", from];
        let ended = miner(folder.path(), &arguments, input);
        assert!(!ended.stdout.contains(&secret) && !ended.stderr.contains(&secret));
        ended
    };
    fs::write(folder.path().join("secret"), format!("{secret}\n")).unwrap();
    let document = import("a", "secp256k1", "secret", "").document();
    assert_eq!((&document["identity"], &document["plot_key"]), (&point.into(), &point[2..].into()));
    assert_eq!(import("b", "secp256k1", "-", &secret).document(), document);
    let other = import("c", "ed25519", "-", &secret).document();
    assert!(other["identity"].as_str().unwrap().starts_with("ed"));

    import("a", "secp256k1", "secret", "").assert_refused(4, "never overwritten");
    import("d", "secp256k1", "nowhere", "").assert_refused(4, "cannot read nowhere");
    let half = &secret[32..];
    import("d", "secp256k1", "-", half).assert_refused(4, "standard input does not hold a secret");
    import("d", "secp256k1", "-", &"f".repeat(64)).assert_refused(4, "not a secret key of the");
    let without = ["key", "import", "--key", "d", "--from", "secret"];
    miner(folder.path(), &without, "").assert_refused(2, "--scheme");
    assert!(!folder.path().join("d").exists());
}

/// The reference's miners: their keys and their plots, made by our commands.
#[test]
fn the_references_miners_have_the_same_identities_and_plots_with_us() {
    let folder = tempfile::tempdir().unwrap();
    let (mut miners, mut plots) = (0, 0);
    let (mut imported, mut made) = (BTreeSet::new(), BTreeSet::new());
    for case in common::load("transcripts").iter().filter(|case| case.op == "miner") {
        let (secret, public) = (case.text("secret_key").unwrap(), case.text("public_key").unwrap());
        let key = format!("{public}.key");
        if imported.insert(public.to_owned()) {
            let arguments =
                ["key", "import", "--key", &key, "--scheme", "secp256k1", "--from", "-"];
            let document = miner(folder.path(), &arguments, secret).document();
            assert_eq!(document["identity"], public, "{}", case.id);
        }
        let loaded = keys::load(&folder.path().join(&key)).unwrap();
        assert_eq!(const_hex::encode(loaded.secret_bytes()), secret, "{}", case.id);
        miners += 1;
        for plot in case.value("plots").as_array().unwrap() {
            plots += 1;
            if made.insert(plot.to_string()) {
                same_plot(folder.path(), &key, plot, public);
            }
        }
    }
    println!("{miners} miners with {plots} plots, {} of them different", made.len());
    if std::env::var_os("SPACETIME_VECTORS").is_none() {
        assert_eq!((miners, plots, made.len()), (35, 42, 6));
    }
}

fn same_plot(folder: &Path, key: &str, plot: &Value, public: &str) {
    let text = |name: &str| plot[name].as_str().unwrap();
    // A plot may be made with another key; an own one's is bytes 1 to 32 of the identity.
    let whose = match text("miner_public_key") {
        own if own == &public[2..] => ["--key", key],
        other => ["--plot-key", other],
    };
    let size = (plot["leaf_count"].as_u64().unwrap() * 32).to_string();
    let name = format!("{}.plot", text("file_sha256"));
    let arguments = ["plot", "create", "--seed", text("plot_seed"), "--size", &size];
    let arguments = [&arguments[..], &["--out", &name], &whose].concat();
    let document = miner(folder, &arguments, "").document();
    assert_eq!(document["root"], plot["merkle_root"]);
    let bytes = fs::read(folder.join(&name)).unwrap();
    assert_eq!(const_hex::encode(Sha256::digest(bytes)), text("file_sha256"));
    let verify = [&["plot", "verify", &name][..], &whose].concat();
    let verdict = miner(folder, &verify, "").document();
    assert_eq!((&verdict["valid"], &verdict["made_with_key"]), (&true.into(), &true.into()));
}
