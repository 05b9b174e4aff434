//! Writes the metadata JSON, byte for byte as the reference would.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Entry, Status};

/// The file's text.
pub(in crate::plots) fn render(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "[]".to_owned();
    }
    let objects: Vec<String> = entries.iter().map(object).collect();
    format!("[\n{}\n]", objects.join(",\n"))
}

fn object(entry: &Entry) -> String {
    let members = [
        ("plotId", string(&entry.id.hyphenated().to_string())),
        ("filePath", entry.path.as_deref().map_or_else(|| "null".to_owned(), string)),
        ("cacheFilePath", string(&entry.cache_path)),
        ("spaceAllocatedBytes", entry.space.to_string()),
        ("merkleRoot", string(&BASE64_STANDARD.encode(&entry.root))),
        ("createdAtUtc", string(&entry.created.to_string())),
        ("status", string(&status(entry.status))),
    ];
    let lines = members.map(|(name, value)| format!("    \"{name}\": {value}"));
    format!("  {{\n{}\n  }}", lines.join(",\n"))
}

fn status(status: Status) -> String {
    match status {
        Status::Valid => "Valid".to_owned(),
        Status::Corrupted => "Corrupted".to_owned(),
        Status::Missing => "Missing".to_owned(),
        Status::Other(number) => number.to_string(),
    }
}

/// A JSON string with the reference's escapes: all that is not plain ASCII,
/// and what HTML gives a meaning to.
fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            '"' | '&' | '\'' | '+' | '<' | '>' | '`' => escape(character, &mut out),
            ' '..='~' => out.push(character),
            _ => escape(character, &mut out),
        }
    }
    out.push('"');
    out
}

fn escape(character: char, out: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing into a string cannot fail.
        let _ = write!(out, "\\u{unit:04X}");
    }
}
