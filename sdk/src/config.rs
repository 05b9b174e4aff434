//! A component's config: RON text from the manifest into the author's type.
//! Unknown fields are errors, whatever the type says about them; every error
//! names the field and its place in the manifest.

use ron::{error::Position, extensions::Extensions};
use serde::de::DeserializeOwned;
use spacetime_sdk_abi::{Fault, FaultCode, OpenArgs};

use crate::{
    error::{Error, fault},
    known::fields_beside,
};

/// Reads the config of a factory call.
pub(crate) fn parse<C: DeserializeOwned>(args: &OpenArgs<'_>) -> Result<C, Fault> {
    parse_text(args.config.as_str(), args.ron_extensions).map_err(|error| {
        let (line, column) = error.place_in_file(args.config_line, args.config_column);
        let mut fault = fault(FaultCode::CONFIG, &error.message);
        fault.line = line;
        fault.column = column;
        fault.field = error.field.into();
        fault
    })
}

/// The fault of a constructor; an error of a field gets the field's place.
pub(crate) fn constructor_fault(args: &OpenArgs<'_>, error: Error) -> Fault {
    let mut fault = Fault::from(error);
    if fault.code == FaultCode::CONFIG
        && let Some((line, column)) = find_field(args.config.as_str(), fault.field.as_str())
    {
        let place = ConfigError { message: String::new(), field: String::new(), line, column };
        (fault.line, fault.column) = place.place_in_file(args.config_line, args.config_column);
    }
    fault
}

/// What is wrong with a config, placed within its own text.
#[derive(Debug, PartialEq, Eq)]
struct ConfigError {
    message: String,
    field: String,
    line: u32,
    column: u32,
}

impl ConfigError {
    /// Text after the first line starts at column 1 of the file too.
    fn place_in_file(&self, line: u32, column: u32) -> (u32, u32) {
        if line == 0 {
            return (0, 0);
        }
        let offset = if self.line == 1 { column.saturating_sub(1) } else { 0 };
        (line + self.line - 1, self.column + offset)
    }
}

/// Names of choices may be quoted, as every other name in a manifest is: the
/// quotes become spaces, so that places stay what they are.
fn parse_text<C: DeserializeOwned>(text: &str, extensions: u64) -> Result<C, ConfigError> {
    let mut text = text.to_owned();
    loop {
        match parse_unquoted(&text, extensions) {
            Err(Refused { at: Some(at), error }) => match unquote(&text, at) {
                Some(unquoted) => text = unquoted,
                None => return Err(error),
            },
            parsed => return parsed.map_err(|refused| refused.error),
        }
    }
}

/// Why a config cannot be read; where, if a name should stand there.
struct Refused {
    error: ConfigError,
    at: Option<Position>,
}

impl From<ConfigError> for Refused {
    fn from(error: ConfigError) -> Self {
        Self { error, at: None }
    }
}

/// The text with a quoted name's quotes taken away; `None`: there is none.
fn unquote(text: &str, at: Position) -> Option<String> {
    let before: usize = text.split_inclusive('\n').take(at.line - 1).map(str::len).sum();
    let line = text.get(before..)?;
    let begin = before + line.char_indices().nth(at.col - 1)?.0;
    let rest = text[begin..].strip_prefix('"')?;
    let name = &rest[..rest.find('"')?];
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let end = begin + name.len() + 2;
    is_name.then(|| format!("{} {name} {}", &text[..begin], &text[end..]))
}

