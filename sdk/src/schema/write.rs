//! A description as JSON, in the form that `shape` reads. What has its usual
//! value is left out.

use super::{Bound, Bounds, Field, Number, Payload, Type, Variant};
use crate::json::{byte, comma, integer, raw, string, strings};

/// Writes behind `at`, or counts; see [`crate::json`].
pub(crate) const fn write(out: &mut [u8], at: usize, ty: &Type) -> usize {
    let at = match ty {
        Type::Any => raw(out, at, "{\"type\":\"any\""),
        Type::Unit => raw(out, at, "{\"type\":\"unit\""),
        Type::Bool => raw(out, at, "{\"type\":\"bool\""),
        Type::Char => raw(out, at, "{\"type\":\"char\""),
        Type::Text => raw(out, at, "{\"type\":\"text\""),
        Type::Number { kind } => {
            let at = raw(out, at, "{\"type\":\"number\",\"as\":");
            string(out, at, number(*kind))
        }
        Type::Optional { of } => inner(out, at, "{\"type\":\"optional\",\"of\":", of),
        Type::List { of } => inner(out, at, "{\"type\":\"list\",\"of\":", of),
        Type::Array { of, len } => {
            let at = raw(out, at, "{\"type\":\"array\",\"len\":");
            let at = integer(out, at, *len as i128);
            inner(out, at, ",\"of\":", of)
        }
        Type::Map { keys, values } => {
            let at = inner(out, at, "{\"type\":\"map\",\"keys\":", keys);
            inner(out, at, ",\"values\":", values)
        }
        Type::Tuple { of } => {
            let mut at = raw(out, at, "{\"type\":\"tuple\",\"of\":[");
            let mut i = 0;
            while i < of.len() {
                at = comma(out, at, i > 0);
                at = write(out, at, &of[i]);
                i += 1;
            }
            byte(out, at, b']')
        }
        Type::UnitStruct { name } => named(out, at, "{\"type\":\"unit_struct\",\"name\":", name),
        Type::Newtype { name, fields } => {
            let at = named(out, at, "{\"type\":\"newtype\",\"name\":", name);
            list(out, at, fields)
        }
        Type::TupleStruct { name, fields } => {
            let at = named(out, at, "{\"type\":\"tuple_struct\",\"name\":", name);
            list(out, at, fields)
        }
        Type::Struct { name, fields } => {
            let at = named(out, at, "{\"type\":\"struct\",\"name\":", name);
            list(out, at, fields)
        }
        Type::Enum { name, variants, open } => {
            let at = named(out, at, "{\"type\":\"enum\",\"name\":", name);
            let at = if *open { raw(out, at, ",\"open\":true") } else { at };
            let mut at = raw(out, at, ",\"variants\":[");
            let mut i = 0;
            while i < variants.len() {
                at = comma(out, at, i > 0);
                at = variant(out, at, &variants[i]);
                i += 1;
            }
            byte(out, at, b']')
        }
    };
    byte(out, at, b'}')
}

const fn inner(out: &mut [u8], at: usize, before: &str, of: &Type) -> usize {
    let at = raw(out, at, before);
    write(out, at, of)
}

const fn named(out: &mut [u8], at: usize, before: &str, name: &str) -> usize {
    let at = raw(out, at, before);
    string(out, at, name)
}

const fn list(out: &mut [u8], at: usize, fields: &[Field]) -> usize {
    let mut at = raw(out, at, ",\"fields\":[");
    let mut i = 0;
    while i < fields.len() {
        at = comma(out, at, i > 0);
        at = field(out, at, &fields[i]);
        i += 1;
    }
    byte(out, at, b']')
}

const fn field(out: &mut [u8], at: usize, field: &Field) -> usize {
    let at = named(out, at, "{\"name\":", field.name);
    let at = described(out, at, field.aliases, field.help);
    let at = if field.required { raw(out, at, ",\"required\":true") } else { at };
    let at = match field.default.is_empty() {
        true => at,
        false => named(out, at, ",\"default\":", field.default),
    };
    let Bounds { min, max, above, below } = field.bounds;
    let at = bound(out, at, ",\"min\":", min);
    let at = bound(out, at, ",\"max\":", max);
    let at = bound(out, at, ",\"above\":", above);
    let at = bound(out, at, ",\"below\":", below);
    let at = inner(out, at, ",\"of\":", &field.of);
    byte(out, at, b'}')
}

const fn described(out: &mut [u8], at: usize, aliases: &[&str], help: &str) -> usize {
    let at = match aliases.is_empty() {
        true => at,
        false => {
            let at = raw(out, at, ",\"aliases\":");
            strings(out, at, aliases)
        }
    };
    if help.is_empty() { at } else { named(out, at, ",\"help\":", help) }
}

const fn bound(out: &mut [u8], at: usize, before: &str, bound: Bound) -> usize {
    match bound {
        Bound::None => at,
        Bound::Integer { value } => {
            let at = raw(out, at, before);
            integer(out, at, value)
        }
        Bound::Float { digits, .. } => {
            let at = raw(out, at, before);
            raw(out, at, digits)
        }
    }
}

const fn variant(out: &mut [u8], at: usize, variant: &Variant) -> usize {
    let at = named(out, at, "{\"name\":", variant.name);
    let at = described(out, at, variant.aliases, variant.help);
    let kind = match variant.payload {
        Payload::Unit => return byte(out, at, b'}'),
        Payload::Newtype => "newtype",
        Payload::Tuple => "tuple",
        Payload::Struct => "struct",
    };
    let at = named(out, at, ",\"payload\":", kind);
    let at = list(out, at, variant.fields);
    byte(out, at, b'}')
}

const fn number(kind: Number) -> &'static str {
    match kind {
        Number::U8 => "u8",
        Number::U16 => "u16",
        Number::U32 => "u32",
        Number::U64 => "u64",
        Number::U128 => "u128",
        Number::I8 => "i8",
        Number::I16 => "i16",
        Number::I32 => "i32",
        Number::I64 => "i64",
        Number::I128 => "i128",
        Number::F32 => "f32",
        Number::F64 => "f64",
    }
}
