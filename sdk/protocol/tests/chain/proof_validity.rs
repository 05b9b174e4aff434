//! Vectors of the validity of bare proofs.

use serde_json::json;
use spacetime_protocol::{
    merkle::MerklePath,
    validity::{ProofClaim, ProofExpected, check_proof},
};

use crate::{
    common::{Answer, Case, run},
    input,
};

#[test]
fn bare_proofs_are_judged_as_by_the_reference() {
    run("proof_validity", 79, &[], |case| match case.op.as_str() {
        "validate_proof" => input::answer(validate(case)),
        _ => case.unknown(),
    });
}

fn validate(case: &Case) -> Result<Answer, Answer> {
    input::number(case, "leaf_index")?;
    let path = MerklePath {
        siblings: input::siblings(case, "sibling_hashes")?,
        sibling_is_right: input::bits(case),
    };
    let claim = ProofClaim {
        challenge: input::bytes(case, "challenge")?,
        leaf: input::bytes(case, "leaf_value")?,
        path: &path,
        plot_root: input::bytes_as(case, "plot_root", "merkle_root")?,
        score: input::bytes(case, "score")?,
    };
    let target = case.text("difficulty_target").map(|_| input::bytes(case, "difficulty_target"));
    let expected = ProofExpected {
        challenge: input::bytes(case, "expected_challenge")?,
        plot_root: input::bytes(case, "expected_plot_root")?,
        target: target.transpose()?,
        // No path has the height that no tree has.
        tree_height: case
            .optional_int("tree_height")
            .map(|height| u32::try_from(height).unwrap_or(u32::MAX)),
    };
    match check_proof(&claim, &expected) {
        Ok(()) => Ok(Answer::Out(json!({ "valid": true }))),
        // The reference cannot even hold such a path.
        Err(_) if path.siblings.len() != path.sibling_is_right.len() => {
            Err(Answer::refused_field("orientation_bits"))
        }
        Err(error) => Ok(Answer::Out(json!({
            "valid": false,
            "kind": format!("{:?}", error.kind),
            "field": field(case),
        }))),
    }
}

/// The argument that the reference blames for a path of another length than the tree's height.
fn field(case: &Case) -> &'static str {
    if case.optional_int("tree_height").is_some_and(|height| height < 0) {
        "tree_height"
    } else {
        "sibling_hashes"
    }
}
