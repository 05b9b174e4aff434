//! The fields and choices within a description, by the paths that errors name
//! them by.

use super::{FieldShape, PayloadShape, Shape, VariantShape};

/// A part of a description.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A field, or one of several values in brackets.
    Field(&'a FieldShape),
    /// The one value in a newtype's or a choice's brackets, which has the path
    /// of what is around it.
    Only(&'a FieldShape),
    /// A choice.
    Choice(&'a VariantShape),
}

impl Shape {
    /// All parts, outer ones first, each with its path in a text: `inner.size`,
    /// `pair[1]`, `order.every`; `list[*]` and `map.*` for whatever they hold.
    pub fn parts(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = Vec::new();
        self.add_parts("", &mut parts);
        parts
    }

    fn add_parts<'a>(&'a self, path: &str, parts: &mut Vec<(String, Part<'a>)>) {
        match self {
            Self::Optional { of } => of.add_parts(path, parts),
            Self::List { of } | Self::Array { of, .. } => {
                of.add_parts(&format!("{path}[*]"), parts);
            }
            Self::Map { values, .. } => values.add_parts(&named(path, "*"), parts),
            Self::Tuple { of } => {
                for (number, of) in of.iter().enumerate() {
                    of.add_parts(&format!("{path}[{number}]"), parts);
                }
            }
            Self::Newtype { fields, .. } => add_only(path, fields, parts),
            Self::TupleStruct { fields, .. } | Self::Struct { fields, .. } => {
                add_fields(path, fields, parts);
            }
            Self::Enum { variants, .. } => {
                for variant in variants {
                    let path = named(path, &variant.name);
                    parts.push((path.clone(), Part::Choice(variant)));
                    match variant.payload {
                        PayloadShape::Newtype => add_only(&path, &variant.fields, parts),
                        _ => add_fields(&path, &variant.fields, parts),
                    }
                }
            }
            _ => {}
        }
    }
}

fn add_only<'a>(path: &str, fields: &'a [FieldShape], parts: &mut Vec<(String, Part<'a>)>) {
    for field in fields {
        parts.push((path.to_owned(), Part::Only(field)));
        field.of.add_parts(path, parts);
    }
}

fn add_fields<'a>(path: &str, fields: &'a [FieldShape], parts: &mut Vec<(String, Part<'a>)>) {
    for (number, field) in fields.iter().enumerate() {
        let path = match &*field.name {
            "" => format!("{path}[{number}]"),
            name => named(path, name),
        };
        parts.push((path.clone(), Part::Field(field)));
        field.of.add_parts(&path, parts);
    }
}

fn named(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
