//! Dialling with TLS, by name, and whom that lets in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spacetime_node::net::{
    Address, Backoff, Certificate, DialError, Event, Keep, Options, Stream, Tls, connect, keep,
};
use spacetime_protocol::wire::{Message, PingPong};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::bench::{Node, PATIENCE, clock};
use crate::common::{Miner, Wish, mine, network};

/// Speaks TLS with a certificate for `localhost` that is put in a file.
fn acceptor(file: &Path) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Terminates TLS in front of a node, as [`acceptor`].
async fn front(of: SocketAddr, file: &Path) -> SocketAddr {
    let acceptor = acceptor(file);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut near) = acceptor.accept(stream).await else { return };
                let mut far = TcpStream::connect(of).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_certificate_is_followed_and_no_other() {
    let network = network(1, &[]);
    let node = Node::start(&network).await;
    let block = mine(&node.service, &Miner::new(3), Wish::default());
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let front = front(node.address, &authority).await;

    let by_name = Address::new("localhost", front.port());
    let by_address = Address::new("127.0.0.1", front.port());
    let verified = Tls::new(Some(&authority), None).unwrap();
    let named = Tls::new(Some(&authority), Some("localhost")).unwrap();
    let misnamed = Tls::new(Some(&authority), Some("node.example")).unwrap();
    connect(&by_name, Some(&verified)).await.map(|_| ()).unwrap();
    connect(&by_address, Some(&named)).await.map(|_| ()).unwrap();
    for (address, tls) in [(&by_address, &verified), (&by_name, &misnamed)] {
        let error = connect(address, Some(tls)).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, DialError::Handshake { .. }), "{error}");
        assert!(error.to_string().contains("not valid for name"), "{error}");
    }
    // Another authority's.
    let other = folder.path().join("other.pem");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&other, made.cert.pem()).unwrap();
    let stranger = Tls::new(Some(&other), None).unwrap();
    assert!(connect(&by_name, Some(&stranger)).await.is_err());
    // One that speaks no TLS.
    let plain = Address::new("localhost", node.address.port());
    assert!(connect(&plain, Some(&verified)).await.is_err());

    let mut second = Node::start(&network).await;
    let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    keep(second.hub(), Keep { address: by_name, tls: Some(verified), backoff });
    second.reaches(block.hash()).await;
    second.event(|event| matches!(event, Event::Synced { .. }).then_some(())).await;
}

/// TLS has a word for the end, so that nobody can cut a connection short unseen.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_left_hears_that_it_is_the_end() {
    let network = network(1, &[]);
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let acceptor = acceptor(&authority);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::new("localhost", listener.local_addr().unwrap().port());
    let tls = Tls::new(Some(&authority), None).unwrap();
    let node = Node::start(&network).await;
    let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    keep(node.hub(), Keep { address, tls: Some(tls), backoff });
    let accept = || async {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        acceptor.accept(stream).await.unwrap()
    };

    // One that lies.
    let mut liar = accept().await;
    let lie = Message::Headers(vec![vec![0; 10]]).to_frame().unwrap();
    liar.write_all(&lie).await.unwrap();
    let end = timeout(PATIENCE, liar.read_to_end(&mut Vec::new())).await.unwrap();
    assert!(end.is_ok(), "{end:?}");

    // One that is connected when the node stops.
    let mut connected = accept().await;
    let mut heard = vec![0; 1];
    connected.read_exact(&mut heard).await.unwrap();
    node.running.stop().await;
    let end = timeout(PATIENCE, connected.read_to_end(&mut heard)).await.unwrap();
    assert!(end.is_ok(), "{end:?}");
}

/// The same where the node was dialled.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_dialled_a_node_that_stops_hears_that_it_is_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, certificate) = certificate(folder.path());
    let listen = |listener: spacetime_node::net::Listener| listener.with_certificate(certificate);
    let node = Node::listening(&network(1, &[]), |options| options, listen).await;
    let tls = Tls::new(Some(&authority), None).unwrap();
    let address = Address::new("localhost", node.address.port());
    let (mut stream, _) = connect(&address, Some(&tls)).await.unwrap();
    // It is served.
    let ping = Message::Ping(PingPong { nonce: 1, timestamp: 0 }).to_frame().unwrap();
    stream.write_all(&ping).await.unwrap();
    let mut heard = vec![0; 1];
    stream.read_exact(&mut heard).await.unwrap();
    node.running.stop().await;
    let end = timeout(PATIENCE, stream.read_to_end(&mut heard)).await.unwrap();
    assert!(end.is_ok(), "{end:?}");
}

