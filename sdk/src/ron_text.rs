//! RON text of a manifest, and places in it.

use ron::{error::Position, extensions::Extensions, value::RawValue};
use serde::Deserialize;

/// What is wrong with a config, placed within its own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// What is wrong, and what to write instead.
    pub message: String,
    /// The field by its path, such as `inner.list[0].size`; empty: the whole.
    pub field: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl ConfigError {
    /// Line and column in the file in which the text begins at this place; 0
    /// and 0 if it stands in none.
    pub fn place_in_file(&self, line: u32, column: u32) -> (u32, u32) {
        if line == 0 {
            return (0, 0);
        }
        // Text after the first line starts at column 1 of the file too.
        let offset = if self.line == 1 { column.saturating_sub(1) } else { 0 };
        (line + self.line - 1, self.column + offset)
    }
}

/// Line and column, from 1, of a byte of a text.
pub(crate) fn place_of(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or_default();
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (number(1 + before.matches('\n').count()), number(1 + column))
}

/// The path of a field within its struct, unless the path ends in it already.
pub(crate) fn within(path: &str, field: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or_default();
    match path {
        "" => field.to_owned(),
        _ if last == field => path.to_owned(),
        _ => format!("{path}.{field}"),
    }
}

/// Why a text cannot be read; and what `ron` found, and where, unless other
/// quotes would not mend it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: ConfigError,
    cause: Option<(ron::Error, Position)>,
}

impl From<ConfigError> for Refused {
    fn from(error: ConfigError) -> Self {
        Self { error, cause: None }
    }
}

impl Refused {
    /// Whether a value begins where the text went wrong, which is of another
    /// kind than what belongs there.
    pub(crate) fn is_of_value(&self) -> bool {
        use ron::Error::{
            ExpectedArray, ExpectedBoolean, ExpectedChar, ExpectedIdentifier, ExpectedMap,
            ExpectedNamedStructLike, ExpectedOption, ExpectedString, ExpectedStructLike,
            ExpectedUnit, SuggestRawIdentifier, UnexpectedChar,
        };
        matches!(
            self.cause,
            Some((
                ExpectedArray
                    | ExpectedBoolean
                    | ExpectedChar
                    | ExpectedIdentifier
                    | ExpectedMap
                    | ExpectedNamedStructLike(_)
                    | ExpectedOption
                    | ExpectedString
                    | ExpectedStructLike
                    | ExpectedUnit
                    | SuggestRawIdentifier(_)
                    | UnexpectedChar(_),
                _
            ))
        )
    }

    /// What stands in the text where it went wrong, behind its byte: a whole
    /// value, or what is left of one.
    pub(crate) fn value_in<'a>(&self, text: &'a str) -> (usize, &'a str) {
        let at = self.cause.as_ref().and_then(|(_, at)| byte_of(text, *at));
        let rest = &text[at.unwrap_or(text.len())..];
        let value = rest.trim_start();
        (text.len() - value.len(), value_at(value))
    }

    /// Where a name should stand, if that is what is wrong.
    fn misses_name(&self) -> Option<Position> {
        match self.cause {
            Some((ron::Error::ExpectedIdentifier, at)) => Some(at),
            _ => None,
        }
    }
}

/// The value that a text begins with, or all that can be part of one word.
fn value_at(text: &str) -> &str {
    let whole = ron::Deserializer::from_str(text)
        .ok()
        .and_then(|mut ron| <&RawValue>::deserialize(&mut ron).ok());
    if let Some(whole) = whole {
        return whole.get_ron().trim();
    }
    let is_end = |c: char| c.is_whitespace() || "()[]{},:".contains(c);
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text[first..].find(is_end).map_or(text.len(), |end| first + end);
    if text.starts_with(is_end) { &text[..first] } else { &text[..end] }
}

/// The byte at a position of a text.
fn byte_of(text: &str, at: Position) -> Option<usize> {
    let before: usize =
        text.split_inclusive('\n').take(at.line.checked_sub(1)?).map(str::len).sum();
    let line = text.get(before..)?;
    let column = at.col.checked_sub(1)?;
    let within = line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(column)?;
    Some(before + within)
}

/// RON text, and the extensions that it may use.
pub(crate) struct Text {
    text: String,
    extensions: Extensions,
}

