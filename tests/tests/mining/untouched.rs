//! Commands that look at plugins without running any of their code.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};
use spacetime_tests::{
    artifacts::{plugin, program},
    home::Home,
    process::{Ended, Running},
};

/// A home whose strategy leaves a mark as soon as its library is loaded.
fn marked(config: &str) -> Home {
    let entry = format!("(\n name: \"initialising\",\n config: {config})");
    Home::new().plugin(&file()).set("strategy", &entry)
}

fn file() -> PathBuf {
    plugin("spacetime-initialising")
}

/// Runs a command, and says whether code of the plugin ran.
fn command(home: &Home, arguments: &[&str]) -> (Ended, bool) {
    let mark = home.path("mark");
    let mut command = Command::new(program("spacetime-miner"));
    command.current_dir(home.path("")).args(arguments).env("SPACETIME_TEST_MARK", &mark);
    let ended = Running::start(command).wait();
    (ended, std::fs::remove_file(mark).is_ok())
}

#[track_caller]
fn untouched(home: &Home, arguments: &[&str]) -> Ended {
    let (ended, is_marked) = command(home, arguments);
    assert!(!is_marked, "{arguments:?} ran code of the plugin: {ended:#?}");
    ended
}

#[test]
fn looking_at_a_plugin_runs_none_of_its_code() {
    let home = marked("(level: 3)");
    let checked = untouched(&home, &["check", "--json"]);
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    let document = checked.document();
    assert_eq!(document["strategy"], "initialising");
    assert_eq!(document["plugins"].as_array().unwrap().len(), 4);
    assert!(document["transports"][0]["status"].is_null(), "{document:#}");

    let file = file().to_str().unwrap().to_owned();
    let inspected = untouched(&home, &["plugin", "inspect", "--json", &file]);
    assert_eq!(inspected.document()["loads"], true);
    untouched(&home, &["plugin", "inspect", &file]);
    untouched(&home, &["plugin", "list"]);

    // The mark is left by those that do run it.
    let (loaded, is_marked) = command(&home, &["check", "--load", "--json"]);
    assert!(loaded.code == Some(0) && is_marked, "{loaded:#?}");
    let status = &loaded.document()["transports"][0]["status"];
    assert!(status.as_str().unwrap().contains("no chain"), "{status}");
}

/// Neither is anything run before a config is known to fit.
#[test]
fn a_config_is_held_to_its_description_before_anything_is_loaded() {
    for (config, words) in [
        ("(level: 10)", "level must be between 1 and 9"),
        ("(levle: 3)", "Unexpected field named `levle`; did you mean `level`?"),
        ("()", "`level` must be given: Does nothing"),
        ("(level: \"3\")", "level must be a whole number between 1 and 9, not \"3\""),
        ("(level: 2.5)", "level must be a whole number between 1 and 9, not 2.5"),
    ] {
        let home = marked(config);
        let place = format!("{}:", home.manifest().file_name().unwrap().to_str().unwrap());
        for command in [&["check"][..], &["run", "--json", "--for", "5"], &["run"]] {
            let ended = untouched(&home, command);
            ended.assert_refused(6, words);
            ended.assert_refused(6, "config of strategy `initialising`");
            ended.assert_refused(6, "field `lev");
            ended.assert_refused(6, &place);
        }
        let in_process = untouched(&home, &["check", "--load"]);
        in_process.assert_refused(6, words);
        assert!(!home.path("plots").exists(), "nothing was made");
    }
}

