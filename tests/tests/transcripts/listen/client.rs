//! A raw client of a node, and the node it is a client of.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Instant,
};

use spacetime_protocol::wire::{FrameReader, Handshake, Kind, Message, PingPong};
use spacetime_tests::{
    node::Node,
    process::{Ended, PATIENCE},
};
use tempfile::TempDir;

/// Any free port of this machine.
pub(crate) const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A node with a folder of its own.
pub(crate) struct Bench {
    node: Node,
    pub(crate) folder: TempDir,
}

impl Bench {
    /// One that takes so many connections.
    pub(crate) fn limited(connections: usize, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections.to_string();
        let arguments = [&["--max-connections", &connections], more].concat();
        let node = Node::start_with(folder.path(), ANYWHERE, &arguments);
        Self { node, folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// So many clients that the node talks with.
    pub(crate) fn clients(&self, count: usize) -> Vec<Client> {
        let clients = (0..count).map(|_| {
            let mut client = Client::connect(self.address());
            assert!(client.is_served());
            client
        });
        clients.collect()
    }

    /// Whether there is no room for one more.
    pub(crate) fn is_full(&self) -> bool {
        !Client::connect(self.address()).is_served()
    }

    /// A client that is served as soon as those that are gone are forgotten.
    pub(crate) fn late(&self) -> Client {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut client = Client::connect(self.address());
            if client.is_served() {
                return client;
            }
            assert!(Instant::now() < deadline, "dead connections keep counting");
        }
    }

    /// Stops the node.
    pub(crate) fn stop(self) -> Ended {
        self.node.stop()
    }
}

/// A raw client.
pub(crate) struct Client {
    stream: TcpStream,
    reader: FrameReader,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, reader: FrameReader::default() }
    }

    /// Sends bytes; whether the connection took them.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// What one read gives; nothing at the end.
    pub(crate) fn read(&mut self) -> Vec<u8> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(read) => buffer[..read].to_vec(),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("nothing comes, and no end")
            }
            // A reset.
            Err(_) => Vec::new(),
        }
    }

    /// The next message; none at the end.
    pub(crate) fn receive(&mut self) -> Option<Message> {
        loop {
            if let Some(frame) = self.reader.next_frame().unwrap() {
                return Some(Message::decode(frame.kind, &frame.payload).unwrap());
            }
            let bytes = self.read();
            if bytes.is_empty() {
                return None;
            }
            self.reader.push(&bytes);
        }
    }

    /// Whether the node closes the connection, whatever it says before.
    pub(crate) fn is_closed(&mut self) -> bool {
        while self.receive().is_some() {}
        true
    }

    /// Whether the node answers a ping, rather than closing the connection.
    pub(crate) fn is_served(&mut self) -> bool {
        if !self.send(&ping(1)) {
            return false;
        }
        loop {
            match self.receive() {
                Some(Message::Pong(PingPong { nonce: 1, .. })) => return true,
                Some(other) => assert_eq!(other.kind(), Kind::BlockAccepted),
                None => return false,
            }
        }
    }

    /// Closes in order.
    pub(crate) fn close(self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

pub(crate) fn ping(nonce: i64) -> Vec<u8> {
    Message::Ping(PingPong { nonce, timestamp: 0 }).to_frame().unwrap()
}

pub(crate) fn handshake() -> Vec<u8> {
    let us = Handshake {
        version: 1,
        timestamp: 0,
        node_id: "0123456789abcdef".into(),
        user_agent: "raw/1".into(),
    };
    Message::Handshake(us).to_frame().unwrap()
}
