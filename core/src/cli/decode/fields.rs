//! Fields in their order: as a JSON object, or as rows for a human.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

/// Named values, in the order of the layout.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Field)>);

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Field {
    One(Value),
    Part(Fields),
    Parts(Vec<Fields>),
}

impl Fields {
    /// Adds a number, a text, a yes or no, or a list of them.
    pub(super) fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.and(name, Field::One(value.into()))
    }

    /// Adds bytes, in hexadecimal.
    pub(super) fn with_hex(self, name: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        self.with(name, const_hex::encode(bytes))
    }

    /// Adds a part with fields of its own.
    pub(super) fn with_part(self, name: &'static str, part: Self) -> Self {
        self.and(name, Field::Part(part))
    }

    /// Adds a list of such.
    pub(super) fn with_parts(self, name: &'static str, parts: Vec<Self>) -> Self {
        self.and(name, Field::Parts(parts))
    }

    /// Adds fields behind these.
    pub(super) fn then(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    fn and(mut self, name: &'static str, field: Field) -> Self {
        self.0.push((name, field));
        self
    }

    /// A row per value, with its path.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        self.push_rows("", &mut rows);
        rows
    }

    fn push_rows(&self, before: &str, rows: &mut Vec<(String, String)>) {
        for (name, field) in &self.0 {
            let name = format!("{before}{name}");
            match field {
                Field::One(Value::Array(items)) if items.is_empty() => {
                    rows.push((name, "none".to_owned()));
                }
                Field::One(Value::Array(items)) => {
                    let item = |(index, item)| (format!("{name}[{index}]"), plain(item));
                    rows.extend(items.iter().enumerate().map(item));
                }
                Field::One(value) => rows.push((name, plain(value))),
                Field::Part(part) => part.push_rows(&format!("{name}."), rows),
                Field::Parts(parts) if parts.is_empty() => rows.push((name, "none".to_owned())),
                Field::Parts(parts) => {
                    for (index, part) in parts.iter().enumerate() {
                        part.push_rows(&format!("{name}[{index}]."), rows);
                    }
                }
            }
        }
    }
}

/// A value as a human reads it; what could move a terminal's cursor escaped.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().any(char::is_control) => format!("{text:?}"),
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, field) in &self.0 {
            map.serialize_entry(name, field)?;
        }
        map.end()
    }
}
