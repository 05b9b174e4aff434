//! Reading payloads (`wire.md` sections 4 to 10): what the reference refuses
//! is refused, in its order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    Handshake, Kind, MAX_HEADERS, Message, PayloadError, PeerAddress, PingPong, Refusal,
    message::{MAX_BLOCK_SIZE, MAX_HEADER_SIZE, MAX_PEERS, MAX_PROOF_SIZE, MAX_TRANSACTION_SIZE},
};
use crate::{BlockHash, DecodeError, Identity};

/// Bytes of a notice.
const BLOCK_ACCEPTED_SIZE: usize = BlockHash::SIZE + 8;
/// Where a handshake's node id begins: its length, to be exact.
const NODE_ID_OFFSET: usize = 12;

type Result<T> = std::result::Result<T, PayloadError>;

/// The message, and how many of the payload's bytes it took.
pub(super) fn payload(kind: Kind, payload: &[u8]) -> Result<(Message, usize)> {
    let mut rest = Payload { bytes: payload, offset: 0, field: 0 };
    let message = message(kind, &mut rest)?;
    Ok((message, rest.offset))
}

fn message(kind: Kind, rest: &mut Payload<'_>) -> Result<Message> {
    match kind {
        Kind::Handshake => rest.handshake(),
        // The reference drops whatever these carry.
        Kind::HandshakeAck => Ok(Message::HandshakeAck),
        Kind::Heartbeat => Ok(Message::Heartbeat),
        Kind::Ping => rest.ping().map(Message::Ping),
        Kind::Pong => rest.ping().map(Message::Pong),
        Kind::GetPeers => rest.get_peers(),
        Kind::Peers => rest.peers(),
        Kind::GetHeaders => rest.get_headers(),
        Kind::Headers => rest.headers(),
        Kind::GetBlock => rest.exactly("block hash").map(|hash| Message::GetBlock(hash.into())),
        Kind::Block => rest.data("block", MAX_BLOCK_SIZE).map(Message::Block),
        Kind::NewBlock => rest.data("block", MAX_BLOCK_SIZE).map(Message::NewBlock),
        Kind::Transaction => {
            rest.data("transaction", MAX_TRANSACTION_SIZE).map(Message::Transaction)
        }
        Kind::TxPoolRequest => rest.tx_pool_request(),
        Kind::ProofSubmission => rest.proof_submission(),
        Kind::BlockAccepted => rest.block_accepted(),
        Kind::Error => Err(rest.refuse(Refusal::InvalidData, "type", "no message has it")),
    }
}

/// What is left of a payload.
struct Payload<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// Where the field begins that was read last, for errors.
    field: usize,
}

impl<'a> Payload<'a> {
    fn handshake(&mut self) -> Result<Message> {
        let version = i32::from_le_bytes(self.array("protocol version", Refusal::InvalidData)?);
        let timestamp = i64::from_le_bytes(self.array("timestamp", Refusal::InvalidData)?);
        let node_id = self.text("node id")?;
        let user_agent = self.text("user agent")?;
        // The reference looks at the texts when it has read both.
        for (field, text, at) in
            [("node id", &node_id, NODE_ID_OFFSET), ("user agent", &user_agent, self.field)]
        {
            if text.trim().is_empty() {
                self.field = at;
                return Err(self.refuse(Refusal::Argument, field, "it is blank"));
            }
        }
        Ok(Message::Handshake(Handshake { version, timestamp, node_id, user_agent }))
    }

