//! Vectors of the validity of blocks.

use serde_json::{Value, json};
use spacetime_protocol::{
    Identity, Signature,
    block::Block,
    builder,
    keys::{self, Scheme},
    validity::{BlockError, Expected, Rules, check_block, check_header_alone},
};

use crate::{
    common::{Answer, Case, run},
    input, sample,
};

/// "Any moment after 2025 and before the year 2100."
const NOW: u64 = 1_900_000_000;

#[test]
fn blocks_are_judged_as_by_the_reference() {
    let exceptions = [("cancelled", "our checks are not cancelled: they take no time to speak of")];
    run("block_validity", 272, &exceptions, |case| match case.op.as_str() {
        "validate" => validate(case),
        "validate_relative" => validate_relative(case),
        _ => case.unknown(),
    });
}

fn validate(case: &Case) -> Answer {
    let block = block(case);
    let verify = |identity: &Identity, hash: &[u8; 32], signature: &Signature| {
        input::verify(case, identity, hash, signature)
    };
    if case.value("chain_state")["fails"] == true {
        // Without a chain state there is nothing to expect, and of our checks only those of the
        // header alone can be made.
        return Answer::Out(
            match check_header_alone(&block.header, &Rules::REFERENCE, NOW, &verify) {
                Ok(()) => json!({ "valid": false, "kind": "Other" }),
                Err(error) => verdict(Err(error)),
            },
        );
    }
    let ours = check_block(&block, &expected(case), &Rules::REFERENCE, NOW, &verify);
    if matches!(&case.outcome, Err(error) if error["type"] == "OperationCanceledException") {
        assert_eq!(ours, Ok(()), "{}", case.id);
        return Answer::Except;
    }
    Answer::Out(verdict(ours))
}

fn block(case: &Case) -> Block {
    match case.bytes("block") {
        Some(bytes) => Block::decode(&bytes).expect("a block is given"),
        None => {
            let header = case.bytes("unsigned_header").expect("a header is given");
            let body = case.bytes("body").expect("a body is given");
            Block::with_body(sample::unsigned_header(&header), &body).expect("a body is given")
        }
    }
}

fn expected(case: &Case) -> Expected {
    let state = case.value("chain_state");
    let number = |name: &str| state[name].as_i64().expect("a number is given");
    // No header says what none can: its numbers are not negative.
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(u64::MAX);
    let text = |name: &str| state[name].as_str();
    Expected {
        parent: text("tip_hash").map(|hash| hash.parse().expect("a hash is given")),
        height: unsigned(number("tip_height") + 1),
        difficulty: unsigned(number("expected_difficulty")),
        epoch: unsigned(number("expected_epoch")),
        challenge: text("expected_challenge").and_then(|text| text.parse().ok()).unwrap(),
        min_timestamp: 0,
    }
}

fn verdict(ours: Result<(), BlockError>) -> Value {
    match ours {
        Ok(()) => json!({ "valid": true }),
        Err(error) => json!({ "valid": false, "kind": format!("{:?}", error.kind) }),
    }
}

/// A block that is valid but for its time.
fn validate_relative(case: &Case) -> Answer {
    let timestamp = NOW.checked_add_signed(case.int("offset_seconds")).expect("it is near");
    let template = builder::Template { timestamp, ..sample::template() };
    let expected = Expected {
        parent: Some(template.parent),
        height: template.height,
        difficulty: template.difficulty,
        epoch: template.epoch,
        challenge: template.challenge,
        min_timestamp: 0,
    };
    let block = builder::build(template, &sample::key(Scheme::Ed25519, 1));
    Answer::Out(verdict(check_block(&block, &expected, &Rules::REFERENCE, NOW, &keys::verify)))
}
