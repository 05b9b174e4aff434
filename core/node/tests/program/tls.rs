//! The program with TLS: accepting, dialling, and files that cannot be used.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::common::Miner;
use crate::process::{Node, run};
use crate::raw::{Chain, Client};

/// An authority in `ca.pem`, and in `cert.pem` and `key.pem` what it gave a
/// server of this name.
fn authority(folder: &Path, server: &str) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![server.to_owned()]).unwrap();
    let server = server.signed_by(&server_key, &issuer).unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("cert.pem"), server.pem()).unwrap();
    fs::write(folder.join("key.pem"), server_key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("key.pem"), Permissions::from_mode(0o600)).unwrap();
}

/// The arguments of a node that accepts TLS only.
fn served(folder: &Path) -> [String; 4] {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    ["--tls-cert".to_owned(), path("cert.pem"), "--tls-key".to_owned(), path("key.pem")]
}

#[test]
fn nodes_agree_over_tls_with_whom_they_trust() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    authority(folder.path(), "localhost");
    authority(&path("stranger"), "localhost");
    // In a line: plain, then one that accepts TLS, then one that dials it.
    let first = Node::start(&path("first"), &[]);
    let mut arguments = served(folder.path()).to_vec();
    arguments.extend(["--peer".to_owned(), first.address.to_string()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let second = Node::start(&path("second"), &arguments);
    let address = format!("tls://localhost:{}", second.address.port());
    let ca = path("ca.pem");
    let dials = ["--peer", &address, "--tls-ca", ca.to_str().unwrap()];
    let third = Node::start(&path("third"), &dials);
    let mut ends = [&first, &third].map(|node| Client::connect(node.address));
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    for turn in 0..4 {
        let block = chain.extend(&miner, &[]);
        ends[turn % 2].send_block(&block);
        ends[1 - turn % 2].is_told(&block);
    }
    // Another authority, another name, no TLS where it is asked for.
    let stranger = path("stranger/ca.pem");
    let by_number = format!("tls://127.0.0.1:{}", second.address.port());
    let plain = format!("tls://localhost:{}", first.address.port());
    for (number, (address, ca, reason)) in [
        (&address, &stranger, "invalid peer certificate"),
        (&by_number, &ca, "not valid for name"),
        (&plain, &ca, "no TLS with"),
    ]
    .into_iter()
    .enumerate()
    {
        let arguments = ["--peer", address, "--tls-ca", ca.to_str().unwrap()];
        let (_node, mut log) = Node::logging(&path(&format!("other-{number}")), &arguments);
        log.line(&["no connection", reason]);
    }
    // Who speaks no TLS is not served.
    let mut client = Client::connect(second.address);
    client.try_bytes(&crate::raw::frame(0x04, &[1; 16]));
    assert!(!client.is_open());
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    authority(folder.path(), "localhost");
    authority(&folder.path().join("other"), "localhost");
    fs::write(path("empty.pem"), "nothing").unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    fs::write(path("broken.pem"), broken).unwrap();
    fs::set_permissions(path("empty.pem"), Permissions::from_mode(0o600)).unwrap();
    fs::copy(path("key.pem"), path("exposed.pem")).unwrap();
    fs::set_permissions(path("exposed.pem"), Permissions::from_mode(0o640)).unwrap();
    for (cert, key, culprit, reason) in [
        ("missing.pem", "key.pem", "missing.pem", "cannot read a certificate in"),
        ("empty.pem", "key.pem", "empty.pem", "no certificate"),
        ("broken.pem", "key.pem", "broken.pem", "no PEM file"),
        ("cert.pem", "missing.pem", "missing.pem", "certificate's key"),
        ("cert.pem", "empty.pem", "empty.pem", "it holds none"),
        ("cert.pem", "exposed.pem", "exposed.pem", "run `chmod 600"),
        ("cert.pem", "other/key.pem", "other/key.pem", "cannot be used together"),
    ] {
        let (cert, key) = (path(cert), path(key));
        let data = path("data");
        let (code, stdout, stderr) = run(&[
            "--listen",
            "127.0.0.1:0",
            "--data",
            &data,
            "--tls-cert",
            &cert,
            "--tls-key",
            &key,
        ]);
        assert_eq!((code, stdout.as_str()), (Some(4), ""), "{stderr}");
        assert!(stderr.contains(reason) && stderr.contains(&path(culprit)), "{stderr}");
        assert!(!stderr.contains("BEGIN"), "{stderr}");
        assert!(!folder.path().join("data").exists(), "nothing is made before");
    }
    let (data, missing, cert) = (path("data"), path("missing.pem"), path("cert.pem"));
    let listen = ["--listen", "127.0.0.1:0", "--data", &data];
    for (code, more, reason) in [
        (4, &["--peer", "tls://localhost:1", "--tls-ca", &missing][..], missing.as_str()),
        (2, &["--peer", "localhost:1", "--tls-ca", &cert], "--tls-ca"),
        (2, &["--tls-cert", &cert], "--tls-key"),
        (2, &["--tls-key", &cert], "--tls-cert"),
        (2, &["--peer", "tls://"], "tls://"),
        (2, &["--peer", "https://localhost"], "https://localhost"),
    ] {
        let (found, _, stderr) = run(&[&listen[..], more].concat());
        assert_eq!(found, Some(code), "{more:?}: {stderr}");
        assert!(stderr.contains(reason), "{stderr}");
    }
}