    /// A text after its length.
    fn text(&mut self, field: &'static str) -> Result<String> {
        let length = i32::from_le_bytes(self.array(field, Refusal::InvalidData)?);
        let begin = self.field;
        // The reference adds the length to the offset in 32 bits.
        let wraps = i32::try_from(self.offset).is_ok_and(|at| at.checked_add(length).is_none());
        let bytes = usize::try_from(length).ok().and_then(|length| self.take(length));
        self.field = begin;
        match bytes {
            Some(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
            None => {
                let refusal = if wraps { Refusal::Argument } else { Refusal::InvalidData };
                Err(self.refuse(refusal, field, format!("{length} bytes are not left")))
            }
        }
    }

    fn ping(&mut self) -> Result<PingPong> {
        let nonce = i64::from_le_bytes(self.array("nonce", Refusal::InvalidData)?);
        let timestamp = i64::from_le_bytes(self.array("timestamp", Refusal::InvalidData)?);
        Ok(PingPong { nonce, timestamp })
    }

    fn get_peers(&mut self) -> Result<Message> {
        if self.bytes.len() < 8 {
            // The reference looks at both counts together.
            return Err(self.refuse(Refusal::InvalidData, "counts", "they take 8 bytes"));
        }
        let max = i32::from_le_bytes(self.array("maximum of peers", Refusal::InvalidData)?);
        if !(1..=1000).contains(&max) {
            let problem = format!("{max} is not within 1 to 1000");
            return Err(self.refuse(Refusal::InvalidData, "maximum of peers", problem));
        }
        let count = self.count("count of exclusions", MAX_PEERS, Refusal::InvalidData)?;
        let mut exclude = Vec::new();
        for _ in 0..count {
            let length = self.leb128()?;
            let begin = self.field;
            let Some(bytes) = self.take(length) else {
                self.field = begin;
                let problem = format!("{length} bytes are not left");
                return Err(self.refuse(Refusal::InvalidData, "exclusion", problem));
            };
            exclude.push(String::from_utf8_lossy(bytes).into_owned());
        }
        Ok(Message::GetPeers { max, exclude })
    }

    /// A length of at most 31 bits, 7 bits per byte, the low ones first.
    fn leb128(&mut self) -> Result<usize> {
        let mut length: u32 = 0;
        let begin = self.offset;
        for place in 0..5 {
            let byte = self.array("exclusion's length", Refusal::InvalidData);
            self.field = begin;
            let [byte] = byte?;
            if place == 4 && byte > 0x0F {
                let problem = "it takes more than 32 bits";
                return Err(self.refuse(Refusal::Format, "exclusion's length", problem));
            }
            length |= u32::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        let length = length.cast_signed();
        usize::try_from(length).map_err(|_| {
            let problem = format!("{length} is negative");
            self.refuse(Refusal::Closed, "exclusion's length", problem)
        })
    }

    fn peers(&mut self) -> Result<Message> {
        let count = self.count("count of peers", MAX_PEERS, Refusal::Closed)?;
        (0..count).map(|_| self.peer()).collect::<Result<_>>().map(Message::Peers)
    }

    fn peer(&mut self) -> Result<PeerAddress> {
        let length = i32::from_le_bytes(self.array("address length", Refusal::Closed)?);
        if length != 4 && length != 16 {
            let problem = format!("{length} is neither 4 nor 16");
            return Err(self.refuse(Refusal::InvalidData, "address length", problem));
        }
        // An address that the payload's end cuts short is read as it is.
        let bytes = self.take_at_most(if length == 4 { 4 } else { 16 });
        let address = if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
            IpAddr::V4(Ipv4Addr::from(octets))
        } else if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
            IpAddr::V6(Ipv6Addr::from(octets))
        } else {
            let problem = format!("{} bytes are no address", bytes.len());
            return Err(self.refuse(Refusal::Argument, "address", problem));
        };
        let port = i32::from_le_bytes(self.array("port", Refusal::Closed)?);
        match u16::try_from(port) {
            Ok(port) => Ok(PeerAddress { address, port }),
            Err(_) => {
                let problem = format!("{port} is not within 0 to 65535");
                Err(self.refuse(Refusal::InvalidData, "port", problem))
            }
        }
    }

    fn get_headers(&mut self) -> Result<Message> {
        let locator = BlockHash::new(self.array("locator hash", Refusal::InvalidData)?);
        let [has_stop] = self.array("stop flag", Refusal::InvalidData)?;
        let stop = match has_stop {
            0 => None,
            _ => Some(BlockHash::new(self.array("stop hash", Refusal::InvalidData)?)),
        };
        let max = i32::from_le_bytes(self.array("maximum of headers", Refusal::InvalidData)?);
        if max <= 0 {
            let problem = format!("{max} is not positive");
            return Err(self.refuse(Refusal::Argument, "maximum of headers", problem));
        }
        Ok(Message::GetHeaders { locator, stop, max })
    }

    fn headers(&mut self) -> Result<Message> {
        let count = self.count("count of headers", MAX_HEADERS, Refusal::Closed)?;
        let mut headers = Vec::new();
        for _ in 0..count {
            let length = self.count("header length", MAX_HEADER_SIZE, Refusal::Closed)?;
            // One that the payload's end cuts short is not noticed here.
            headers.push(self.take_at_most(length).to_vec());
        }
        Ok(Message::Headers(headers))
    }