fn parse_unquoted<C: DeserializeOwned>(text: &str, extensions: u64) -> Result<C, Refused> {
    let extensions = Extensions::from_bits_truncate(usize::try_from(extensions).unwrap_or(0));
    let options = ron::Options::default().with_default_extension(extensions);
    let mut ron = ron::Deserializer::from_str_with_options(text, &options)
        .map_err(|error| spanned(&error, String::new()))?;
    let mut track = serde_path_to_error::Track::new();
    let mut unknown = Vec::new();
    let read: Result<C, ron::Error> = serde_ignored::deserialize(
        serde_path_to_error::Deserializer::new(&mut ron, &mut track),
        |path| unknown.push(path.to_string()),
    );
    let config = read.and_then(|config| ron.end().map(|()| config));
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            let path = track.path().to_string();
            let error = ron.span_error(error);
            let wants_name = matches!(error.code, ron::Error::ExpectedIdentifier);
            return Err(Refused {
                at: wants_name.then_some(error.span.start),
                error: spanned(&error, if path == "." { String::new() } else { path }),
            });
        }
    };
    match unknown.into_iter().next() {
        Some(field) => Err(unknown_field::<C>(text, field).into()),
        None => Ok(config),
    }
}

fn spanned(error: &ron::error::SpannedError, path: String) -> ConfigError {
    let place = error.span.start;
    let field = match &error.code {
        ron::Error::NoSuchStructField { found, .. } => join(&path, found),
        ron::Error::MissingStructField { field, .. } => join(&path, field),
        _ => path,
    };
    ConfigError {
        message: error.code.to_string(),
        field,
        line: u32::try_from(place.line).unwrap_or(0),
        column: u32::try_from(place.col).unwrap_or(0),
    }
}

/// The path of a field within its struct, unless the path ends in it already.
fn join(path: &str, field: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or_default();
    match path {
        "" => field.to_owned(),
        _ if last == field => path.to_owned(),
        _ => format!("{path}.{field}"),
    }
}

/// `serde` skipped it without a word; its place is where its name stands.
fn unknown_field<C: DeserializeOwned>(text: &str, path: String) -> ConfigError {
    let field = plain(&path);
    let name = path.rsplit('.').next().unwrap_or(&path);
    let (line, column) = find_field(text, &field).unwrap_or((1, 1));
    let known: Vec<String> =
        fields_beside::<C>(&field).iter().map(|name| format!("`{name}`")).collect();
    let known = match &*known {
        [] => String::new(),
        known => format!("; known are {}", known.join(", ")),
    };
    ConfigError { message: format!("Unexpected field named `{name}`{known}"), field, line, column }
}

/// A path of `serde_ignored` (`a.?.list.0.b`) as faults have it (`a.list[0].b`).
fn plain(path: &str) -> String {
    path.split('.').filter(|part| *part != "?").fold(String::new(), |path, part| {
        match part.parse::<usize>() {
            Ok(index) => format!("{path}[{index}]"),
            Err(_) if path.is_empty() => part.to_owned(),
            Err(_) => format!("{path}.{part}"),
        }
    })
}

