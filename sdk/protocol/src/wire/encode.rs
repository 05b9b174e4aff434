//! Writing payloads (`wire.md` sections 4 to 9).

use std::net::IpAddr;

use super::{
    Handshake, MAX_HEADERS, Message, PeerAddress, PingPong,
    message::{
        MAX_BLOCK_SIZE, MAX_HEADER_SIZE, MAX_PEERS, MAX_PROOF_SIZE, MAX_TRANSACTION_SIZE, in_range,
    },
};
use crate::{
    BlockHash, EncodeError, Identity,
    codec::{count, fits},
};

pub(super) fn payload(message: &Message) -> Result<Vec<u8>, EncodeError> {
    match message {
        Message::Handshake(handshake) => handshake_payload(handshake),
        Message::HandshakeAck | Message::Heartbeat => Ok(Vec::new()),
        Message::Ping(ping) | Message::Pong(ping) => Ok(ping_payload(ping)),
        Message::GetPeers { max, exclude } => get_peers(*max, exclude),
        Message::Peers(peers) => peers_payload(peers),
        Message::GetHeaders { locator, stop, max } => get_headers(locator, stop.as_ref(), *max),
        Message::Headers(headers) => headers_payload(headers),
        Message::GetBlock(hash) => Ok(hash.as_bytes().to_vec()),
        Message::Block(block) | Message::NewBlock(block) => {
            bytes("the block", block, MAX_BLOCK_SIZE)
        }
        Message::Transaction(transaction) => {
            bytes("the transaction", transaction, MAX_TRANSACTION_SIZE)
        }
        Message::TxPoolRequest { max, include_data } => {
            positive("maximum of transactions", *max)?;
            Ok([max.to_le_bytes().as_slice(), &[u8::from(*include_data)]].concat())
        }
        Message::ProofSubmission { height, miner, proof } => submission(*height, miner, proof),
        Message::BlockAccepted { hash, height } => {
            fits("height", *height)?;
            Ok([hash.as_bytes().as_slice(), &height.to_le_bytes()].concat())
        }
    }
}

fn handshake_payload(handshake: &Handshake) -> Result<Vec<u8>, EncodeError> {
    let Handshake { version, timestamp, node_id, user_agent } = handshake;
    let mut payload = [version.to_le_bytes().as_slice(), &timestamp.to_le_bytes()].concat();
    for (field, text) in [("node id", node_id), ("user agent", user_agent)] {
        if text.trim().is_empty() {
            return Err(EncodeError::Empty { field });
        }
        payload.extend(count(field, text.len())?);
        payload.extend(text.as_bytes());
    }
    Ok(payload)
}

fn ping_payload(ping: &PingPong) -> Vec<u8> {
    [ping.nonce.to_le_bytes(), ping.timestamp.to_le_bytes()].concat()
}

fn get_peers(max: i32, exclude: &[String]) -> Result<Vec<u8>, EncodeError> {
    let field = "maximum of peers";
    in_range(field, u64::try_from(max).unwrap_or_default(), 1, MAX_PEERS as u64)?;
    in_range("count of exclusions", exclude.len() as u64, 0, MAX_PEERS as u64)?;
    let mut payload = max.to_le_bytes().to_vec();
    payload.extend(count("exclusions", exclude.len())?);
    for text in exclude {
        push_length(&mut payload, text.len())?;
        payload.extend(text.as_bytes());
    }
    Ok(payload)
}

/// A length as unsigned LEB128.
fn push_length(payload: &mut Vec<u8>, length: usize) -> Result<(), EncodeError> {
    let too_long = |_| EncodeError::TooMany { field: "an exclusion" };
    let mut rest = u32::try_from(length).map_err(too_long)?;
    while rest >= 0x80 {
        payload.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    payload.push(rest as u8);
    Ok(())
}

fn peers_payload(peers: &[PeerAddress]) -> Result<Vec<u8>, EncodeError> {
    in_range("count of peers", peers.len() as u64, 0, MAX_PEERS as u64)?;
    let mut payload = count("peers", peers.len())?.to_vec();
    for peer in peers {
        let (v4, v6);
        let address = match peer.address {
            IpAddr::V4(address) => {
                v4 = address.octets();
                v4.as_slice()
            }
            IpAddr::V6(address) => {
                v6 = address.octets();
                v6.as_slice()
            }
        };
        payload.extend(count("address", address.len())?);
        payload.extend(address);
        payload.extend(i32::from(peer.port).to_le_bytes());
    }
    Ok(payload)
}

fn get_headers(
    locator: &BlockHash,
    stop: Option<&BlockHash>,
    max: i32,
) -> Result<Vec<u8>, EncodeError> {
    positive("maximum of headers", max)?;
    let mut payload = locator.as_bytes().to_vec();
    payload.push(u8::from(stop.is_some()));
    payload.extend(stop.into_iter().flat_map(BlockHash::as_bytes));
    payload.extend(max.to_le_bytes());
    Ok(payload)
}

fn headers_payload(headers: &[Vec<u8>]) -> Result<Vec<u8>, EncodeError> {
    in_range("count of headers", headers.len() as u64, 0, MAX_HEADERS as u64)?;
    let mut payload = count("headers", headers.len())?.to_vec();
    for header in headers {
        in_range("a header's length", header.len() as u64, 0, MAX_HEADER_SIZE as u64)?;
        payload.extend(count("header", header.len())?);
        payload.extend(header);
    }
    Ok(payload)
}

fn submission(height: u64, miner: &Identity, proof: &[u8]) -> Result<Vec<u8>, EncodeError> {
    fits("height", height)?;
    let mut payload = [height.to_le_bytes().as_slice(), miner.as_bytes()].concat();
    payload.extend(count("proof", proof.len())?);
    payload.extend(bytes("the proof", proof, MAX_PROOF_SIZE)?);
    Ok(payload)
}

fn bytes(field: &'static str, bytes: &[u8], most: usize) -> Result<Vec<u8>, EncodeError> {
    if bytes.is_empty() {
        return Err(EncodeError::Empty { field });
    }
    in_range(field, bytes.len() as u64, 1, most as u64)?;
    Ok(bytes.to_vec())
}

fn positive(field: &'static str, number: i32) -> Result<(), EncodeError> {
    if number > 0 { Ok(()) } else { Err(EncodeError::Zero { field }) }
}
