//! Configs: unknown fields, values at the ends of their ranges, any text.

use spacetime_sdk::{
    schema::{self, FieldShape, Part, Shape},
    text::count,
};
use spacetime_sdk_loader::{Fault, abi::FaultCode};

use super::instance::Instance;
use crate::probe::{Blame, Judged, Probe, Stop};

/// A field that no config has.
const NO_SUCH_FIELD: &str = "zz_no_such_field";

pub(super) fn unknown_field(probe: &Probe) -> Judged {
    let Some(config) = with_field(&probe.task.subject.config) else {
        return Err(Stop::NotJudged("its config has no fields".to_owned()));
    };
    probe.given(format_args!("the config {config}"));
    match Instance::open(probe, &config) {
        Ok(instance) => {
            instance.close(probe, Blame::all("ANY-006"))?;
            let seen = format_args!("the field `{NO_SUCH_FIELD}` is taken without a word");
            Err(probe.broken("ANY-006", seen))
        }
        Err(fault) if fault.code == FaultCode::CONFIG && fault.line > 0 => Ok(()),
        Err(fault) if fault.code == FaultCode::CONFIG => {
            Err(probe.broken("ANY-006", format_args!("the error has no place: {fault}")))
        }
        Err(fault) => Err(refused_oddly(probe, "ANY-006", &fault)),
    }
}

/// A config with one field more, which does not exist.
fn with_field(config: &str) -> Option<String> {
    let (before, after) = config.split_once('(')?;
    let comma = if after.trim_start().starts_with(')') { "" } else { ", " };
    Some(format!("{before}({NO_SUCH_FIELD}: 1{comma}{after}"))
}

/// What stands in the place of a number.
const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "-1",
    "0.5",
    "255",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "NaN",
    "inf",
    "\"three\"",
];

