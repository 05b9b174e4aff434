//! Numbers and their bounds.

use std::{cmp::Ordering, fmt};

use serde_json::Number;

use super::BoundShape;

/// A number of a text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Whole(i128),
    Float(f64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => write!(f, "{value}"),
            // With its point.
            Self::Float(value) => write!(f, "{value:?}"),
        }
    }
}

impl Value {
    pub(super) fn is_within(self, bounds: &BoundShape) -> bool {
        let keeps = |bound: &Option<Number>, holds: fn(Ordering) -> bool| {
            // What is no number at all is within no bounds.
            bound.as_ref().is_none_or(|bound| self.compare(bound).is_some_and(holds))
        };
        keeps(&bounds.min, Ordering::is_ge)
            && keeps(&bounds.max, Ordering::is_le)
            && keeps(&bounds.above, Ordering::is_gt)
            && keeps(&bounds.below, Ordering::is_lt)
    }

    fn compare(self, bound: &Number) -> Option<Ordering> {
        match (self, bound.as_i128()) {
            (Self::Whole(value), Some(bound)) => Some(value.cmp(&bound)),
            (Self::Whole(value), None) => (value as f64).partial_cmp(&bound.as_f64()?),
            (Self::Float(value), _) => value.partial_cmp(&bound.as_f64()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(value: Value, bounds: &str) -> bool {
        value.is_within(&serde_json::from_str(bounds).unwrap())
    }

    #[test]
    fn bounds_hold_for_whole_and_other_numbers() {
        let tenths = |value: i32| Value::Float(f64::from(value) / 10.0);
        for (value, bounds, expected) in [
            (Value::Whole(1), r#"{"min":1,"max":1}"#, true),
            (Value::Whole(0), r#"{"min":1}"#, false),
            (Value::Whole(2), r#"{"max":1}"#, false),
            (Value::Whole(1), r#"{"above":0.5,"below":1.5}"#, true),
            (Value::Whole(u64::MAX.into()), r#"{"max":18446744073709551614}"#, false),
            (Value::Whole(i128::MAX), r#"{"min":-1}"#, true),
            (tenths(0), r#"{"above":0}"#, false),
            (tenths(1), r#"{"above":0,"below":1}"#, true),
            (tenths(10), r#"{"below":1}"#, false),
            (tenths(10), r#"{"max":1}"#, true),
            (Value::Float(f64::NAN), r#"{"min":0}"#, false),
            (Value::Float(f64::NAN), "{}", true),
        ] {
            assert_eq!(within(value, bounds), expected, "{value:?} {bounds}");
        }
    }
}
