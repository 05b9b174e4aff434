//! Writes the metadata JSON, byte for byte as the reference would.

use base64::{Engine, prelude::BASE64_STANDARD};
use spacetime_protocol::json::string;

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
