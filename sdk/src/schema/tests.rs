//! A description takes the texts that `serde`'s own derive takes, and no other:
//! that is what makes it worth anything. Good texts are spoilt at every byte,
//! and both are asked.

#![allow(dead_code, reason = "what is read is not looked at")]

use std::{
    collections::{BTreeMap, HashSet},
    net::Ipv4Addr,
    num::NonZeroU16,
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::*;
use crate::ron_text::Text;

#[derive(Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(rename_all = "camelCase", rename = "Settings")]
struct Fields {
    very_plain: u8,
    #[serde(rename = "other")]
    renamed: String,
    #[serde(alias = "old", alias = "older")]
    aliased: Option<bool>,
    #[serde(default, rename(serialize = "x"))]
    defaulted: Vec<i32>,
    #[serde(skip)]
    skipped: u8,
    #[serde(default, deserialize_with = "bare")]
    #[schema(as = i64)]
    custom: Option<i64>,
    #[serde(deserialize_with = "bare")]
    #[schema(as = "i64")]
    needed: Option<i64>,
    r#type: char,
}

fn bare<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(value).map(Some)
}

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(default, deny_unknown_fields)]
struct Deep {
    map: BTreeMap<String, Choice>,
    pair: (u8, Pair),
    array: [i8; 2],
    wrapped: Wrapped,
    clear: Clear,
    marker: Marker,
    boxed: Option<Box<Deep2>>,
    looks: Deep3,
    path: PathBuf,
    set: HashSet<u32>,
    ratio: f64,
    instead: Instead,
}

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
struct Deep2 {
    time: Duration,
    port: Option<u16>,
    unit: (),
}

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
struct Deep3 {
    unit: (),
    #[serde(default)]
    none: Option<()>,
}

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
struct Pair(i8, #[serde(default)] bool);

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
struct Wrapped(u8);

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(transparent)]
struct Clear(Option<u8>);

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
struct Marker;

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(from = "u16")]
struct Instead(u32);

impl From<u16> for Instead {
    fn from(value: u16) -> Self {
        Self(value.into())
    }
}

#[derive(Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(rename_all = "snake_case", rename_all_fields = "UPPERCASE")]
enum Choice {
    Nothing,
    #[serde(rename = "1st", alias = "first")]
    First(u8),
    Both(bool, Option<u8>),
    Named {
        size: u32,
        #[serde(rename = "rest", default)]
        remains: Generic<u8>,
    },
    #[serde(skip)]
    Hidden,
}

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(default)]
struct Generic<T> {
    of: Vec<T>,
}

#[derive(Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(rename_all = "lowercase")]
enum Open {
    Known,
    #[serde(other)]
    Unknown,
}

/// Whether the type's own `Deserialize` takes a text, unknown fields aside.
fn serde_takes<C: DeserializeOwned>(text: &str, extensions: u64) -> bool {
    let read = Text::new(text, extensions).read(|text| {
        let mut unknown = false;
        text.deserialize(|text| {
            let read = serde_ignored::deserialize::<_, _, C>(text, |_| unknown = true);
            read.map(drop)
        })?;
        Ok(!unknown)
    });
    read == Ok(true)
}

/// What bytes become, to spoil a text.
const SPOILERS: [&str; 12] = ["", "(", ")", "[", "}", ",", ":", "\"", "-", "7", "x", "None"];

/// The texts, and all that come of them when a byte is replaced.
#[track_caller]
fn assert_like_serde<C: DeserializeOwned + Schema>(good: &[&str], bad: &[&str]) {
    let shape = Shape::from(&C::SCHEMA);
    let (mut taken, mut refused) = (0, 0);
    let mut compare = |text: &str, extensions| {
        let expected = serde_takes::<C>(text, extensions);
        let checked = check(&shape, text, extensions);
        assert_eq!(checked.is_ok(), expected, "{text}: {checked:?}");
        *if expected { &mut taken } else { &mut refused } += 1;
        expected
    };
    for text in good {
        assert!(compare(text, 0), "{text} is good");
        for at in 0..text.len() {
            for spoiler in SPOILERS {
                let spoilt = format!("{}{spoiler}{}", &text[..at], &text[at + 1..]);
                // All extensions, too: they change what a text means.
                for extensions in [0, 1, 2, 4, 8, 15] {
                    compare(&spoilt, extensions);
                }
            }
        }
    }
    for text in bad {
        assert!(!compare(text, 0), "{text} is bad");
    }
    assert!(taken > good.len() && refused > 50, "{taken} taken, {refused} refused");
}

