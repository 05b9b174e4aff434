//! The entries of our metadata file, as data and as text.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::{
    files::METADATA,
    player::LATE,
    rules::{Entry, FIELDS, line, path_of},
};

/// Our entries, as far as the file can be read: by the names of the data.
pub(crate) fn ours() -> Vec<Entry> {
    parsed(&fs::read(METADATA).unwrap_or_default())
}

pub(crate) fn parsed(bytes: &[u8]) -> Vec<Entry> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let entries: Vec<Value> =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    let default = |name: &str| match name {
        "spaceAllocatedBytes" => json!(0),
        "plotId" => json!("00000000-0000-0000-0000-000000000000"),
        _ => json!(""),
    };
    let convert = |entry: &Value| -> Entry {
        let value = |name: &str| entry.get(name).cloned().unwrap_or_else(|| default(name));
        FIELDS
            .iter()
            .map(|(member, name)| {
                let value = match (*member, value(member)) {
                    ("merkleRoot", Value::String(text)) => const_hex::encode(decoded(&text)).into(),
                    (_, value) => value,
                };
                ((*name).to_owned(), value)
            })
            .collect()
    };
    let entries = entries.iter().map(convert);
    entries.filter(|entry| path_of(entry).is_none_or(|path| !path.starts_with(LATE))).collect()
}

fn decoded(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap_or_default()
}

pub(crate) fn statuses(entries: &[Entry]) -> BTreeMap<String, Value> {
    entries.iter().map(|entry| (text(entry, "plot_id"), entry["status"].clone())).collect()
}

pub(crate) fn text(entry: &Entry, name: &str) -> String {
    entry[name].as_str().unwrap_or_default().to_owned()
}

/// What is drawn, or comes from the clock.
pub(crate) fn is_own(name: &str) -> bool {
    matches!(name, "plot_id" | "created_at_utc")
}

pub(crate) fn is_fresh(entry: &Entry) {
    let id = text(entry, "plot_id");
    assert!(id.len() == 36 && &id[14..15] == "4" && id.to_lowercase() == id, "{id}");
    let time = text(entry, "created_at_utc");
    assert!(time.starts_with("20") && time.ends_with('Z') && time.len() >= 20, "{time}");
}

/// The file's entries as text, by id; the text around them is as it must be.
pub(crate) fn by_id(text: &str) -> BTreeMap<String, String> {
    if text == "[]" {
        return BTreeMap::new();
    }
    let inner = text.strip_prefix("[\n  {\n").and_then(|text| text.strip_suffix("\n  }\n]"));
    let blocks = inner.unwrap_or_else(|| panic!("{text}")).split("\n  },\n  {\n");
    let id = |block: &str| block.split('"').nth(3).unwrap().to_owned();
    blocks.map(|block| (id(block), block.to_owned())).collect()
}

pub(crate) fn own_blocks() -> BTreeMap<String, String> {
    by_id(&fs::read_to_string(METADATA).unwrap())
}

/// An entry's text: the reference's own lines wherever it has the same value.
pub(crate) fn as_text(wanted: &Entry, theirs: &str) -> String {
    let lines = theirs.lines().zip(FIELDS).map(|(theirs, (member, name))| {
        let value = theirs.split_once(": ").unwrap().1.trim_end_matches(',');
        let mut value: Value = serde_json::from_str(value).unwrap();
        if member == "merkleRoot" {
            value = const_hex::encode(decoded(value.as_str().unwrap())).into();
        }
        if value == wanted[name] { theirs.to_owned() } else { line(member, &wanted[name], theirs) }
    });
    lines.collect::<Vec<_>>().join("\n")
}
