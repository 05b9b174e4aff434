//! The reference's vectors of the pool: its order, eviction and capacity,
//! over transactions whose senders own enough and stand at their nonces.
//!
//! Where two transactions of one sender meet, the pools differ on purpose:
//! the reference's may hold two with one nonce, which no block can hold, and
//! refuses a sender's next nonce, which ours takes.

use std::collections::HashMap;

use serde_json::{Value, json};
use spacetime_protocol::MAX_NUMBER;

use super::*;
use crate::common::{Answer, Case, run};

const SEQUENCE: &str = "a sender's transactions come in the sequence of its nonces, each once";

#[test]
fn the_pool_orders_and_evicts_as_the_reference_s() {
    let exceptions = [
        ("permissive", "our pool has no profile for tests"),
        ("second-pending-of-sender-refused", SEQUENCE),
        ("same-nonce-both-admitted", SEQUENCE),
        ("admission-limits", SEQUENCE),
    ];
    run("mempool", 62, &exceptions, |case| match case.op.as_str() {
        "config" => config(case),
        "sequence" => sequence(case),
        _ => case.unknown(),
    });
}

fn config(case: &Case) -> Answer {
    if case.text("profile") == Some("permissive") {
        return Answer::Except;
    }
    Answer::Out(json!({
        "max_transactions": MAX_TRANSACTIONS,
        "max_transactions_per_block": Admission::DEFAULT.max_transactions_per_block,
        "minimum_fee": Admission::DEFAULT.minimum_fee,
    }))
}

/// A pool as a case wants it.
struct Played<'a> {
    case: &'a Case,
    transactions: Vec<Transaction>,
    /// The senders' accounts at the tip.
    accounts: HashMap<Identity, Account>,
    admission: Admission,
    per_block: usize,
    pool: Mempool,
}

impl<'a> Played<'a> {
    fn new(case: &'a Case) -> Self {
        let bytes = case.byte_strings("transactions").expect("transactions are given");
        let decode = |bytes: &Vec<u8>| Transaction::decode(bytes).expect("a transaction");
        let transactions = bytes.iter().map(decode).collect::<Vec<_>>();
        let config = |name: &str| case.value("config")[name].as_i64().expect("a number");
        // Of less than nothing there is nothing.
        let size = |name: &str| usize::try_from(config(name)).unwrap_or(0);
        let rules = match case.value("validator") {
            Value::String(_) => Admission::PERMISSIVE,
            _ => Admission::DEFAULT,
        };
        let minimum_fee = rules.minimum_fee.max(u64::try_from(config("minimum_fee")).unwrap());
        Self {
            case,
            accounts: accounts(case, &transactions),
            transactions,
            admission: Admission { minimum_fee, ..rules },
            per_block: size("max_transactions_per_block"),
            pool: Mempool::new(size("max_transactions")),
        }
    }

    fn step(&mut self, step: &Value) -> Value {
        let (call, of) = step.as_object().and_then(|step| step.iter().next()).expect("a call");
        let index = || usize::try_from(of.as_u64().expect("an index")).unwrap();
        match call.as_str() {
            "add" => self.add(index()).is_ok().into(),
            "contains" => self.pool.contains(&self.transactions[index()].hash()).into(),
            "count" => self.pool.len().into(),
            "take" => {
                let limit = usize::try_from(of.as_i64().expect("a number")).unwrap_or(0);
                self.take(limit).into()
            }
            "remove" => {
                let indices = of.as_array().expect("indices").iter();
                let hash = |index: &Value| {
                    let index = usize::try_from(index.as_u64().expect("an index")).unwrap();
                    self.transactions[index].hash()
                };
                let hashes = indices.map(hash).collect::<Vec<_>>();
                self.remove(&hashes).into()
            }
            "remove_hashes" => {
                let hashes = of.as_array().expect("hashes").iter();
                let hash = |hash: &Value| hash.as_str().and_then(|hash| hash.parse().ok());
                let hashes = hashes.filter_map(hash).collect::<Vec<_>>();
                self.remove(&hashes).into()
            }
            "clear" => {
                self.pool = Mempool::new(self.pool.capacity);
                Value::Null
            }
            _ => panic!("{}: unknown step {step}", self.case.id),
        }
    }