/// A description need not know the rules within a text or a number, which are
/// found out when the component is opened; it must not refuse what is right.
#[test]
fn what_has_rules_of_its_own_is_taken_at_least() {
    let takes = |shape: Type, text| check(&Shape::from(&shape), text, 0).is_ok();
    assert!(takes(Ipv4Addr::SCHEMA, "\"1.2.3.4\"") && takes(Ipv4Addr::SCHEMA, "\"1.2.3\""));
    assert!(takes(NonZeroU16::SCHEMA, "1") && takes(NonZeroU16::SCHEMA, "0"));
    assert!(!takes(Ipv4Addr::SCHEMA, "1") && !takes(NonZeroU16::SCHEMA, "65536"));
}

#[test]
fn a_struct_takes_what_serde_takes() {
    let good = [
        "(veryPlain: 3, other: \"a\", aliased: Some(true), defaulted: [1, -2], custom: 4, needed: 0, \
         type: 'x')",
        "Settings(type: '\\n', needed: -1, other: r\"b\", older: None, veryPlain: 0xFF,)",
    ];
    let bad = [
        "()",
        "(veryPlain: 256, other: \"\", needed: 1, type: 'x')",
        "(veryPlain: 1, other: \"\", type: 'x')",
        "(veryPlain: 1, other: \"\", needed: 1, type: 'x', skipped: 1)",
        "(veryPlain: 1, other: \"\", needed: 1, type: 'x', old: None, older: None)",
        "(very_plain: 1, other: \"\", needed: 1, type: 'x')",
        "Fields(veryPlain: 1, other: \"\", needed: 1, type: 'x')",
        "(veryPlain: 1, other: \"\", needed: Some(1), type: 'x')",
    ];
    assert_like_serde::<Fields>(&good, &bad);
}

#[test]
fn all_kinds_of_types_take_what_serde_takes() {
    let good = [
        "(map: {\"a\": nothing, \"b\": r#1st(3), \"c\": first(4)}, pair: (1, (-2)), array: (1, 2))",
        "(map: {\"d\": both(true, Some(1)), \"e\": named(SIZE: 1, rest: (of: [1]))})",
        "(wrapped: (3), clear: Some(3), marker: Marker, pair: (1, Pair(2, true)), set: [1, 1])",
        "(wrapped: Wrapped(3), clear: None, marker: (), ratio: 1e3, instead: 65535, path: \"/\")",
        "(boxed: Some((time: (secs: 1, nanos: 2), port: Some(1), unit: ())))",
        "(ratio: inf)",
    ];
    let bad = [
        "(map: {\"a\": hidden})",
        "(map: {\"a\": named(size: 1)})",
        "(map: {\"a\": \"elsewhere\"})",
        "(array: (1, 2, 3))",
        "(array: (1,))",
        "(instead: 65536)",
        "(boxed: Some((time: (secs: 1), port: None, unit: ())))",
        "(unknown: 1)",
    ];
    assert_like_serde::<Deep>(&good, &bad);
    assert_like_serde::<Vec<Open>>(&["[known, other, \"known\"]"], &["[known(1)]", "[1]"]);
    assert_like_serde::<()>(&["()", "/* none */ ()"], &["", "(a: 1)", "((), ())"]);
}

#[derive(Deserialize, Schema)]
#[schema(crate = crate)]
struct Bounded {
    /// How many
    /// of [`Bounded`].
    ///
    /// No more.
    #[schema(min = 1, max = LIMIT)]
    count: u64,
    #[serde(default)]
    #[schema(above = -0.5, below = 1)]
    ratios: Vec<f32>,
    #[schema(max = -1)]
    #[serde(default)]
    inner: Option<i64>,
    #[serde(default)]
    #[schema(any)]
    whatever: Option<Inner>,
    #[serde(default)]
    #[schema(default = "a \"b\"")]
    inside: Inner,
}

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(default)]
struct Inner {
    #[schema(min = 2, default = 2)]
    size: u8,
    other: Vec<Choice>,
}

