//! What is fuzzed: every parser of bytes that come from outside. A parser may
//! refuse anything; it may not panic, and what it takes it must write again in
//! a form that it takes, too.

#![forbid(unsafe_code)]

use std::path::Path;

use spacetime_core::{manifest::Manifest, parsers, plugin::trust::Lock};
use spacetime_protocol::{
    block::Block, cache::CacheIndex, header::BlockHeader, network::Network, plot::PlotHeader,
    proof::BlockProof, transaction::Transaction, wire,
};
use spacetime_sdk_loader::{
    Inspection, Signature, json_schema,
    schema::{Shape, check},
};

/// A target's name, and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 18] = [
    ("block", block),
    ("block_header", block_header),
    ("block_proof", block_proof),
    ("cache", cache),
    ("challenge_record", challenge_record),
    ("descriptor", descriptor),
    ("frame", frame),
    ("key_file", key_file),
    ("manifest", manifest),
    ("message", message),
    ("network", network),
    ("plot_header", plot_header),
    ("plot_metadata", plot_metadata),
    ("plotting_checkpoint", plotting_checkpoint),
    ("plugin_lock", plugin_lock),
    ("schema", schema),
    ("signature", signature),
    ("transaction", transaction),
];

/// A block, as it comes from a peer.
pub fn block(data: &[u8]) {
    if let Ok(block) = Block::decode(data) {
        let bytes = block.encode().expect("what was read can be written");
        assert_eq!(Block::decode(&bytes).expect("what was written can be read"), block);
    }
}

/// A block header, as it comes from a peer or a transport.
pub fn block_header(data: &[u8]) {
    if let Ok(header) = BlockHeader::decode(data) {
        assert_eq!(header.encode().expect("it is signed")[..], data[..BlockHeader::SIZE]);
    }
}

/// A block proof, as it comes from a peer.
pub fn block_proof(data: &[u8]) {
    if let Ok((proof, len)) = BlockProof::decode(data) {
        assert!(len <= data.len());
        let bytes = proof.encode().expect("what was read can be written");
        assert_eq!(BlockProof::decode(&bytes), Ok((proof, len)));
    }
}

/// A transaction, as it comes from a peer.
pub fn transaction(data: &[u8]) {
    if let Ok(transaction) = Transaction::decode(data) {
        assert_eq!(transaction.encode().expect("it is signed")[..], data[..Transaction::SIZE]);
    }
}

/// A stream of frames, as it comes from a peer: the same in whichever pieces.
pub fn frame(data: &[u8]) {
    let whole = frames(data, data.len());
    let taken: usize = whole.iter().map(|frame| 5 + frame.payload.len()).sum();
    assert!(taken <= data.len());
    for pieces in [1, 3, 64] {
        assert_eq!(frames(data, pieces), whole);
    }
    for frame in whole {
        decode(frame.kind, &frame.payload);
    }
}

/// A message, as it comes from a peer: its type, and its payload.
pub fn message(data: &[u8]) {
    let Some((byte, payload)) = data.split_first() else { return };
    if let Some(kind) = wire::Kind::from_byte(*byte) {
        decode(kind, payload);
    }
}

fn frames(data: &[u8], pieces: usize) -> Vec<wire::Frame> {
    let (mut reader, mut frames) = (wire::FrameReader::default(), Vec::new());
    for piece in data.chunks(pieces.max(1)) {
        reader.push(piece);
        while let Ok(Some(frame)) = reader.next_frame() {
            frames.push(frame);
        }
    }
    frames
}

fn decode(kind: wire::Kind, payload: &[u8]) {
    match wire::Message::decode_prefix(kind, payload) {
        Err(error) => assert!(error.error.offset <= payload.len(), "{error}"),
        Ok((message, used)) => {
            assert!(used <= payload.len());
            let again = message.encode().expect("what was read can be written");
            assert_eq!(wire::Message::decode(kind, &again), Ok(message));
        }
    }
}

/// A Merkle cache file.
pub fn cache(data: &[u8]) {
    if let Ok(index) = CacheIndex::parse(data) {
        for (level, nodes, _) in &index.levels {
            let last = nodes.checked_sub(1).and_then(|last| index.node_offset(*level, last));
            assert!(last.is_none_or(|at| at < data.len() as u64));
        }
    }
}

/// The first bytes of a plot file.
pub fn plot_header(data: &[u8]) {
    if let Ok(header) = PlotHeader::check_file(data, u64::MAX) {
        assert_eq!(PlotHeader::decode(&header.encode()), Ok(header));
    }
}

/// A network file.
pub fn network(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(network) = Network::from_json(text) {
        let json = network.to_json().expect("what was read can be written");
        assert_eq!(Network::from_json(&json), Ok(network));
    }
}

/// A manifest.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Manifest::parse(Path::new("miner.ron"), text, &[]) {
        assert!(!error.to_string().is_empty());
    }
}

/// A plugin file, of which nothing is run.
pub fn descriptor(data: &[u8]) {
    match Inspection::parse(data, Path::new("plugin.so")) {
        Err(refusal) => assert!(refusal.to_string().contains("plugin.so")),
        Ok(inspection) => {
            let components = inspection.descriptor.components.iter();
            components.filter_map(|component| component.config.as_ref()).for_each(described);
        }
    }
}

/// What a plugin's file says of a config, and behind a line's end a config.
pub fn schema(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (json, config) = text.split_once('\n').unwrap_or((text, "()"));
    if let Ok(shape) = serde_json::from_str::<Shape>(json) {
        described(&shape);
        let again = serde_json::to_string(&shape).expect("what was read can be written");
        serde_json::from_str::<Shape>(&again).expect("what was written can be read");
        if let Err(error) = check(&shape, config, 0) {
            assert!(!error.message.is_empty() && error.line > 0 && error.column > 0);
        }
    }
}

fn described(shape: &Shape) {
    let schema = json_schema(shape);
    assert!(schema["$schema"].is_string());
}

/// The signature beside a plugin file.
pub fn signature(data: &[u8]) {
    if let Ok(signature) = Signature::parse(data) {
        assert_eq!(signature.to_text().as_bytes(), data);
    }
}

/// What plugins are installed.
pub fn plugin_lock(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(lock) = Lock::parse(text) {
        assert_eq!(Lock::parse(&lock.to_text()), Ok(lock));
    }
}

/// The file that remembers plots.
pub fn plot_metadata(data: &[u8]) {
    let _ = parsers::plot_metadata(data);
}

/// The record of challenges.
pub fn challenge_record(data: &[u8]) {
    let _ = parsers::challenge_record(data);
}

/// A key file.
pub fn key_file(data: &[u8]) {
    let _ = parsers::key_file(data);
}

/// What a plotter that was killed left.
pub fn plotting_checkpoint(data: &[u8]) {
    let _ = parsers::plotting_checkpoint(data);
}
