//! What a component's config may be, as a table for people.

use spacetime_sdk_loader::schema::{FieldShape, NumberKind, PayloadShape, Shape, VariantShape};

use super::{Output, Style};

/// A field, or a choice of one.
struct Row {
    /// Its path, such as `tls.ca_file`.
    name: String,
    /// What it may be; empty for a choice.
    kind: String,
    help: String,
}

/// A line per field and choice, and one for the help of each that has some.
pub(super) fn config_table(shape: Option<&Shape>, output: &Output) -> Vec<String> {
    let mut rows = Vec::new();
    match shape {
        None => return vec!["its file does not say".to_owned()],
        Some(Shape::Unit | Shape::UnitStruct { .. }) => return vec!["none".to_owned()],
        Some(Shape::Struct { fields, .. }) if fields.is_empty() => return vec!["none".to_owned()],
        Some(Shape::Struct { fields, .. }) => add_fields("", fields, &mut rows),
        Some(other) => {
            rows.push(Row {
                name: "the config".to_owned(),
                kind: kind(other),
                help: String::new(),
            });
            add_inside("", other, &mut rows);
        }
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

fn add_fields(prefix: &str, fields: &[FieldShape], rows: &mut Vec<Row>) {
    for (number, field) in fields.iter().enumerate() {
        let name = match (prefix, field.name.as_str()) {
            (_, "") => format!("{prefix}.{number}"),
            ("", name) => name.to_owned(),
            (prefix, name) => format!("{prefix}.{name}"),
        };
        let mut parts = vec![kind(&field.of)];
        parts.extend(field.bounds.must().strip_prefix("must be ").map(str::to_owned));
        match (&field.default, field.required) {
            (Some(default), _) => parts.push(format!("default {default}")),
            (None, true) => parts.push("required".to_owned()),
            (None, false) => {}
        }
        if !field.aliases.is_empty() {
            parts.push(format!("also called {}", field.aliases.join(", ")));
        }
        let inside = name.clone();
        rows.push(Row { name, kind: parts.join(", "), help: field.help.clone() });
        add_inside(&inside, &field.of, rows);
    }
}

/// The fields and choices within a value.
fn add_inside(path: &str, shape: &Shape, rows: &mut Vec<Row>) {
    match shape {
        Shape::Optional { of } => add_inside(path, of, rows),
        Shape::List { of } | Shape::Array { of, .. } => add_inside(&format!("{path}[]"), of, rows),
        Shape::Map { values, .. } => add_inside(&format!("{path}{{}}"), values, rows),
        Shape::Struct { fields, .. } => add_fields(path, fields, rows),
        Shape::Newtype { fields, .. } | Shape::TupleStruct { fields, .. } => {
            fields.iter().for_each(|field| add_inside(path, &field.of, rows));
        }
        Shape::Enum { variants, .. } => {
            let told = |one: &&VariantShape| !one.help.is_empty() || !one.fields.is_empty();
            for variant in variants.iter().filter(told) {
                let name = format!("{path}: {}", variant.name);
                let (kind, help) = (String::new(), variant.help.clone());
                rows.push(Row { name: name.clone(), kind, help });
                add_fields(&name, &variant.fields, rows);
            }
        }
        _ => {}
    }
}

/// What a value may be, in few words.
fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Any => "any value".to_owned(),
        Shape::Unit | Shape::UnitStruct { .. } => "()".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Char => "a character".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Number { kind } => number(*kind).to_owned(),
        Shape::Optional { of } => format!("None or Some({})", kind(of)),
        Shape::List { of } => format!("list of {}", kind(of)),
        Shape::Array { of, len } => format!("{len} of {}", kind(of)),
        Shape::Map { keys, values } => format!("{{{}: {}}}", kind(keys), kind(values)),
        Shape::Tuple { of } => format!("({})", list(of.iter().map(kind))),
        Shape::Newtype { fields, .. } | Shape::TupleStruct { fields, .. } => in_order(fields),
        Shape::Struct { .. } => "(…)".to_owned(),
        Shape::Enum { variants, open, .. } => {
            let mut choices: Vec<String> = variants.iter().map(choice).collect();
            choices.extend(open.then(|| "any name".to_owned()));
            choices.join(" | ")
        }
    }
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
    format!("({})", list(fields.iter().map(|field| kind(&field.of))))
}

fn list(kinds: impl Iterator<Item = String>) -> String {
    kinds.collect::<Vec<_>>().join(", ")
}

fn number(kind: NumberKind) -> &'static str {
    match kind {
        NumberKind::U8 | NumberKind::U16 | NumberKind::U32 | NumberKind::U64 | NumberKind::U128 => {
            "whole number from 0"
        }
        NumberKind::I8 | NumberKind::I16 | NumberKind::I32 | NumberKind::I64 | NumberKind::I128 => {
            "whole number"
        }
        NumberKind::F32 | NumberKind::F64 | NumberKind::Unknown => "number",
    }
}