const LIMIT: i32 = 1 << 20;

fn refused(text: &str) -> ConfigError {
    let error = check(&Shape::from(&Bounded::SCHEMA), text, 0).unwrap_err();
    let parsed = Text::new(text, 0).read(|text| text_fits(&Shape::from(&Bounded::SCHEMA), text));
    assert_eq!(parsed, Err(error.clone()));
    error
}

#[track_caller]
fn assert_refused(text: &str, field: &str, place: (u32, u32), message: &str) {
    let error = refused(text);
    assert_eq!((&*error.field, error.line, error.column), (field, place.0, place.1), "{error:?}");
    assert_eq!(error.message, message);
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_would_be_right() {
    assert_refused("(\n  count: 0)", "count", (2, 3), "count must be between 1 and 1048576, not 0");
    assert_refused(
        "(count: 1,\n ratios: [0.5,\n   1.0])",
        "ratios[1]",
        (2, 2),
        "ratios[1] must be above -0.5 and below 1, not 1.0",
    );
    assert_refused(
        "(count: 1, inner: Some(0))",
        "inner",
        (1, 12),
        "inner must be at most -1, not 0",
    );
    assert_refused(
        "(count: 1,\n inside: (\n  size: 1))",
        "inside.size",
        (3, 3),
        "inside.size must be at least 2, not 1",
    );
    assert_refused(
        "(count: 1,\n inside: (\n  size: 256))",
        "inside.size",
        (3, 9),
        "inside.size must be a whole number between 2 and 255, not 256",
    );
    assert_refused(
        "(count: 1,\n counts: 2)",
        "counts",
        (2, 2),
        "Unexpected field named `counts`; did you mean `count`? Known are `count`, `ratios`, \
         `inner`, `whatever`, `inside`",
    );
    assert_refused(
        "(inner: None, )",
        "count",
        (1, 15),
        "`count` must be given: How many of `Bounded`",
    );
    assert_refused("(count: 1, count: 1)", "count", (1, 12), "`count` is given twice");
    assert_refused(
        "(count: 1,\n inside: (other: [nothing,\n noting]))",
        "inside.other[1]",
        (3, 2),
        "Unexpected choice `noting`; did you mean `nothing`? Known are `nothing`, `1st`, `both`, \
         `named`",
    );
    let any = "(count: 1, whatever: (\"x\": {1, 2}))";
    assert_eq!((refused(any).line, refused(any).column), (1, 26));
    check(&Shape::from(&Bounded::SCHEMA), "(count: 1048576, whatever: [x, (y: 1)])", 0).unwrap();
}

#[derive(Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(default)]
#[derive(Default)]
struct Written {
    size: u8,
    big: i128,
    share: f32,
    opt: Option<u16>,
    order: Option<Order>,
    flag: bool,
    name: String,
    letter: char,
    list: Vec<u8>,
    inner: Inner,
    pair: (u8, u8),
    map: BTreeMap<String, u8>,
    none: (),
    bounded: Tuned,
    #[schema(any)]
    free: u64,
}

#[derive(Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(rename_all = "snake_case")]
enum Order {
    Forwards,
    Every(u8),
}

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(default)]
struct Tuned {
    #[schema(above = 0, below = 10)]
    level: i8,
}

