//! Vectors of genesis parameters and blocks.

use serde_json::{Value, json};
use spacetime_protocol::{block::Block, keys, network::Genesis, transaction::Transaction};

use crate::{
    common::{Answer, Case, run},
    sample,
    transactions::secret_key,
};

#[test]
fn genesis_blocks_are_as_the_references() {
    run("genesis", 75, &[], |case| match case.op.as_str() {
        "named_config" => named(case),
        "custom_config" => match case.text("network_id") {
            Some(id) => Answer::Out(parameters(&Genesis::custom(id))),
            None => Answer::refused_field("network_id"),
        },
        "validate_config" => {
            let config = Value::Object(case.input.clone());
            match read(&config).and_then(|genesis| genesis.check().map_err(Answer::refused)) {
                Ok(()) => Answer::Out(json!({ "valid": true })),
                Err(refusal) => refusal,
            }
        }
        "generate" => generate(case),
        "validate" => validate(case),
        _ => case.unknown(),
    });
}

fn named(case: &Case) -> Answer {
    // The reference's name of its development network is not that of its manifests.
    let name = match case.text("network") {
        Some("development") => "devnet",
        Some(name) => name,
        None => case.unknown(),
    };
    Answer::Out(parameters(&Genesis::reference(name).unwrap_or_else(|| case.unknown())))
}

fn parameters(genesis: &Genesis) -> Value {
    json!({
        "network_id": genesis.network_id,
        "initial_timestamp": genesis.timestamp,
        "initial_difficulty": genesis.difficulty,
        "initial_epoch": genesis.epoch,
        "epoch_duration_seconds": genesis.epoch_seconds,
        "target_block_time": genesis.target_block_time,
        "premine": genesis.premine,
        "description": genesis.description,
    })
}

/// A case's parameters; what is null or negative cannot be one of ours.
fn read(config: &Value) -> Result<Genesis, Answer> {
    let number = |name: &str| config[name].as_u64().ok_or_else(|| Answer::refused(name));
    let id = config["network_id"].as_str().ok_or_else(|| Answer::refused("network_id"))?;
    Ok(Genesis {
        timestamp: Some(number("initial_timestamp")?),
        difficulty: number("initial_difficulty")?,
        epoch: number("initial_epoch")?,
        epoch_seconds: number("epoch_duration_seconds")?,
        target_block_time: number("target_block_time")?,
        premine: serde_json::from_value(config["premine"].clone()).map_err(Answer::refused)?,
        ..Genesis::custom(id)
    })
}

fn generate(case: &Case) -> Answer {
    let key = secret_key(&case.bytes("secret").expect("a secret is given"));
    let built = read(case.value("config"))
        .and_then(|genesis| genesis.build(&key, 0).map_err(Answer::refused));
    let block = match built {
        Ok(block) => block,
        Err(refusal) => return refusal,
    };
    assert_eq!(case.text("public_key"), Some(&*key.identity().to_string()), "{}", case.id);
    let hashes = block.transactions.iter().map(Transaction::hash).collect::<Vec<_>>();
    Answer::Out(json!({
        "unsigned_header": const_hex::encode(block.header.unsigned_bytes()),
        "block_hash": block.hash(),
        "tx_root": block.header.tx_root,
        "transaction_hashes": hashes,
        "proof": block.proof.encode().map(const_hex::encode).ok(),
        "block": const_hex::encode(with_their_signatures(case, block)),
    }))
}

/// Our block with the reference's signatures, which differ from run to run; those of both are
/// good.
fn with_their_signatures(case: &Case, mut ours: Block) -> Vec<u8> {
    let theirs = case.outcome.as_ref().expect("the reference refuses what we build");
    let theirs = const_hex::decode(theirs["block"].as_str().expect("a block is given")).unwrap();
    let theirs = Block::decode(&theirs).expect("a block is given");
    assert_signed(&ours);
    ours.header.signature = theirs.header.signature;
    for (ours, theirs) in ours.transactions.iter_mut().zip(theirs.transactions) {
        ours.signature = theirs.signature;
    }
    assert_signed(&ours);
    ours.encode().expect("it is signed")
}

/// Header and premine are signed by the genesis key.
fn assert_signed(block: &Block) {
    let header = (*block.hash().as_bytes(), block.header.signature);
    let premine = block.transactions.iter().map(|one| (one.hash().to_bytes(), one.signature));
    for (hash, signature) in premine.chain([header]) {
        assert!(keys::verify(&block.header.miner, &hash, &signature.expect("it is signed")));
    }
}

fn validate(case: &Case) -> Answer {
    let header = match case.bytes("block") {
        Some(bytes) => Block::decode(&bytes).expect("a block is given").header,
        None => sample::unsigned_header(&case.bytes("unsigned_header").expect("one is given")),
    };
    let valid = read(case.value("config")).is_ok_and(|genesis| genesis.allows(&header));
    Answer::Out(json!({ "valid": valid }))
}