impl Text {
    pub(crate) fn new(text: &str, extensions: u64) -> Self {
        let bits = usize::try_from(extensions).unwrap_or(0);
        Self { text: text.to_owned(), extensions: Extensions::from_bits_truncate(bits) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// Another text under the same extensions.
    pub(crate) fn with(&self, text: &str) -> Self {
        Self { text: text.to_owned(), extensions: self.extensions }
    }

    /// Reads it; names of choices may be quoted, as every other name in a
    /// manifest is: the quotes become spaces, so that places stay what they are.
    pub(crate) fn read<T>(
        mut self,
        read: impl Fn(&Self) -> Result<T, Refused>,
    ) -> Result<T, ConfigError> {
        loop {
            let refused = match read(&self) {
                Ok(value) => return Ok(value),
                Err(refused) => refused,
            };
            match refused.misses_name().and_then(|at| unquote(&self.text, at)) {
                Some(unquoted) => self.text = unquoted,
                None => return Err(refused.error),
            }
        }
    }

    /// Reads all of it by `serde`.
    pub(crate) fn deserialize<'a, T>(
        &'a self,
        read: impl FnOnce(
            serde_path_to_error::Deserializer<'_, '_, &mut ron::Deserializer<'a>>,
        ) -> Result<T, ron::Error>,
    ) -> Result<T, Refused> {
        let options = ron::Options::default().with_default_extension(self.extensions);
        let mut ron = ron::Deserializer::from_str_with_options(&self.text, &options)
            .map_err(|error| spanned(&error, String::new()))?;
        let mut track = serde_path_to_error::Track::new();
        let read = read(serde_path_to_error::Deserializer::new(&mut ron, &mut track));
        read.and_then(|value| ron.end().map(|()| value)).map_err(|error| {
            let path = track.path().to_string();
            let error = ron.span_error(error);
            let place = error.span.start;
            let path = match &*path {
                "." => String::new(),
                path => known_path(path, &self.text, place),
            };
            Refused { error: spanned(&error, path), cause: Some((error.code, place)) }
        })
    }
}

fn spanned(error: &ron::error::SpannedError, path: String) -> ConfigError {
    let place = error.span.start;
    let field = match &error.code {
        ron::Error::NoSuchStructField { found, .. } => within(&path, found),
        ron::Error::MissingStructField { field, .. } => within(&path, field),
        _ => path,
    };
    ConfigError {
        message: error.code.to_string(),
        field,
        line: u32::try_from(place.line).unwrap_or(0),
        column: u32::try_from(place.col).unwrap_or(0),
    }
}

/// A path whose end is not known, as behind a value that should have ended:
/// that of the field whose value it was.
fn known_path(path: &str, text: &str, at: Position) -> String {
    let Some(outer) = path.strip_suffix('?') else { return path.to_owned() };
    let outer = outer.trim_end_matches('.');
    let before = byte_of(text, at).map_or("", |at| &text[..at]);
    let name = before.rsplit_once(':').and_then(|(before, value)| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let begin =
            before.trim_end().rsplit(|c| !is_word(c)).next().filter(|name| !name.is_empty());
        begin.filter(|_| !value.contains([',', '(', ')', '[', ']', '{', '}', '"']))
    });
    name.map_or_else(|| outer.to_owned(), |name| within(outer, name))
}

/// The text with a quoted name's quotes taken away; `None`: there is none.
fn unquote(text: &str, at: Position) -> Option<String> {
    let begin = byte_of(text, at)?;
    let rest = text[begin..].strip_prefix('"')?;
    let name = &rest[..rest.find('"')?];
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let end = begin + name.len() + 2;
    is_name.then(|| format!("{} {name} {}", &text[..begin], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The interface's numbers are frozen, the library's need not be.
    #[test]
    fn extensions_have_the_numbers_of_the_interface() {
        let bits = [
            Extensions::UNWRAP_NEWTYPES,
            Extensions::IMPLICIT_SOME,
            Extensions::UNWRAP_VARIANT_NEWTYPES,
            Extensions::EXPLICIT_STRUCT_NAMES,
        ];
        assert_eq!(bits.map(|bit| bit.bits()), [1, 2, 4, 8]);
    }
}