    /// Every signature of these cases counts as verified.
    fn add(&mut self, index: usize) -> Result<TxHash, Refusal> {
        let transaction = self.transactions[index].clone();
        check_form(&transaction, &self.admission)?;
        let account = self.accounts.get(&transaction.sender).copied().unwrap_or_default();
        self.pool.enter(transaction, &account, true)
    }

    fn take(&self, limit: usize) -> Vec<usize> {
        let taken = self.pool.select(limit.min(self.per_block)).into_iter();
        let index = |taken: &Transaction| {
            let same = |transaction: &Transaction| transaction == taken;
            self.transactions.iter().position(same).expect("only what was added")
        };
        taken.map(index).collect()
    }

    /// What the pool does for a block that holds these: how many left it.
    /// Afterwards the accounts are back, as if the block were gone.
    fn remove(&mut self, hashes: &[TxHash]) -> usize {
        let before = self.pool.len();
        let mut after = self.accounts.clone();
        for (_, sender) in self.pool.order.iter().filter(|((_, hash), _)| hashes.contains(hash)) {
            after.entry(sender.0).or_default().nonce = sender.1 + 1;
        }
        self.pool.follow(Vec::new(), |sender| after.get(sender).copied().unwrap_or_default());
        before - self.pool.len()
    }
}

/// Those of the case; where its validator looks at none, such that everyone
/// can pay and stands at the nonce of its first transaction.
fn accounts(case: &Case, transactions: &[Transaction]) -> HashMap<Identity, Account> {
    if let Some(accounts) = case.value("validator")["accounts"].as_array() {
        let number = |value: &Value| value.as_u64().expect("a number");
        let account = |value: &Value| {
            let key = value["key"].as_str().and_then(|key| key.parse().ok()).expect("a key");
            let (balance, nonce) = (number(&value["balance"]), number(&value["nonce"]));
            (key, Account { balance, nonce })
        };
        return accounts.iter().map(account).collect();
    }
    let rich = |transaction: &Transaction| {
        (transaction.sender, Account { balance: MAX_NUMBER, nonce: transaction.nonce })
    };
    transactions.iter().rev().map(rich).collect()
}

fn sequence(case: &Case) -> Answer {
    let mut played = Played::new(case);
    let steps = case.value("steps").as_array().expect("steps are given");
    let ours = steps.iter().map(|step| played.step(step)).collect::<Vec<_>>();
    let Some(until) = steps.iter().position(meets_another(&played)) else {
        return Answer::Out(json!({ "results": ours }));
    };
    let theirs = case.outcome.as_ref().expect("results")["results"].as_array().expect("results");
    assert_eq!(ours[..until], theirs[..until], "{}", case.id);
    assert_sequence(&played);
    Answer::Except
}

/// Whether a step adds a transaction whose sender's account or other
/// transactions mean more to us than to the reference. Before the first such
/// step, everything is the same.
fn meets_another(played: &Played<'_>) -> impl FnMut(&Value) -> bool {
    let mut added = HashMap::new();
    let is_checked = played.case.value("validator").is_object();
    move |step| {
        let Some(index) = step.get("add") else { return false };
        let index = usize::try_from(index.as_u64().expect("an index")).unwrap();
        let (transaction, hash) = (&played.transactions[index], played.transactions[index].hash());
        let other = added.insert(transaction.sender, hash).is_some_and(|other| other != hash);
        other || !is_checked && played.accounts[&transaction.sender].nonce != transaction.nonce
    }
}

/// What ours does instead: everything in the pool can be applied, in its order.
fn assert_sequence(played: &Played<'_>) {
    let mut accounts = played.accounts.clone();
    let selected = played.pool.select(usize::MAX);
    assert_eq!(selected.len(), played.pool.len());
    for transaction in selected {
        let account = accounts.entry(transaction.sender).or_default();
        assert_eq!(account.nonce, transaction.nonce, "{}", played.case.id);
        let left = account.balance.checked_sub(transaction.amount + transaction.fee);
        account.balance = left.expect("everything can be paid");
        account.nonce += 1;
    }
}
