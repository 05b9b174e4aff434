//! Descriptions as constants. Every reference is to a constant, so that a whole
//! description is written into the plugin's file when it is compiled.

use crate::json::raw;

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
        /// The same number.
        value: f64,
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

    /// Which numbers it is or holds, if bounds can be theirs.
    const fn numbers(&self) -> Option<Number> {
        match self {
            Self::Number { kind } => Some(*kind),
            Self::Optional { of } | Self::List { of } | Self::Array { of, .. } => of.numbers(),
            _ => None,
        }
    }
}

impl Number {
    /// The ends of a type of whole numbers.
    pub(super) const fn range(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::U8 => (0, u8::MAX as i128),
            Self::U16 => (0, u16::MAX as i128),
            Self::U32 => (0, u32::MAX as i128),
            Self::U64 => (0, u64::MAX as i128),
            Self::U128 => (0, i128::MAX),
            Self::I8 => (i8::MIN as i128, i8::MAX as i128),
            Self::I16 => (i16::MIN as i128, i16::MAX as i128),
            Self::I32 => (i32::MIN as i128, i32::MAX as i128),
            Self::I64 => (i64::MIN as i128, i64::MAX as i128),
            Self::I128 => (i128::MIN, i128::MAX),
            Self::F32 | Self::F64 => return None,
        })
    }

    const fn holds(self, number: Bound) -> bool {
        match (self.range(), number) {
            (Some((least, most)), Bound::Integer { value }) => least <= value && value <= most,
            (Some(_), Bound::Float { .. }) => false,
            (None, _) | (_, Bound::None) => true,
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

impl Bound {
    /// Whether it is under another one: `None` if one of them is none.
    const fn is_under(self, other: Self) -> Option<bool> {
        Some(match (self, other) {
            (Self::Integer { value }, Self::Integer { value: other }) => value < other,
            (Self::Integer { value }, Self::Float { value: other, .. }) => (value as f64) < other,
            (Self::Float { value, .. }, Self::Integer { value: other }) => value < other as f64,
            (Self::Float { value, .. }, Self::Float { value: other, .. }) => value < other,
            (Self::None, _) | (_, Self::None) => return None,
        })
    }

    /// Whether both are there, and it is not under the other one.
    const fn reaches(self, other: Self) -> bool {
        matches!(self.is_under(other), Some(false))
    }

    /// Whether both are there, and it is over the other one.
    const fn exceeds(self, other: Self) -> bool {
        matches!(other.is_under(self), Some(true))
    }
}

impl Bounds {
    /// Whether no number of a kind is within.
    const fn are_empty(&self, kind: Number) -> bool {
        let (least, most) = match kind.range() {
            Some((least, most)) => {
                (Bound::Integer { value: least }, Bound::Integer { value: most })
            }
            None => (Bound::None, Bound::None),
        };
        self.min.exceeds(self.max)
            || self.min.reaches(self.below)
            || self.above.reaches(self.max)
            || self.above.reaches(self.below)
            || self.min.exceeds(most)
            || self.above.reaches(most)
            || least.exceeds(self.max)
            || least.reaches(self.below)
    }

    const fn hold(&self, number: Bound) -> bool {
        !number.exceeds(self.max)
            && !self.min.exceeds(number)
            && !number.reaches(self.below)
            && !self.above.reaches(number)
    }
}

impl Field {
    /// Itself.
    ///
    /// # Panics
    ///
    /// If it has bounds, but no number, or bounds that no number of its type is
    /// within; at compile time, where this is meant to run.
    #[must_use]
    #[track_caller]
    pub const fn checked(self) -> Self {
        match self.of.numbers() {
            Some(kind) if self.bounds.are_empty(kind) => {
                self.is_wrong("no number of its type is within its bounds")
            }
            None if !self.bounds.is_none() => {
                self.is_wrong("bounds are for numbers, and for options and lists of them")
            }
            _ => {}
        }
        self
    }

    /// Itself, whose default is or holds this number.
    ///
    /// # Panics
    ///
    /// If the number is outside of the bounds, or no number of the field's type;
    /// at compile time, where this is meant to run.
    #[must_use]
    #[track_caller]
    pub const fn with_default(self, number: Bound) -> Self {
        match self.of.numbers() {
            Some(kind) if !kind.holds(number) => {
                self.is_wrong("its default is no number of its type")
            }
            _ if !self.bounds.hold(number) => {
                self.is_wrong("its default is outside of its own bounds")
            }
            _ => {}
        }
        self
    }

    /// Itself, whose default is so many values, in `[ ]` or in `( )`.
    ///
    /// # Panics
    ///
    /// If the field's type is one of several values, and these are others, or
    /// stand in other brackets; at compile time, where this is meant to run.
    #[must_use]
    #[track_caller]
    pub const fn with_items(self, count: usize, is_list: bool) -> Self {
        let mut of = &self.of;
        while let Type::Optional { of: inner } = of {
            of = inner;
        }
        let wanted = match of {
            Type::List { .. } if !is_list => {
                self.is_wrong("its default stands in `[ ]`, as a list of a manifest does")
            }
            Type::Array { .. } | Type::Tuple { .. } if is_list => self
                .is_wrong("its default stands in `( )`, as an array or a tuple of a manifest does"),
            Type::Array { len, .. } => *len,
            Type::Tuple { of } => of.len(),
            _ => count,
        };
        if wanted != count {
            self.is_wrong("its default has not as many values as its type")
        }
        self
    }

    /// Stops the compiler, which has no other words for a field of several.
    #[track_caller]
    const fn is_wrong(&self, wrong: &'static str) -> ! {
        let mut message = [0; 256];
        let at = raw(&mut message, 0, "the field `");
        let at = raw(&mut message, at, self.name);
        let at = raw(&mut message, at, "`: ");
        let end = raw(&mut message, at, wrong);
        if end > message.len() || self.name.is_empty() {
            panic!("{}", wrong);
        }
        match std::str::from_utf8(message.split_at(end).0) {
            Ok(message) => panic!("{}", message),
            Err(_) => panic!("{}", wrong),
        }
    }
}
