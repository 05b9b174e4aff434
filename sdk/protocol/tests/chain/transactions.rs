//! Vectors of transactions and of signatures.

use serde_json::{Value, json};
use spacetime_protocol::{
    EncodeError, Signature,
    keys::{self, Scheme, SecretKey},
    transaction::Transaction,
};

use crate::{
    common::{Answer, Case, run},
    input,
};

#[test]
fn transactions_are_as_the_references() {
    run("transactions", 323, &[], |case| {
        input::answer(match case.op.as_str() {
            "construct" => construct(case),
            "deserialize" => Ok(deserialize(case)),
            "set_signature" => set_signature(case),
            "serialized_size" => Ok(Answer::Out(json!({ "size": Transaction::SIZE }))),
            "verify_signature" => verify(case),
            "public_key" => public_key(case),
            _ => case.unknown(),
        })
    });
}

fn construct(case: &Case) -> Result<Answer, Answer> {
    let transaction = Transaction {
        version: u8::try_from(case.int("version")).expect("versions are bytes"),
        sender: input::bytes(case, "sender")?,
        recipient: input::bytes(case, "recipient")?,
        amount: input::positive(case, "amount")?,
        nonce: input::number(case, "nonce")?,
        fee: input::number(case, "fee")?,
        signature: input::signature(case)?,
    };
    let mut out = json!({
        "unsigned": const_hex::encode(transaction.unsigned_bytes()),
        "hash": transaction.hash(),
        "signed": transaction.signature.is_some(),
        "basic_rules": transaction.keeps_basic_rules(),
    });
    match transaction.encode() {
        Ok(bytes) => out["serialized"] = const_hex::encode(bytes).into(),
        Err(EncodeError::Unsigned) => out["serialize_error"] = unsigned(),
        Err(EncodeError::Zero { field } | EncodeError::TooLarge { field }) => {
            return Err(Answer::refused_field(field));
        }
        Err(error) => return Err(Answer::refused(error)),
    }
    check_own_signature(case, &transaction);
    Ok(Answer::Out(out))
}

/// Where the case has the sender's secret, its signature has to be good, and so has ours.
fn check_own_signature(case: &Case, transaction: &Transaction) {
    let Some(secret) = case.bytes("secret") else { return };
    let key = secret_key(&secret);
    assert_eq!(key.identity(), transaction.sender, "{}", case.id);
    assert!(transaction.is_signed_by_sender(), "{}", case.id);
    assert!(transaction.clone().sign(&key).is_signed_by_sender(), "{}", case.id);
}

pub(crate) fn secret_key(secret: &[u8]) -> SecretKey {
    let secret = <[u8; 32]>::try_from(secret).expect("a secret has 32 bytes");
    SecretKey::new(Scheme::Secp256k1, secret.into()).expect("the vectors' secrets are keys")
}

/// How the reference refuses to write what is not signed.
pub(crate) fn unsigned() -> Value {
    json!({ "type": "InvalidOperationException" })
}

fn deserialize(case: &Case) -> Answer {
    match Transaction::decode(&case.bytes("bytes").expect("bytes are given")) {
        Ok(transaction) => Answer::Out(json!({
            "version": transaction.version,
            "sender": transaction.sender,
            "recipient": transaction.recipient,
            "amount": transaction.amount,
            "nonce": transaction.nonce,
            "fee": transaction.fee,
            "signature": transaction.signature,
            "hash": transaction.hash(),
            "basic_rules": transaction.keeps_basic_rules(),
            "reserialized": transaction.encode().map(const_hex::encode).ok(),
        })),
        Err(error) => Answer::refused(error),
    }
}

fn set_signature(case: &Case) -> Result<Answer, Answer> {
    let mut transaction = Transaction::decode(&case.bytes("transaction").expect("bytes are given"))
        .expect("only the signature is at fault");
    transaction.signature = Some(input::bytes::<Signature>(case, "signature")?);
    Ok(Answer::Out(json!({
        "serialized": transaction.encode().map(const_hex::encode).ok(),
        "hash": transaction.hash(),
    })))
}

fn verify(case: &Case) -> Result<Answer, Answer> {
    let hash = case.bytes("hash").and_then(|hash| <[u8; 32]>::try_from(hash).ok());
    let hash = hash.expect("the vectors' hashes have 32 bytes");
    let verifies =
        keys::verify(&input::bytes(case, "public_key")?, &hash, &input::bytes(case, "signature")?);
    Ok(Answer::Out(json!({ "verifies": verifies })))
}

fn public_key(case: &Case) -> Result<Answer, Answer> {
    let secret: spacetime_protocol::Leaf = input::bytes(case, "secret")?;
    let key = SecretKey::new(Scheme::Secp256k1, secret.to_bytes().into());
    let key = key.map_err(Answer::refused)?;
    Ok(Answer::Out(json!({ "public_key": key.identity() })))
}