    fn tx_pool_request(&mut self) -> Result<Message> {
        let max = i32::from_le_bytes(self.array("maximum of transactions", Refusal::Closed)?);
        let [include_data] = self.array("whole transactions", Refusal::Closed)?;
        if max <= 0 {
            self.field = 0;
            let problem = format!("{max} is not positive");
            return Err(self.refuse(Refusal::InvalidData, "maximum of transactions", problem));
        }
        Ok(Message::TxPoolRequest { max, include_data: include_data != 0 })
    }

    fn proof_submission(&mut self) -> Result<Message> {
        let height = i64::from_le_bytes(self.array("height", Refusal::Closed)?);
        let height_at = self.field;
        let miner = Identity::new(self.array("miner id", Refusal::Closed)?);
        let length = self.count("proof length", MAX_PROOF_SIZE, Refusal::Closed)?;
        let proof = self.take_at_most(length).to_vec();
        if proof.is_empty() {
            return Err(self.refuse(Refusal::Argument, "proof", "it is empty"));
        }
        self.field = height_at;
        let height = self.height(height)?;
        Ok(Message::ProofSubmission { height, miner, proof })
    }

    fn block_accepted(&mut self) -> Result<Message> {
        if self.bytes.len() != BLOCK_ACCEPTED_SIZE {
            let problem =
                format!("it takes {BLOCK_ACCEPTED_SIZE} bytes, there are {}", self.bytes.len());
            return Err(self.refuse(Refusal::InvalidData, "hash and height", problem));
        }
        let hash = BlockHash::new(self.array("block hash", Refusal::InvalidData)?);
        let height = i64::from_le_bytes(self.array("height", Refusal::InvalidData)?);
        Ok(Message::BlockAccepted { hash, height: self.height(height)? })
    }

    fn height(&self, height: i64) -> Result<u64> {
        u64::try_from(height)
            .map_err(|_| self.refuse(Refusal::Argument, "height", format!("{height} is negative")))
    }

    /// All that is left.
    fn data(&mut self, field: &'static str, most: usize) -> Result<Vec<u8>> {
        let bytes = self.take_at_most(usize::MAX);
        if bytes.is_empty() || bytes.len() > most {
            let problem = format!("it has {} bytes, allowed are 1 to {most}", bytes.len());
            return Err(self.refuse(Refusal::InvalidData, field, problem));
        }
        Ok(bytes.to_vec())
    }

    /// All that is left, of this size.
    fn exactly<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let bytes = self.take_at_most(usize::MAX);
        <[u8; N]>::try_from(bytes).map_err(|_| {
            let problem = format!("it takes {N} bytes, there are {}", bytes.len());
            self.refuse(Refusal::InvalidData, field, problem)
        })
    }

    /// A count of 32 bits.
    fn count(&mut self, field: &'static str, most: usize, short: Refusal) -> Result<usize> {
        let count = i32::from_le_bytes(self.array(field, short)?);
        usize::try_from(count).ok().filter(|count| *count <= most).ok_or_else(|| {
            let problem = format!("{count} is not within 0 to {most}");
            self.refuse(Refusal::InvalidData, field, problem)
        })
    }

    fn array<const N: usize>(&mut self, field: &'static str, short: Refusal) -> Result<[u8; N]> {
        self.field = self.offset;
        let Some((bytes, rest)) = self.bytes.split_first_chunk::<N>() else {
            let problem = format!("it takes {N} bytes, {} are left", self.bytes.len());
            return Err(self.refuse(short, field, problem));
        };
        self.bytes = rest;
        self.offset += N;
        Ok(*bytes)
    }

    /// The next bytes, if there are so many.
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        self.field = self.offset;
        let (bytes, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        self.offset += length;
        Some(bytes)
    }

    fn take_at_most(&mut self, length: usize) -> &'a [u8] {
        self.take(length.min(self.bytes.len())).unwrap_or_default()
    }

    fn refuse(
        &self,
        refusal: Refusal,
        field: &'static str,
        problem: impl Into<String>,
    ) -> PayloadError {
        let error = DecodeError { offset: self.field, field, problem: problem.into() };
        PayloadError { refusal, error }
    }
}
