//! Vectors of applying blocks to accounts.

use std::{cell::Cell, collections::BTreeMap};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use spacetime_protocol::{
    Identity,
    accounts::{self, Account, ApplyError},
    transaction::Transaction,
};

use crate::{
    common::{Answer, Case, run},
    input,
};

const WRAPS: &str = "balances, nonces and sums are checked, not wrapped: the block is refused";
const SNAPSHOTS: &str = "the reference's snapshots restore nothing; ours are the node's store, \
                         which undoes blocks";
const NEGATIVE: &str = "accounts of ours cannot hold a negative balance";

#[test]
fn blocks_change_accounts_as_in_the_reference() {
    let exceptions = [
        ("wrap-*", WRAPS),
        ("overflow-*", WRAPS),
        ("snapshot*", SNAPSHOTS),
        ("account-bytes-3", NEGATIVE),
        ("account-bytes-4", NEGATIVE),
        ("account-bytes-5", NEGATIVE),
    ];
    run("state", 69, &exceptions, |case| match case.op.as_str() {
        "apply" => apply(case),
        "account_bytes" => encode(case),
        "account_parse" => parse(case),
        "snapshots" | "snapshot_then_apply" => Answer::Except,
        _ => case.unknown(),
    });
}

fn apply(case: &Case) -> Answer {
    let before = input::accounts(case).into_iter().collect::<BTreeMap<_, _>>();
    let mut accounts = before.clone();
    let blocks = case.value("blocks").as_array().expect("blocks are given");
    let results = blocks.iter().map(|block| apply_block(case, block, &mut accounts));
    let results = results.collect::<Vec<_>>();
    if overflows(case) {
        let refused = |result: &Value| result["valid_state"] == false;
        assert!(results.iter().any(refused), "{}", case.id);
        if results.iter().all(refused) {
            assert_eq!(accounts, before, "{}: a refused block changes nothing", case.id);
        }
        return Answer::Except;
    }
    let account = |(key, account): (&Identity, &Account)| json!({ "key": key, "balance": account.balance, "nonce": account.nonce });
    Answer::Out(json!({
        "results": results,
        "accounts": accounts.iter().map(account).collect::<Vec<_>>(),
    }))
}

/// Whether a number of the reference's left its range: it wraps, or throws
/// after it has said that the block is valid.
fn overflows(case: &Case) -> bool {
    let Ok(theirs) = &case.outcome else { return false };
    let is_negative = |value: &Value| value.as_i64().is_some_and(|number| number < 0);
    let list = |name: &str| theirs.get(name).and_then(Value::as_array).into_iter().flatten();
    list("accounts")
        .any(|account| is_negative(&account["balance"]) || is_negative(&account["nonce"]))
        || list("results").any(|result| result["error"]["type"] == "OverflowException")
}

/// Applies one block; `valid_state` is null where the reference's verifier threw.
fn apply_block(case: &Case, block: &Value, accounts: &mut BTreeMap<Identity, Account>) -> Value {
    let miner = block["miner_id"].as_str().and_then(|miner| miner.parse().ok());
    let transactions = block["transactions"].as_array().expect("a block has transactions");
    let transactions = transactions.iter().map(|transaction| {
        let bytes = const_hex::decode(transaction.as_str().expect("hexadecimal")).unwrap();
        Transaction::decode(&bytes).expect("a transaction is given")
    });
    let thrown = Cell::new(false);
    let verify = |transaction: &Transaction| {
        thrown.set(thrown.get() || case.text("verifier") == Some("throws"));
        let hash = transaction.hash();
        transaction.signature.is_some_and(|signature| {
            input::verify(case, &transaction.sender, hash.as_bytes(), &signature)
        })
    };
    let changes = accounts::apply(
        &miner.expect("a block has a miner"),
        &transactions.collect::<Vec<_>>(),
        |identity| accounts.get(identity).copied().unwrap_or_default(),
        verify,
    );
    match changes {
        Ok(changes) => {
            accounts.extend(changes);
            // What the reference calls its state root is this constant.
            let root = const_hex::encode(Sha256::digest([]));
            json!({ "valid_state": true, "state_root": root })
        }
        Err(error) => {
            assert!(!thrown.get() || matches!(error, ApplyError::Signature { .. }), "{error:?}");
            let valid = if thrown.get() { Value::Null } else { false.into() };
            json!({ "valid_state": valid, "error": {} })
        }
    }
}

fn encode(case: &Case) -> Answer {
    let account = match (input::number(case, "balance"), input::number(case, "nonce")) {
        (Ok(balance), Ok(nonce)) => Account { balance, nonce },
        _ => return Answer::Except,
    };
    let bytes = account.encode();
    assert_eq!(Account::decode(&bytes), Ok(account), "{}", case.id);
    Answer::Out(json!({ "bytes": const_hex::encode(bytes) }))
}

fn parse(case: &Case) -> Answer {
    match Account::decode(&case.bytes("bytes").expect("bytes are given")) {
        Ok(account) => Answer::Out(json!({ "balance": account.balance, "nonce": account.nonce })),
        Err(error) => Answer::refused(error),
    }
}
