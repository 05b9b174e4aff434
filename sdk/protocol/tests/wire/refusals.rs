//! Refused payloads: that ours are the reference's in kind, field and numbers.

use serde_json::{Map, Value};
use spacetime_protocol::wire::{PayloadError, Refusal};

/// What is different, if something is.
pub(crate) fn difference(ours: &PayloadError, theirs: &Map<String, Value>) -> Option<String> {
    let kind = theirs["type"].as_str().unwrap();
    let is_same = kinds(ours.refusal).contains(&kind)
        && theirs.get("field").is_none_or(|field| field.as_str() == field_of(ours))
        && numbers(theirs).iter().all(|number| names(ours, *number));
    (!is_same).then(|| format!("we refuse {ours:?}, the reference {theirs:?}"))
}

/// The exceptions that mean this.
pub(crate) fn kinds(refusal: Refusal) -> &'static [&'static str] {
    match refusal {
        Refusal::InvalidData => &["InvalidDataException"],
        Refusal::Argument => &["ArgumentException", "ArgumentOutOfRangeException"],
        Refusal::Format => &["FormatException"],
        Refusal::Closed => &["EndOfStreamException", "IOException"],
    }
}

/// The argument's name in the reference.
fn field_of(ours: &PayloadError) -> Option<&'static str> {
    match ours.error.field {
        "node id" => Some("node_id"),
        "user agent" => Some("user_agent"),
        "maximum of headers" => Some("max_headers"),
        "address" => Some("address"),
        "proof" => Some("proof_data"),
        "height" => Some("block_height"),
        _ => None,
    }
}

/// The numbers that tell what is wrong.
fn numbers(theirs: &Map<String, Value>) -> Vec<i64> {
    let numbers = theirs.get("numbers").and_then(Value::as_array);
    let numbers: Vec<i64> =
        numbers.into_iter().flatten().map(|number| number.as_i64().unwrap()).collect();
    match numbers[..] {
        // "... 4 for IPv4 or 16 for IPv6": the names of what is allowed.
        [found, 4, 4, 16, 6] => vec![found, 4, 16],
        // "7-bit integer": the name of the format.
        [7] if theirs["type"] == "FormatException" => Vec::new(),
        _ => numbers,
    }
}

/// Whether our message has this number.
fn names(ours: &PayloadError, number: i64) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || c == '-';
    let words = ours.error.problem.split(|c| !is_part(c));
    words.filter_map(|word| word.parse::<i64>().ok()).any(|named| named == number)
}
