//! A client that writes and reads its frames by hand, from `wire.md` alone.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};
use spacetime_protocol::BlockHash;
use spacetime_protocol::block::Block;
use spacetime_protocol::chain::next_difficulty;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::network::Network;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::validity;

use crate::common::{Miner, Wish};
use crate::process::PATIENCE;

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
}

/// A frame's type and payload.
pub(crate) type Frame = (u8, Vec<u8>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// From another address of this machine.
    pub(crate) fn connect_from(from: IpAddr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    /// A connection that was made already.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Connects, and waits for the notice that greets a silent client: from
    /// then on nothing comes by itself.
    pub(crate) fn greeted(address: SocketAddr) -> Self {
        let mut client = Self::connect(address);
        let (kind, _) = client.receive().expect("closed");
        assert_eq!(kind, 0x41);
        client
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn send(&mut self, kind: u8, payload: &[u8]) {
        self.bytes(&frame(kind, payload));
    }

    /// The next frame; `None`: the node closed the connection.
    pub(crate) fn receive(&mut self) -> Option<Frame> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if is_timeout(error.kind()) => panic!("nothing comes"),
            Err(_) => return None,
        }
        let mut frame = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap()];
        match self.stream.read_exact(&mut frame) {
            Err(error) if is_timeout(error.kind()) => panic!("a message stops in the middle"),
            Err(_) => return None,
            Ok(()) => {}
        }
        Some((frame[0], frame.split_off(1)))
    }

    /// The next frame of a type; the others are passed over.
    pub(crate) fn next(&mut self, wanted: u8) -> Vec<u8> {
        loop {
            let (kind, payload) = self.receive().expect("the node closed the connection");
            if kind == wanted {
                return payload;
            }
        }
    }

    /// Introduces itself: from then on it is told all that is new.
    pub(crate) fn introduced(address: SocketAddr) -> Self {
        let mut client = Self::greeted(address);
        client.send(0x01, &handshake());
        assert_eq!(client.receive().unwrap(), (0x02, Vec::new()));
        client
    }

    /// All that came until the node answers this question for a sign of life.
    pub(crate) fn until_pong(&mut self, nonce: u8) -> Vec<Frame> {
        self.send(0x04, &[nonce; 16]);
        let mut came = Vec::new();
        loop {
            let (kind, payload) = self.receive().expect("the node closed the connection");
            if kind == 0x05 && payload[..8] == [nonce; 8] {
                return came;
            }
            came.push((kind, payload));
        }
    }

    /// As [`Client::bytes`], to a node that may have closed the connection.
    pub(crate) fn try_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// As [`Client::send`]; whether the connection took it.
    pub(crate) fn try_send(&mut self, kind: u8, payload: &[u8]) -> bool {
        self.stream.write_all(&frame(kind, payload)).is_ok()
    }

    /// Ends its half of the connection: it only reads from then on.
    pub(crate) fn say_no_more(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Ends the connection as a machine that crashed does.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Whether the node answers, rather than closing the connection.
    pub(crate) fn is_open(&mut self) -> bool {
        self.try_send(0x04, &[1; 16]) && self.receive().is_some()
    }

    /// Reads until the node closes the connection.
    pub(crate) fn is_closed(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while self.receive().is_some() {
            assert!(Instant::now() < deadline, "the connection stays");
        }
        true
    }

    pub(crate) fn headers(&mut self, locator: &BlockHash, max: i32) -> Vec<BlockHeader> {
        self.headers_up_to(locator, None, max)
    }

    pub(crate) fn headers_up_to(
        &mut self,
        locator: &BlockHash,
        stop: Option<&BlockHash>,
        max: i32,
    ) -> Vec<BlockHeader> {
        let mut question = locator.as_bytes().to_vec();
        question.push(u8::from(stop.is_some()));
        question.extend(stop.iter().flat_map(|stop| *stop.as_bytes()));
        question.extend(max.to_le_bytes());
        self.send(0x20, &question);
        let answer = self.next(0x21);
        let count = i32::from_le_bytes(answer[..4].try_into().unwrap());
        let entries = answer[4..].chunks(4 + BlockHeader::SIZE);
        let headers: Vec<_> = entries
            .map(|entry| {
                assert_eq!(entry[..4], 290_i32.to_le_bytes());
                BlockHeader::decode(&entry[4..]).unwrap()
            })
            .collect();
        assert_eq!(headers.len(), usize::try_from(count).unwrap());
        headers
    }

    pub(crate) fn block(&mut self, hash: &BlockHash) -> Block {
        self.send(0x22, hash.as_bytes());
        let block = Block::decode(&self.next(0x23)).unwrap();
        assert_eq!(block.hash(), *hash);
        block
    }

    pub(crate) fn send_block(&mut self, block: &Block) {
        self.send(0x23, &block.encode().unwrap());
    }

    /// The next notice.
    pub(crate) fn notice(&mut self) -> (BlockHash, u64) {
        let payload = self.next(0x41);
        assert_eq!(payload.len(), 40);
        let height = u64::from_le_bytes(payload[32..].try_into().unwrap());
        (BlockHash::try_from(&payload[..32]).unwrap(), height)
    }

    /// Reads notices until that of a block.
    pub(crate) fn is_told(&mut self, block: &Block) {
        while self.notice() != (block.hash(), block.header.height) {}
    }

    /// The whole chain after genesis, each block following the one before it.
    pub(crate) fn download(&mut self, network: &Network) -> Vec<Block> {
        let mut parent = network.genesis_hash();
        let mut blocks = Vec::new();
        loop {
            let headers = self.headers(&parent, 500);
            if headers.is_empty() {
                return blocks;
            }
            for header in headers {
                assert_eq!(header.parent, parent);
                parent = header.hash();
                blocks.push(self.block(&parent));
            }
        }
    }
}