/// What somebody writes first, and what gets him on.
#[test]
fn a_value_of_another_kind_is_told_with_its_field_what_it_is_and_what_is_allowed() {
    let shape = Shape::from(&Written::SCHEMA);
    for (text, field, message) in [
        ("(size: 300)", "size", "size must be a whole number between 0 and 255, not 300"),
        ("(size: 1.5)", "size", "size must be a whole number between 0 and 255, not 1.5"),
        ("(size: -1)", "size", "size must be a whole number between 0 and 255, not -1"),
        (
            "(size: 1e3, flag: true)",
            "size",
            "size must be a whole number between 0 and 255, not 1e3",
        ),
        ("(size: \"3\")", "size", "size must be a whole number between 0 and 255, not \"3\""),
        ("(size: (1, 2))", "size", "size must be a whole number between 0 and 255, not (1, 2)"),
        ("(size: 3 MiB)", "size", "Expected comma, not MiB"),
        ("(size: )", "size", "size must be a whole number between 0 and 255, not )"),
        ("(big: 0.5)", "big", "big must be a whole number, not 0.5"),
        ("(share: half)", "share", "share must be a number, not half"),
        ("(opt: 5)", "opt", "opt must be `None` or `Some(…)`: write `Some(5)`"),
        ("(opt: 5, size: 1)", "opt", "opt must be `None` or `Some(…)`: write `Some(5)`"),
        (
            "(opt: \"5\")",
            "opt",
            "opt must be `None`, or `Some(…)` around a whole number between 0 and 65535, not \"5\"",
        ),
        ("(opt: Some(70000))", "opt", "opt must be a whole number between 0 and 65535, not 70000"),
        ("(order: forwards)", "order", "order must be `None` or `Some(…)`: write `Some(forwards)`"),
        ("(order: every(3))", "order", "order must be `None` or `Some(…)`: write `Some(every(3))`"),
        (
            "(order: Some(every(-3)))",
            "order.every",
            "order.every must be a whole number between 0 and 255, not -3",
        ),
        ("(order: Some(5))", "order", "order must be one of `forwards`, `every(…)`, not 5"),
        ("(flag: 1)", "flag", "flag must be true or false, not 1"),
        ("(flag: yes)", "flag", "flag must be true or false, not yes"),
        ("(name: 7)", "name", "name must be a text in double quotes, not 7"),
        ("(name: abc)", "name", "name must be a text in double quotes, not abc"),
        ("(letter: \"a\")", "letter", "letter must be a character in single quotes, not \"a\""),
        (
            "(list: 1)",
            "list",
            "list must be a list in `[ ]`, each item of it a whole number between 0 and 255, not 1",
        ),
        (
            "(list: [1, 2.5])",
            "list[1]",
            "list[1] must be a whole number between 0 and 255, not 2.5",
        ),
        (
            "(list: [1, 300])",
            "list[1]",
            "list[1] must be a whole number between 0 and 255, not 300",
        ),
        ("(inner: 5)", "inner", "inner must be fields in `( )`, as `(size: …)` is, not 5"),
        ("(pair: 5)", "pair", "pair must be 2 values in `( )`, not 5"),
        ("(map: (1))", "map", "map must be a map in `{ }`, as `{key: value}` is, not (1)"),
        ("(none: 1)", "none", "none must be `()`, not 1"),
        (
            "(bounded: (level: 2.5))",
            "bounded.level",
            "bounded.level must be a whole number between 1 and 9, not 2.5",
        ),
        (
            "(bounded: (level: 10))",
            "bounded.level",
            "bounded.level must be above 0 and below 10, not 10",
        ),
        ("5", "", "it must be fields in `( )`, as `(size: …)` is, not 5"),
        ("(size: 1 flag: true)", "size", "Expected comma, not flag"),
    ] {
        let error = check(&shape, text, 0).unwrap_err();
        assert_eq!((&*error.field, &*error.message), (field, message), "{text}");
    }
    let long = format!("(size: \"{}\")", "ä".repeat(1000));
    let error = check(&shape, &long, 0).unwrap_err();
    assert!(error.message.ends_with("äää…") && error.message.len() < 250, "{error:?}");
    let error = check(&shape, "(name: 7,\n  size: 1.5)", 0).unwrap_err();
    assert_eq!((error.line, error.column), (1, 8));
    let error = check(&shape, "(name: \"\",\n  size: 1.5)", 0).unwrap_err();
    assert_eq!((error.line, error.column), (2, 9));
    // What is left open, its own type refuses.
    let read = |text: &str| crate::config::parse_text::<Written>(text, 0).err().unwrap();
    assert_eq!(
        (read("(free: 1.5)").field, read("(size: 1.5)").field),
        ("free".into(), "size".into())
    );
    // With the extension, a bare value is one.
    check(&shape, "(opt: 5, order: every(3))", 2).unwrap();
}

#[derive(Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(default)]
#[derive(Default)]
struct Nested {
    size: u8,
    inner: Option<Inner>,
    pairs: Vec<Pair>,
    map: BTreeMap<String, Pair>,
    two: (u8, Pair),
    order: Option<Choice>,
    wrapped: Wrapped,
}

