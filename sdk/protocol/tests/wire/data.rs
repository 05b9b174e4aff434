//! Byte strings of the wire's vectors: as they stand, or as `{prefix, repeat, suffix}`; in
//! answers, long ones as length and hash.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A byte string of a case.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let hex = |value: &Value| match value {
        Value::Null => Vec::new(),
        text => const_hex::decode(text.as_str().unwrap()).unwrap(),
    };
    if value.is_string() {
        return hex(value);
    }
    let mut bytes = hex(&value["prefix"]);
    let [byte] = hex(&value["repeat"]["byte"])[..] else { panic!("{value} repeats no byte") };
    let count = value["repeat"]["count"].as_u64().unwrap();
    bytes.resize(bytes.len() + usize::try_from(count).unwrap(), byte);
    bytes.extend(hex(&value["suffix"]));
    bytes
}

/// An answer's byte string under every name that the reference may give it.
pub(crate) fn named(name: &str, bytes: &[u8]) -> Map<String, Value> {
    Map::from_iter([
        (name.to_owned(), json!(const_hex::encode(bytes))),
        (format!("{name}_sha256"), json!(const_hex::encode(Sha256::digest(bytes)))),
        (format!("{name}_length"), json!(bytes.len())),
        (format!("{name}_first_bytes"), json!(const_hex::encode(&bytes[..bytes.len().min(8)]))),
    ])
}

/// Of our fields, under all their names, those that the reference gives.
pub(crate) fn as_given(mut ours: Map<String, Value>, theirs: &Value) -> Map<String, Value> {
    ours.retain(|name, _| theirs.get(name).is_some());
    ours
}
