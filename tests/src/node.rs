//! A running `spacetime-node`, and what it serves to whoever connects.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use spacetime_sdk::protocol::{
    BlockHash,
    block::Block,
    header::BlockHeader,
    wire::{FrameReader, Message},
};

use crate::{
    artifacts::program,
    process::{Ended, PATIENCE, Running},
};

/// A running node.
pub struct Node {
    running: Running,
    address: SocketAddr,
    data: PathBuf,
}

impl Node {
    /// Starts one on the network `local` with its data in a folder, on this
    /// address (port 0: any), with these peers.
    ///
    /// # Panics
    ///
    /// If it does not say where it listens.
    pub fn start(data: &Path, listen: SocketAddr, peers: &[SocketAddr]) -> Self {
        let peers: Vec<String> = peers.iter().map(SocketAddr::to_string).collect();
        let more: Vec<&str> = peers.iter().flat_map(|peer| ["--peer", peer]).collect();
        Self::start_with(data, listen, &more)
    }

    /// As [`Node::start`], with these arguments more.
    ///
    /// # Panics
    ///
    /// As [`Node::start`].
    pub fn start_with(data: &Path, listen: SocketAddr, more: &[&str]) -> Self {
        let mut command = Command::new(program("spacetime-node"));
        command.args(["--network", "local", "--listen", &listen.to_string()]);
        command.arg("--data").arg(data).args(more);
        let mut running = Running::start(command);
        let line = running.line(Instant::now() + PATIENCE).unwrap_or_default();
        let address = line.split_whitespace().last().and_then(|word| word.parse().ok());
        let address = address.unwrap_or_else(|| panic!("the node says no address: {line:?}"));
        Self { running, address, data: data.to_owned() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it and starts it again, with the same data, address and peers.
    #[must_use]
    pub fn restart_after_a_kill(self, peers: &[SocketAddr]) -> Self {
        let (address, data) = (self.address, self.data.clone());
        drop(self);
        Self::start(&data, address, peers)
    }

    /// Asks it to end, and waits for that.
    #[cfg(unix)]
    pub fn stop(self) -> Ended {
        self.running.terminate();
        self.running.wait()
    }
}

/// A connection with a node that says what it is told to, and no more.
pub struct Caller {
    stream: TcpStream,
    reader: FrameReader,
}

impl Caller {
    /// Connects.
    ///
    /// # Panics
    ///
    /// If nobody listens there.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, reader: FrameReader::default() }
    }

    /// Sends a message.
    ///
    /// # Panics
    ///
    /// If the connection is lost.
    pub fn send(&mut self, message: &Message) {
        self.stream.write_all(&message.to_frame().unwrap()).unwrap();
    }

    /// The next message.
    ///
    /// # Panics
    ///
    /// If none comes in time, or it is malformed.
    pub fn receive(&mut self) -> Message {
        let mut buffer = [0; 16 << 10];
        loop {
            if let Some(frame) = self.reader.next_frame().unwrap() {
                return Message::decode(frame.kind, &frame.payload).unwrap();
            }
            match self.stream.read(&mut buffer).unwrap() {
                0 => panic!("the node closed the connection"),
                read => self.reader.push(&buffer[..read]),
            }
        }
    }

    /// The whole chain after the genesis block.
    ///
    /// # Panics
    ///
    /// If a block does not follow the one before it.
    pub fn download(&mut self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut after = BlockHash::ZERO;
        loop {
            self.send(&Message::GetHeaders { locator: after, stop: None, max: 2000 });
            let headers = loop {
                if let Message::Headers(headers) = self.receive() {
                    break headers;
                }
            };
            let Some(last) = headers.last() else { return blocks };
            for header in &headers {
                blocks.push(self.block(BlockHeader::decode(header).unwrap().hash()));
            }
            after = BlockHeader::decode(last).unwrap().hash();
        }
    }

    fn block(&mut self, hash: BlockHash) -> Block {
        self.send(&Message::GetBlock(hash));
        loop {
            if let Message::Block(bytes) = self.receive() {
                let block = Block::decode(&bytes).unwrap();
                if block.hash() == hash {
                    return block;
                }
            }
        }
    }
}
