//! Starting, stopping, being killed; what it says and how it ends.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;
use spacetime_node::{Service, local};
use spacetime_protocol::BlockHash;
use spacetime_protocol::network::Network;

use crate::common::Miner;
use crate::process::{Node, run};
use crate::raw::{Chain, Client};

#[test]
fn signals_stop_it_within_two_seconds_with_its_store_closed() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("not/there/yet");
        // One of its peers is not there.
        let node = Node::start(&data, &["--peer", "127.0.0.1:1"]);
        let mut clients = [Client::connect(node.address), Client::connect(node.address)];
        // Half a frame is on its way, and a connection is in use.
        clients[0].bytes(&[0xff, 0, 0, 0, 0x23, 1, 2, 3]);
        let (miner, mut chain) = (Miner::new(3), Chain::local());
        let block = chain.extend(&miner, &[]);
        clients[1].send_block(&block);
        clients[1].is_told(&block);
        let (status, took) = node.stop(signal);
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert!(clients[1].is_closed());
        assert!(!data.join(local::FILE_NAME).exists(), "its socket's record is left behind");
        let service = Service::open(&data, Network::local()).unwrap();
        assert_eq!(service.status().unwrap().tip, block.hash());
    }
}

#[test]
fn killed_it_comes_back_at_its_address_with_every_block_that_it_announced() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start(folder.path(), &[]);
    let (miner, mut chain) = (Miner::new(3), Chain::local());
    for _ in 0..3 {
        let mut client = Client::connect(node.address);
        let block = chain.extend(&miner, &[]);
        client.send_block(&block);
        client.is_told(&block);
        node = node.kill().restart(&[]);
        let mut client = Client::connect(node.address);
        let headers = client.headers(&BlockHash::ZERO, 2000);
        assert_eq!(headers, chain.headers[1..]);
    }
}

#[test]
fn what_cannot_be_run_is_said_with_the_documented_code() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let file = folder.path().join("file");
    std::fs::write(&file, "{").unwrap();
    let file = file.to_str().unwrap();
    for (code, arguments, culprit) in [
        (2, &["--listen", "127.0.0.1:0"][..], "--data"),
        (2, &["--listen", "127.0.0.1:x", "--data", data], "127.0.0.1:x"),
        (2, &["--listen", "127.0.0.1:0", "--data", data, "--peer", "[::1"], "[::1"),
        (2, &["--listen", "127.0.0.1:0", "--data", data, "--network", "moon"], "moon"),
        (3, &["--listen", "127.0.0.1:0", "--data", data, "--network-file", file], file),
        (7, &["--listen", &taken, "--data", data], &taken),
        (7, &["--listen", "127.0.0.1:0", "--data", file], file),
    ] {
        let (found, stdout, stderr) = run(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains("error: ") && stderr.contains(culprit), "{stderr}");
        assert_eq!(stdout, "");
    }
    let node = Node::start(&folder.path().join("used"), &[]);
    let used = node.data.to_str().unwrap();
    let (code, _, stderr) = run(&["--listen", "127.0.0.1:0", "--data", used]);
    assert_eq!(code, Some(7));
    assert!(stderr.contains("is in use by process"), "{stderr}");
    let (code, _, stderr) =
        run(&["--network", "devnet", "--listen", "127.0.0.1:0", "--data", used]);
    assert_eq!(code, Some(7), "{stderr}");
    // The same network and genesis block, other rules. Should it be let pass,
    // it fails at the address.
    let mut other = Network::local();
    other.max_future_seconds = 120;
    std::fs::write(file, other.to_json().unwrap()).unwrap();
    let used = node.data.clone();
    assert_eq!(node.stop(Signal::TERM).0.code(), Some(0));
    let data = used.to_str().unwrap();
    let (code, _, stderr) = run(&["--network-file", file, "--listen", &taken, "--data", data]);
    assert_eq!(code, Some(7), "{stderr}");
    assert!(stderr.contains("max_future_seconds is 2, not 120;"), "{stderr}");
    drop(Node::start(&used, &[]));
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    for word in ["--listen", "--peer", "--limit-loopback", "genesis", "Exit codes", "\n  7 "] {
        assert!(help.contains(word), "no {word} in {help}");
    }
}

#[test]
fn it_listens_on_ipv6_and_by_name() {
    for listen in ["[::1]:0", "localhost:0"] {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::at(listen, folder.path(), &[]);
        assert_ne!(node.address.port(), 0);
        let mut client = Client::connect(node.address);
        assert_eq!(client.headers(&BlockHash::ZERO, 1), []);
        // And dials that way.
        let other = tempfile::tempdir().unwrap();
        let peer = format!("{}:{}", listen.strip_suffix(":0").unwrap(), node.address.port());
        let second = Node::start(other.path(), &["--peer", &peer]);
        let (miner, mut chain) = (Miner::new(3), Chain::local());
        let block = chain.extend(&miner, &[]);
        client.send_block(&block);
        Client::connect(second.address).is_told(&block);
    }
}