/// A handshake's payload.
pub(crate) fn handshake() -> Vec<u8> {
    let mut payload = 1_i32.to_le_bytes().to_vec();
    payload.extend(now().to_le_bytes());
    for text in ["0123456789abcdef", "raw/1"] {
        payload.extend(i32::try_from(text.len()).unwrap().to_le_bytes());
        payload.extend(text.as_bytes());
    }
    payload
}

/// Unix seconds.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = i32::try_from(payload.len() + 1).unwrap().to_le_bytes().to_vec();
    frame.push(kind);
    frame.extend(payload);
    frame
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A chain that a client knows, and mines on.
pub(crate) struct Chain {
    pub(crate) network: Network,
    pub(crate) headers: Vec<BlockHeader>,
}

impl Chain {
    /// The genesis block of `local` alone.
    pub(crate) fn local() -> Self {
        let network = Network::local();
        let headers = vec![network.genesis.header.clone()];
        Self { network, headers }
    }

    pub(crate) fn tip(&self) -> &BlockHeader {
        self.headers.last().unwrap()
    }

    pub(crate) fn difficulty(&self) -> u64 {
        let at = |height| Some(self.headers[usize::try_from(height).unwrap()].timestamp);
        next_difficulty(&self.network, self.tip(), at).unwrap()
    }

    /// A block that wins, in the first of the windows from `first` on in which
    /// the miner's plot wins.
    pub(crate) fn mine(&self, miner: &Miner, first: u64, transactions: &[Transaction]) -> Block {
        let difficulty = self.difficulty();
        (first..)
            .find_map(|pace| {
                let transactions = transactions.to_vec();
                let wish = Wish { pace, difficulty, rank: 0, transactions };
                let block = miner.block(&self.network, self.tip(), wish);
                validity::wins(&block.header.score, difficulty).then_some(block)
            })
            .unwrap()
    }

    /// Mines a block, and goes on from it.
    pub(crate) fn extend(&mut self, miner: &Miner, transactions: &[Transaction]) -> Block {
        let block = self.mine(miner, 1, transactions);
        self.headers.push(block.header.clone());
        block
    }
}
