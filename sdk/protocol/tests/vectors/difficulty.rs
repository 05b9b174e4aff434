//! Topic `difficulty`.

use std::cmp::Ordering;

use serde_json::json;
use spacetime_protocol::{Challenge, Leaf, Score, Target, difficulty::Adjustment, score};

use crate::common::{self, Answer, Case};

/// The reference's names of the parameters, with ours.
const PARAMETERS: [(&str, &str); 5] = [
    ("target_block_time", "target_block_time_seconds"),
    ("interval", "adjustment_interval_blocks"),
    ("dampening", "dampening_factor"),
    ("minimum", "minimum_difficulty"),
    ("maximum", "maximum_difficulty"),
];
const LENGTH: &str = "a score of another length than 32 bytes is none";

#[test]
fn difficulty() {
    let exceptions = [
        ("next-args-timestamp-before-start", "a clock that ran backwards counts as one second"),
        ("compare-shorter-*", LENGTH),
        ("compare-longer-*", LENGTH),
        ("compare-empty", LENGTH),
        ("compare-both-empty", LENGTH),
        ("compare-zero-lead", LENGTH),
    ];
    common::run("difficulty", 1016, &exceptions, answer);
}

fn answer(case: &Case) -> Answer {
    let result = match &case.op[..] {
        "difficulty_to_target" => number(case, "difficulty", "difficulty")
            .and_then(|difficulty| score::target(difficulty).ok_or("difficulty"))
            .map(|target| json!({ "target": target })),
        "target_to_difficulty" => bytes::<Target>(case, "target", "target")
            .map(|target| json!({ "difficulty": score::difficulty(&target) })),
        "next_difficulty" => return next(case),
        "should_adjust" => {
            // There are no negative heights.
            let adjustment = adjustment(case).unwrap();
            let due = u64::try_from(case.int("height")).is_ok_and(|h| adjustment.is_due(h));
            Ok(json!({ "adjust": due }))
        }
        "adjustment_config" => check(case),
        "compare_scores" => return compare(case),
        "score" => bytes::<Challenge>(case, "challenge", "challenge").and_then(|challenge| {
            let leaf = bytes::<Leaf>(case, "leaf", "leaf_value")?;
            Ok(json!({ "score": score::score(&challenge, &leaf) }))
        }),
        "score_below_target" => bytes::<Score>(case, "score", "score").and_then(|score| {
            let target = bytes::<Target>(case, "target", "difficulty_target")?;
            Ok(json!({ "below": score::is_under(&score, &target) }))
        }),
        _ => case.unknown(),
    };
    result.map_or_else(Answer::refused_field, Answer::Out)
}

fn bytes<T>(case: &Case, name: &str, field: &'static str) -> Result<T, &'static str>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    T::try_from(&case.bytes(name).unwrap_or_default()).map_err(|_| field)
}

fn number(case: &Case, name: &str, field: &'static str) -> Result<u64, &'static str> {
    u64::try_from(case.int(name)).map_err(|_| field)
}

/// The parameters of a case, the defaults where it gives none.
fn adjustment(case: &Case) -> Result<Adjustment, &'static str> {
    let default = Adjustment::default();
    let parameter = |at: usize, default: u64| {
        let (name, field) = PARAMETERS[at];
        match case.optional_int(name) {
            Some(_) => number(case, name, field),
            None => Ok(default),
        }
    };
    Ok(Adjustment {
        target_block_time: parameter(0, default.target_block_time)?,
        interval: parameter(1, default.interval)?,
        dampening: parameter(2, default.dampening)?,
        minimum: parameter(3, default.minimum)?,
        maximum: parameter(4, default.maximum)?,
    })
}

fn check(case: &Case) -> Result<serde_json::Value, &'static str> {
    let adjustment = adjustment(case)?;
    adjustment.check().map_err(|error| {
        let parameter = PARAMETERS.iter().find(|(name, _)| *name == error.field);
        parameter.map(|(_, field)| *field).unwrap()
    })?;
    let mut out = serde_json::to_value(adjustment).unwrap();
    out["valid"] = true.into();
    Ok(out)
}

fn next(case: &Case) -> Answer {
    let adjustment = adjustment(case).unwrap();
    assert_eq!(adjustment.check(), Ok(()), "{}", case.id);
    let times = || {
        let current = number(case, "current", "current_difficulty")?;
        if current == 0 {
            return Err("current_difficulty");
        }
        number(case, "height", "current_height")?;
        let t1 = number(case, "timestamp", "current_timestamp")?;
        let t0 = number(case, "interval_start", "interval_start_timestamp")?;
        Ok((current, t1, t0))
    };
    match times() {
        Ok((current, t1, t0)) if t1 < t0 => {
            let next = adjustment.next(current, t1, t0);
            assert_eq!(next, adjustment.next(current, t0 + 1, t0), "{}", case.id);
            Answer::Except
        }
        Ok((current, t1, t0)) => Answer::Out(json!({ "next": adjustment.next(current, t1, t0) })),
        Err(field) => Answer::refused_field(field),
    }
}

fn compare(case: &Case) -> Answer {
    match (bytes::<Score>(case, "a", "a"), bytes::<Score>(case, "b", "b")) {
        (Ok(a), Ok(b)) => {
            let order = match a.cmp(&b) {
                Ordering::Less => -1,
                Ordering::Equal => 0,
                Ordering::Greater => 1,
            };
            let below = score::is_under(&a, &Target::new(b.to_bytes()));
            Answer::Out(json!({ "order": order, "below": below }))
        }
        _ => Answer::Except,
    }
}