/// What stands in the place of a text; a long one comes besides.
const TEXTS: [&str; 6] =
    [r#""""#, r#"" ""#, r#""\u{0}""#, r#""../../../..""#, r#""\u{e4}\u{1f980}""#, "7"];

pub(super) fn values(probe: &Probe) -> Judged {
    defaults(probe)?;
    let config = &probe.task.subject.config;
    let literals = literals(config);
    if literals.is_empty()
        && let Some(fields) = told_fields(probe)
    {
        probe.note(format_args!(
            "defaults only: the config that it was tested with has no value to change, and may \
             have {fields}"
        ));
    }
    let long = format!("\"{}\"", "x".repeat(100_000));
    for literal in literals {
        let mut values = match config[literal.clone()].starts_with('"') {
            true => TEXTS.to_vec(),
            false => NUMBERS.to_vec(),
        };
        values.push(&long);
        for value in values {
            let before = &config[..literal.start];
            takes_or_names(probe, &format!("{before}{value}{}", &config[literal.end..]))?;
        }
    }
    Ok(())
}

/// The fields that its file tells of its config; `None`: there are none.
fn told_fields(probe: &Probe) -> Option<String> {
    let subject = &probe.task.subject;
    let descriptor = probe.library().descriptor();
    let component = descriptor.component(subject.kind, &subject.component)?;
    let Some(Shape::Struct { fields, .. }) = &component.config else { return None };
    let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Holds the defaults that its file tells to what its file says of their fields:
/// whoever writes one out must be taken at his word.
fn defaults(probe: &Probe) -> Judged {
    let subject = &probe.task.subject;
    let descriptor = probe.library().descriptor();
    let component = descriptor.component(subject.kind, &subject.component);
    let Some(shape) = component.and_then(|component| component.config.as_ref()) else {
        return Ok(());
    };
    match wrong_default(shape) {
        Some(seen) => Err(probe.told_wrongly("ANY-007", seen)),
        None => Ok(()),
    }
}

/// The first default that its own field would refuse, and why.
fn wrong_default(shape: &Shape) -> Option<String> {
    shape.parts().iter().find_map(|(path, part)| match part {
        Part::Field(field) | Part::Only(field) => wrong_in_field(path, field),
        Part::Choice(_) => None,
    })
}

fn wrong_in_field(path: &str, field: &FieldShape) -> Option<String> {
    let default = field.default.as_ref()?;
    // Alone, so that nothing else can be wrong.
    let alone = Shape::Struct {
        name: String::new(),
        fields: vec![FieldShape { name: "it".to_owned(), ..field.clone() }],
    };
    let error = schema::check(&alone, &format!("(it: {default})"), 0).err()?;
    Some(format!(
        "the field `{path}` would refuse its own default {default}, as its description tells it: {}",
        error.message
    ))
}

/// Opens a component with a config of which one value may be out of its range.
fn takes_or_names(probe: &Probe, config: &str) -> Judged {
    let blame = Blame::all("ANY-007");
    probe.given(format_args!("the config {config:.300}"));
    match Instance::open(probe, config) {
        Ok(mut instance) => {
            instance.use_once(probe, blame)?;
            instance.close(probe, blame)
        }
        Err(fault) if fault.code == FaultCode::CONFIG && !fault.field.is_empty() => Ok(()),
        Err(fault) if fault.code == FaultCode::CONFIG => {
            Err(probe.broken("ANY-007", format_args!("the error names no field: {fault}")))
        }
        Err(fault) => Err(refused_oddly(probe, "ANY-007", &fault)),
    }
}

/// A config was refused by something else than a config error.
fn refused_oddly(probe: &Probe, rule: &'static str, fault: &Fault) -> Stop {
    if fault.is_fatal() {
        return probe.fault(fault, Blame::all(rule));
    }
    probe.broken(rule, format_args!("it is refused by an error that names no field: {fault}"))
}

/// Where the numbers and texts of a config stand.
fn literals(config: &str) -> Vec<std::ops::Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
    while let Some(c) = config[at..].chars().next() {
        let rest = &config[at..];
        let length = match c {
            '"' => text_length(rest),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let is_number = rest[..length].trim_start_matches(['+', '-']).starts_with(char::is_numeric);
        if c == '"' || is_number {
            found.push(at..at + length);
        }
        at += length;
    }
    found
}

/// Length of a quoted text, quotes included.
fn text_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    text.len()
}

/// Texts that are no config, or an odd one.
const ODD_TEXTS: [&str; 20] = [
    "",
    " ",
    "(",
    ")",
    "()()",
    "(,)",
    "(:)",
    "[]",
    "{}",
    "None",
    "\"",
    "(a: \"",
    "/* (",
    "// ()",
    "\u{0}",
    "\u{feff}()",
    "#![enable(implicit_some)]()",
    "#![enable(no_such_extension)]()",
    "r#\"raw",
    "'",
];

/// Random texts that are tried.
const RANDOM_TEXTS: usize = 200;

pub(super) fn any_text(probe: &Probe) -> Judged {
    let (config, mut random) = (&probe.task.subject.config, probe.random());
    for text in ODD_TEXTS {
        survives(probe, text)?;
    }
    for bracket in ["(", "[", "{", "Some(", "(a: ", "[[\"", "/*"] {
        survives(probe, &bracket.repeat(10_000))?;
    }
    for (end, _) in config.char_indices() {
        survives(probe, &config[..end])?;
    }
    survives(probe, &" ".repeat(1 << 20))?;
    survives(probe, &"a".repeat(1 << 20))?;
    const SYNTAX: &[u8] = b"(){}[]:,\"'\\/*#!.-+0123456789aeinNSotrue_ \n";
    for number in 0..RANDOM_TEXTS {
        let length = random.usize(0..100);
        let bytes: Vec<u8> = match number % 2 {
            0 => (0..length).map(|_| random.u8(..)).collect(),
            _ => (0..length).map(|_| SYNTAX[random.usize(..SYNTAX.len())]).collect(),
        };
        survives(probe, &String::from_utf8_lossy(&bytes))?;
    }
    Ok(())
}

fn survives(probe: &Probe, text: &str) -> Judged {
    let bytes = count(text.len() as u64, "byte");
    probe.given(format_args!("the config {text:.200?} of {bytes}"));
    match Instance::open(probe, text) {
        Ok(instance) => instance.close(probe, Blame::all("ANY-008")),
        Err(fault) if fault.code == FaultCode::CONFIG => Ok(()),
        Err(fault) => Err(refused_oddly(probe, "ANY-008", &fault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_added_wherever_fields_stand() {
        assert_eq!(with_field("()").unwrap(), "(zz_no_such_field: 1)");
        assert_eq!(with_field("Sized(a: 1)").unwrap(), "Sized(zz_no_such_field: 1, a: 1)");
        assert_eq!(with_field("7"), None);
    }

    #[test]
    fn defaults_are_held_to_their_own_fields() {
        let wrong = |default: &str, of: &str| {
            let field = format!(r#"{{"name":"a","default":{default:?},"min":1,"of":{of}}}"#);
            let inner = format!(r#"{{"type":"struct","name":"S","fields":[{field}]}}"#);
            let shape = format!(
                r#"{{"type":"struct","name":"C","fields":[{{"name":"inner","of":{inner}}}]}}"#
            );
            wrong_default(&serde_json::from_str(&shape).unwrap())
        };
        let (number, choice) = (
            r#"{"type":"number","as":"u8"}"#,
            r#"{"type":"enum","name":"E","variants":[{"name":"front"}]}"#,
        );
        assert_eq!(wrong("1", number), None);
        assert_eq!(wrong("front", choice), None);
        assert_eq!(wrong("\"front\"", choice), None);
        for (default, of) in [("0", number), ("LIMIT", number), ("back", choice)] {
            let seen = wrong(default, of).unwrap();
            assert!(seen.contains("`inner.a`") && seen.contains(default), "{seen}");
        }
    }

    #[test]
    fn numbers_and_texts_are_found() {
        let config = r#"(step2: -3, name: "a \" 4", list: [1.5, true], inner: Some(x: 7))"#;
        let found: Vec<&str> = literals(config).into_iter().map(|range| &config[range]).collect();
        assert_eq!(found, ["-3", r#""a \" 4""#, "1.5", "7"]);
        assert!(literals("()").is_empty());
        assert_eq!(literals("\"open").len(), 1);
    }
}
