//! Vectors of block headers.

use serde_json::json;
use spacetime_protocol::{EncodeError, Signature, header::BlockHeader};

use crate::{
    common::{Answer, Case, run},
    input,
    transactions::unsigned,
};

#[test]
fn headers_are_as_the_references() {
    run("headers", 186, &[], |case| {
        input::answer(match case.op.as_str() {
            "construct" => construct(case),
            "deserialize" => Ok(deserialize(case)),
            "set_signature" => set_signature(case),
            "serialized_size" => Ok(Answer::Out(json!({ "size": BlockHeader::SIZE }))),
            _ => case.unknown(),
        })
    });
}

fn construct(case: &Case) -> Result<Answer, Answer> {
    let header = BlockHeader {
        version: u8::try_from(case.int("version")).expect("versions are bytes"),
        parent: input::bytes(case, "parent_hash")?,
        height: input::number(case, "height")?,
        timestamp: input::number(case, "timestamp")?,
        difficulty: input::number(case, "difficulty")?,
        epoch: input::number(case, "epoch")?,
        challenge: input::bytes(case, "challenge")?,
        plot_root: input::bytes(case, "plot_root")?,
        score: input::bytes(case, "proof_score")?,
        tx_root: input::bytes(case, "tx_root")?,
        miner: input::bytes(case, "miner_id")?,
        signature: input::signature(case)?,
    };
    let mut out = json!({
        "unsigned": const_hex::encode(header.unsigned_bytes()),
        "hash": header.hash(),
        "signed": header.signature.is_some(),
    });
    match header.encode() {
        Ok(bytes) => out["serialized"] = const_hex::encode(bytes).into(),
        Err(EncodeError::Unsigned) => out["serialize_error"] = unsigned(),
        Err(error) => return Err(Answer::refused(error)),
    }
    Ok(Answer::Out(out))
}

fn deserialize(case: &Case) -> Answer {
    match BlockHeader::decode(&case.bytes("bytes").expect("bytes are given")) {
        Ok(header) => Answer::Out(json!({
            "version": header.version,
            "parent_hash": header.parent,
            "height": header.height,
            "timestamp": header.timestamp,
            "difficulty": header.difficulty,
            "epoch": header.epoch,
            "challenge": header.challenge,
            "plot_root": header.plot_root,
            "proof_score": header.score,
            "tx_root": header.tx_root,
            "miner_id": header.miner,
            "signature": header.signature,
            "hash": header.hash(),
            "reserialized": header.encode().map(const_hex::encode).ok(),
            "consumed": BlockHeader::SIZE,
        })),
        Err(error) => Answer::refused(error),
    }
}

fn set_signature(case: &Case) -> Result<Answer, Answer> {
    let mut header = BlockHeader::decode(&case.bytes("header").expect("bytes are given"))
        .expect("only the signature is at fault");
    header.signature = Some(input::bytes::<Signature>(case, "signature")?);
    Ok(Answer::Out(json!({
        "serialized": header.encode().map(const_hex::encode).ok(),
        "hash": header.hash(),
    })))
}
