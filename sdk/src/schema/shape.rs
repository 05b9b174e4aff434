//! Descriptions as a host reads them from a file. One of a newer SDK may have
//! kinds that this host does not know: they count as anything.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Type, write};

/// What a text may be; see [`Type`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are those of `Type`")]
pub enum Shape {
    Unit,
    Bool,
    Char,
    Text,
    Number {
        #[serde(rename = "as")]
        kind: NumberKind,
    },
    Optional {
        of: Box<Shape>,
    },
    List {
        of: Box<Shape>,
    },
    Array {
        of: Box<Shape>,
        len: usize,
    },
    Map {
        keys: Box<Shape>,
        values: Box<Shape>,
    },
    Tuple {
        of: Vec<Shape>,
    },
    UnitStruct {
        name: String,
    },
    Newtype {
        name: String,
        fields: Vec<FieldShape>,
    },
    TupleStruct {
        name: String,
        fields: Vec<FieldShape>,
    },
    Struct {
        name: String,
        fields: Vec<FieldShape>,
    },
    Enum {
        name: String,
        #[serde(default)]
        open: bool,
        variants: Vec<VariantShape>,
    },
    #[serde(other)]
    Any,
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are Rust's own")]
pub enum NumberKind {
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    F32,
    F64,
    /// A type that this host is too old for.
    #[serde(other)]
    Unknown,
}

/// A field; see [`Field`](super::Field).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldShape {
    /// Its name; empty in tuples.
    pub name: String,
    /// Other names for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// Whether it must be there.
    #[serde(default)]
    pub required: bool,
    /// Its value where it is left out, in RON, if that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Of its number, or of the numbers in it.
    #[serde(flatten)]
    pub bounds: BoundShape,
    /// Its type.
    pub of: Shape,
}

/// The bounds of a number; see [`Bounds`](super::Bounds).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "they are those of `Bounds`")]
pub struct BoundShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<Number>,
}

/// A choice; see [`Variant`](super::Variant).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantShape {
    /// Its name.
    pub name: String,
    /// Other names for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// What follows the name.
    #[serde(default)]
    pub payload: PayloadShape,
    /// The fields of that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldShape>,
}

/// What follows a variant's name; see [`Payload`](super::Payload).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are those of `Payload`")]
pub enum PayloadShape {
    #[default]
    Unit,
    Newtype,
    Tuple,
    Struct,
    /// Something that this host is too old for.
    #[serde(other)]
    Unknown,
}

impl From<&Type> for Shape {
    fn from(ty: &Type) -> Self {
        let mut json = vec![0; write(&mut [], 0, ty)];
        write(&mut json, 0, ty);
        serde_json::from_slice(&json).expect("what was written can be read")
    }
}

impl BoundShape {
    /// What a number must be to be within, after its name; empty: it has no
    /// bounds.
    pub fn must(&self) -> String {
        match self {
            Self { min: Some(min), max: Some(max), above: None, below: None } => {
                format!("must be between {min} and {max}")
            }
            Self { min, max, above, below } => {
                let sides = [
                    min.as_ref().map(|bound| format!("at least {bound}")),
                    above.as_ref().map(|bound| format!("above {bound}")),
                    max.as_ref().map(|bound| format!("at most {bound}")),
                    below.as_ref().map(|bound| format!("below {bound}")),
                ];
                let sides: Vec<String> = sides.into_iter().flatten().collect();
                if sides.is_empty() {
                    String::new()
                } else {
                    format!("must be {}", sides.join(" and "))
                }
            }
        }
    }
}