#[test]
fn unusable_certificates_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem");
    let error = Tls::new(Some(&missing), None).unwrap_err().to_string();
    assert!(error.contains("missing.pem"), "{error}");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let error = Tls::new(Some(&empty), None).unwrap_err().to_string();
    assert!(error.contains("empty.pem") && error.contains("no certificate"), "{error}");
}

/// A certificate for `localhost` and its key, in files.
fn certificate(folder: &Path) -> (std::path::PathBuf, Certificate) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let certificate = Certificate::read(&chain, &key).unwrap();
    (chain, certificate)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_agrees_on_tls_is_left_and_nobody_waits_for_it() {
    let network = network(1, &[]);
    let folder = tempfile::tempdir().unwrap();
    let (authority, certificate) = certificate(folder.path());
    let (hands, clock) = clock();
    let options = |options| Options { clock, max_connections: 5, ..options };
    let listen = |listener: spacetime_node::net::Listener| listener.with_certificate(certificate);
    let node = Node::listening(&network, options, listen).await;
    let block = mine(&node.service, &Miner::new(3), Wish::default());
    // They say nothing at all, or begin and stop.
    let mut stalled = Vec::new();
    for begun in [&[][..], &[0x16, 3, 1], &[0x16]] {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        stalled.push(stream);
    }
    let other = Node::start(&network).await;
    let verified = Tls::new(Some(&authority), None).unwrap();
    let address = Address::new("localhost", node.address.port());
    let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    keep(other.hub(), Keep { address, tls: Some(verified.clone()), backoff });
    other.reaches(block.hash()).await;
    // They count as connections; the sixth is refused.
    let fifth = TcpStream::connect(node.address).await.unwrap();
    while node.hub().peers().len() < 5 {
        tokio::task::yield_now().await;
    }
    let by_name = Address::new("localhost", node.address.port());
    assert!(connect(&by_name, Some(&verified)).await.is_err(), "there is no room");
    hands.pass(Duration::from_secs(10));
    for mut stream in stalled.into_iter().chain([fifth]) {
        let read = timeout(PATIENCE, stream.read(&mut [0; 100])).await.unwrap();
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    // The one that agreed is still there.
    while node.hub().peers().len() > 1 {
        tokio::task::yield_now().await;
    }
    connect(&by_name, Some(&verified)).await.map(|_| ()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_connection_is_said() {
    let network = network(1, &[]);
    let folder = tempfile::tempdir().unwrap();
    let (authority, certificate) = certificate(folder.path());
    let listen = |listener: spacetime_node::net::Listener| listener.with_certificate(certificate);
    let node = Node::listening(&network, |options| options, listen).await;
    let verified = Tls::new(Some(&authority), None).unwrap();
    let address = Address::new("localhost", node.address.port());
    let dial = async || connect(&address, Some(&verified)).await.unwrap().0;
    let genesis = network.genesis_hash();
    let question = Message::GetBlock(genesis).to_frame().unwrap();
    let answer = Message::Block(network.genesis.encode().unwrap()).to_frame().unwrap();

    // By who is asked, once the asker has said it.
    let mut asker = dial().await;
    asker.write_all(&question).await.unwrap();
    asker.shutdown().await.unwrap();
    assert!(rest(&mut asker).await.windows(answer.len()).any(|came| came == answer));
    // By who cannot read on.
    let mut babbler = dial().await;
    babbler.write_all(&[0; 5]).await.unwrap();
    rest(&mut babbler).await;
    // By who stops.
    let mut listener = dial().await;
    listener.write_all(&question).await.unwrap();
    listener.read_exact(&mut [0; 5]).await.unwrap();
    node.running.stop().await;
    rest(&mut listener).await;
}

/// What comes up to the end, which must be one in order.
async fn rest(stream: &mut Stream) -> Vec<u8> {
    let mut came = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut came)).await.unwrap().unwrap();
    came
}
