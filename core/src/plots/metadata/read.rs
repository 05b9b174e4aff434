//! Reads the metadata JSON as leniently and as strictly as the reference does
//! (`plot-format.md` section 7.1), but for bad Base64 and null elements, which
//! count as corrupt like all the rest (D23).

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Entry, Status, time::Timestamp};

/// Deeper nesting is not valid.
const DEEPEST: usize = 64;

/// The entries; `None` for a JSON `null`.
///
/// # Errors
///
/// What is wrong with the text, as the end of a sentence about the file.
pub(in crate::plots) fn parse(bytes: &[u8]) -> Result<Option<Vec<Entry>>, String> {
    let text = decode(bytes);
    if nesting(&text) > DEEPEST {
        return Err(format!("it is nested more than {DEEPEST} deep"));
    }
    match serde_json::from_str(&text).map_err(|error| error.to_string())? {
        Value::Null => Ok(None),
        Value::Array(items) => {
            let entries = items.iter().enumerate().map(|(number, item)| {
                entry(item).map_err(|reason| format!("in entry {}: {reason}", number + 1))
            });
            without_repeats(entries.collect::<Result<_, _>>()?)
        }
        _ => Err("it is not a list of plots".to_owned()),
    }
}

/// Of several entries with one id, the first is kept.
fn without_repeats(entries: Vec<Entry>) -> Result<Option<Vec<Entry>>, String> {
    let mut kept = Vec::with_capacity(entries.len());
    let mut seen = std::collections::HashSet::new();
    for entry in entries {
        if seen.insert(entry.id) {
            kept.push(entry);
        }
    }
    Ok(Some(kept))
}

fn entry(item: &Value) -> Result<Entry, String> {
    let Value::Object(members) = item else { return Err("it is not an object".to_owned()) };
    Ok(Entry {
        id: match text(members, "plotId", false)? {
            Some(text) => id(&text).ok_or_else(|| wrong("plotId", &text))?,
            None => Uuid::nil(),
        },
        path: nullable(members, "filePath")?,
        cache_path: nullable(members, "cacheFilePath")?.unwrap_or_default(),
        space: match members.get("spaceAllocatedBytes") {
            Some(value) => value.as_i64().ok_or_else(|| wrong("spaceAllocatedBytes", value))?,
            None => 0,
        },
        root: match text(members, "merkleRoot", false)? {
            Some(text) => root(&text).ok_or_else(|| wrong("merkleRoot", &text))?,
            None => Vec::new(),
        },
        created: match text(members, "createdAtUtc", false)? {
            Some(text) => Timestamp::parse(&text).ok_or_else(|| wrong("createdAtUtc", &text))?,
            None => Timestamp::default(),
        },
        status: text(members, "status", true)?.map_or(Status::Missing, |text| status(&text)),
    })
}

fn wrong(member: &str, value: impl std::fmt::Display) -> String {
    format!("`{member}` cannot be {value}")
}

/// A member that is a text; `None` if it is absent, or null where that may be.
fn text(members: &Map<String, Value>, name: &str, null: bool) -> Result<Option<String>, String> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Null) if null => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(wrong(name, other)),
    }
}

/// A path: null stays null, an absent one is empty.
fn nullable(members: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match members.get(name) {
        None => Ok(Some(String::new())),
        Some(_) => text(members, name, true),
    }
}

/// Only the hyphenated form.
fn id(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// Standard Base64 with its padding; white space in it is passed over.
fn root(text: &str) -> Option<Vec<u8>> {
    let is_space = |character: &char| matches!(character, ' ' | '\t' | '\r' | '\n');
    let text: String = text.chars().filter(|character| !is_space(character)).collect();
    BASE64_STANDARD.decode(text).ok()
}

/// A name, several names (their numbers put together bit by bit, as the
/// reference does), or a number; anything else counts as missing.
fn status(text: &str) -> Status {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Status::of_number(number);
    }
    let names: Option<Vec<i32>> = text.split(',').map(|name| named(name.trim())).collect();
    names.map_or(Status::Missing, |names| {
        Status::of_number(names.iter().fold(0, |all, number| all | number))
    })
}

fn named(name: &str) -> Option<i32> {
    let all =
        [("Valid", Status::Valid), ("Corrupted", Status::Corrupted), ("Missing", Status::Missing)];
    all.iter().find(|(known, _)| *known == name).map(|(_, status)| status.number())
}

/// UTF-8 (invalid bytes become U+FFFD), or UTF-16 or UTF-32 by their marks.
fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xFF, 0xFE, 0, 0, rest @ ..] => utf32(rest, u32::from_le_bytes),
        [0, 0, 0xFE, 0xFF, rest @ ..] => utf32(rest, u32::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (units, rest) = bytes.as_chunks();
    let units: Vec<u16> = units.iter().map(|bytes| unit(*bytes)).collect();
    with_rest(String::from_utf16_lossy(&units), rest)
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> String {
    let (units, rest) = bytes.as_chunks();
    let text = units.iter().map(|bytes| char::from_u32(unit(*bytes)).unwrap_or('\u{FFFD}'));
    with_rest(text.collect(), rest)
}

/// A cut character at the end is one that cannot be read.
fn with_rest(mut text: String, rest: &[u8]) -> String {
    if !rest.is_empty() {
        text.push('\u{FFFD}');
    }
    text
}

/// How deep lists and objects are nested.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