/// Line and column, from 1, of a field given by its path: each name of the
/// path is looked for behind the one before. Good enough for a message.
fn find_field(text: &str, path: &str) -> Option<(u32, u32)> {
    let (mut at, mut behind) = (0, 0);
    for name in path.split('.').map(|part| part.split('[').next().unwrap_or(part)) {
        let rest = &text[behind..];
        let (start, _) = rest.match_indices(name).find(|(start, found)| {
            let before = rest[..*start].chars().next_back();
            let after = rest[start + found.len()..].trim_start();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_') && after.starts_with(':')
        })?;
        at = behind + start;
        behind = at + name.len();
    }
    let line = 1 + text[..at].matches('\n').count();
    let column = 1 + text[..at].rsplit('\n').next().unwrap_or_default().chars().count();
    Some((u32::try_from(line).ok()?, u32::try_from(column).ok()?))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Config {
        step: u64,
        #[serde(default)]
        inner: Inner,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Inner {
        size: u32,
    }

    fn error(text: &str) -> (String, u32, u32) {
        let error = parse_text::<Config>(text, 0).unwrap_err();
        (error.field, error.line, error.column)
    }

    #[test]
    fn a_good_config_is_read() {
        let config: Config = parse_text("(step: 3, inner: (size: 4))", 0).unwrap();
        assert_eq!(config, Config { step: 3, inner: Inner { size: 4 } });
        parse_text::<()>("()", 0).unwrap();
    }

    #[test]
    fn errors_name_the_field_and_its_place() {
        assert_eq!(error("(\n  step: 3,\n  setp: 4,\n)"), ("setp".into(), 3, 3));
        assert_eq!(
            error("(step: 3, inner: (\n size: 4, seize: 1))"),
            ("inner.seize".into(), 2, 11)
        );
        let (field, line, _) = error("(\n  step: \"three\",\n)");
        assert_eq!((field.as_str(), line), ("step", 2));
        let (field, line, _) = error("(step: 1,\n inner: (size: -1))");
        assert_eq!((field.as_str(), line), ("inner.size", 2));
        assert_eq!(error("(inner: (size: 4))").0, "step");
    }

    #[test]
    fn a_field_is_found_by_its_path() {
        let text = "(step: 3,\n inner: (\n  size: 4, step: 5))";
        assert_eq!(find_field(text, "step"), Some((1, 2)));
        assert_eq!(find_field(text, "inner.size"), Some((3, 3)));
        assert_eq!(find_field(text, "inner.step"), Some((3, 12)));
        assert_eq!(find_field(text, "absent"), None);
    }

    #[test]
    fn text_after_the_config_is_refused() {
        assert!(parse_text::<Config>("(step: 3) (step: 4)", 0).is_err());
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Nested {
        size: u32,
        inner: Option<Part>,
        list: Vec<Part>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Part {
        size: u32,
    }

    #[test]
    fn an_unknown_field_is_found_inside_options_and_lists() {
        let place = |text| {
            let error = parse_text::<Nested>(text, 0).unwrap_err();
            (error.field, error.line, error.column)
        };
        let text = "(\n  size: 1,\n  inner: Some((\n    seize: 2)))";
        assert_eq!(place(text), ("inner.seize".to_owned(), 4, 5));
        let text = "(\n  list: [(size: 1),\n    (seize: 2)])";
        assert_eq!(place(text), ("list[1].seize".to_owned(), 3, 6));
    }

    #[test]
    fn an_unknown_field_is_answered_with_the_known_ones() {
        let message = |text| parse_text::<Nested>(text, 0).unwrap_err().message;
        let known = "Unexpected field named `seize`; known are `size`, `inner`, `list`";
        assert_eq!(message("(seize: 1)"), known);
        for text in ["(inner: Some((seize: 2)))", "(list: [(size: 1), (seize: 2)])"] {
            assert_eq!(message(text), "Unexpected field named `seize`; known are `size`");
        }
        let none = parse_text::<Empty>("(seize: 1)", 0).unwrap_err().message;
        assert_eq!(none, "Unexpected field named `seize`");
    }

    #[derive(Debug, Deserialize)]
    struct Empty {}

    #[derive(Debug, Deserialize, PartialEq)]
    struct Chosen {
        note: String,
        choices: Vec<Choice>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        OneThing,
        Another,
    }

    #[test]
    fn names_of_choices_may_be_quoted() {
        let parse = |text: &str| parse_text::<Chosen>(text, 0);
        let expected = Chosen {
            note: "\u{e4} \"another\"".to_owned(),
            choices: vec![Choice::OneThing, Choice::Another, Choice::Another],
        };
        let note = r#"note: "\u{e4} \"another\"""#;
        let written = [
            format!("({note}, choices: [one_thing, another, another])"),
            format!("({note}, choices: [\"one_thing\", another, \"another\"])"),
            format!(
                "(\n /* \u{e4} */ {note}, choices: [ \"one_thing\",\n\"another\", \"another\"])"
            ),
        ];
        for text in &written {
            assert_eq!(parse(text).as_ref(), Ok(&expected), "{text}");
        }
        let error = parse("(note: \"\",\n choices: [\"another\", \"none\"])").unwrap_err();
        assert_eq!((error.field.as_str(), error.line), ("choices[1]", 2));
        assert!(error.message.contains("another"), "{}", error.message);
        for text in ["(note: \"\", choices: [\"\"])", "(note: \"\", choices: [\"a b\"])"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

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
