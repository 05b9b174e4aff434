//! Messages as the vectors' fields, and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};
use spacetime_protocol::{
    Identity,
    wire::{Handshake, Kind, Message, PeerAddress, PingPong},
};

use crate::data;

/// A message of the given type with these fields; what our types cannot hold is refused as the
/// reference's argument.
pub(crate) fn message(kind: Kind, fields: &Value) -> Result<Message, &'static str> {
    let int = |name: &str| fields[name].as_i64().unwrap();
    let int32 = |name: &str| i32::try_from(int(name)).unwrap();
    let ping = || PingPong { nonce: int("nonce"), timestamp: int("timestamp") };
    let text = |name: &str| fields[name].as_str().unwrap().to_owned();
    let data = |name: &str| data::bytes(&fields[name]);
    Ok(match kind {
        Kind::Handshake => Message::Handshake(Handshake {
            version: int32("protocol_version"),
            timestamp: int("timestamp"),
            node_id: text("node_id"),
            user_agent: text("user_agent"),
        }),
        Kind::HandshakeAck => Message::HandshakeAck,
        Kind::Heartbeat => Message::Heartbeat,
        Kind::Ping => Message::Ping(ping()),
        Kind::Pong => Message::Pong(ping()),
        Kind::GetPeers => Message::GetPeers { max: int32("max_count"), exclude: exclude(fields) },
        Kind::Peers => Message::Peers(peers(fields)),
        Kind::GetHeaders => Message::GetHeaders {
            locator: sized(fields, "locator_hash")?,
            stop: match fields["stop_hash"].as_str() {
                Some("") => None,
                _ => Some(sized(fields, "stop_hash")?),
            },
            max: int32("max_headers"),
        },
        Kind::Headers => Message::Headers(headers(fields)),
        Kind::GetBlock => Message::GetBlock(sized(fields, "block_hash")?),
        Kind::Block => Message::Block(data("block_data")),
        Kind::NewBlock => Message::NewBlock(data("block_data")),
        Kind::Transaction => Message::Transaction(data("transaction_data")),
        Kind::TxPoolRequest => Message::TxPoolRequest {
            max: int32("max_transactions"),
            include_data: fields["include_transaction_data"].as_bool().unwrap(),
        },
        Kind::ProofSubmission => submission(fields)?,
        Kind::BlockAccepted => {
            let hash = sized(fields, "block_hash")?;
            let height = u64::try_from(int("block_height")).map_err(|_| "block_height")?;
            Message::BlockAccepted { hash, height }
        }
        Kind::Error => panic!("nobody builds an Error"),
    })
}

/// A message's fields, each under every name that the reference may give it.
pub(crate) fn of(message: &Message) -> Map<String, Value> {
    let object = |value: Value| value.as_object().unwrap().clone();
    object(match message {
        Message::Handshake(Handshake { version, timestamp, node_id, user_agent }) => json!({
            "protocol_version": version, "timestamp": timestamp,
            "node_id": node_id, "user_agent": user_agent,
        }),
        Message::HandshakeAck | Message::Heartbeat => json!({}),
        Message::Ping(ping) | Message::Pong(ping) => {
            json!({ "nonce": ping.nonce, "timestamp": ping.timestamp })
        }
        Message::GetPeers { max, exclude } => json!({
            "max_count": max, "exclude": exclude,
            "exclude_count": exclude.len(), "exclude_first": exclude.first(),
        }),
        Message::Peers(peers) => {
            let list: Vec<Value> = peers.iter().map(peer).collect();
            json!({ "peers": list, "peer_count": peers.len() })
        }
        Message::GetHeaders { locator, stop, max } => json!({
            "locator_hash": locator, "max_headers": max,
            "stop_hash": stop.map(|stop| stop.to_string()).unwrap_or_default(),
        }),
        Message::Headers(headers) => {
            let list: Vec<String> = headers.iter().map(const_hex::encode).collect();
            json!({ "headers": list })
        }
        Message::GetBlock(hash) => json!({ "block_hash": hash }),
        Message::Block(block) | Message::NewBlock(block) => {
            return data::named("block_data", block);
        }
        Message::Transaction(transaction) => return data::named("transaction_data", transaction),
        Message::TxPoolRequest { max, include_data } => {
            json!({ "max_transactions": max, "include_transaction_data": include_data })
        }
        Message::ProofSubmission { height, miner, proof } => {
            let mut fields = data::named("proof_data", proof);
            fields.extend(object(json!({ "block_height": height, "miner_id": miner })));
            return fields;
        }
        Message::BlockAccepted { hash, height } => {
            json!({ "block_hash": hash, "block_height": height })
        }
    })
}

fn sized<T>(fields: &Value, name: &'static str) -> Result<T, &'static str>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    T::try_from(&data::bytes(&fields[name])).map_err(|_| name)
}

fn exclude(fields: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match fields["exclude_count"].as_u64() {
        Some(count) => (0..count).map(|_| text(&fields["exclude_first"])).collect(),
        None => fields["exclude"].as_array().unwrap().iter().map(text).collect(),
    }
}

fn peers(fields: &Value) -> Vec<PeerAddress> {
    if let Some(text) = fields["text"].as_str() {
        // "ADDRESS%ZONE port PORT": the zone has no wire form.
        let (address, port) = text.split_once(" port ").unwrap();
        let address = address.split('%').next().unwrap().parse().unwrap();
        return vec![PeerAddress { address, port: port.parse().unwrap() }];
    }
    if let Some(count) = fields["peer_count"].as_u64() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        return (0..count).map(|_| PeerAddress { address, port: 1 }).collect();
    }
    let peer = |value: &Value| {
        let bytes = data::bytes(&value["address"]);
        let address = match <[u8; 4]>::try_from(&bytes[..]) {
            Ok(octets) => IpAddr::V4(Ipv4Addr::from(octets)),
            Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).unwrap())),
        };
        let port = u16::try_from(value["port"].as_u64().unwrap()).unwrap();
        PeerAddress { address, port }
    };
    fields["peers"].as_array().unwrap().iter().map(peer).collect()
}

fn peer(peer: &PeerAddress) -> Value {
    let octets = match peer.address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    json!({ "address": const_hex::encode(octets), "port": peer.port })
}

fn headers(fields: &Value) -> Vec<Vec<u8>> {
    if let Some(count) = fields["header_count"].as_u64() {
        return (0..count).map(|_| vec![0]).collect();
    }
    if let Some(lengths) = fields["header_lengths"].as_array() {
        let [fill] = data::bytes(&fields["fill"])[..] else { panic!("it fills with one byte") };
        let length = |length: &Value| usize::try_from(length.as_u64().unwrap()).unwrap();
        return lengths.iter().map(|of| vec![fill; length(of)]).collect();
    }
    fields["headers"].as_array().unwrap().iter().map(data::bytes).collect()
}

fn submission(fields: &Value) -> Result<Message, &'static str> {
    let proof = data::bytes(&fields["proof_data"]);
    if proof.is_empty() {
        // Our types hold an empty proof and do not encode it; here the reference's order counts.
        return Err("proof_data");
    }
    let height = fields["block_height"].as_i64().unwrap();
    let height = u64::try_from(height).map_err(|_| "block_height")?;
    let miner: Identity = sized(fields, "miner_id")?;
    Ok(Message::ProofSubmission { height, miner, proof })
}
