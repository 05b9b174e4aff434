//! Vectors of whole blocks.

use serde_json::json;
use sha2::{Digest, Sha256};
use spacetime_protocol::{
    EncodeError, TxHash, block::Block, header::BlockHeader, merkle, proof::BlockProof,
    transaction::Transaction,
};

use crate::{
    common::{Answer, Case, run},
    input,
    sample::{unsigned_header, unsigned_transaction},
};

#[test]
fn blocks_are_as_the_references() {
    run("blocks", 268, &[], |case| {
        input::answer(match case.op.as_str() {
            "assemble" => assemble(case),
            "body_construct" => construct_body(case),
            "deserialize" => Ok(deserialize(case)),
            "transaction_root" => Ok(root(case)),
            _ => case.unknown(),
        })
    });
}

fn transactions(case: &Case) -> Vec<Transaction> {
    let transactions = case.byte_strings("transactions").unwrap_or_default();
    let decode = |bytes: &Vec<u8>| Transaction::decode(bytes).expect("transactions are given");
    transactions.iter().map(decode).collect()
}

fn assemble(case: &Case) -> Result<Answer, Answer> {
    let header = match case.bytes("header") {
        Some(bytes) => BlockHeader::decode(&bytes).expect("a header is given"),
        None => unsigned_header(&case.bytes("unsigned_header").expect("a header is given")),
    };
    let proof = BlockProof::decode(&case.bytes("proof").expect("a proof is given"));
    let (proof, _) = proof.expect("a proof is given");
    let block = Block { header, transactions: transactions(case), proof };
    let bytes = block.encode().map_err(Answer::refused)?;
    Ok(Answer::Out(json!({
        "length": bytes.len(),
        "hash": block.hash(),
        "block": const_hex::encode(&bytes),
        "block_sha256": const_hex::encode(Sha256::digest(&bytes)),
        "block_length": bytes.len(),
    })))
}

fn construct_body(case: &Case) -> Result<Answer, Answer> {
    let mut transactions = transactions(case);
    for bytes in case.byte_strings("unsigned_transactions").unwrap_or_default() {
        transactions.push(unsigned_transaction(&bytes));
    }
    let block = Block { transactions, ..crate::sample::block() };
    match block.encode_body() {
        Ok(bytes) => Ok(Answer::Out(json!({ "body": const_hex::encode(bytes) }))),
        Err(EncodeError::Unsigned) => Err(Answer::refused_field("transactions")),
        Err(error) => Err(Answer::refused(error)),
    }
}

fn deserialize(case: &Case) -> Answer {
    let bytes = case.bytes("bytes").expect("bytes are given");
    let (block, consumed) = match Block::decode_prefix(&bytes) {
        Ok(decoded) => decoded,
        Err(error) => return Answer::refused(error),
    };
    assert_eq!(Block::decode(&bytes), Ok(block.clone()), "{}", case.id);
    let again = block.encode().expect("what was decoded can be encoded");
    let hashes = block.transactions.iter().map(Transaction::hash).collect::<Vec<_>>();
    Answer::Out(json!({
        "hash": block.hash(),
        "transaction_hashes": hashes,
        "path_length": block.proof.path.siblings.len(),
        "unchanged": again == bytes,
        "consumed": consumed,
        "reserialized": const_hex::encode(again),
    }))
}

fn root(case: &Case) -> Answer {
    let hashes = case.byte_strings("transaction_hashes").expect("hashes are given");
    let hashes = hashes.iter().map(|hash| TxHash::try_from(&hash[..]).expect("a hash is given"));
    Answer::Out(json!({ "tx_root": merkle::transaction_root(&hashes.collect::<Vec<_>>()) }))
}
