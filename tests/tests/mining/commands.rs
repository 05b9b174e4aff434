//! Commands beside `run`: what they print, and that they work beside it.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use spacetime_protocol::{NodeHash, PlotSeed, merkle};
use spacetime_tests::{
    artifacts::{plugin, program},
    home::Home,
    process::{Ended, run_to_end},
};

const CHALLENGE: [u8; 32] = [0x42; 32];

/// A plot's leaves and root, read without any of the miner's code.
struct Plain {
    name: String,
    leaves: Vec<[u8; 32]>,
    root: String,
}

fn plot(home: &Home, name: &str, leaves: usize) -> Plain {
    let (key, seed) = ("11".repeat(32), "22".repeat(PlotSeed::SIZE));
    let count = leaves.to_string();
    let made = home.command(&[
        "plot",
        "create",
        "--out",
        name,
        "--leaves",
        &count,
        "--plot-key",
        &key,
        "--seed",
        &seed,
    ]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    let info = home.command(&["plot", "info", name, "--json"]).document();
    assert_eq!(info["leaves"], leaves);
    let bytes = fs::read(home.path(name)).unwrap();
    let leaves = bytes[bytes.len() - 32 * leaves..].as_chunks::<32>().0.to_vec();
    Plain { name: name.to_owned(), leaves, root: info["root"].as_str().unwrap().to_owned() }
}

fn score(leaf: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(CHALLENGE).chain_update(leaf).finalize().into()
}

fn prove(home: &Home, plots: &[&Plain], more: &[&str]) -> Ended {
    let challenge = const_hex::encode(CHALLENGE);
    let mut arguments = vec!["prove", "--json", "--challenge", &challenge];
    for plot in plots {
        arguments.extend(["--plot", &plot.name]);
    }
    arguments.extend(more);
    home.command(&arguments)
}

/// The best leaf among those of the plots that `planned` picks, by hand.
#[track_caller]
fn assert_proves(proof: &Value, plots: &[&Plain], planned: impl Fn(usize, usize) -> bool) {
    let mut scanned = 0;
    let mut best: Option<([u8; 32], &Plain, usize)> = None;
    for plot in plots {
        for (index, leaf) in plot.leaves.iter().enumerate() {
            if planned(index, plot.leaves.len()) {
                scanned += 1;
                let score = score(leaf);
                if best.is_none_or(|(lowest, ..)| score < lowest) {
                    best = Some((score, plot, index));
                }
            }
        }
    }
    let (score, plot, index) = best.unwrap();
    assert_eq!(proof["scanned"], scanned);
    assert_eq!(proof["score"], const_hex::encode(score));
    assert!(proof["plot"].as_str().unwrap().ends_with(&plot.name), "{proof}");
    assert_eq!(proof["leaf_index"], index);
    assert_eq!(proof["leaf"], const_hex::encode(plot.leaves[index]));
    assert_eq!(proof["root"], *plot.root);
    assert_eq!(root_of(proof, &plot.leaves[index]), plot.root);
}

/// The root that a proof's path leads to: `true` is a sibling on the right.
fn root_of(proof: &Value, leaf: &[u8; 32]) -> String {
    let siblings = proof["siblings"].as_array().unwrap();
    let orientation = proof["orientation"].as_array().unwrap();
    assert_eq!(siblings.len(), orientation.len());
    let mut node = merkle::leaf_hash(leaf);
    for (sibling, right) in siblings.iter().zip(orientation) {
        let sibling: NodeHash = sibling.as_str().unwrap().parse().unwrap();
        node = match right.as_bool().unwrap() {
            true => merkle::node_hash(&node, &sibling),
            false => merkle::node_hash(&sibling, &node),
        };
    }
    const_hex::encode(node.as_bytes())
}

#[test]
fn prove_agrees_with_hashing_by_hand() {
    let home = Home::new();
    let plots = [("one.plot", 1), ("odd.plot", 1001), ("big.plot", 9000)]
        .map(|(name, leaves)| plot(&home, name, leaves));
    let all: Vec<&Plain> = plots.iter().collect();
    let ended = prove(&home, &all, &[]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_proves(&ended.document(), &all, |_, _| true);
    for plot in &plots {
        assert_proves(&prove(&home, &[plot], &[]).document(), &[plot], |_, _| true);
    }
}

#[test]
fn prove_follows_the_strategies() {
    let home = Home::new();
    let plots = [("a.plot", 1000), ("b.plot", 5003)].map(|(name, count)| plot(&home, name, count));
    let all: Vec<&Plain> = plots.iter().collect();
    let folder = plugin("spacetime-strategy-sampling").parent().unwrap().to_owned();
    let dir = folder.to_str().unwrap();

    let strategy = ["--strategy", "sampling", "--strategy-config", "(sample_size: 100)"];
    let ended = prove(&home, &all, &[&["--plugin-dir", dir], &strategy[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_proves(&ended.document(), &all, |index, count| {
        let step = count as f64 / 100.0;
        (0..100).any(|position| (f64::from(position) * step) as usize == index)
    });

    let config = "(block_size: 100, leaves_per_block: 10)";
    let strategy = ["--strategy", "cache-friendly", "--strategy-config", config];
    let ended = prove(&home, &all, &[&["--plugin-dir", dir], &strategy[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    // The last block of `b.plot` has three leaves, all of which are scanned.
    assert_proves(&ended.document(), &all, |index, count| {
        index % 10 == 0 || (count == 5003 && index >= 5000)
    });
}

#[test]
fn check_works_beside_a_running_miner_and_disturbs_nothing() {
    let home = Home::new();
    let mut miner = home.run(&[]);
    miner.event("accepted");
    for arguments in [&["check", "--json"][..], &["check", "--load", "--json"]] {
        let checked = home.command(arguments);
        assert_eq!(checked.code, Some(0), "{checked:#?}");
        assert!(checked.document().is_object());
        miner.event("accepted");
    }
}

#[test]
fn a_second_miner_is_told_who_the_first_is() {
    let home = Home::new();
    let mut miner = home.run(&[]);
    miner.event("accepted");
    let second = home.run_to_end(&["--for", "20"]);
    second.assert_refused(5, &miner.id().to_string());
    miner.event("accepted");
}

#[test]
fn genesis_is_the_same_each_time_and_loads_again() {
    let home = Home::new();
    let node = program("spacetime-node");
    for network in ["local", "mainnet", "testnet", "devnet"] {
        let genesis = |arguments: &[&str]| {
            let ended =
                run_to_end(&node, &home.path(""), &[&["genesis", "--json"], arguments].concat());
            assert_eq!(ended.code, Some(0), "{ended:#?}");
            ended.document()
        };
        let first = genesis(&["--network", network]);
        assert_eq!(genesis(&["--network", network]), first);
        let header = first["genesis_header"].as_str().unwrap();
        assert_eq!(header.len(), 2 * 290);
        fs::write(home.path("network.json"), first.to_string()).unwrap();
        assert_eq!(genesis(&["--network-file", "network.json"]), first);
    }
}

#[test]
fn plugin_list_tells_of_every_component_and_every_refusal() {
    let home = Home::new();
    fs::write(home.path("broken.so"), "no library").unwrap();
    fs::copy(plugin("spacetime-misbehaving"), home.path("libgood.so")).unwrap();
    let folder = home.path("");
    let listed =
        home.command(&["plugin", "list", "--json", "--plugin-dir", folder.to_str().unwrap()]);
    let document = listed.document();
    let text = document.to_string();
    for word in ["broken.so", "PLG-0002", "libgood.so", "misbehaving", "transport"] {
        assert!(text.contains(word), "names {word}: {document:#}");
    }
}

#[test]
fn key_show_tells_what_plots_are_made_with() {
    let home = Home::new();
    let new = home.command(&["key", "new", "--key", "key", "--json"]).document();
    let shown = home.command(&["key", "show", "--key", "key", "--json"]).document();
    assert_eq!(shown, new);
    let (identity, plot_key) = (shown["identity"].as_str().unwrap(), &shown["plot_key"]);
    assert_eq!(shown["scheme"], "ed25519");
    assert_eq!(json!(identity[2..]), *plot_key);
    assert!(identity.starts_with("ed"));
    home.command(&["key", "new", "--key", "key"]).assert_refused(4, "key");
}

#[test]
fn a_plot_that_is_gone_is_told_until_it_is_forgotten() {
    let home = Home::new();
    home.mine(1);
    let second = "plots/second.plot";
    let made = home.command(&["plot", "create", "--out", second, "--leaves", "2000"]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    assert_eq!(home.mine(1).events("started")[0]["plots"], 2);

    home.command(&["plot", "forget", second]).assert_refused(5, "second.plot is still there");
    fs::remove_file(home.path(second)).unwrap();
    home.command(&["check"]).assert_refused(5, "spacetime-miner plot forget");
    home.command(&["plot", "forget", second, "other.plot"]).assert_refused(8, "other.plot");
    home.command(&["check"]).assert_refused(5, "second.plot");
    let forgotten = home.command(&["plot", "forget", "--json", second]);
    assert_eq!(forgotten.document()["forgotten"], json!([second]));
    assert_eq!(home.command(&["check"]).code, Some(0));
    assert_eq!(home.mine(1).events("fault"), [] as [Value; 0]);
}
