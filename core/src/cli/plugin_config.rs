//! What a component's config may be, as a table for people.

use spacetime_sdk_loader::schema::{
    BoundShape, FieldShape, NumberKind, Part, PayloadShape, Shape, VariantShape,
};

use super::{Output, Style};

/// A field, or a choice of one.
struct Row {
    /// Its path, such as `tls.ca_file`, as errors name it.
    name: String,
    /// What it may be; empty for a choice without a value.
    kind: String,
    help: String,
}

/// A line per field and choice, and one for the help of each that has some.
pub(super) fn config_table(shape: Option<&Shape>, output: &Output) -> Vec<String> {
    let Some(shape) = shape else { return vec!["its file does not say".to_owned()] };
    let rows = rows(shape);
    if rows.is_empty() {
        return vec!["none".to_owned()];
    }
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for Row { name, kind, help } in rows {
        let pad = " ".repeat(width - name.chars().count());
        lines.push(
            format!("{}{pad}  {kind}", output.paint(Style::Bold, name)).trim_end().to_owned(),
        );
        for line in help.lines() {
            lines.push(format!("{:width$}  {}", "", output.paint(Style::Dim, line)));
        }
    }
    lines
}

fn rows(shape: &Shape) -> Vec<Row> {
    let whole = match shape {
        Shape::Unit | Shape::UnitStruct { .. } | Shape::Struct { .. } => None,
        other => Some(Row {
            name: "the config".to_owned(),
            kind: kind(other, &BoundShape::default()),
            help: String::new(),
        }),
    };
    let parts = shape.parts().into_iter();
    whole.into_iter().chain(parts.filter_map(|(path, part)| row(path, part))).collect()
}

fn row(name: String, part: Part<'_>) -> Option<Row> {
    match part {
        Part::Field(field) => Some(Row { name, kind: told(field), help: field.help.clone() }),
        // It is told with what is around it.
        Part::Only(_) => None,
        Part::Choice(variant) if variant.help.is_empty() && variant.fields.is_empty() => None,
        Part::Choice(VariantShape { payload, fields, help, .. }) => {
            let (mut kind, mut help) = (String::new(), help.clone());
            if let (PayloadShape::Newtype, [only]) = (payload, &fields[..]) {
                kind = self::kind(&only.of, &only.bounds);
                help = [help, only.help.clone()].join("\n").trim().to_owned();
            }
            Some(Row { name, kind, help })
        }
    }
}

/// What a field may be, and whether it may be left out.
fn told(field: &FieldShape) -> String {
    let mut parts = vec![kind(&field.of, &field.bounds)];
    match (&field.default, field.required) {
        (Some(default), _) => parts.push(format!("default {default}")),
        (None, true) => parts.push("required".to_owned()),
        (None, false) => parts.push("may be left out".to_owned()),
    }
    if !field.aliases.is_empty() {
        parts.push(format!("also called {}", field.aliases.join(", ")));
    }
    parts.join(", ")
}

/// What a value within these bounds may be, in few words.
fn kind(shape: &Shape, bounds: &BoundShape) -> String {
    match shape {
        Shape::Any => "any value".to_owned(),
        Shape::Unit | Shape::UnitStruct { .. } => "()".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Char => "a character".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Number { kind } => number(*kind, bounds),
        Shape::Optional { of } => format!("None or Some({})", kind(of, bounds)),
        Shape::List { of } => format!("list of {}", kind(of, bounds)),
        Shape::Array { of, len } => format!("{len} values in ( ), each {}", kind(of, bounds)),
        Shape::Map { keys, values } => format!("{{{}: {}}}", unbounded(keys), unbounded(values)),
        Shape::Tuple { of } => format!("({})", list(of.iter().map(unbounded))),
        Shape::Newtype { fields, .. } | Shape::TupleStruct { fields, .. } => in_order(fields),
        Shape::Struct { .. } => "(…)".to_owned(),
        Shape::Enum { variants, open, .. } => {
            let mut choices: Vec<String> = variants.iter().map(choice).collect();
            choices.extend(open.then(|| "any name".to_owned()));
            choices.join(" | ")
        }
    }
}

fn unbounded(shape: &Shape) -> String {
    kind(shape, &BoundShape::default())
}

fn choice(variant: &VariantShape) -> String {
    match variant.payload {
        PayloadShape::Unit => variant.name.clone(),
        PayloadShape::Newtype | PayloadShape::Tuple => {
            format!("{}{}", variant.name, in_order(&variant.fields))
        }
        PayloadShape::Struct | PayloadShape::Unknown => format!("{}(…)", variant.name),
    }
}

fn in_order(fields: &[FieldShape]) -> String {
    format!("({})", list(fields.iter().map(|field| kind(&field.of, &field.bounds))))
}

fn list(kinds: impl Iterator<Item = String>) -> String {
    kinds.collect::<Vec<_>>().join(", ")
}

/// As errors have it.
fn number(kind: NumberKind, bounds: &BoundShape) -> String {
    let words = kind.words(bounds);
    words.strip_prefix("a ").map_or_else(|| words.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use spacetime_sdk::Schema;

    use super::*;

    #[derive(serde::Deserialize, Schema)]
    #[allow(dead_code, reason = "only what is told of it is looked at")]
    struct Config {
        /// Tries.
        tries: u8,
        #[schema(min = 1, max = 9)]
        level: Option<u64>,
        #[serde(default)]
        names: Vec<String>,
        #[serde(default)]
        #[schema(above = 0, default = 0.5)]
        share: f64,
        pair: (u8, i8),
        order: Order,
        #[serde(default)]
        limits: BTreeMap<String, Limit>,
    }

    #[derive(serde::Deserialize, Schema)]
    #[serde(rename_all = "snake_case")]
    #[allow(dead_code, reason = "only what is told of it is looked at")]
    enum Order {
        Forwards,
        /// Some of them.
        Stride(#[schema(min = 2)] u16),
        Both(bool, u8),
        Named {
            size: u8,
        },
    }

    #[derive(serde::Deserialize, Schema)]
    #[allow(dead_code, reason = "only what is told of it is looked at")]
    struct Limit(u8, #[schema(max = 5)] u8);

    #[test]
    fn fields_are_told_with_their_ends_by_the_paths_that_errors_name() {
        let told = rows(&Shape::from(&Config::SCHEMA)).into_iter();
        let told: Vec<[String; 3]> =
            told.map(|Row { name, kind, help }| [name, kind, help]).collect();
        let byte = "whole number between 0 and 255";
        let expected = [
            ["tries", &format!("{byte}, required"), "Tries."],
            ["level", "None or Some(whole number between 1 and 9), may be left out", ""],
            ["names", "list of text, may be left out", ""],
            ["share", "number above 0, default 0.5", ""],
            ["pair", &format!("({byte}, whole number between -128 and 127), required"), ""],
            [
                "order",
                &format!(
                    "forwards | stride(whole number between 2 and 65535) | both(true or false, \
                     {byte}) | named(…), required"
                ),
                "",
            ],
            ["order.stride", "whole number between 2 and 65535", "Some of them."],
            ["order.both", "", ""],
            ["order.both[0]", "true or false, required", ""],
            ["order.both[1]", &format!("{byte}, required"), ""],
            ["order.named", "", ""],
            ["order.named.size", &format!("{byte}, required"), ""],
            [
                "limits",
                &format!("{{text: ({byte}, whole number between 0 and 5)}}, may be left out"),
                "",
            ],
            ["limits.*[0]", &format!("{byte}, required"), ""],
            ["limits.*[1]", "whole number between 0 and 5, required", ""],
        ];
        assert_eq!(told, expected);
    }
}
