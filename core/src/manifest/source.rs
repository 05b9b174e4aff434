//! A piece of RON text that knows where it stands, so that whatever is wrong
//! with it can be shown at its place.

use std::{fmt, path::Path};

use ron::{extensions::Extensions, value::RawValue};
use serde::Deserialize;

use super::{
    error::{ErrorPlace, ManifestError, did_you_mean},
    syntax::{excerpt, explain},
};

/// One RON value, without space or comments around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    origin: Origin<'a>,
    /// Where the text starts in its file, from 1.
    line: u32,
    column: u32,
    extensions: Extensions,
}

#[derive(Clone, Copy, Debug)]
enum Origin<'a> {
    File {
        path: &'a Path,
        /// All of it.
        text: &'a str,
    },
    /// `KEY=RON`, as it was given.
    Set(&'a str),
}

impl<'a> Source<'a> {
    /// A whole file.
    pub(super) fn file(file: &'a Path, text: &'a str) -> Result<Self, ManifestError> {
        let whole = Self {
            text,
            origin: Origin::File { path: file, text },
            line: 1,
            column: 1,
            extensions: Extensions::empty(),
        };
        let ron = ron::Deserializer::from_str(text).map_err(|error| whole.error("", &error))?;
        Ok(Self { extensions: ron.extensions(), ..whole })
    }

    /// The value of a `--set`, read with the manifest's RON extensions.
    pub(super) fn set(
        given: &'a str,
        text: &'a str,
        extensions: Extensions,
    ) -> Result<Self, ManifestError> {
        let origin = Origin::Set(given);
        let source = Self { text, origin, line: 1, column: 1, extensions };
        let value = RawValue::from_ron(text).map_err(|error| {
            let hint = "text stands in double quotes, inside the shell's own quotes";
            let wrong = explain(text, &error).message;
            source.invalid("", format_args!("`{text}` is not RON: {wrong}; {hint}"))
        })?;
        Ok(Self { text: value.trim().get_ron(), ..source })
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn extensions(&self) -> Extensions {
        self.extensions
    }

    pub(super) fn is_from_command_line(&self) -> bool {
        matches!(self.origin, Origin::Set(_))
    }

    /// Line and column in the manifest, or in the value of the `--set`.
    pub(super) fn position(&self) -> (u32, u32) {
        (self.line, self.column)
    }

    /// What a place in this text is called in messages.
    pub(super) fn origin_name(&self) -> String {
        match self.origin {
            Origin::File { path, .. } => path.display().to_string(),
            Origin::Set(given) => format!("--set {given}"),
        }
    }

    /// A value within this text.
    pub(super) fn within(&self, value: &'a RawValue) -> Self {
        let text = value.trim().get_ron();
        let offset = text.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let before = self.text.get(..offset).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
        let (line, column) = self.place(line, column);
        Self { text, line, column, ..*self }
    }

    /// Reads the value as a type.
    pub(super) fn read<T: Deserialize<'a>>(&self, field: &str) -> Result<T, ManifestError> {
        self.read_with(field, |ron| {
            let mut track = serde_path_to_error::Track::new();
            T::deserialize(serde_path_to_error::Deserializer::new(ron, &mut track))
        })
    }

    pub(super) fn read_with<T>(
        &self,
        field: &str,
        read: impl FnOnce(&mut ron::Deserializer<'a>) -> Result<T, ron::Error>,
    ) -> Result<T, ManifestError> {
        let options = ron::Options::default().with_default_extension(self.extensions);
        let mut ron = ron::Deserializer::from_str_with_options(self.text, &options)
            .map_err(|error| self.error(field, &error))?;
        read(&mut ron)
            .and_then(|value| ron.end().map(|()| value))
            .map_err(|error| self.error(field, &ron.span_error(error)))
    }

    /// An error of this value as a whole.
    pub(super) fn invalid(&self, field: &str, message: impl fmt::Display) -> ManifestError {
        ManifestError::invalid(self.error_place(1, 1), field, message)
    }

    fn error(&self, field: &str, error: &ron::error::SpannedError) -> ManifestError {
        let start = error.span.start;
        let place = self.error_place(start.line, start.col);
        let inner = |name: &str| match field {
            "" => name.to_owned(),
            _ => format!("{field}.{name}"),
        };
        match &error.code {
            ron::Error::NoSuchStructField { expected, found, .. } => {
                let hint = did_you_mean(found, expected.iter().copied());
                let message = format!("`{}` is not an option; {hint}", inner(found));
                ManifestError::invalid(place, &inner(found), message)
            }
            ron::Error::DuplicateStructField { field: name, .. } => {
                let message = format!("`{}` is given twice", inner(name));
                ManifestError::invalid(place, &inner(name), message)
            }
            // Its own words would name a type of ours, not the field.
            ron::Error::NoSuchEnumVariant { expected, found, .. } => {
                let known: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
                let message =
                    format!("`{field}` cannot be `{found}`; it may be {}", known.join(", "));
                ManifestError::invalid(place, field, message)
            }
            _ => self.ill_formed(field, error),
        }
    }

    /// An error of the notation, or of a value that is of another type.
    fn ill_formed(&self, field: &str, error: &ron::error::SpannedError) -> ManifestError {
        let wrong = explain(self.text, error);
        let place = self.error_place(wrong.line, wrong.column);
        let excerpt = match (self.origin, &place) {
            (Origin::File { text, .. }, ErrorPlace::File { line, column, .. }) => {
                excerpt(text, *line as usize, *column as usize)
            }
            _ => String::new(),
        };
        let of = match field.is_empty() || wrong.is_notation {
            true => String::new(),
            false => format!("`{field}`: "),
        };
        ManifestError::invalid(place, field, format_args!("{of}{}{excerpt}", wrong.message))
    }

    fn error_place(&self, line: usize, column: usize) -> ErrorPlace {
        match self.origin {
            Origin::Set(given) => ErrorPlace::Set(given.to_owned()),
            Origin::File { path, .. } => {
                let (line, column) = self.place(line, column);
                ErrorPlace::File { file: path.to_owned(), line, column }
            }
        }
    }

    /// A place in this text as one in the file; both from 1.
    fn place(&self, line: usize, column: usize) -> (u32, u32) {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        // Text after the first line starts at column 1 of the file too.
        let indent = if line == 1 { self.column - 1 } else { 0 };
        (self.line.saturating_add(number(line) - 1), number(column).saturating_add(indent))
    }
}