#[derive(Default, Deserialize, Schema)]
#[schema(crate = crate)]
#[serde(default)]
struct Several {
    #[schema(default = (1, 3))]
    array: [u8; 2],
    #[schema(max = 9, default = [1, 3, 5])]
    list: Vec<u8>,
    #[schema(default = (1, -3))]
    tuple: (u8, i8),
    #[schema(default = Some((-1, 3)))]
    optional: Option<[i8; 2]>,
}

#[test]
fn defaults_of_several_values_are_such_as_a_manifest_has() {
    let shape = Shape::from(&Several::SCHEMA);
    let Shape::Struct { fields, .. } = &shape else { panic!() };
    let given =
        fields.iter().map(|field| format!("{}: {}", field.name, field.default.as_ref().unwrap()));
    let text = format!("({})", given.collect::<Vec<_>>().join(", "));
    assert_eq!(text, "(array: (1,3), list: [1,3,5], tuple: (1,-3), optional: Some((-1,3)))");
    check(&shape, &text, 0).unwrap();
}

/// What `plugin inspect` shows must be what an error names.
#[test]
fn parts_have_the_paths_that_errors_name() {
    let shape = Shape::from(&Nested::SCHEMA);
    let paths: Vec<String> = shape.parts().into_iter().map(|(path, _)| path).collect();
    for (path, text) in [
        ("size", "(size: x)"),
        ("inner.size", "(inner: Some((size: x)))"),
        ("pairs[*][0]", "(pairs: [(1), (x)])"),
        ("map.*[1]", "(map: {\"a\": (1, x)})"),
        ("two[1][0]", "(two: (1, (x)))"),
        ("order.1st", "(order: Some(r#1st(x)))"),
        ("order.both[1]", "(order: Some(both(true, Some(x))))"),
        ("order.named.SIZE", "(order: Some(named(SIZE: x)))"),
        ("order.named.rest.of", "(order: Some(named(SIZE: 1, rest: (of: x))))"),
        ("wrapped", "(wrapped: (x))"),
    ] {
        let error = check(&shape, text, 0).unwrap_err();
        let pattern = error.field.replace("[1][0]", "[*][0]").replace("map.a", "map.*");
        let expected = path.replace("[1][0]", "[*][0]");
        assert_eq!(pattern, expected, "{text}: {error:?}");
        assert!(paths.iter().any(|known| known == path), "{path}: {paths:#?}");
    }
}

#[test]
fn a_description_is_read_as_it_was_written() {
    let Shape::Struct { name, fields } = Shape::from(&Bounded::SCHEMA) else { panic!() };
    assert_eq!((&*name, fields.len()), ("Bounded", 5));
    let count = &fields[0];
    assert_eq!((&*count.help, count.required), ("How many of `Bounded`.\nNo more.", true));
    assert_eq!(count.bounds.must(), "must be between 1 and 1048576");
    assert_eq!(fields[3].of, Shape::Any);
    assert!(!fields[3].required && fields[4].default.as_deref() == Some("\"a \\\"b\\\"\""));
    let Shape::Struct { fields: inner, .. } = &fields[4].of else { panic!() };
    assert_eq!(inner[0].default.as_deref(), Some("2"));
    let json = serde_json::to_string(&fields).unwrap();
    assert_eq!(serde_json::from_str::<Vec<FieldShape>>(&json).unwrap(), fields);
}

/// What a newer SDK may write.
#[test]
fn what_is_not_known_counts_as_anything() {
    let json = r#"{"type":"struct","name":"New","more":1,"fields":[
        {"name":"a","of":{"type":"date","era":{"name":"x"}},"unit":"seconds"},
        {"name":"b","of":{"type":"number","as":"f16"}},
        {"name":"c","of":{"type":"enum","name":"E","variants":[
            {"name":"x","payload":"stream","fields":[]}]}}]}"#;
    let shape: Shape = serde_json::from_str(json).unwrap();
    check(&shape, "(a: (3, [x]), b: 1.5, c: x(1))", 0).unwrap();
    assert!(check(&shape, "(d: 1)", 0).is_err());
}
