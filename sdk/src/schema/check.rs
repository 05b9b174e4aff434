//! Holds a text to a description: what is wrong with it, and where.

use std::cell::{Cell, RefCell};

use ron::extensions::Extensions;
use serde::de::DeserializeSeed;

use super::{BoundShape, Shape, fits::Fits};
use crate::{
    ron_text::{ConfigError, Refused, Text, place_of, within},
    text::line,
};

/// Holds a config to its description; `extensions` are the `ron` extension bits
/// that its manifest switched on.
///
/// # Errors
///
/// The first thing that is wrong, with its field and its place in the text.
pub fn check(shape: &Shape, text: &str, extensions: u64) -> Result<(), ConfigError> {
    Text::new(text, extensions).read(|text| text_fits(shape, text))
}

/// The same of a text whose names of choices may still have to lose their
/// quotes.
pub(crate) fn text_fits(shape: &Shape, text: &Text) -> Result<(), Refused> {
    let found = Found::new(text, false);
    let Err(refused) = read(shape, text, &found) else { return Ok(()) };
    if let Some(trouble) = found.trouble.into_inner() {
        return Err(trouble.explain(refused, text.as_str()));
    }
    // Once more, to say what it should have been: `ron` knows what it misses,
    // but not what belongs there.
    let found = Found::new(text, true);
    let Err(refused) = read(shape, text, &found) else { return Err(refused) };
    match (found.trouble.into_inner(), found.expected.into_inner()) {
        (Some(trouble), _) => Err(trouble.explain(refused, text.as_str())),
        (None, Some((shape, bounds))) => Err(mismatch(refused, &shape, &bounds, text)),
        (None, None) => Err(refused),
    }
}

fn read(shape: &Shape, text: &Text, found: &Found) -> Result<(), Refused> {
    let none = BoundShape::default();
    text.deserialize(|deserializer| {
        Fits { shape, bounds: &none, text: text.as_str(), found }.deserialize(deserializer)
    })
}

/// Says of a value that is of another kind than its description what it must be
/// instead.
fn mismatch(mut refused: Refused, shape: &Shape, bounds: &BoundShape, text: &Text) -> Refused {
    let (at, found) = refused.value_in(text.as_str());
    (refused.error.line, refused.error.column) = place_of(text.as_str(), at);
    if !refused.is_of_value() {
        if refused.error.message.starts_with("Expected ") {
            refused.error.message += &format!(", not {}", shown(found));
        }
        return refused;
    }
    let some = format!("Some({found})");
    let misses_some = matches!(shape, Shape::Optional { .. })
        && read(shape, &text.with(&some), &Found::new(text, false)).is_ok();
    let name = named(&refused.error);
    refused.error.message = match misses_some {
        true => format!("{name} must be `None` or `Some(…)`: write `{}`", shown(&some)),
        false => format!("{name} must be {}, not {}", shape.words(bounds), shown(found)),
    };
    refused
}

/// What a message calls the value at fault.
fn named(error: &ConfigError) -> &str {
    if error.field.is_empty() { "it" } else { &error.field }
}

/// Characters of a wrong value that a message repeats.
const SHOWN: usize = 60;

/// The beginning of a value, on one line.
pub(super) fn shown(value: &str) -> String {
    let value = line(value.trim(), usize::MAX);
    match value.char_indices().nth(SHOWN) {
        None if value.is_empty() => "nothing".to_owned(),
        None => value.into_owned(),
        Some((end, _)) => format!("{}…", &value[..end]),
    }
}

/// What was found to be wrong by comparison with the description: `ron` knows
/// the rest.
pub(super) struct Found {
    pub(super) trouble: RefCell<Option<Trouble>>,
    /// The byte at which the field began whose value is being read.
    pub(super) field: Cell<Option<usize>>,
    /// Whether the text was refused before, so that what is wrong with it is
    /// looked for.
    pub(super) closely: bool,
    /// What belongs where the text could not be read.
    pub(super) expected: RefCell<Option<(Shape, BoundShape)>>,
    pub(super) extensions: Extensions,
}

impl Found {
    fn new(text: &Text, closely: bool) -> Self {
        Self {
            trouble: RefCell::default(),
            field: Cell::default(),
            closely,
            expected: RefCell::default(),
            extensions: text.extensions(),
        }
    }
}

pub(super) enum Trouble {
    /// A field that is not there, or must be.
    Name { name: String, message: String },
    /// A value that is not one of those that are there.
    Value(String),
    /// A value that must be another one, and the byte to point at.
    Must { must: String, place: Option<usize> },
}

impl Trouble {
    fn explain(self, refused: Refused, text: &str) -> Refused {
        let mut error = refused.error;
        match self {
            Self::Name { name, message } => {
                error.field = within(&error.field, &name);
                error.message = message;
            }
            Self::Value(message) => error.message = message,
            Self::Must { must, place } => {
                error.message = format!("{} {must}", named(&error));
                if let Some(at) = place {
                    (error.line, error.column) = place_of(text, at);
                }
            }
        }
        // No other quotes would mend it.
        error.into()
    }
}
