//! What a value must be, in words: for messages about one that is something
//! else.

use serde_json::Number;

use super::{BoundShape, FieldShape, NumberKind, PayloadShape, Shape, VariantShape};

impl Shape {
    /// What a value within these bounds must be, after "must be".
    pub(super) fn words(&self, bounds: &BoundShape) -> String {
        match self {
            Self::Any => "a value".to_owned(),
            Self::Unit | Self::UnitStruct { .. } => "`()`".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Char => "a character in single quotes".to_owned(),
            Self::Text => "a text in double quotes".to_owned(),
            Self::Number { kind } => kind.words(bounds),
            Self::Optional { of } => {
                format!("`None`, or `Some(…)` around {}", of.words(bounds))
            }
            Self::List { of } => {
                format!("a list in `[ ]`, each item of it {}", of.words(bounds))
            }
            Self::Array { of, len } => {
                format!("{len} values in `( )`, each of them {}", of.words(bounds))
            }
            Self::Map { .. } => "a map in `{ }`, as `{key: value}` is".to_owned(),
            Self::Tuple { of } => format!("{} values in `( )`", of.len()),
            Self::Newtype { fields, .. } => match &**fields {
                [only] => format!("`(…)` around {}", only.of.words(&only.bounds)),
                _ => "a value in `( )`".to_owned(),
            },
            Self::TupleStruct { fields, .. } => format!("{} values in `( )`", fields.len()),
            Self::Struct { fields, .. } => in_brackets(fields),
            Self::Enum { variants, open, .. } => choices(variants, *open),
        }
    }
}

fn in_brackets(fields: &[FieldShape]) -> String {
    let example = fields.iter().find(|field| field.required).or(fields.first());
    match example {
        None => "`()`".to_owned(),
        Some(field) => format!("fields in `( )`, as `({}: …)` is", field.name),
    }
}

fn choices(variants: &[VariantShape], open: bool) -> String {
    let choice = |variant: &VariantShape| match variant.payload {
        PayloadShape::Unit => format!("`{}`", variant.name),
        _ => format!("`{}(…)`", variant.name),
    };
    let all: Vec<String> = variants.iter().map(choice).collect();
    match (&*all, open) {
        (_, true) => "a name".to_owned(),
        ([only], false) => only.clone(),
        (all, false) => format!("one of {}", all.join(", ")),
    }
}

impl NumberKind {
    /// What a number of this type within these bounds is, with the ends that it
    /// has by its type.
    pub fn words(self, bounds: &BoundShape) -> String {
        let Some((least, most)) = range(self) else {
            let must = bounds.must();
            return match must.strip_prefix("must be ") {
                Some(bounds) => format!("a number {bounds}"),
                None => "a number".to_owned(),
            };
        };
        let BoundShape { min, max, above, below } = bounds;
        let from = [min.as_ref().map(ceil), above.as_ref().map(|bound| floor(bound) + 1)];
        let to = [max.as_ref().map(floor), below.as_ref().map(|bound| ceil(bound) - 1)];
        let least = from.into_iter().flatten().fold(least, i128::max);
        let most = to.into_iter().flatten().fold(most, i128::min);
        // The end of what this SDK can count to is nobody's bound.
        match (least, most) {
            (i128::MIN, i128::MAX) => "a whole number".to_owned(),
            (least, i128::MAX) => format!("a whole number from {least} on"),
            (i128::MIN, most) => format!("a whole number up to {most}"),
            (least, most) => format!("a whole number between {least} and {most}"),
        }
    }
}

/// The ends of a type of whole numbers.
fn range(kind: NumberKind) -> Option<(i128, i128)> {
    Some(match kind {
        NumberKind::U8 => (0, u8::MAX.into()),
        NumberKind::U16 => (0, u16::MAX.into()),
        NumberKind::U32 => (0, u32::MAX.into()),
        NumberKind::U64 => (0, u64::MAX.into()),
        NumberKind::U128 => (0, i128::MAX),
        NumberKind::I8 => (i8::MIN.into(), i8::MAX.into()),
        NumberKind::I16 => (i16::MIN.into(), i16::MAX.into()),
        NumberKind::I32 => (i32::MIN.into(), i32::MAX.into()),
        NumberKind::I64 => (i64::MIN.into(), i64::MAX.into()),
        NumberKind::I128 => (i128::MIN, i128::MAX),
        NumberKind::F32 | NumberKind::F64 | NumberKind::Unknown => return None,
    })
}

fn ceil(bound: &Number) -> i128 {
    bound.as_i128().unwrap_or_else(|| bound.as_f64().unwrap_or_default().ceil() as i128)
}

fn floor(bound: &Number) -> i128 {
    bound.as_i128().unwrap_or_else(|| bound.as_f64().unwrap_or_default().floor() as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_told_with_its_ends() {
        let number = |kind, bounds: &str| {
            Shape::Number { kind }.words(&serde_json::from_str(bounds).unwrap())
        };
        for (kind, bounds, words) in [
            (NumberKind::U8, "{}", "a whole number between 0 and 255"),
            (NumberKind::I8, r#"{"below":0}"#, "a whole number between -128 and -1"),
            (NumberKind::U64, r#"{"min":1,"max":9}"#, "a whole number between 1 and 9"),
            (NumberKind::U8, r#"{"above":1.5,"max":300}"#, "a whole number between 2 and 255"),
            (NumberKind::U128, r#"{"min":1}"#, "a whole number from 1 on"),
            (NumberKind::I128, "{}", "a whole number"),
            (NumberKind::I128, r#"{"max":1.5}"#, "a whole number up to 1"),
            (NumberKind::F64, "{}", "a number"),
            (NumberKind::F32, r#"{"above":0,"below":1}"#, "a number above 0 and below 1"),
        ] {
            assert_eq!(number(kind, bounds), words);
        }
    }
}
