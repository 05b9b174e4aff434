//! Descriptions as constants. Every reference is to a constant, so that a whole
//! description is written into the plugin's file when it is compiled.

/// What a text may be.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// Anything: it is not checked before the component is opened.
    Any,
    /// `()`
    Unit,
    /// `true` or `false`
    Bool,
    /// A character in single quotes.
    Char,
    /// A text in double quotes.
    Text,
    /// A number.
    Number {
        /// Which.
        kind: Number,
    },
    /// `None`, or `Some(…)` of this type.
    Optional {
        /// The type.
        of: &'static Type,
    },
    /// `[…]` of any length.
    List {
        /// The type of its items.
        of: &'static Type,
    },
    /// `(…)` of one type and a fixed length.
    Array {
        /// The type of its items.
        of: &'static Type,
        /// How many there are.
        len: usize,
    },
    /// `{key: value, …}`
    Map {
        /// The type of its keys.
        keys: &'static Type,
        /// The type of its values.
        values: &'static Type,
    },
    /// `(…)` of several types.
    Tuple {
        /// The types, in order.
        of: &'static [Type],
    },
    /// `Name` or `()`
    UnitStruct {
        /// The struct's name, which a text may have.
        name: &'static str,
    },
    /// `(…)` or `Name(…)` around a value.
    Newtype {
        /// The struct's name, which a text may have.
        name: &'static str,
        /// Its one field.
        fields: &'static [Field],
    },
    /// `(…)` or `Name(…)` around several values.
    TupleStruct {
        /// The struct's name, which a text may have.
        name: &'static str,
        /// Its fields, in order.
        fields: &'static [Field],
    },
    /// `(name: value, …)`
    Struct {
        /// The struct's name, which a text may have.
        name: &'static str,
        /// Its fields.
        fields: &'static [Field],
    },
    /// One of several names, each with what belongs to it.
    Enum {
        /// The enum's name, for messages.
        name: &'static str,
        /// The choices.
        variants: &'static [Variant],
        /// Whether other names are taken as well.
        open: bool,
    },
}

/// A type of numbers.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "they are Rust's own")]
pub enum Number {
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
}

/// A field of a struct, or of a variant.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in a text; empty in tuples.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it is for.
    pub help: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// Its value where it is left out, in RON; empty: not told.
    pub default: &'static str,
    /// Of its number, or of the numbers in it.
    pub bounds: Bounds,
    /// Its type.
    pub of: Type,
}

/// The bounds of a number.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The least that it may be.
    pub min: Bound,
    /// The most that it may be.
    pub max: Bound,
    /// It must be more than this.
    pub above: Bound,
    /// It must be less than this.
    pub below: Bound,
}

/// A bound of a number.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// There is none.
    None,
    /// A whole number.
    Integer {
        /// The number.
        value: i128,
    },
    /// Any number.
    Float {
        /// The number as JSON has it.
        digits: &'static str,
    },
}

/// A choice of an enum.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name in a text.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
    /// What follows the name.
    pub payload: Payload,
    /// The fields of that.
    pub fields: &'static [Field],
}

/// What follows a variant's name.
#[derive(Clone, Copy, Debug)]
pub enum Payload {
    /// Nothing.
    Unit,
    /// `(value)`
    Newtype,
    /// `(value, value)`
    Tuple,
    /// `(name: value)`
    Struct,
}

impl Type {
    /// Whether `None` is one of its values, and what a field that is left out
    /// is read as.
    pub const fn is_optional(&self) -> bool {
        matches!(self, Self::Optional { .. })
    }

    const fn has_numbers(&self) -> bool {
        match self {
            Self::Number { .. } => true,
            Self::Optional { of } | Self::List { of } | Self::Array { of, .. } => of.has_numbers(),
            _ => false,
        }
    }
}

impl Bounds {
    /// No bounds.
    pub const NONE: Self =
        Self { min: Bound::None, max: Bound::None, above: Bound::None, below: Bound::None };

    const fn is_none(&self) -> bool {
        matches!(
            self,
            Self { min: Bound::None, max: Bound::None, above: Bound::None, below: Bound::None }
        )
    }
}

impl Field {
    /// Itself.
    ///
    /// # Panics
    ///
    /// If it has bounds, but no number; at compile time, where this is meant to
    /// run.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(
            self.bounds.is_none() || self.of.has_numbers(),
            "bounds are for numbers, and for options and lists of them"
        );
        self
    }
}
