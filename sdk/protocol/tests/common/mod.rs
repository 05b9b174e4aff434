//! Runs the reference's vectors: loads a fixture, asks a test for our answer to each case, and
//! compares the two.
//!
//! Every field of `out` has to be answered (but `numbers` and `terms`, which only inform). A case
//! that is not compared is an exception with a name and a reason, and every list of exceptions is
//! exact: one that no longer applies fails the test.
//!
//! With `SPACETIME_VECTORS` set to a directory, the cases come from there and neither their number
//! nor their names are checked: for more data of the same kinds.

#![allow(dead_code, reason = "each test crate uses its own part")]

use std::path::PathBuf;

use serde_json::{Map, Value};

/// One case of a fixture.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) op: String,
    pub(crate) input: Map<String, Value>,
    pub(crate) outcome: Result<Map<String, Value>, Map<String, Value>>,
    /// A verdict beside it.
    pub(crate) valid: Option<bool>,
}

/// What we do with a case.
pub(crate) enum Answer {
    /// Our values. Fields that the reference does not give are ignored.
    Out(Value),
    /// We refuse.
    Refused(Refusal),
    /// Not compared. Where we do something else on purpose, the test has asserted what.
    Except,
}

/// A refusal of ours, with what the reference's error has to show to be the same.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    /// Our error, for the message of a failure.
    pub(crate) error: String,
    /// The argument at fault.
    pub(crate) field: Option<&'static str>,
    /// Words of its message.
    pub(crate) terms: &'static [&'static str],
    /// Numbers of its message.
    pub(crate) numbers: Vec<i64>,
}

impl Answer {
    /// A refusal of which only the fact is compared.
    pub(crate) fn refused(error: impl std::fmt::Debug) -> Self {
        Self::Refused(Refusal { error: format!("{error:?}"), ..Refusal::default() })
    }

    /// A refusal of an argument.
    pub(crate) fn refused_field(field: &'static str) -> Self {
        let error = format!("argument {field}");
        Self::Refused(Refusal { error, field: Some(field), ..Refusal::default() })
    }
}

impl Case {
    /// An input as it stands; null where it is absent.
    pub(crate) fn value(&self, name: &str) -> &Value {
        self.input.get(name).unwrap_or(&Value::Null)
    }

    /// A byte string; `None` for null.
    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.text(name).map(|text| self.hex(text))
    }

    /// A list of byte strings; `None` for null.
    pub(crate) fn byte_strings(&self, name: &str) -> Option<Vec<Vec<u8>>> {
        let list = self.value(name).as_array()?;
        Some(list.iter().map(|item| self.hex(item.as_str().expect("a hexadecimal text"))).collect())
    }

    /// A text; `None` for null.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Value::Null => None,
            value => Some(value.as_str().unwrap_or_else(|| self.wrong(name, "a text"))),
        }
    }

    /// A number; `None` for null.
    pub(crate) fn optional_int(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Value::Null => None,
            value => Some(value.as_i64().unwrap_or_else(|| self.wrong(name, "a number"))),
        }
    }

    /// A number.
    pub(crate) fn int(&self, name: &str) -> i64 {
        self.optional_int(name).unwrap_or_else(|| self.wrong(name, "a number"))
    }

    /// A yes or no.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap_or_else(|| self.wrong(name, "a yes or no"))
    }

    /// Fails the test for an operation that it does not know.
    pub(crate) fn unknown(&self) -> ! {
        panic!("{}: unknown operation {}", self.id, self.op)
    }

    fn hex(&self, text: &str) -> Vec<u8> {
        const_hex::decode(text).unwrap_or_else(|error| panic!("{}: {text}: {error}", self.id))
    }

    fn wrong(&self, name: &str, wanted: &str) -> ! {
        panic!("{}: input {name} is not {wanted}: {}", self.id, self.value(name))
    }
}

