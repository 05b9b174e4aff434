//! Vectors of building blocks.

use std::num::NonZeroUsize;

use serde_json::json;
use spacetime_protocol::{
    EncodeError, Signature,
    block::Block,
    builder::{self, Template},
    keys,
    proof::BlockProof,
    transaction::Transaction,
    validity::{BlockError, BlockErrorKind},
};

use crate::{
    common::{Answer, Case, run},
    input,
    sample::unsigned_transaction,
    transactions::secret_key,
};

#[test]
fn blocks_are_built_as_by_the_reference() {
    run("block_builder", 52, &[], |case| match case.op.as_str() {
        "build" => input::answer(build(case)),
        _ => case.unknown(),
    });
}

fn build(case: &Case) -> Result<Answer, Answer> {
    let proof = BlockProof::decode(&case.bytes("proof").expect("a proof is given"));
    let (proof, _) = proof.map_err(Answer::refused)?;
    let template = Template {
        parent: input::bytes(case, "parent_hash")?,
        height: input::number(case, "height")?,
        difficulty: input::number(case, "difficulty")?,
        epoch: input::number(case, "epoch")?,
        challenge: input::bytes(case, "challenge")?,
        timestamp: 1_800_000_000,
        plot_root: input::bytes(case, "plot_root")?,
        score: input::bytes(case, "proof_score")?,
        proof,
        transactions: transactions(case)?,
    };
    let key = secret_key(&case.bytes("secret").expect("a secret is given"));
    let block = builder::build_checked(template, &key, |_| verdict(case));
    let mut block = block.map_err(Answer::refused)?;
    let signature = block.header.signature.expect("a block that was built is signed");
    block.header.signature = Some(sized(case, signature)?);
    match block.encode() {
        Ok(bytes) => assert_eq!(Block::decode(&bytes).as_ref(), Ok(&block), "{}", case.id),
        Err(EncodeError::Unsigned) => return Err(Answer::refused_field("transactions")),
        Err(error) => return Err(Answer::refused(error)),
    }
    Ok(Answer::Out(out(&block)))
}

/// The pool's transactions as the builder gets them.
fn transactions(case: &Case) -> Result<Vec<Transaction>, Answer> {
    let most = usize::try_from(case.int("max_transactions")).ok().and_then(NonZeroUsize::new);
    let most = most.ok_or_else(|| Answer::refused_field("max_transactions"))?;
    let transactions = case.byte_strings("transactions").unwrap_or_default();
    let decode = |bytes: &Vec<u8>| match bytes.len() {
        Transaction::SIZE => Transaction::decode(bytes).expect("a transaction is given"),
        _ => unsigned_transaction(bytes),
    };
    let transactions = transactions.iter().map(decode).collect();
    Ok(match case.text("pool") {
        Some("list") => transactions,
        Some("priority") => builder::select(transactions, most),
        _ => case.unknown(),
    })
}

/// What the scripted validator says.
fn verdict(case: &Case) -> Result<(), BlockError> {
    let kind = match case.value("validator") {
        serde_json::Value::String(accept) if accept == "accept" => return Ok(()),
        refusal => refusal["kind"].as_str().unwrap_or_else(|| case.unknown()),
    };
    let kinds = [
        BlockErrorKind::UnsupportedVersion,
        BlockErrorKind::InvalidHeight,
        BlockErrorKind::HeaderNotSigned,
        BlockErrorKind::InvalidDifficulty,
        BlockErrorKind::InvalidTimestamp,
        BlockErrorKind::InvalidHeaderSignature,
        BlockErrorKind::InvalidParentHash,
        BlockErrorKind::InvalidEpoch,
        BlockErrorKind::InvalidChallenge,
        BlockErrorKind::InvalidTransaction,
        BlockErrorKind::InvalidTransactionSignature,
        BlockErrorKind::InvalidTransactionRoot,
        BlockErrorKind::InvalidProof,
        BlockErrorKind::ProofScoreTooHigh,
    ];
    let kind = kinds.into_iter().find(|known| format!("{known:?}") == kind);
    Err(BlockError {
        kind: kind.unwrap_or_else(|| case.unknown()),
        message: "as the case says".to_owned(),
    })
}

/// The signature with the length that the scripted signer gives it.
fn sized(case: &Case, signature: Signature) -> Result<Signature, Answer> {
    let mut bytes = signature.to_bytes().to_vec();
    bytes.resize(usize::try_from(case.int("signature_length")).expect("a length"), 0);
    Signature::try_from(&bytes[..]).map_err(|_| Answer::refused_field("signature"))
}

fn out(block: &Block) -> serde_json::Value {
    let Block { header, transactions, proof } = block;
    let verifies = header
        .signature
        .is_some_and(|signature| keys::verify(&header.miner, block.hash().as_bytes(), &signature));
    json!({
        "version": header.version,
        "parent_hash": header.parent,
        "height": header.height,
        "difficulty": header.difficulty,
        "epoch": header.epoch,
        "challenge": header.challenge,
        "plot_root": header.plot_root,
        "proof_score": header.score,
        "tx_root": header.tx_root,
        "miner_id": header.miner,
        "transaction_hashes": transactions.iter().map(Transaction::hash).collect::<Vec<_>>(),
        "proof": proof.encode().map(const_hex::encode).ok(),
        "signature_verifies": verifies,
    })
}