#[test]
fn configs_of_shadows_and_of_the_command_line_are_held_to_theirs_too() {
    let words = "level must be between 1 and 9";
    let home = Home::new().plugin(&file());
    let shadow = home.set("shadow", "[(name: \"initialising\", config: (level: 10))]");
    for command in [&["check"][..], &["run"]] {
        let ended = untouched(&shadow, command);
        ended.assert_refused(6, "config of shadow strategy `initialising`");
        ended.assert_refused(6, words);
    }

    let home = shadow.unset("shadow");
    home.command(&["key", "new", "--key", "key", "--json"]).document();
    let made = home.command(&["plot", "create", "--out", "a.plot", "--leaves", "1024"]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    let challenge = "07".repeat(32);
    let fixed = ["prove", "--plot", "a.plot", "--challenge", &challenge];
    let strategy = ["--strategy", "initialising", "--strategy-config", "(level: 10)"];
    let ended = untouched(&home, &[&fixed[..], &strategy].concat());
    ended.assert_refused(6, "--strategy-config:1:");
    ended.assert_refused(6, words);
}

/// Without a manifest's help, by the file alone.
#[test]
fn an_inspected_file_tells_what_it_is() {
    let home = Home::new();
    let file = plugin("spacetime-strategy-sampling");
    let bytes = std::fs::read(&file).unwrap();
    let inspect = |arguments: &[&str]| {
        let all = [&["plugin", "inspect", file.to_str().unwrap()], arguments].concat();
        home.command(&all)
    };
    let document = inspect(&["--json"]).document();
    for (key, value) in [
        ("plugin", "spacetime-strategy-sampling"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("license", "MIT"),
        ("abi_version", spacetime_sdk_loader::abi::ABI_VERSION),
        ("panic", "unwind"),
        ("target", spacetime_sdk::descriptor::TARGET),
        ("architecture", std::env::consts::ARCH),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    assert_eq!(document["sha256"], const_hex::encode(Sha256::digest(&bytes)));
    assert_eq!(document["size_bytes"], bytes.len());
    assert_eq!((&document["loads"], &document["trust"]), (&true.into(), &"miner".into()));
    assert!(document["refusal"].is_null() && document["signature"].is_null(), "{document:#}");
    let component = &document["components"][0];
    assert_eq!((&component["kind"], &component["name"]), (&"strategy".into(), &"sampling".into()));
    let config = &component["config"];
    assert_eq!(config["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(config["additionalProperties"], false);
    let size = &config["properties"]["sample_size"];
    assert_eq!(size["type"], "integer");
    assert_eq!((&size["minimum"], &size["maximum"]), (&1.into(), &i32::MAX.into()));
    assert_eq!(size["default"], 10_000);

    let text = inspect(&[]);
    for words in [
        "sample_size  whole number between 1 and 2147483647, default 10000",
        "Leaves of each plot; a plot with fewer is scanned whole.",
        "strategy   sampling  An even sample of each plot",
        "this host would load it",
    ] {
        assert!(text.stdout.contains(words), "{words}: {text:#?}");
    }
}

#[test]
fn a_file_that_would_not_load_is_inspected_all_the_same() {
    let home = Home::new();
    let copy = home.path("other.so");
    let panics = ("\"panic\":\"unwind\"", "\"panic\":\"abort!\"");
    spacetime_tests::plugins::redescribe(
        &plugin("spacetime-policy-empty"),
        &copy,
        panics.0,
        panics.1,
    );
    std::fs::write(home.path("other.so.sig"), "not looked into").unwrap();
    let inspected = home.command(&["plugin", "inspect", "other.so", "--json"]);
    assert_eq!(inspected.code, Some(0), "{inspected:#?}");
    let document = inspected.document();
    assert_eq!(
        (&document["loads"], &document["refusal"]["code"]),
        (&false.into(), &"PLG-0006".into())
    );
    let signature = &document["signature"];
    assert_eq!(signature["path"], "other.so.sig");
    assert!(signature["signer"].is_null(), "{signature}");
    assert_eq!(signature["refusal"]["code"], "PLG-0042");
    assert!(document["trust"].is_null(), "{document:#}");
    let text = home.command(&["plugin", "inspect", "other.so"]);
    assert!(
        text.stdout.contains("would not load it: plugin other.so was built with panic"),
        "{text:#?}"
    );

    std::fs::write(home.path("text.so"), "no library").unwrap();
    home.command(&["plugin", "inspect", "text.so"]).assert_refused(6, "[PLG-0002]");
    home.command(&["plugin", "inspect", "absent.so"]).assert_refused(6, "[PLG-0001]");
    home.command(&["plugin", "inspect", "."]).assert_refused(6, "it is not a regular file");
}

#[test]
fn every_code_is_explained() {
    let home = Home::new();
    let all = home.command(&["plugin", "explain", "--json"]).document();
    let all = all.as_array().unwrap();
    let codes: BTreeSet<String> =
        all.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), all.len());
    let documented = codes_in(&spacetime_tests::artifacts::repository().join("docs"));
    assert!(documented.contains("PLG-0053"), "{documented:?}");
    assert!(documented.is_subset(&codes), "{:?}", documented.difference(&codes));
    for one in all {
        let code = one["code"].as_str().unwrap();
        assert_eq!(home.command(&["plugin", "explain", code, "--json"]).document(), *one);
    }
    let rules = home.command(&["plugin", "test", "--list", "--json"]).document();
    for rule in rules.as_array().unwrap() {
        assert!(codes.contains(rule["id"].as_str().unwrap()), "{rule}");
    }
    let text = home.command(&["plugin", "explain", "str-017"]).stdout;
    assert!(text.contains("pushed again in the next call"), "{text}");
    assert!(text.contains("plugin test FILE --rule STR-017"), "{text}");
    let text = home.command(&["plugin", "explain", "ANY-003"]).stdout;
    assert!(
        text.contains("\nLimit\n") && text.contains("1 s for each of a strategy's calls"),
        "{text}"
    );
    let text = home.command(&["plugin", "explain", "7"]).stdout;
    assert!(text.starts_with("PLG-0007: the plugin was built for another version"), "{text}");
    assert!(
        text.contains("\nWhy there is this rule\n") && text.contains("\nWhat to do\n"),
        "{text}"
    );
    home.command(&["plugin", "explain", "PLG-4711"]).assert_refused(8, "PLG-4711");
}

/// All codes that the texts in a folder name.
fn codes_in(folder: &Path) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes.append(&mut codes_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path).unwrap();
            let numbers = text.split("PLG-").skip(1).filter_map(|rest| rest.get(..4));
            let numbers = numbers.filter(|number| number.parse::<u16>().is_ok());
            codes.extend(numbers.map(|number| format!("PLG-{number}")));
        }
    }
    codes
}

/// A plugin of an SDK that wrote no description is taken on trust, and told.
#[test]
fn a_config_that_is_not_described_is_told_of() {
    let home = Home::new();
    let copy = home.path("old.so");
    let source = plugin("spacetime-policy-empty");
    hide_config(&source, &copy);
    let home = home.outside_plugin(&copy).set("policy", "(name: \"empty\")");
    let checked = home.command(&["check", "--json"]);
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    let notes = checked.document()["notes"].to_string();
    assert!(notes.contains("does not say what its config may be"), "{notes}");
    assert_eq!(home.command(&["check", "--load"]).code, Some(0));
}

/// As if its SDK had been older: a reader skips what it does not know.
fn hide_config(file: &Path, copy: &Path) {
    spacetime_tests::plugins::redescribe(file, copy, "\"config\":{", "\"confix\":{");
}