/// The cases of a topic.
pub(crate) fn load(topic: &str) -> Vec<Case> {
    let path = directory().join(format!("{topic}.json"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_str(&text).expect("a fixture is JSON");
    file["cases"].as_array().expect("a fixture has cases").iter().map(case).collect()
}

/// Asks `answer` for every case of a topic. `compared` is the number of cases that are left when
/// those in `exceptions` (an id, or its beginning and `*`; why) are taken away.
///
/// # Panics
/// After all cases, with a line for each that differs.
pub(crate) fn run(
    topic: &str,
    compared: usize,
    exceptions: &[(&str, &str)],
    mut answer: impl FnMut(&Case) -> Answer,
) {
    let mut used = vec![false; exceptions.len()];
    let mut count = 0;
    let mut failures = Vec::new();
    for case in load(topic) {
        let exception = exceptions.iter().position(|(pattern, _)| matches(pattern, &case.id));
        match (answer(&case), exception) {
            (Answer::Except, Some(index)) => used[index] = true,
            (Answer::Except, None) if is_own() => {
                failures.push(format!("{}: an unnamed exception", case.id));
            }
            (Answer::Except, None) => {}
            (_, Some(_)) if is_own() => {
                failures.push(format!("{}: named as exception, but compared", case.id));
            }
            (answer, _) => {
                count += 1;
                failures.extend(compare(&case, answer));
            }
        }
    }
    if is_own() {
        let idle = exceptions.iter().zip(&used).filter(|(_, used)| !**used);
        failures.extend(idle.map(|((pattern, _), _)| format!("no case is {pattern}")));
        if count != compared {
            failures.push(format!("{count} cases compared, not {compared}"));
        }
    }
    assert!(failures.is_empty(), "{topic}: {}\n{}", failures.len(), failures.join("\n"));
}

fn is_own() -> bool {
    std::env::var_os("SPACETIME_VECTORS").is_none()
}

fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("SPACETIME_VECTORS") {
        return directory.into();
    }
    // Other packages borrow this file, and find the fixtures from their own folder.
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let places = here.ancestors().flat_map(|folder| {
        ["tests/fixtures", "sdk/protocol/tests/fixtures"].map(|place| folder.join(place))
    });
    places.into_iter().find(|place| place.exists()).expect("the fixtures are in the repository")
}

fn case(value: &Value) -> Case {
    let text = |name: &str| value[name].as_str().expect("a case has an id and an op").to_owned();
    let object = |name: &str| match value.get(name) {
        // "Nothing" is an answer too.
        Some(Value::Null) => Some(Map::from_iter([("nothing".to_owned(), Value::Bool(true))])),
        value => value.and_then(Value::as_object).cloned(),
    };
    let outcome = match (object("out"), object("error")) {
        (Some(out), None) => Ok(out),
        (None, Some(error)) => Err(error),
        _ => panic!("{}: neither out nor error", value["id"]),
    };
    let (input, valid) = (object("in").unwrap_or_default(), value["valid"].as_bool());
    Case { id: text("id"), op: text("op"), input, outcome, valid }
}

fn matches(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |beginning| id.starts_with(beginning))
}

fn compare(case: &Case, answer: Answer) -> Vec<String> {
    let failures = match (answer, &case.outcome) {
        (Answer::Out(ours), Ok(theirs)) => compare_fields(&ours, theirs),
        (Answer::Refused(ours), Err(theirs)) => compare_refusals(&ours, theirs),
        (Answer::Out(ours), Err(theirs)) => {
            vec![format!("we answer {ours}, the reference refuses: {theirs:?}")]
        }
        (Answer::Refused(ours), Ok(theirs)) => {
            vec![format!("we refuse ({}), the reference answers {theirs:?}", ours.error)]
        }
        (Answer::Except, _) => Vec::new(),
    };
    failures.into_iter().map(|failure| format!("{} ({}): {failure}", case.id, case.op)).collect()
}

fn compare_fields(ours: &Value, theirs: &Map<String, Value>) -> Vec<String> {
    let compared = theirs.iter().filter(|(name, _)| !informs(name));
    let failure = |(name, theirs): (&String, &Value)| {
        let theirs = without_information(theirs);
        match ours.get(name) {
            Some(ours) if without_information(ours) == theirs => None,
            Some(ours) => Some(format!("{name} is {ours}, not {theirs}")),
            None => Some(format!("{name} is not compared")),
        }
    };
    compared.filter_map(failure).collect()
}

fn compare_refusals(ours: &Refusal, theirs: &Map<String, Value>) -> Vec<String> {
    let list = |name: &str| theirs.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut failures = Vec::new();
    if let Some(field) = ours.field
        && theirs.get("field").and_then(Value::as_str) != Some(field)
    {
        failures.push(format!("we refuse {field}, the reference: {theirs:?}"));
    }
    let terms = list("terms");
    let numbers = list("numbers");
    if ours.terms.iter().any(|term| !terms.contains(&Value::from(*term)))
        || ours.numbers.iter().any(|number| !numbers.contains(&Value::from(*number)))
    {
        failures.push(format!("we refuse as {ours:?}, the reference: {theirs:?}"));
    }
    failures
}

fn informs(name: &str) -> bool {
    name == "numbers" || name == "terms"
}

fn inner(name: &str, value: &Value) -> Value {
    let mut value = without_information(value);
    if name == "error"
        && let Some(error) = value.as_object_mut()
    {
        error.remove("type");
    }
    value
}

/// Without what only informs: such fields, and the reference's kind of exception in an error.
fn without_information(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !informs(name))
            .map(|(name, value)| (name.clone(), inner(name, value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_information).collect(),
        other => other.clone(),
    }
}
