//! A component's config: RON text from the manifest into the author's type. It
//! must fit the type's description, and then its `Deserialize`; fields that
//! neither knows are errors. Every error names the field and its place in the
//! manifest.

use serde::de::DeserializeOwned;
use spacetime_sdk_abi::{Fault, FaultCode, OpenArgs};

use crate::{
    error::{Error, fault},
    ron_text::{ConfigError, Refused, Text, place_of},
    schema::{Schema, Shape, text_fits},
};

/// Reads the config of a factory call.
pub(crate) fn parse<C: DeserializeOwned + Schema>(args: &OpenArgs<'_>) -> Result<C, Fault> {
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

pub(crate) fn parse_text<C: DeserializeOwned + Schema>(
    text: &str,
    extensions: u64,
) -> Result<C, ConfigError> {
    let shape = Shape::from(&C::SCHEMA);
    Text::new(text, extensions).read(|text| {
        text_fits(&shape, text)?;
        parse_unquoted(text)
    })
}

fn parse_unquoted<C: DeserializeOwned>(text: &Text) -> Result<C, Refused> {
    let mut unknown = Vec::new();
    let config = text.deserialize(|deserializer| {
        serde_ignored::deserialize(deserializer, |path| unknown.push(path.to_string()))
    })?;
    // Within what its description leaves open: all else was found before.
    match unknown.into_iter().next() {
        Some(field) => Err(unknown_field(text.as_str(), &field).into()),
        None => Ok(config),
    }
}

/// `serde` skipped it without a word; its place is where its name stands.
fn unknown_field(text: &str, path: &str) -> ConfigError {
    let field = plain(path);
    let name = path.rsplit('.').next().unwrap_or(path);
    let (line, column) = find_field(text, &field).unwrap_or((1, 1));
    ConfigError { message: format!("Unexpected field named `{name}`"), field, line, column }
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
    Some(place_of(text, at))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Schema)]
    #[schema(crate = crate)]
    struct Config {
        step: u64,
        #[serde(default)]
        inner: Inner,
    }

    #[derive(Debug, Default, Deserialize, PartialEq, Schema)]
    #[schema(crate = crate)]
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

    #[derive(Debug, Default, Deserialize, PartialEq, Schema)]
    #[schema(crate = crate)]
    #[serde(default)]
    struct Nested {
        size: u32,
        inner: Option<Part>,
        list: Vec<Part>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq, Schema)]
    #[schema(crate = crate)]
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
        let known = "Unexpected field named `seize`; did you mean `size`? Known are `size`, \
                     `inner`, `list`";
        assert_eq!(message("(seize: 1)"), known);
        for text in ["(inner: Some((seize: 2)))", "(list: [(size: 1), (seize: 2)])"] {
            assert_eq!(message(text), "Unexpected field named `seize`; did you mean `size`?");
        }
        let none = parse_text::<Empty>("(seize: 1)", 0).unwrap_err().message;
        assert_eq!(none, "Unexpected field named `seize`; there is none to be given");
    }

    #[derive(Debug, Deserialize, Schema)]
    #[schema(crate = crate)]
    struct Empty {}

    #[derive(Debug, Deserialize, PartialEq, Schema)]
    #[schema(crate = crate)]
    struct Chosen {
        note: String,
        choices: Vec<Choice>,
    }

    #[derive(Debug, Deserialize, PartialEq, Schema)]
    #[schema(crate = crate)]
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
}
