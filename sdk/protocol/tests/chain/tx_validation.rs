//! Vectors of the admission of transactions.

use serde_json::{Value, json};
use spacetime_protocol::{
    Identity, MAX_NUMBER, Signature, TxHash,
    accounts::Account,
    transaction::Transaction,
    validity::{Admission, TransactionError, check_transaction, check_transactions},
};

use crate::{
    common::{Answer, Case, run},
    input,
    sample::unsigned_transaction,
};

const WRAPS: &str = "amount + fee is checked, not wrapped: more than the balance";

#[test]
fn transactions_are_admitted_as_by_the_reference() {
    let exceptions = [("wrap-amount*", WRAPS), ("wrap-permissive*", WRAPS), ("wrap-list", WRAPS)];
    run("tx_validation", 157, &exceptions, |case| match case.op.as_str() {
        "config" => Answer::Out(config(case)),
        "validate" => validate(case),
        "validate_list" => validate_list(case),
        _ => case.unknown(),
    });
}

fn config(case: &Case) -> Value {
    let of = match case.text("profile") {
        Some("default") => Admission::DEFAULT,
        Some("permissive") => Admission::PERMISSIVE,
        _ => case.unknown(),
    };
    json!({
        "minimum_fee": of.minimum_fee,
        "maximum_fee": of.maximum_fee,
        "max_transactions_per_block": of.max_transactions_per_block,
        "max_transaction_size": of.max_transaction_size,
        "check_duplicate_transactions": of.check_duplicate_transactions,
    })
}

/// A negative limit, which ours cannot hold, is none that anything keeps: 0.
fn admission(case: &Case) -> Admission {
    let limit = |name: &str| {
        let limit = case.value("config")[name].as_i64().expect("a limit is a number");
        u64::try_from(limit).unwrap_or(0)
    };
    let size = |name: &str| usize::try_from(limit(name)).expect("the vectors' limits fit");
    Admission {
        minimum_fee: limit("minimum_fee"),
        maximum_fee: limit("maximum_fee"),
        max_transactions_per_block: size("max_transactions_per_block"),
        max_transaction_size: size("max_transaction_size"),
        check_duplicate_transactions: case.value("config")["check_duplicate_transactions"]
            .as_bool()
            .expect("a yes or no"),
    }
}

/// What the checks look up: accounts, the index (`None`: there is none; one that fails knows
/// nothing), and the verifier.
struct Setting<'a> {
    case: &'a Case,
    accounts: Vec<(Identity, Account)>,
    index: Option<Vec<TxHash>>,
}

impl<'a> Setting<'a> {
    fn new(case: &'a Case) -> Self {
        let index = match case.value("index") {
            Value::Null => None,
            Value::String(fails) if fails == "fails" => Some(Vec::new()),
            _ => Some(case.byte_strings("index").unwrap_or_default()).map(|index| {
                index.iter().map(|hash| TxHash::try_from(&hash[..]).unwrap()).collect()
            }),
        };
        Self { case, accounts: input::accounts(case), index }
    }

    fn account(&self, identity: &Identity) -> Account {
        let found = self.accounts.iter().find(|(key, _)| key == identity);
        found.map(|(_, account)| *account).unwrap_or_default()
    }

    fn check(&self, transactions: &[Transaction]) -> Vec<Result<(), TransactionError>> {
        let known = |hash: &TxHash| self.index.iter().flatten().any(|known| known == hash);
        let known = self.index.is_some().then_some(&known as &dyn Fn(&TxHash) -> bool);
        let verify = |identity: &Identity, hash: &[u8; 32], signature: &Signature| {
            input::verify(self.case, identity, hash, signature)
        };
        let (admission, account) = (admission(self.case), |of: &Identity| self.account(of));
        if self.case.op == "validate" {
            transactions
                .iter()
                .map(|one| check_transaction(one, &admission, account, known, &verify))
                .collect()
        } else {
            check_transactions(transactions, &admission, account, known, &verify)
        }
    }
}

fn result(result: &Result<(), TransactionError>) -> Value {
    match result {
        Ok(()) => json!({ "valid": true }),
        Err(error) => json!({ "valid": false, "kind": format!("{:?}", error.kind) }),
    }
}

/// Whether amount + fee exceed what 64 bits hold: the reference admits some of these.
fn wraps(transaction: &Transaction) -> bool {
    transaction.amount.saturating_add(transaction.fee) > MAX_NUMBER
}

fn theirs(case: &Case) -> Value {
    case.outcome.clone().map(Value::Object).unwrap_or_default()
}

fn validate(case: &Case) -> Answer {
    let transaction = match case.bytes("transaction") {
        Some(bytes) => Transaction::decode(&bytes).expect("a transaction is given"),
        None => unsigned_transaction(&case.bytes("unsigned_transaction").expect("one is given")),
    };
    let wraps = wraps(&transaction);
    let ours = result(&Setting::new(case).check(&[transaction])[0]);
    if wraps && theirs(case)["valid"] == true {
        assert_eq!(ours, json!({ "valid": false, "kind": "InsufficientBalance" }), "{}", case.id);
        return Answer::Except;
    }
    Answer::Out(ours)
}

fn validate_list(case: &Case) -> Answer {
    let transactions = case.byte_strings("transactions").expect("transactions are given");
    let decode = |bytes: &Vec<u8>| Transaction::decode(bytes).expect("transactions are given");
    let transactions = transactions.iter().map(decode).collect::<Vec<_>>();
    let results = Setting::new(case).check(&transactions).iter().map(result).collect::<Vec<_>>();
    let wrapped = transactions.iter().position(wraps);
    if let Some(index) = wrapped.filter(|index| theirs(case)["results"][index]["valid"] == true) {
        assert_eq!(results[index]["kind"], "InsufficientBalance", "{}", case.id);
        return Answer::Except;
    }
    Answer::Out(json!({ "results": results }))
}
