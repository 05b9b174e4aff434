//! Transactions end to end: `tx send`, `tx status` and `balance` beside a miner
//! that mines on its embedded chain, with the programs and plugins that a user
//! has.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    collections::BTreeMap,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use spacetime_core::keys;
use spacetime_node::store;
use spacetime_protocol::keys::Scheme;
use spacetime_tests::{
    artifacts::plugin,
    home::Home,
    process::{Ended, Miner, PATIENCE},
};

/// What the development key owns on `local` from the beginning.
const PREMINE: u64 = 1_000_000_000;

/// A home with the development key in `dev`, and another key in `bob`.
fn home() -> Home {
    let home = Home::new();
    let made = home.command(&["key", "new", "--development", "--key", "dev", "--json"]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    assert_eq!(home.command(&["key", "new", "--key", "bob"]).code, Some(0));
    home
}

fn identity(home: &Home, key: &str) -> String {
    let shown = home.command(&["key", "show", "--key", key, "--json"]).document();
    shown["identity"].as_str().unwrap().to_owned()
}

/// Runs `tx send` with more arguments.
fn send(home: &Home, key: &str, to: &str, amount: u64, fee: u64, more: &[&str]) -> Ended {
    let (amount, fee) = (amount.to_string(), fee.to_string());
    let arguments = ["tx", "send", "--json", "--key", key, "--to", to];
    home.command(&[&arguments[..], &["--amount", &amount, "--fee", &fee], more].concat())
}

#[track_caller]
fn sent(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.document()
}

/// Sends, and waits until a block has it.
#[track_caller]
fn pay(home: &Home, key: &str, to: &str, amount: u64, fee: u64) -> Value {
    let document = sent(&send(home, key, to, amount, fee, &["--wait", "100"]));
    assert_eq!(document["status"], "in_block", "{document}");
    document
}

fn balance(home: &Home, identity: &str) -> Value {
    let ended = home.command(&["balance", identity, "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.document()
}

fn status(home: &Home, hash: &Value) -> Ended {
    home.command(&["tx", "status", hash.as_str().unwrap(), "--json"])
}

/// A miner that has won its first block, so that its chain is there.
fn mining(home: &Home) -> Miner {
    let mut miner = home.run(&[]);
    miner.event("accepted");
    miner
}

#[test]
fn a_payment_arrives_its_fee_is_the_miners_and_a_killed_miner_knows_it_still() {
    let home = home();
    let mut miner = mining(&home);
    let (bob, dev) = (identity(&home, "bob"), identity(&home, "dev"));
    let first = pay(&home, "dev", &bob, 100, 7);
    assert_eq!((&first["nonce"], &first["transport"]), (&json!(0), &json!("solo")));
    assert_eq!(balance(&home, &bob)["balance"], 100);
    let owned = balance(&home, &dev);
    assert_eq!((&owned["balance"], &owned["nonce"]), (&json!(PREMINE - 107), &json!(1)));
    // Without an identity: the manifest's key, which is the miner's.
    let fees = |home: &Home| {
        let ended = home.command(&["balance", "--json"]);
        assert_eq!(ended.document()["identity"], identity(home, "key"));
        ended.document()["balance"].clone()
    };
    assert_eq!(fees(&home), 7);
    let won = miner.wait_for("the block", |event| {
        event["event"] == "won" && event["height"] == first["height"]
    });
    assert_eq!((&won["transactions"], &won["fees"]), (&json!(1), &json!(7)));

    let second = pay(&home, "dev", &bob, 50, 9);
    assert_eq!(second["nonce"], 1);
    assert_eq!((&balance(&home, &bob)["balance"], fees(&home)), (&json!(150), json!(16)));
    miner.event("accepted");
    miner.kill();

    // Nobody runs the chain: its store says so.
    let found = sent(&status(&home, &first["hash"]));
    assert_eq!((&found["status"], &found["block"]), (&json!("in_block"), &first["block"]));
    let before = found["confirmations"].as_u64().unwrap();
    assert!(before >= 2, "{found}");
    assert_eq!(balance(&home, &bob)["balance"], 150);
    send(&home, "dev", &bob, 1, 1, &[]).assert_refused(7, "`spacetime-miner run`");

    let mut miner = mining(&home);
    miner.event("accepted");
    let found = sent(&status(&home, &first["hash"]));
    assert!(found["confirmations"].as_u64().unwrap() > before, "{found}");
    assert_eq!((&found["block"], &found["height"]), (&first["block"], &first["height"]));
    assert_eq!(pay(&home, "dev", &bob, 1, 1)["nonce"], 2);
    assert_eq!(fees(&home), 17);
}

/// Neither a config that only `run` would need to be right, nor a name.
#[test]
fn a_transport_that_cannot_be_used_stops_no_question_to_another() {
    let home = home().plugin(&plugin("spacetime-transport-node"));
    let bob = identity(&home, "bob");
    mining(&home).stop();
    let ask = |transports: &str, more: &[&str]| {
        let set = format!("transports={transports}");
        home.command(&[&["balance", &bob, "--json", "--set", &set], more].concat())
    };
    for first in ["(name: \"node\", config: (follow: sideways))", "(name: \"nod\")"] {
        let transports = format!("[{first}, (name: \"solo\")]");
        let ended = ask(&transports, &[]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(ended.document()["transport"], "solo", "{ended:#?}");
        let ended = ask(&transports, &["--transport", "solo"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    }
    let wrong = "(name: \"node\", config: (follow: sideways))";
    ask(&format!("[{wrong}]"), &[]).assert_refused(6, "sideways");
    let named = ["--transport", "node"];
    let both = format!("[{wrong}, (name: \"solo\")]");
    ask(&both, &named).assert_refused(6, "sideways");
    ask(&both, &["--transport", "sola"]).assert_refused(8, "there are solo");
}

#[test]
fn pending_transactions_queue_up_and_bind_the_balance() {
    let home = home().plugin(&plugin("spacetime-policy-empty")).set("policy", "(name: \"empty\")");
    let miner = mining(&home);
    let (bob, dev) = (identity(&home, "bob"), identity(&home, "dev"));
    let hashes: Vec<Value> = (0..16)
        .map(|nonce| {
            let document = sent(&send(&home, "dev", &bob, 1000, 2, &[]));
            assert_eq!(
                (&document["nonce"], &document["status"]),
                (&json!(nonce), &json!("pending"))
            );
            document["hash"].clone()
        })
        .collect();
    let owned = balance(&home, &dev);
    assert_eq!((&owned["nonce"], &owned["next_nonce"]), (&json!(0), &json!(16)));
    assert_eq!(owned["balance"], PREMINE);
    assert_eq!(owned["spendable"], PREMINE - 16 * 1002);
    for hash in &hashes {
        let found = sent(&status(&home, hash));
        let expected = (&json!("pending"), &Value::Null, &json!(0));
        assert_eq!((&found["status"], &found["block"], &found["confirmations"]), expected);
    }
    send(&home, "dev", &bob, 1, 9, &[]).assert_refused(11, "16 pending transactions already");
    // What is pending cannot be spent again.
    let refused = send(&home, "dev", &bob, PREMINE - 100, 9, &[]);
    refused.assert_refused(11, &format!("owns {PREMINE}, of which"));
    // A nonce that is pending is replaced on request, by a higher fee only.
    let again = |fee| send(&home, "dev", &bob, 7, fee, &["--nonce", "3"]);
    again(2).assert_refused(11, "a fee of at least 3 replaces it");
    let replaced = sent(&again(3));
    assert_eq!(replaced["nonce"], 3);
    let gone = status(&home, &hashes[3]);
    gone.assert_refused(8, hashes[3].as_str().unwrap());
    assert_eq!(gone.document()["status"], "unknown");
    // What was taken is not lost with the process that took it.
    miner.kill();
    let _miner = mining(&home);
    for hash in hashes[..3].iter().chain(&hashes[4..]).chain([&replaced["hash"]]) {
        assert_eq!(sent(&status(&home, hash))["status"], "pending");
    }
}

/// Takes a block's transactions by their fees, or none at all.
#[test]
fn the_block_policy_decides_what_is_mined() {
    let home = home().set("policy", "(name: \"fee-priority\", config: (min_fee: 10))");
    let mut miner = mining(&home);
    let (bob, dev) = (identity(&home, "bob"), identity(&home, "dev"));
    pay(&home, "dev", &bob, 1000, 10);
    let cheap = sent(&send(&home, "bob", &dev, 5, 9, &[]));
    for _ in 0..2 {
        pay(&home, "dev", &bob, 1, 11);
    }
    assert_eq!(sent(&status(&home, &cheap["hash"]))["status"], "pending");
    let dear = sent(&send(&home, "bob", &dev, 5, 10, &["--nonce", "0", "--wait", "100"]));
    assert_eq!(dear["status"], "in_block");
    assert_eq!(status(&home, &cheap["hash"]).code, Some(8));
    assert_eq!(balance(&home, &identity(&home, "key"))["balance"], 10 + 2 * 11 + 10);
    miner.event("accepted");
    assert_eq!(miner.stop().code, Some(0));

    let home = home.plugin(&plugin("spacetime-policy-empty")).set("policy", "(name: \"empty\")");
    let mut miner = mining(&home);
    let left = send(&home, "dev", &bob, 5, 1000, &["--wait", "4"]);
    left.assert_refused(9, "it is pending still");
    assert_eq!(left.document()["status"], "pending");
    miner.event("accepted");
    miner.event("accepted");
    assert_eq!(sent(&status(&home, &left.document()["hash"]))["status"], "pending");
}

/// Several commands at once, which all ask for the next nonce.
#[test]
fn fifty_transactions_all_arrive_exactly_once() {
    const COUNT: u64 = 50;
    let home = home();
    let mut miner = mining(&home);
    let (bob, dev) = (identity(&home, "bob"), identity(&home, "dev"));
    let (left, hashes) = (Mutex::new(1..=COUNT), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(amount) = { left.lock().unwrap().next() } {
                    let hash = send_patiently(&home, &bob, amount);
                    assert!(hashes.lock().unwrap().insert(hash, amount).is_none());
                }
            });
        }
    });
    let hashes = hashes.into_inner().unwrap();
    assert_eq!(hashes.len() as u64, COUNT);
    let deadline = Instant::now() + PATIENCE;
    while balance(&home, &dev)["nonce"] != COUNT {
        assert!(Instant::now() < deadline, "{}", balance(&home, &dev));
        miner.event("tip");
    }
    let total = COUNT * (COUNT + 1) / 2;
    assert_eq!(balance(&home, &bob)["balance"], total);
    assert_eq!(balance(&home, &dev)["balance"], PREMINE - total - 3 * COUNT);
    assert_eq!(balance(&home, &identity(&home, "key"))["balance"], 3 * COUNT);
    assert_eq!(miner.stop().code, Some(0));

    let store = store::read(&home.path("data/solo")).unwrap().unwrap();
    let mut found = Vec::new();
    for height in 1.. {
        let Some(hash) = store.best_at(height).unwrap() else { break };
        found.extend(store.block(&hash).unwrap().unwrap().transactions);
    }
    let nonces: Vec<u64> = found.iter().map(|found| found.nonce).collect();
    assert_eq!(nonces, (0..COUNT).collect::<Vec<_>>(), "each once, in their order");
    for transaction in found {
        assert_eq!(hashes.get(&transaction.hash().to_string()), Some(&transaction.amount));
    }
}

/// Sends until there is room for one more of the sender.
fn send_patiently(home: &Home, to: &str, amount: u64) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ended = send(home, "dev", to, amount, 3, &[]);
        if ended.code == Some(0) {
            return ended.document()["hash"].as_str().unwrap().to_owned();
        }
        ended.assert_refused(11, "pending transactions already");
        assert!(Instant::now() < deadline, "there was never room: {ended:#?}");
        // The pause between two tries; a block makes room.
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn either_scheme_pays_and_is_paid() {
    let home = home();
    let key = keys::create(&home.path("secp"), Scheme::Secp256k1).unwrap();
    let (secp, bob) = (key.identity().to_string(), identity(&home, "bob"));
    let _miner = mining(&home);
    pay(&home, "dev", &secp, 500, 1);
    assert_eq!(pay(&home, "secp", &bob, 300, 2)["sender"], *secp);
    assert_eq!(balance(&home, &secp)["balance"], 198);
    assert_eq!(balance(&home, &bob)["balance"], 300);
}

#[test]
fn refusals_say_why_and_what_next() {
    let home = home();
    let (bob, dev) = (identity(&home, "bob"), identity(&home, "dev"));
    // Before there is a chain.
    send(&home, "dev", &bob, 1, 1, &[]).assert_refused(7, "no chain in");
    home.command(&["balance", &bob]).assert_refused(7, "`spacetime-miner run`");
    let _miner = mining(&home);
    let refuse = |key, to: &str, amount, fee, more: &[&str], code, told: &str| {
        let ended = send(&home, key, to, amount, fee, more);
        ended.assert_refused(code, told);
        assert_eq!(ended.stdout, "", "{ended:#?}");
    };
    refuse("bob", &dev, 5, 2, &[], 11, "owns 0, and the amount and the fee take 7 together");
    refuse("dev", &dev, 5, 2, &[], 11, "the sender's own identity");
    refuse("dev", &"00".repeat(33), 5, 2, &[], 11, "is nobody's identity");
    let no_point = format!("02{}", "00".repeat(32));
    refuse("dev", &no_point, 5, 2, &[], 11, "is no public key of its scheme");
    refuse("dev", &bob, 0, 2, &[], 11, "the amount is 0");
    refuse("dev", &bob, 5, 0, &[], 11, "the fee is 0: it is at least 1");
    refuse("dev", &bob, 5, 1_000_001, &[], 11, "at most 1000000");
    refuse(
        "dev",
        &bob,
        5,
        1,
        &["--nonce", "1"],
        11,
        "nonce 1 leaves a gap: the sender's next is 0",
    );
    refuse("nokey", &bob, 5, 1, &[], 4, "nokey");
    refuse("dev", "ed12", 5, 1, &[], 2, "66 hexadecimal digits");
    refuse("dev", &bob, 5, 1, &["--transport", "nobody"], 8, "`nobody`: there are solo");
    pay(&home, "dev", &bob, 5, 1);
    refuse(
        "dev",
        &bob,
        5,
        1,
        &["--nonce", "0"],
        11,
        "nonce 0 is used already: the sender's next is 1",
    );
    let nowhere = json!("11".repeat(32));
    status(&home, &nowhere).assert_refused(8, "neither pending nor in a block");
    home.command(&["tx", "status", "11"]).assert_refused(2, "64 hexadecimal digits");
}

/// The first transport that answers is asked; those that do not are no error.
#[test]
fn a_transport_that_answers_no_questions_is_passed_over() {
    let home =
        home().misbehaving().set("transports", "[(name: \"misbehaving\"), (name: \"solo\")]");
    let _miner = mining(&home);
    let dev = identity(&home, "dev");
    assert_eq!(balance(&home, &dev)["transport"], "solo");
    let named = |name| home.command(&["balance", &dev, "--transport", name]);
    assert_eq!(named("solo").code, Some(0));
    named("misbehaving").assert_refused(7, "misbehaving does not answer this");
    let panicking = "transports=[(name: \"misbehaving\", config: (fail: (panic_in: [ask])))]";
    let ended = home.command(&["balance", &dev, "--set", panicking]);
    assert_eq!(ended.code, Some(7), "{ended:#?}");
    assert!(ended.stderr.starts_with("error: transport `misbehaving`"), "{ended:#?}");
    assert!(ended.stderr.contains("misbehaving in Ask"), "{ended:#?}");
    let mistaken = "transports=[(name: \"solo\", config: (speed: 1))]";
    home.command(&["balance", &dev, "--set", mistaken]).assert_refused(6, "field `speed`");
}
