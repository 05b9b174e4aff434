//! What we do otherwise than the reference's plot manager, and what a case
//! must show then.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::files::{Truth, truth};

/// Why we are not as the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// D12: a cache beside a plot is found, and its path is kept in the file.
    CachePath,
    /// D16: a damaged cache is done without, where the reference has no proof.
    ProvedAllTheSame,
    /// D18: a plot is looked at whenever the set is opened or looked at again,
    /// and root and size come with the status; a file that was replaced is
    /// the new one.
    Looked,
    /// D21: one file is one plot, whatever the spelling, and two files are
    /// two, though their names differ in case only.
    OnePlotPerFile,
    /// D23: bad Base64 and null entries are corrupt like all else, and the
    /// file is kept aside whole.
    KeptAside,
    /// A plot is recorded once it has been there: there is no `add`, but
    /// folders that are searched.
    Unrecorded,
    /// A time without a zone or with an offset is written as UTC.
    Utc,
    /// What is no path is refused before there is a set.
    NoPath,
    /// A folder in the place of the file is refused at once.
    Refused,
    /// Our set holds the file, locked, from the beginning.
    Held,
    /// It writes when there is something new to write.
    WrittenWhenChanged,
    /// A challenge has 32 bytes, by its type.
    Typed,
    /// A set that was closed cannot be used, by its type.
    Moved,
    /// The sum of sizes is not kept anywhere.
    NoSum,
}

/// An entry as both sides have it, by the names of the reference's data.
pub(crate) type Entry = Map<String, Value>;

/// The fields of an entry in the file: its member, and the name in the data.
pub(crate) const FIELDS: [(&str, &str); 7] = [
    ("plotId", "plot_id"),
    ("filePath", "file_path"),
    ("cacheFilePath", "cache_file_path"),
    ("spaceAllocatedBytes", "space_allocated_bytes"),
    ("merkleRoot", "merkle_root"),
    ("createdAtUtc", "created_at_utc"),
    ("status", "status"),
];

pub(crate) fn path_of(entry: &Entry) -> Option<&str> {
    entry["file_path"].as_str()
}

/// What our file must hold for an entry of the reference, and the rules that
/// say so.
pub(crate) fn expected(
    theirs: &Entry,
    recorded_cache: Option<&str>,
    last_valid: Option<&Truth>,
) -> (Entry, Vec<Rule>) {
    let mut entry = theirs.clone();
    entry.remove("time_kind");
    let now = truth(path_of(theirs));
    let status = match now {
        Truth::Valid { .. } => "Valid",
        Truth::Corrupted { .. } => "Corrupted",
        Truth::Missing => "Missing",
    };
    entry["status"] = status.into();
    if let Some(Truth::Valid { root, len }) = last_valid {
        entry["merkle_root"] = root.to_string().into();
        entry["space_allocated_bytes"] = (*len).into();
    }
    let mut rules = Vec::new();
    if ["status", "merkle_root", "space_allocated_bytes"].iter().any(|f| entry[*f] != theirs[*f]) {
        rules.push(Rule::Looked);
    }
    entry["cache_file_path"] = cache(theirs, recorded_cache, &now).into();
    let lost = theirs["cache_file_path"].as_str().unwrap_or_default();
    if entry["cache_file_path"] != lost {
        rules.push(Rule::CachePath);
    }
    let digits = theirs["created_at_utc"].as_str().unwrap();
    entry["created_at_utc"] = format!("{}Z", short(digits)).into();
    if theirs["time_kind"] != "Utc" {
        rules.push(Rule::Utc);
    }
    (entry, rules)
}

/// The cache that was recorded, or else the one that lies beside a plot.
fn cache(theirs: &Entry, recorded: Option<&str>, now: &Truth) -> String {
    let beside = path_of(theirs).map(|path| format!("{path}.cache"));
    let found = beside.filter(|beside| {
        matches!(now, Truth::Valid { .. }) && std::path::Path::new(beside).exists()
    });
    let recorded = recorded.filter(|path| !path.is_empty()).map(str::to_owned);
    recorded.or(found).unwrap_or_default()
}

/// A time as the file has it: without trailing zeros.
fn short(digits: &str) -> &str {
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .get(..)
        .filter(|_| digits.contains('.'))
        .unwrap_or(digits)
}

/// The member's line for a value, as far as the reference's own line for it
/// cannot be taken.
pub(crate) fn line(member: &str, value: &Value, theirs: &str) -> String {
    let value = match member {
        "spaceAllocatedBytes" => value.to_string(),
        "merkleRoot" => {
            let root = const_hex::decode(value.as_str().unwrap()).unwrap();
            format!("\"{}\"", BASE64_STANDARD.encode(root).replace('+', "\\u002B"))
        }
        _ => value.to_string(),
    };
    let comma = if theirs.ends_with(',') { "," } else { "" };
    format!("    \"{member}\": {value}{comma}")
}
