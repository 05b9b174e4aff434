//! TLS: a node behind a certificate of ours, a wrong name, an unknown
//! authority.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use spacetime_protocol::wire::Message;
use spacetime_tests::{
    address,
    artifacts::program,
    node::Node,
    process::{PATIENCE, run_to_end},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Runtime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::home;

/// An authority, and a certificate that it gave a server of this name.
struct Authority {
    pem: String,
    config: Arc<ServerConfig>,
}

impl Authority {
    fn new(server: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let server_key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec![server.to_owned()]).unwrap();
        let server = server.signed_by(&server_key, &issuer).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(
            tokio_rustls::rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], private)
        .unwrap();
        Self { pem: certificate.pem(), config: Arc::new(config) }
    }
}

/// Speaks TLS for a node that does not.
fn front(runtime: &Runtime, authority: &Authority, node: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(address::own()).unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(authority.config.clone());
    let handle = runtime.handle().clone();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let (acceptor, far) = (acceptor.clone(), TcpStream::connect(node).unwrap());
            handle.spawn(async move {
                near.set_nonblocking(true).unwrap();
                far.set_nonblocking(true).unwrap();
                let near = tokio::net::TcpStream::from_std(near).unwrap();
                let mut far = tokio::net::TcpStream::from_std(far).unwrap();
                // Who does not trust us goes away.
                if let Ok(mut near) = acceptor.accept(near).await {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    address
}

#[test]
fn a_certificate_is_verified_against_an_authority_and_a_name() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), "127.0.0.1:0".parse().unwrap(), &[]);
    let authority = Authority::new("node.test");
    let front = front(&runtime, &authority, node.address());
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &authority.pem).unwrap();
    let tls = |tls: &str| {
        home(&format!("address: \"{front}\", tls: ({tls})")).set("max_connection_retries", "1")
    };

    // Whom we know, under its name.
    tls(&format!("ca_file: {ca:?}, server_name: \"node.test\"")).mine(1);

    // Under another name: the address's, or one that is asked for.
    for name in ["", "server_name: \"other.test\""] {
        let ended = tls(&format!("ca_file: {ca:?}, {name}")).run_to_end(&[]);
        assert_eq!(ended.code, Some(7), "{ended:#?}");
        assert!(ended.stderr.contains("not valid for name"), "{ended:#?}");
    }

    // An authority that nobody knows.
    let stranger = folder.path().join("stranger.pem");
    std::fs::write(&stranger, Authority::new("node.test").pem).unwrap();
    let unknown = tls(&format!("ca_file: {stranger:?}, server_name: \"node.test\""));
    let ended = unknown.run_to_end(&[]);
    assert_eq!(ended.code, Some(7), "{ended:#?}");
    assert!(ended.stderr.contains("invalid peer certificate"), "{ended:#?}");

    // A node that speaks no TLS.
    let plain = home(&format!("address: \"{}\", tls: (ca_file: {ca:?})", node.address()))
        .set("max_connection_retries", "1");
    let ended = plain.run_to_end(&[]);
    assert!(ended.code == Some(7) && ended.stderr.contains("no TLS with"), "{ended:#?}");

    // A file beside the manifest, wherever the miner is started.
    let relative = tls("ca_file: \"trusted/ca.pem\", server_name: \"node.test\"");
    std::fs::create_dir(relative.path("trusted")).unwrap();
    std::fs::copy(&ca, relative.path("trusted/ca.pem")).unwrap();
    relative.mine(1);
    let elsewhere = relative.path("trusted");
    let manifest = relative.manifest();
    let checked = run_to_end(
        &program("spacetime-miner"),
        &elsewhere,
        &["check", "--load", "--json", "--manifest", manifest.to_str().unwrap()],
    );
    assert_eq!(checked.code, Some(0), "{checked:#?}");

    // A node that is chosen for a question is asked in the same manner.
    let address = front.to_string();
    let config =
        format!("address: \"127.0.0.1:1\", tls: (ca_file: {ca:?}, server_name: \"node.test\")");
    let asked = home(&config);
    assert_eq!(asked.command(&["key", "new"]).code, Some(0));
    let balance = asked.command(&["balance", "--json", "--node", &address]);
    assert_eq!(balance.code, Some(0), "{balance:#?}");
    assert!(balance.document()["height"].as_u64() >= Some(2), "{balance:#?}");
    let refused = asked.command(&["balance"]);
    refused.assert_refused(7, "127.0.0.1:1");
    // The threads that ask are the transport's, too.
    assert!(refused.stderr.contains("plugin: transport `node`"), "{refused:#?}");

    // Files that are none.
    for (file, reason) in [("missing.pem", "cannot read"), ("miner.ron", "no certificate")] {
        let home = tls(&format!("ca_file: \"{file}\""));
        let ended = home.run_to_end(&[]);
        ended.assert_refused(6, reason);
        ended.assert_refused(6, &home.path(file).display().to_string());
    }
}

/// A node that speaks TLS, and answers whatever it is sent with an empty list of
/// headers.
struct Empty {
    address: SocketAddr,
    /// Connections on which it was sent something.
    begun: mpsc::Receiver<()>,
    /// How each ended: in order, or with an error where TLS's own word for that
    /// is missing.
    ended: mpsc::Receiver<std::io::Result<()>>,
}

fn empty(runtime: &Runtime, authority: &Authority) -> Empty {
    let ((begins, begun), (ends, ended)) = (mpsc::channel(), mpsc::channel());
    let acceptor = TlsAcceptor::from(authority.config.clone());
    let _runtime = runtime.enter();
    let listener = TcpListener::bind(address::own()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            let (begins, ends) = (begins.clone(), ends.clone());
            tokio::spawn(async move {
                let mut begins = Some(begins);
                let nothing = Message::Headers(Vec::new()).to_frame().unwrap();
                let mut buffer = vec![0; 4096];
                let end = loop {
                    match stream.read(&mut buffer).await {
                        Ok(0) => break Ok(()),
                        Ok(_) => {
                            if let Some(begins) = begins.take() {
                                begins.send(()).unwrap();
                            }
                            // It may have left.
                            let _ = stream.write_all(&nothing).await;
                        }
                        Err(error) => break Err(error),
                    }
                };
                ends.send(end).unwrap();
            });
        }
    });
    Empty { address, begun, ended }
}

/// Whoever cuts a connection short cannot say that it is the end; the miner does.
#[test]
fn a_node_hears_that_it_is_the_end_from_a_miner_that_stops_and_from_a_check() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let authority = Authority::new("node.test");
    let Empty { address, begun, ended } = empty(&runtime, &authority);
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &authority.pem).unwrap();
    for follow in ["verified", "notices"] {
        let tls = format!("tls: (ca_file: {ca:?}, server_name: \"node.test\")");
        let home = home(&format!("address: \"{address}\", {tls}, follow: {follow}"));
        let miner = home.run(&[]);
        begun.recv_timeout(PATIENCE).unwrap();
        assert_eq!(home.command(&["check", "--load"]).code, Some(0));
        begun.recv_timeout(PATIENCE).unwrap();
        let end = ended.recv_timeout(PATIENCE).unwrap();
        assert!(end.is_ok(), "a check, {follow}: {end:?}");
        assert_eq!(miner.stop().code, Some(0));
        let end = ended.recv_timeout(PATIENCE).unwrap();
        assert!(end.is_ok(), "a miner that stops, {follow}: {end:?}");
    }
}
