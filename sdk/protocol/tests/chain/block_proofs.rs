//! Vectors of block proofs and their plot metadata.

use serde_json::{Value, json};
use spacetime_protocol::{
    EncodeError,
    merkle::MerklePath,
    proof::{BlockProof, PlotMetadata},
};

use crate::{
    common::{Answer, Case, run},
    input,
};

#[test]
fn block_proofs_are_as_the_references() {
    run("block_proofs", 188, &[], |case| {
        input::answer(match case.op.as_str() {
            "metadata_create" => create(case),
            "metadata_deserialize" => Ok(deserialize_metadata(case)),
            "proof_construct" => construct(case),
            "proof_deserialize" => Ok(deserialize(case)),
            "serialized_size" => Ok(Answer::Out(json!({ "size": PlotMetadata::SIZE }))),
            _ => case.unknown(),
        })
    });
}

fn create(case: &Case) -> Result<Answer, Answer> {
    let metadata = PlotMetadata {
        leaf_count: input::positive(case, "leaf_count")?,
        plot_id: input::bytes(case, "plot_id")?,
        header_hash: input::bytes(case, "plot_header_hash")?,
        version: u8::try_from(case.int("version")).expect("versions are bytes"),
    };
    match metadata.encode() {
        Ok(bytes) => Ok(Answer::Out(json!({ "serialized": const_hex::encode(bytes) }))),
        Err(error) => Err(Answer::refused(error)),
    }
}

fn fields(metadata: &PlotMetadata) -> Value {
    json!({
        "leaf_count": metadata.leaf_count,
        "plot_id": metadata.plot_id,
        "plot_header_hash": metadata.header_hash,
        "version": metadata.version,
    })
}

fn deserialize_metadata(case: &Case) -> Answer {
    match PlotMetadata::decode(&case.bytes("bytes").expect("bytes are given")) {
        Ok(metadata) => {
            let mut out = fields(&metadata);
            out["reserialized"] = metadata.encode().map(const_hex::encode).ok().into();
            out["consumed"] = PlotMetadata::SIZE.into();
            Answer::Out(out)
        }
        Err(error) => Answer::refused(error),
    }
}

fn construct(case: &Case) -> Result<Answer, Answer> {
    let metadata = case.bytes("plot_metadata").expect("metadata are given");
    let proof = BlockProof {
        leaf: input::bytes(case, "leaf_value")?,
        leaf_index: input::number(case, "leaf_index")?,
        path: MerklePath {
            siblings: input::siblings(case, path_at_fault(case))?,
            sibling_is_right: input::bits(case),
        },
        plot: PlotMetadata::decode(&metadata).map_err(Answer::refused)?,
    };
    match proof.encode() {
        Ok(bytes) => Ok(Answer::Out(
            json!({ "serialized": const_hex::encode(&bytes), "length": bytes.len() }),
        )),
        Err(EncodeError::UnevenPath { .. }) => Err(Answer::refused_field("orientation_bits")),
        Err(error) => Err(Answer::refused(error)),
    }
}

/// What the reference blames for a bad sibling: it looks at the number of bits first.
fn path_at_fault(case: &Case) -> &'static str {
    let siblings = case.value("siblings").as_array().map(Vec::len);
    if siblings == Some(input::bits(case).len()) { "merkle_proof_path" } else { "orientation_bits" }
}

fn deserialize(case: &Case) -> Answer {
    match BlockProof::decode(&case.bytes("bytes").expect("bytes are given")) {
        Ok((proof, consumed)) => Answer::Out(json!({
            "leaf_value": proof.leaf,
            "leaf_index": proof.leaf_index,
            "siblings": proof.path.siblings,
            "sibling_is_right": proof.path.sibling_is_right,
            "plot_metadata": fields(&proof.plot),
            "reserialized": proof.encode().map(const_hex::encode).ok(),
            "consumed": consumed,
        })),
        Err(error) => Answer::refused(error),
    }
}
