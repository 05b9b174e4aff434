//! Plots that are too small for the network: they must not take the place of
//! those that win.

use std::fs;

use serde_json::Value;
use spacetime_tests::home::Home;

/// Makes a key, and a plot.
fn home_with(leaves: &str) -> Home {
    let home = Home::new().unset("first_run");
    home.command(&["key", "new", "--key", "key", "--json"]).document();
    plot(&home, "small", leaves);
    home
}

fn plot(home: &Home, name: &str, leaves: &str) {
    let out = format!("plots/{name}.plot");
    let made = home.command(&["plot", "create", "--out", &out, "--leaves", leaves]);
    assert_eq!(made.code, Some(0), "{made:#?}");
}

#[test]
fn a_plot_that_is_too_small_is_named_and_takes_no_win_from_another() {
    let home = home_with("1000");
    let small = home.path("plots/small.plot");
    let tells = |event: &Value| {
        let message = event["message"].as_str().unwrap_or_default();
        message.contains("1000 leaves")
            && message.contains("at least 1024")
            && message.contains(small.to_str().unwrap())
    };
    home.command(&["check"]).assert_refused(5, "at least 1024 leaves win");
    let ended = home.run_to_end(&["--for", "3"]);
    assert_eq!(ended.events("fault").into_iter().filter(tells).count(), 1, "{ended:#?}");
    assert_eq!(ended.events("challenge").len(), 0, "there is nothing to scan: {ended:#?}");

    // Its leaves would be the best ones of every other window.
    plot(&home, "large", "1300");
    let ended = home.mine(3);
    assert_eq!(ended.events("fault").into_iter().filter(tells).count(), 1, "{ended:#?}");
    assert_eq!(ended.events("fault").len(), 1, "{ended:#?}");
    for proof in ended.events("proof") {
        assert!(proof["plot"].as_str().unwrap().ends_with("large.plot"), "{proof}");
    }
    let checked = home.command(&["check", "--json"]);
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    let document = checked.document();
    assert_eq!((&document["ok"], &document["plots"]["count"]), (&true.into(), &1.into()));
    assert!(tells(&document["warnings"][0]), "{document:#}");
    let text = home.command(&["check"]).stdout;
    assert!(text.contains("warning") && text.contains("ready to mine"), "{text}");
    assert!(!text.contains("not ready"), "{text}");
    fs::remove_file(&small).unwrap();
    fs::remove_file(home.path("plots/small.plot.cache")).ok();

    // A network of the reference has no minimum.
    plot(&home, "tiny", "1");
    let reference = home.set("network_id", "\"testnet\"");
    let checked = reference.command(&["check", "--json"]).document();
    assert_eq!(checked["plots"]["count"], 2, "{checked:#}");
}

#[test]
fn a_first_plot_that_is_too_small_is_told_of_before_it_is_made() {
    let home = Home::new().set("first_run", "(create_key: true, plot_size: \"32000\")");
    home.command(&["check"]).assert_refused(3, "makes a plot of 1000 leaves");
    assert!(!home.path("plots").exists());
}
