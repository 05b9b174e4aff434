//! Holds a text to a description: what is wrong with it, and where.

use std::cell::{Cell, RefCell};

use serde::de::DeserializeSeed;

use super::{BoundShape, Shape, fits::Fits};
use crate::ron_text::{ConfigError, Refused, Text, place_of, within};

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
    let found = Found::default();
    let none = BoundShape::default();
    let fits = text.deserialize(|deserializer| {
        Fits { shape, bounds: &none, text: text.as_str(), found: &found }.deserialize(deserializer)
    });
    fits.map_err(|refused| match found.trouble.into_inner() {
        Some(trouble) => trouble.explain(refused, text.as_str()),
        None => refused,
    })
}

/// What was found to be wrong by comparison with the description: `ron` knows
/// the rest.
#[derive(Default)]
pub(super) struct Found {
    pub(super) trouble: RefCell<Option<Trouble>>,
    /// The byte at which the field began whose value is being read.
    pub(super) field: Cell<Option<usize>>,
}

pub(super) enum Trouble {
    /// A field that is not there, or must be.
    Name { name: String, message: String },
    /// A value that is not one of those that are there.
    Value(String),
    /// A value that must be another one.
    Must { must: String, field: Option<usize> },
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
            Self::Must { must, field } => {
                let name = if error.field.is_empty() { "it" } else { &*error.field };
                error.message = format!("{name} {must}");
                if let Some(at) = field {
                    (error.line, error.column) = place_of(text, at);
                }
            }
        }
        // No other quotes would mend it.
        error.into()
    }
}
