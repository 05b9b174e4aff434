//! Each option of the manifest has an effect that the running miner shows;
//! those on retries are shown in `sessions`.

use std::fs;

use serde_json::{Value, json};
use spacetime_tests::{artifacts::plugin, home::Home, process::Ended};

fn started(ended: &Ended) -> Value {
    ended.events("started").remove(0)
}

#[test]
fn plot_directory_and_metadata_path() {
    let home = Home::new()
        .set("plot_directory", "\"elsewhere/plots\"")
        .set("plot_metadata_path", "\"elsewhere/known.json\"");
    home.mine(1);
    assert!(home.path("elsewhere/plots/first.plot").exists());
    let metadata = fs::read_to_string(home.path("elsewhere/known.json")).unwrap();
    assert!(metadata.contains("first.plot"), "{metadata}");
    assert!(!home.path("plots").exists() && !home.path("plots.json").exists());
}

#[test]
fn plot_directories() {
    let home = Home::new().unset("plot_directory").set("plot_directories", "[\"a\", \"b\"]");
    home.mine(1);
    fs::create_dir_all(home.path("b")).unwrap();
    fs::rename(home.path("a/first.plot"), home.path("b/moved.plot")).unwrap();
    let made = home.command(&["plot", "create", "--out", "a/second.plot", "--leaves", "2000"]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    let started = started(&home.run_to_end(&["--for", "1"]));
    assert_eq!((&started["plots"], &started["leaves"]), (&json!(2), &json!(32768 + 2000)));
}

#[test]
fn private_key_path() {
    let home = Home::new().set("private_key_path", "\"keys/mine\"");
    fs::create_dir(home.path("keys")).unwrap();
    let ended = home.mine(1);
    assert!(home.path("keys/mine").exists() && !home.path("key").exists());
    let shown = home.command(&["key", "show", "--key", "keys/mine", "--json"]).document();
    assert_eq!(shown["identity"], started(&ended)["identity"]);
}

#[test]
fn network_id_and_network_file() {
    let ended = Home::new().mine(1);
    assert_eq!(started(&ended)["network"], "spacetime-local-v1");

    let mut id = String::new();
    let home = Home::new().with_network("devnet", |network| {
        id = network["network_id"].as_str().unwrap().to_owned();
    });
    let ended = home.run_to_end(&["--for", "1"]);
    assert_eq!(started(&ended)["network"], id);

    let ended = Home::new().set("network_id", "\"locl\"").run_to_end(&["--for", "1"]);
    ended.assert_refused(3, "locl");
}

#[test]
fn data_directory() {
    let home = Home::new().set("data_directory", "\"chains\"");
    home.mine(1);
    assert!(home.path("chains/solo").is_dir() && !home.path("data").exists());
    // A new chain begins where there is none.
    let ended = home.set("data_directory", "\"others\"").mine(1);
    assert_eq!(ended.events("accepted")[0]["height"], 1);
}

/// The strategy's instances wait for one another: two can meet only where two
/// plots of a drive are scanned at once.
#[test]
fn max_concurrent_proofs() {
    let first = |at_once: &str| {
        let home = Home::with_long_windows()
            .misbehaving()
            .set("strategy", "(name: \"misbehaving\", config: (meet: 2))")
            .set("max_concurrent_proofs", at_once);
        home.command(&["key", "new", "--key", "key"]);
        for plot in ["plots/a.plot", "plots/b.plot"] {
            let made = home.command(&["plot", "create", "--out", plot, "--leaves", "4096"]);
            assert_eq!(made.code, Some(0), "{made:#?}");
        }
        let mut miner = home.run(&["--set", "proof_generation_timeout_seconds=60"]);
        let event = miner.wait_for("a proof or a fault", |event| {
            event["event"] == "proof" || event["event"] == "fault"
        });
        event["event"].as_str().unwrap().to_owned()
    };
    assert_eq!(first("2"), "proof");
    assert_eq!(first("1"), "fault", "one waits for the other in vain");
}

/// Blocks are won with leaves that were not read, and only where that was
/// asked for; an option of a name that there is not is refused.
#[test]
fn leaf_source() {
    for (source, all_made) in [("disk", false), ("regenerate", true)] {
        let ended = Home::new().set("leaf_source", source).mine(2);
        let proofs = ended.events("proof");
        assert!(!proofs.is_empty() && ended.events("fault").is_empty(), "{ended:#?}");
        for drive in proofs.iter().flat_map(|proof| proof["drives"].as_array().unwrap()) {
            let made = if all_made { &drive["scanned"] } else { &json!(0) };
            assert_eq!(&drive["regenerated"], made, "{source}: {drive}");
        }
    }
    Home::new().set("leaf_source", "auto").mine(1);
    let ended = Home::new().set("leaf_source", "\"tape\"").run_to_end(&["--for", "1"]);
    ended.assert_refused(3, "leaf_source");
}

/// Blocks are won either way; on a file system that has no reads past memory too.
#[test]
fn io() {
    for io in ["auto", "buffered", "direct", "mmap", "\"direct\""] {
        let ended = Home::new().set("io", io).mine(2);
        assert!(ended.events("fault").is_empty(), "{io}: {ended:#?}");
    }
    let ended = Home::new().set("io", "sideways").run_to_end(&["--for", "1"]);
    ended.assert_refused(3, "io");
}

#[test]
fn proof_generation_timeout_seconds() {
    let deadline = |seconds: &str| {
        let home = Home::with_long_windows().set("proof_generation_timeout_seconds", seconds);
        let mut miner = home.run(&[]);
        let challenge = miner.event("challenge");
        let end = challenge["deadline"].as_str().unwrap();
        milliseconds(end) - milliseconds(challenge["time"].as_str().unwrap())
    };
    assert!((0..=2000).contains(&deadline("2")));
    assert!((2001..=20_000).contains(&deadline("20")));
}

/// An engine that needs longer for the plot than a scan may take, on however
/// many cores: the scan ends at its time, with what it has.
#[test]
fn a_scan_ends_at_the_timeout() {
    let home = Home::with_long_windows()
        .misbehaving()
        .set("engine", "(name: \"misbehaving\", config: (slow_ms: 1500))")
        .set("first_run", "(create_key: true, plot_size: \"64MiB\")")
        .set("proof_generation_timeout_seconds", "2");
    let mut miner = home.run(&[]);
    let challenge = miner.event("challenge");
    let proof = miner.wait_through("a proof", |event| event["event"] == "proof").pop().unwrap();
    let took = milliseconds(proof["time"].as_str().unwrap())
        - milliseconds(challenge["time"].as_str().unwrap());
    assert_eq!(proof["ended"], "deadline", "{proof}");
    let coverage = proof["coverage"].as_f64().unwrap();
    assert!(coverage > 0.0 && coverage < 1.0, "{proof}");
    assert!((2000..8000).contains(&took), "{took} ms: {proof}");
    assert_eq!(miner.stop().events("fault"), [] as [Value; 0]);
}

/// Milliseconds of a day's time in RFC 3339; tests do not run over midnight.
fn milliseconds(time: &str) -> i64 {
    let clock = time.split('T').nth(1).unwrap().trim_end_matches('Z');
    let parts: Vec<f64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
    ((parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]) * 1000.0).round() as i64
}

