//! Topic `challenges`.

use serde_json::{Value, json};
use spacetime_protocol::{BlockHash, Challenge, challenge, epoch::Epoch};

use crate::common::{self, Answer, Case};

/// Between the starts that the cases call past and those that they call future, in Unix seconds.
const NOW: u64 = 1_764_000_000;

#[test]
fn challenges() {
    common::run("challenges", 236, &[], answer);
}

fn answer(case: &Case) -> Answer {
    let result = match &case.op[..] {
        "derive_challenge" => parent(case.value("previous_block_hash")).and_then(|parent| {
            let challenge = challenge::challenge(&parent, epoch(case.value("epoch"))?);
            Ok(json!({ "challenge": challenge }))
        }),
        "derive_genesis_challenge" => {
            genesis(case).map(|challenge| json!({ "challenge": challenge }))
        }
        "verify_challenge" => verify(&case.input).map(|valid| json!({ "valid": valid })),
        "verify_genesis_challenge" => given(case.value("challenge"))
            .and_then(|given| Ok(json!({ "valid": genesis(case)? == given }))),
        "epoch_config" => epoch_seconds(case),
        "epoch_manager" => Ok(json!({ "states": states(case) })),
        _ => case.unknown(),
    };
    result.map_or_else(Answer::refused_field, Answer::Out)
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().map_or_else(Vec::new, |text| const_hex::decode(text).unwrap())
}

fn parent(value: &Value) -> Result<BlockHash, &'static str> {
    BlockHash::try_from(&bytes(value)[..]).map_err(|_| "previous_block_hash")
}

fn given(value: &Value) -> Result<Challenge, &'static str> {
    Challenge::try_from(&bytes(value)[..]).map_err(|_| "challenge")
}

fn epoch(value: &Value) -> Result<u64, &'static str> {
    u64::try_from(value.as_i64().unwrap()).map_err(|_| "epoch_number")
}

fn genesis(case: &Case) -> Result<Challenge, &'static str> {
    let id = case.text("network_id").unwrap_or_default();
    challenge::genesis_challenge(id).ok_or("network_id")
}

fn verify(input: &serde_json::Map<String, Value>) -> Result<bool, &'static str> {
    let given = given(&input["challenge"])?;
    let parent = parent(&input["previous_block_hash"])?;
    Ok(challenge::challenge(&parent, epoch(&input["epoch"])?) == given)
}

fn epoch_seconds(case: &Case) -> Result<Value, &'static str> {
    let default = Epoch::DEFAULT_SECONDS as i64;
    let seconds = case.optional_int("epoch_duration_seconds").unwrap_or(default);
    let epoch = u64::try_from(seconds).ok().and_then(|seconds| Epoch::first(seconds, NOW));
    let epoch = epoch.ok_or("epoch_duration_seconds")?;
    Ok(json!({ "epoch_duration_seconds": epoch.seconds }))
}

fn states(case: &Case) -> Vec<Value> {
    let seconds = case.int("epoch_duration_seconds").try_into().unwrap();
    let mut current = Epoch::first(seconds, NOW).unwrap();
    let steps = case.value("steps").as_array().unwrap();
    steps.iter().map(|step| state(case, step.as_object().unwrap(), &mut current)).collect()
}

/// Takes a step; the state after it.
fn state(case: &Case, step: &serde_json::Map<String, Value>, current: &mut Epoch) -> Value {
    let mut result = None;
    let taken = match step["call"].as_str().unwrap() {
        "none" => Ok(current.clone()),
        // What is not a hash, a challenge or an epoch does not validate.
        "validate" => {
            result = Some(verify(step).unwrap_or(false));
            Ok(current.clone())
        }
        "advance" => parent(&step["previous_block_hash"])
            .and_then(|parent| current.next(&parent, NOW).ok_or("epoch_number")),
        "reset" => reset(step, current.seconds),
        _ => case.unknown(),
    };
    let error = taken.as_ref().err().copied();
    *current = taken.unwrap_or_else(|_| current.clone());
    let mut state = json!({
        "epoch": current.number,
        "challenge": current.challenge,
        "expired": current.is_over(NOW),
        "time_remaining_is_zero": current.remaining(NOW) == 0,
    });
    if let Some(result) = result {
        state["result"] = result.into();
    }
    if let Some(field) = error {
        state["error"] = json!({ "field": field });
    }
    state
}

fn reset(step: &serde_json::Map<String, Value>, seconds: u64) -> Result<Epoch, &'static str> {
    Ok(Epoch {
        number: epoch(&step["epoch"])?,
        challenge: given(&step["challenge"])?,
        start: step["start_unix_seconds"].as_u64().unwrap(),
        seconds,
    })
}
