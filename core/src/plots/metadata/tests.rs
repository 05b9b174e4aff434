//! The metadata codec against the reference's data and against itself.

use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::{Entry, Status, Timestamp, parse, render};

/// The reference's data; with `SPACETIME_VECTORS`, other data of its kind.
fn fixture() -> (Value, bool) {
    let other = std::env::var_os("SPACETIME_VECTORS").map(PathBuf::from);
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/protocol/tests/fixtures");
    let file = other.clone().unwrap_or_else(|| own.into()).join("metadata.json");
    (serde_json::from_slice(&fs::read(file).unwrap()).unwrap(), other.is_none())
}

/// What the reference made of a text.
#[derive(Debug)]
enum Outcome {
    /// It read it, and wrote this.
    Saved(String),
    /// It read it.
    Read,
    /// It moved the file aside.
    Corrupt,
    /// Its loading was aborted, and what it had read by then stayed (D23).
    Aborted,
}

/// The cases that only load and save.
fn cases() -> Vec<(String, Vec<u8>, Outcome)> {
    let (fixture, _) = fixture();
    let cases = fixture["cases"].as_array().unwrap().iter();
    cases
        .filter_map(|case| {
            let input = &case["in"];
            let steps: Vec<&str> =
                input["steps"].as_array()?.iter().filter_map(|step| step["do"].as_str()).collect();
            let only_loads = steps.iter().all(|step| matches!(*step, "load" | "save" | "counts"));
            let text = match (input["metadata_text"].as_str(), input["metadata_hex"].as_str()) {
                (Some(text), _) => text.as_bytes().to_vec(),
                (None, Some(hex)) => const_hex::decode(hex).unwrap(),
                (None, None) => return None,
            };
            if !only_loads {
                return None;
            }
            let files = case["out"]["files_after"].as_array()?;
            let corrupt = files.iter().any(|file| file.as_str().unwrap().contains(".corrupt."));
            let results = case["out"]["steps"].as_array()?;
            let aborted = results.iter().any(|result| result.get("error").is_some());
            let outcome = match (corrupt, case["out"]["metadata_after"].as_str()) {
                _ if aborted => Outcome::Aborted,
                (true, _) => Outcome::Corrupt,
                (false, Some(after)) if steps.contains(&"save") => Outcome::Saved(after.to_owned()),
                (false, _) => Outcome::Read,
            };
            let id = case["id"].as_str().unwrap().to_owned();
            Some((id, text, outcome))
        })
        .collect()
}

/// Entries by id; a time without zone or with an offset becomes the UTC time
/// that it is, and the cache's path, which the reference loses, is left out.
fn by_id(entries: Vec<Entry>) -> BTreeMap<String, Entry> {
    let strip = |entry: Entry| Entry { cache_path: String::new(), ..entry };
    entries.into_iter().map(|entry| (entry.id.to_string(), strip(entry))).collect()
}

#[test]
fn the_reference_reads_and_refuses_the_same_but_for_what_aborts_it() {
    let (mut same, mut read, mut refused, mut aborted) = (0, 0, 0, 0);
    for (id, text, after) in cases() {
        match (parse(&text), after) {
            (Err(_), Outcome::Corrupt) => refused += 1,
            // D23: bad Base64 and null elements are corrupt like all the rest.
            (Err(_), Outcome::Aborted) => aborted += 1,
            (Ok(_), Outcome::Read) => read += 1,
            (Ok(entries), Outcome::Saved(after)) => {
                let theirs = parse(after.as_bytes()).unwrap().unwrap_or_default();
                let entries = by_id(entries.unwrap_or_default());
                let mut theirs = by_id(theirs);
                // Reading alone looks at no files, whose absence, or that of a
                // repeated entry's, makes an entry corrupted there.
                for (id, entry) in &mut theirs {
                    let ours = entries.get(id).map(|ours| ours.status);
                    let is_repeated =
                        String::from_utf8_lossy(&text).matches(id.as_str()).count() > 1;
                    if ours == Some(Status::Valid)
                        || is_repeated && entry.status == Status::Corrupted
                    {
                        entry.status = ours.unwrap();
                    }
                }
                assert_eq!(entries, theirs, "{id}");
                same += 1;
            }
            (ours, after) => panic!("{id}: {ours:?}, the reference: {after:?}"),
        }
    }
    println!("saved {same}, read {read}, refused {refused}, aborted {aborted}");
    if fixture().1 {
        assert_eq!((same, read, refused, aborted), (65, 5, 57, 7));
    }
}

#[test]
fn what_the_reference_wrote_is_written_again_byte_for_byte() {
    let (fixture, is_own) = fixture();
    let mut compared = 0;
    for case in fixture["cases"].as_array().unwrap() {
        let Some(text) = case["out"]["metadata_after"].as_str() else { continue };
        let unchanged = case["out"]["metadata_unchanged"] == true;
        let Ok(Some(entries)) = parse(text.as_bytes()) else { continue };
        // Its own hand wrote it, and with a zone: others are given one by us.
        let zoned = text.matches("Z\",").count() == entries.len();
        if !unchanged && zoned {
            assert_eq!(render(&entries), text, "{}", case["id"]);
            compared += 1;
        }
    }
    println!("{compared} texts");
    if is_own {
        assert_eq!(compared, 141);
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    let status = prop_oneof![
        Just(Status::Valid),
        Just(Status::Corrupted),
        Just(Status::Missing),
        any::<i32>().prop_map(Status::of_number)
    ];
    let time = (1_i32..=9999, 1_u8..=12, 1_u8..=28, 0_u32..86_400, 0_u32..10_000_000);
    let path = prop::option::of(any::<String>());
    (any::<u128>(), path, any::<String>(), any::<i64>(), any::<Vec<u8>>(), time, status).prop_map(
        |(id, path, cache_path, space, root, (year, month, day, second, fraction), status)| {
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let text = format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z"
            );
            let created = Timestamp::parse(&text).unwrap();
            Entry { id: uuid::Uuid::from_u128(id), path, cache_path, space, root, created, status }
        },
    )
}

proptest! {
    #[test]
    fn entries_round_trip(entries in prop::collection::vec(entry(), 0..4)) {
        let text = render(&entries);
        prop_assert!(text.is_ascii());
        serde_json::from_str::<Value>(&text).unwrap();
        prop_assert_eq!(parse(text.as_bytes()), Ok(Some(entries)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_time_is_read_or_refused(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{0,20}[Z+-]?[0-9:]{0,5})?") {
        if let Some(time) = Timestamp::parse(&text) {
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
    }
}

#[test]
fn times_are_in_utc_and_their_fractions_short() {
    let shown = |text: &str| Timestamp::parse(text).map(|time| time.to_string());
    let same = |text: &str| assert_eq!(shown(text).as_deref(), Some(text));
    same("0001-01-01T00:00:00Z");
    same("2024-02-29T23:59:59.0000001Z");
    same("9999-12-31T23:59:59.9999999Z");
    assert_eq!(Timestamp::default().to_string(), "0001-01-01T00:00:00Z");
    assert_eq!(shown("2024-01-01T00:00:00.50-03:30").unwrap(), "2024-01-01T03:30:00.5Z");
    assert_eq!(shown("2024-01-01").unwrap(), "2024-01-01T00:00:00Z");
    assert_eq!(shown("2023-02-29"), None);
    assert_eq!(shown("2024-01-01Z"), None);
    assert!(Timestamp::now().to_string().starts_with("20"));
    assert_eq!(Timestamp::parse("2024-01-02T03:04:05.6Z").unwrap().compact(), "20240102030405");
}