#[test]
fn node_address_and_node_port() {
    let home = || Home::new().misbehaving().set("transports", "[(name: \"misbehaving\")]");
    let given = |home: &Home| {
        // The log of `run` and the word of `check` are the transport's own.
        let logged = home.run_to_end(&["--for", "1", "-v"]).stderr;
        let status = home.command(&["check", "--load", "--json"]).document();
        (logged, status["transports"][0]["status"].as_str().unwrap().to_owned())
    };
    let without = "was given node None port None";
    let (logged, status) = given(&home());
    assert!(logged.contains(without) && status.contains(without), "{logged}\n{status}");

    let with = "was given node Some(\"node.example\") port Some(4242)";
    let home = home().set("node_address", "\"node.example\"").set("node_port", "4242");
    let (logged, status) = given(&home);
    assert!(logged.contains(with) && status.contains(with), "{logged}\n{status}");
}

#[test]
fn enable_performance_monitoring() {
    let rates = |enabled: &str| {
        let ended = Home::new().set("enable_performance_monitoring", enabled).mine(1);
        let proofs = ended.events("proof");
        assert!(!proofs.is_empty());
        proofs.iter().filter(|proof| proof.get("bytes_per_second").is_some()).count()
    };
    assert_eq!(rates("false"), 0);
    assert!(rates("true") > 0);
}

#[test]
fn strategy_and_its_config() {
    let home = Home::new()
        .plugin(&plugin("spacetime-strategy-sampling"))
        .set("strategy", "(name: \"sampling\", config: (sample_size: 20000))");
    let ended = home.mine(1);
    assert_eq!(started(&ended)["strategy"], "sampling");
    assert!(ended.events("proof").iter().all(|proof| proof["scanned"] == 20000), "{ended:#?}");
}

#[test]
fn engine_policy_and_transports() {
    let home = Home::new()
        .misbehaving()
        .plugin(&plugin("spacetime-policy-empty"))
        .set("engine", "(name: \"misbehaving\")")
        .set("policy", "(name: \"empty\")")
        .set("transports", "[(name: \"solo\"), (name: \"misbehaving\")]");
    let started = started(&home.mine(1));
    assert_eq!((&started["engine"], &started["policy"]), (&json!("misbehaving"), &json!("empty")));
    assert_eq!(started["transports"].as_array().unwrap().len(), 2, "{started}");
}

#[test]
fn plugin_directories() {
    let home = Home::new()
        .outside_plugin("outside_name".as_ref())
        .set("plugin_directories", "[\"mine\"]")
        .set("strategy", "(name: \"sampling\")");
    fs::create_dir(home.path("mine")).unwrap();
    let file = format!(
        "mine/{}outside_name{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    fs::copy(plugin("spacetime-strategy-sampling"), home.path(&file)).unwrap();
    assert_eq!(started(&home.mine(1))["strategy"], "sampling");
}

#[test]
fn first_run_plot_size() {
    let home = Home::new().set("first_run", "(create_key: true, plot_size: \"2MiB\")");
    assert_eq!(started(&home.mine(1))["leaves"], 65536);
}

#[test]
fn overrides_reach_the_running_miner() {
    let home = Home::new().plugin(&plugin("spacetime-strategy-sampling"));
    let ended = home.run_to_end(&[
        "--until-blocks",
        "1",
        "--for",
        "60",
        "--set",
        "strategy=(name: \"sampling\")",
        "--set",
        "strategy.config=(sample_size: 15000)",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(started(&ended)["strategy"], "sampling");
    assert!(ended.events("proof").iter().all(|proof| proof["scanned"] == 15000), "{ended:#?}");
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_the_nearest_name() {
    let home = Home::new().set("plot_metadata_pth", "\"x\"");
    let text = fs::read_to_string(home.manifest()).unwrap();
    let line = 1 + text.lines().position(|line| line.contains("metadata_pth")).unwrap();
    let ended = home.run_to_end(&["--for", "1"]);
    ended.assert_refused(3, &format!("miner.ron:{line}"));
    assert!(ended.stderr.contains("plot_metadata_path"), "{ended:#?}");
}
