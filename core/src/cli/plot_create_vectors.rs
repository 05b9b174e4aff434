//! The reference's plot configurations (`plots`, `config-*`) through the
//! arguments of `plot create`.

#[path = "../../../sdk/protocol/tests/common/mod.rs"]
mod common;

use clap::Parser;
use serde_json::json;

use self::common::{Answer, Case};
use super::{
    args::{Args, Command, Plot},
    plot_create,
};
use crate::plots::CacheLevels;

const GIB: i64 = 1 << 30;

const ABSENT: &str = "what is not given has a default here";
const SMALL: &str = "plots of any size are allowed; a note says when one is under the minimum";
const WRAPS: &str = "a size does not wrap at 64 bits here";
const ELSEWHERE: &str = "compared where plots are made, and in the protocol's own tests";

#[test]
fn configurations_are_those_of_the_reference() {
    let exceptions = [
        ("config-key-null", ABSENT),
        ("config-seed-null", ABSENT),
        ("config-path-null", ABSENT),
        ("config-order-null-key-before-path", ABSENT),
        ("config-size-minimum-minus-*", SMALL),
        ("config-gb-wraps-to-zero", WRAPS),
        ("config-gb-max", WRAPS),
        ("plot-*", ELSEWHERE),
        ("header-*", ELSEWHERE),
        ("progress-*", ELSEWHERE),
        ("create-*", ELSEWHERE),
    ];
    common::run("plots", 35, &exceptions, |case| match case.op.as_str() {
        "plot_configuration" => configured(case, case.int("plot_size_bytes")),
        "plot_configuration_gb" => match case.int("size_gb").checked_mul(GIB) {
            Some(bytes) => configured(case, bytes),
            None => Answer::Except,
        },
        _ => Answer::Except,
    });
}

fn configured(case: &Case, bytes: i64) -> Answer {
    let given = ["miner_public_key", "plot_seed", "output_path"];
    if given.iter().any(|name| case.text(name).is_none()) {
        return Answer::Except;
    }
    let args = match parse(case, bytes) {
        Ok(args) => args,
        Err(error) => return Answer::refused(error),
    };
    let leaf_count = match args.leaf_count() {
        Ok(leaf_count) => leaf_count,
        Err(_) => return Answer::refused_field("plot_size_bytes"),
    };
    if case.outcome.is_err() && bytes < 100 << 20 {
        assert_eq!(leaf_count, bytes as u64 / 32, "{}", case.id);
        return Answer::Except;
    }
    let levels = match args.cache_levels {
        CacheLevels::Top(levels) => levels,
        CacheLevels::Auto => panic!("levels are given"),
    };
    Answer::Out(json!({
        "plot_size_bytes": bytes,
        "leaf_count": leaf_count,
        "include_cache": case.input.get("include_cache").is_some_and(|include| include == true),
        "cache_levels": levels,
    }))
}

fn parse(case: &Case, bytes: i64) -> Result<plot_create::Args, clap::Error> {
    let text = |name| case.text(name).unwrap_or_default();
    // Five is the reference's default.
    let levels = case.optional_int("cache_levels").unwrap_or(5);
    let given = [
        ("size", bytes.to_string()),
        ("out", text("output_path").to_owned()),
        ("plot-key", text("miner_public_key").to_owned()),
        ("seed", text("plot_seed").to_owned()),
        ("cache-levels", levels.to_string()),
    ];
    let words = ["spacetime-miner", "plot", "create"].map(str::to_owned).into_iter();
    let words = words.chain(given.map(|(name, value)| format!("--{name}={value}")));
    match Args::try_parse_from(words)?.command {
        Command::Plot(Plot::Create(args)) => Ok(args),
        other => panic!("another command: {other:?}"),
    }
}
