//! Miners with keys of either scheme, on one chain: plots, signatures and
//! validation, from the key's making to the block in the store.

use std::fs;

use serde_json::Value;
use spacetime_node::store;
use spacetime_protocol::{
    Identity,
    keys::{self, Scheme},
};
use spacetime_tests::{home::Home, process::Ended};

/// Puts a new key of a scheme and a plot of its own in the place of what the
/// home had; the key's identity.
fn settle(home: &Home, scheme: &str) -> String {
    for (file, kept) in [("key", "old-key"), ("plots", "old-plots")] {
        if home.path(file).exists() {
            fs::rename(home.path(file), home.path(kept)).unwrap();
        }
    }
    let key = ["key", "new", "--key", "key", "--scheme", scheme, "--json"];
    let document = home.command(&key).document();
    assert_eq!(document["scheme"], scheme);
    let plot = ["plot", "create", "--out", "plots/a.plot", "--leaves", "20000"];
    let made = home.command(&plot);
    assert_eq!(made.code, Some(0), "{made:#?}");
    let verify = ["plot", "verify", "plots/a.plot", "--key", "key", "--json"];
    assert_eq!(home.command(&verify).document()["made_with_key"], true);
    document["identity"].as_str().unwrap().to_owned()
}

fn mined(home: &Home, identity: &str, heights: &[u64]) -> Ended {
    let ended = home.mine(heights.len() as u64);
    assert_eq!(ended.events("started")[0]["identity"], identity);
    let accepted = ended.events("accepted");
    let found: Vec<u64> = accepted.iter().map(|event| event["height"].as_u64().unwrap()).collect();
    assert_eq!(found, heights);
    ended
}

/// The network `local` binds leaves to the plotting key of the block's miner,
/// so a block is accepted only if key, plot and signature are of one identity.
#[test]
fn miners_of_both_schemes_win_blocks_on_one_chain() {
    let home = Home::new().unset("first_run");
    let first = settle(&home, "secp256k1");
    mined(&home, &first, &[1, 2, 3]);
    let second = settle(&home, "ed25519");
    mined(&home, &second, &[4, 5]);
    for (old, back) in [("key", "spare-key"), ("plots", "spare-plots")] {
        fs::rename(home.path(old), home.path(back)).unwrap();
    }
    fs::rename(home.path("old-key"), home.path("key")).unwrap();
    fs::rename(home.path("old-plots"), home.path("plots")).unwrap();
    mined(&home, &first, &[6]);

    let chain = store::read(&home.path("data/solo")).unwrap().unwrap();
    let miners: Vec<(Identity, Scheme)> = (1..=6)
        .map(|height| {
            let hash = chain.best_at(height).unwrap().unwrap();
            let header = chain.block(&hash).unwrap().unwrap().header;
            assert!(
                keys::verify(&header.miner, hash.as_bytes(), header.signature.as_ref().unwrap()),
                "{height}"
            );
            (header.miner, Scheme::of(&header.miner).unwrap())
        })
        .collect();
    let [first, second] =
        [first, second].map(|text| Identity::new(const_hex::decode_to_array(text).unwrap()));
    let (first, second) = ((first, Scheme::Secp256k1), (second, Scheme::Ed25519));
    assert_eq!(miners, [first, first, first, second, second, first]);
}

/// A plot of another key wins nothing where leaves are bound to the miner.
#[test]
fn a_plot_of_another_key_wins_nothing_and_says_why() {
    let home = Home::new().unset("first_run");
    settle(&home, "secp256k1");
    fs::rename(home.path("plots"), home.path("kept")).unwrap();
    settle(&home, "secp256k1");
    fs::remove_dir_all(home.path("plots")).unwrap();
    fs::rename(home.path("kept"), home.path("plots")).unwrap();
    let foreign = home.path("plots/a.plot");
    let told = |event: &Value| {
        let message = event["message"].as_str().unwrap_or_default();
        message.contains("made with another key") && message.contains(foreign.to_str().unwrap())
    };
    let ended = home.run_to_end(&["--for", "3"]);
    assert_eq!(ended.events("fault").iter().filter(|fault| told(fault)).count(), 1, "{ended:#?}");
    assert_eq!(ended.events("challenge").len(), 0, "there is nothing to scan: {ended:#?}");
    home.command(&["check"]).assert_refused(5, "made with another key");

    // Beside one of its own, which wins.
    let own = home.path("plots/own.plot");
    let own = own.to_str().unwrap();
    let made = home.command(&["plot", "create", "--out", own, "--size", "1MiB"]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    let ended = home.mine(3);
    assert_eq!(ended.events("fault").iter().filter(|fault| told(fault)).count(), 1, "{ended:#?}");
    assert_eq!(ended.events("rejected").len(), 0, "{ended:#?}");
    for proof in ended.events("proof") {
        assert_eq!(proof["plot"].as_str(), Some(own), "{proof}");
    }
    let warnings = home.command(&["check", "--json"]).document()["warnings"].clone();
    assert!(warnings.as_array().is_some_and(|all| all.iter().any(told)), "{warnings:#}");
    // Where anybody's plots win, it is one of them: a network of the reference.
    let anybodys = home.set("network_id", "\"testnet\"");
    let checked = anybodys.command(&["check", "--json"]).document();
    assert_eq!(checked["plots"]["count"], 2, "{checked:#}");
}
