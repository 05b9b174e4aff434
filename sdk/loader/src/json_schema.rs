//! What a config may be, as JSON Schema (draft 2020-12), for editors and for
//! programs that write configs. RON has more kinds of values than JSON: a
//! choice with something behind its name is an object with that one name, `()`
//! and `None` are `null`, tuples are lists.

use serde_json::{Map, Value, json};
use spacetime_sdk::schema::{
    BoundShape, FieldShape, NumberKind, PayloadShape, Shape, VariantShape,
};

/// A whole schema, with its dialect.
pub fn json_schema(shape: &Shape) -> Value {
    let mut schema = of(shape, &BoundShape::default());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema
}

fn of(shape: &Shape, bounds: &BoundShape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Unit | Shape::UnitStruct { .. } => json!({"type": "null"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Shape::Text => json!({"type": "string"}),
        Shape::Number { kind } => number(*kind, bounds),
        Shape::Optional { of: inner } => json!({"anyOf": [of(inner, bounds), {"type": "null"}]}),
        Shape::List { of: inner } => json!({"type": "array", "items": of(inner, bounds)}),
        Shape::Array { of: inner, len } => {
            json!({"type": "array", "items": of(inner, bounds), "minItems": len, "maxItems": len})
        }
        Shape::Map { values, .. } => {
            json!({"type": "object", "additionalProperties": of(values, &BoundShape::default())})
        }
        Shape::Tuple { of: parts } => {
            let none = BoundShape::default();
            tuple(parts.iter().map(|part| of(part, &none)).collect(), parts.len())
        }
        Shape::Newtype { fields, .. } => fields.first().map_or_else(|| json!({}), field),
        Shape::TupleStruct { fields, .. } => fields_in_order(fields),
        Shape::Struct { name, fields } => {
            let mut schema = object(fields);
            schema["title"] = json!(name);
            schema
        }
        Shape::Enum { name, open, variants } => {
            let mut choices: Vec<Value> = variants.iter().map(choice).collect();
            if *open {
                choices.push(json!({"type": "string"}));
            }
            json!({"title": name, "anyOf": choices})
        }
    }
}

fn number(kind: NumberKind, bounds: &BoundShape) -> Value {
    let range = match kind {
        NumberKind::U8 => Some((json!(u8::MIN), json!(u8::MAX))),
        NumberKind::U16 => Some((json!(u16::MIN), json!(u16::MAX))),
        NumberKind::U32 => Some((json!(u32::MIN), json!(u32::MAX))),
        NumberKind::U64 => Some((json!(u64::MIN), json!(u64::MAX))),
        NumberKind::I8 => Some((json!(i8::MIN), json!(i8::MAX))),
        NumberKind::I16 => Some((json!(i16::MIN), json!(i16::MAX))),
        NumberKind::I32 => Some((json!(i32::MIN), json!(i32::MAX))),
        NumberKind::I64 => Some((json!(i64::MIN), json!(i64::MAX))),
        NumberKind::U128
        | NumberKind::I128
        | NumberKind::F32
        | NumberKind::F64
        | NumberKind::Unknown => None,
    };
    let mut schema = Map::new();
    let is_whole = range.is_some() || matches!(kind, NumberKind::U128 | NumberKind::I128);
    schema.insert("type".to_owned(), json!(if is_whole { "integer" } else { "number" }));
    if let Some((min, max)) = range {
        schema.insert("minimum".to_owned(), min);
        schema.insert("maximum".to_owned(), max);
    }
    let BoundShape { min, max, above, below } = bounds;
    for (name, bound) in [
        ("minimum", min),
        ("maximum", max),
        ("exclusiveMinimum", above),
        ("exclusiveMaximum", below),
    ] {
        if let Some(bound) = bound {
            schema.insert(name.to_owned(), json!(bound));
        }
    }
    schema.into()
}

fn tuple(parts: Vec<Value>, required: usize) -> Value {
    json!({"type": "array", "prefixItems": parts, "items": false, "minItems": required})
}

fn fields_in_order(fields: &[FieldShape]) -> Value {
    let required = fields.iter().rposition(|field| field.required).map_or(0, |last| last + 1);
    tuple(fields.iter().map(field).collect(), required)
}

fn object(fields: &[FieldShape]) -> Value {
    let mut properties = Map::new();
    for one in fields {
        properties.insert(one.name.clone(), field(one));
        for alias in &one.aliases {
            let mut schema = field(one);
            schema["deprecated"] = json!(true);
            properties.insert(alias.clone(), schema);
        }
    }
    let required: Vec<&str> =
        fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn field(field: &FieldShape) -> Value {
    let mut schema = of(&field.of, &field.bounds);
    if !field.help.is_empty() {
        schema["description"] = json!(field.help);
    }
    if let Some(default) = field.default.as_deref().and_then(|default| as_json(default, &field.of))
    {
        schema["default"] = default;
    }
    schema
}

/// A default in RON as JSON, where that is the same.
fn as_json(default: &str, shape: &Shape) -> Option<Value> {
    match shape {
        Shape::Optional { .. } if default == "None" => Some(Value::Null),
        Shape::Enum { variants, .. } => {
            variants.iter().any(|variant| variant.name == default).then(|| json!(default))
        }
        _ => serde_json::from_str(default).ok(),
    }
}

fn choice(variant: &VariantShape) -> Value {
    let payload = match variant.payload {
        PayloadShape::Unit => json!({"const": variant.name}),
        PayloadShape::Newtype => {
            alone(&variant.name, variant.fields.first().map_or_else(|| json!({}), field))
        }
        PayloadShape::Tuple => alone(&variant.name, fields_in_order(&variant.fields)),
        PayloadShape::Struct => alone(&variant.name, object(&variant.fields)),
        PayloadShape::Unknown => alone(&variant.name, json!({})),
    };
    let mut schema = payload;
    if !variant.help.is_empty() {
        schema["description"] = json!(variant.help);
    }
    schema
}

/// An object with one property.
fn alone(name: &str, payload: Value) -> Value {
    let mut properties = Map::new();
    properties.insert(name.to_owned(), payload);
    json!({
        "type": "object",
        "properties": properties,
        "required": [name],
        "additionalProperties": false,
    })
}
