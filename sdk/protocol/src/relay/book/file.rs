//! The address book as a text: the JSON that the reference reads and writes.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{AddressBook, BEGINNING, BookEntry, BookRules};
use crate::{json::string, relay::address::parse_address, wire::PeerAddress};

/// A text that is no address book.
#[derive(Debug, Error)]
pub enum BookError {
    /// It is no list in JSON.
    #[error("it is no JSON list: {0}")]
    Json(#[from] serde_json::Error),
    /// An entry is none.
    #[error("entry {index} (from 0): {problem}")]
    Entry {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// An entry as it stands in the text. A field that is missing has the
/// reference's default, one that is not known is ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Record {
    address: Option<String>,
    port: i32,
    first_seen: Option<String>,
    last_seen: Option<String>,
    last_attempt: Option<String>,
    success_count: i32,
    failure_count: i32,
    source: Option<String>,
}

impl AddressBook {
    /// Reads a book. Entries without a usable address are left out, as are
    /// those that the rules refuse.
    ///
    /// # Errors
    /// The text is no list of entries.
    pub fn parse(text: &str, rules: BookRules) -> Result<Self, BookError> {
        let mut book = Self::new(rules);
        let values = serde_json::from_str::<Option<Vec<Value>>>(text)?.unwrap_or_default();
        for (index, value) in values.into_iter().enumerate() {
            let wrong = |problem: String| BookError::Entry { index, problem };
            let record = serde_json::from_value::<Record>(value);
            let record = record.map_err(|error| wrong(error.to_string()))?;
            let entry = record.entry().map_err(wrong)?;
            if let Some(address) = record.address() {
                // What the book refuses now it would have refused then.
                let _ = book.insert(address, entry);
            }
        }
        Ok(book)
    }

    /// The text that the reference would write, ordered by address.
    pub fn render(&self) -> String {
        if self.is_empty() {
            return "[]".to_owned();
        }
        let objects = self.entries().map(object).collect::<Vec<_>>();
        format!("[\n{}\n]", objects.join(",\n"))
    }
}

impl Record {
    fn address(&self) -> Option<PeerAddress> {
        let address = self.address.as_deref().and_then(parse_address)?;
        Some(PeerAddress { address, port: u16::try_from(self.port).ok()? })
    }

    fn entry(&self) -> Result<BookEntry, String> {
        let time = |name: &str, text: &Option<String>| match text {
            None => Ok(BEGINNING),
            Some(text) => OffsetDateTime::parse(text, &Rfc3339)
                .map_err(|error| format!("{name} is {text:?}: {error}")),
        };
        Ok(BookEntry {
            source: self.source.clone().unwrap_or_default(),
            first_seen: time("FirstSeen", &self.first_seen)?,
            last_seen: time("LastSeen", &self.last_seen)?,
            last_attempt: time("LastAttempt", &self.last_attempt)?,
            // Nothing happened less often than never.
            successes: u32::try_from(self.success_count).unwrap_or(0),
            failures: u32::try_from(self.failure_count).unwrap_or(0),
        })
    }
}

fn object((address, entry): (&PeerAddress, &BookEntry)) -> String {
    let members = [
        ("Address", string(&address.address.to_string())),
        ("Port", address.port.to_string()),
        ("FirstSeen", time(entry.first_seen)),
        ("LastSeen", time(entry.last_seen)),
        ("LastAttempt", time(entry.last_attempt)),
        ("SuccessCount", entry.successes.to_string()),
        ("FailureCount", entry.failures.to_string()),
        ("Source", string(&entry.source)),
    ];
    let lines = members.map(|(name, value)| format!("    \"{name}\": {value}"));
    format!("  {{\n{}\n  }}", lines.join(",\n"))
}

/// A time with its offset, and seven digits of its fraction at most.
fn time(at: OffsetDateTime) -> String {
    let (date, clock) = (at.date(), at.time());
    let mut text = format!(
        "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    );
    let fraction = format!("{:07}", clock.nanosecond() / 100);
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    let (hours, minutes, _) = at.offset().as_hms();
    let sign = if at.offset().is_negative() { '-' } else { '+' };
    // Writing into a string cannot fail.
    let _ = write!(text, "{sign}{:02}:{:02}\"", hours.abs(), minutes.abs());
    text
}
