//! Damaged plots, caches and keys: one message that names the culprit, and
//! mining goes on where it can.

use std::{fs, path::Path};

use spacetime_tests::home::Home;

/// A home with two plots of this many leaves, `a` and `b`.
fn two_plots(leaves: u64) -> Home {
    let home = Home::new();
    home.command(&["key", "new", "--key", "key"]);
    for name in ["a", "b"] {
        let (out, leaves) = (format!("plots/{name}.plot"), leaves.to_string());
        let made = home.command(&["plot", "create", "--out", &out, "--leaves", &leaves]);
        assert_eq!(made.code, Some(0), "{made:#?}");
    }
    home
}

fn change(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// The damaged plot is named once, at once, and the other one wins blocks.
#[track_caller]
fn assert_mines_with_the_other(home: &Home, words: &str) {
    let ended = home.mine(2);
    assert_eq!(ended.events("started")[0]["plots"], 1, "{ended:#?}");
    let faults = ended.events("fault");
    assert_eq!(faults.len(), 1, "{ended:#?}");
    let text = format!("{} {}", faults[0]["culprit"], faults[0]["message"]);
    assert!(text.contains("a.plot") && text.contains(words), "{text}");
    let winners = ended.events("proof");
    assert!(winners.iter().all(|proof| proof["plot"].as_str().unwrap().ends_with("b.plot")));

    // `check` says so, too, with an exit code.
    let checked = home.command(&["check"]);
    assert_eq!(checked.code, Some(5), "{checked:#?}");
    assert!(format!("{}{}", checked.stdout, checked.stderr).contains("a.plot"), "{checked:#?}");
}

#[test]
fn a_truncated_plot() {
    let home = two_plots(32768);
    let whole = fs::metadata(home.path("plots/a.plot")).unwrap().len();
    change(&home.path("plots/a.plot"), |bytes| bytes.truncate(bytes.len() - 33));
    let words = format!("it has {} bytes, its header promises {whole}", whole - 33);
    assert_mines_with_the_other(&home, &words);
}

#[test]
fn a_flipped_bit_in_a_header() {
    let home = two_plots(32768);
    change(&home.path("plots/a.plot"), |bytes| bytes[20] ^= 4);
    assert_mines_with_the_other(&home, "its header does not match its checksum");
}

#[test]
fn a_plot_that_is_text() {
    let home = two_plots(32768);
    fs::write(home.path("plots/a.plot"), "no plot\n").unwrap();
    assert_mines_with_the_other(&home, "it has 8 bytes, a plot header takes 121");
}

/// Leaves are not read through at the start; a wrong one shows when it wins,
/// and its plot's next best or the other plot takes its place.
#[test]
fn flipped_bits_in_leaves() {
    let home = two_plots(32768);
    let header = fs::metadata(home.path("plots/a.plot")).unwrap().len() as usize - 32 * 32768;
    change(&home.path("plots/a.plot"), |bytes| {
        bytes[header..].iter_mut().step_by(32).for_each(|byte| *byte ^= 1);
    });
    let mut miner = home.run(&[]);
    miner.wait_for("a fault of the damaged plot", |event| {
        event["event"] == "fault" && event["culprit"].as_str().unwrap().contains("a.plot")
    });
    miner.wait_for("the next block", |event| event["event"] == "accepted");
    miner.kill();
}

/// Every subtree is damaged, so that nothing can be proved.
#[test]
fn a_plot_is_repaired_beside_its_miner_which_wins_with_it_again() {
    let home = two_plots(32768);
    fs::remove_file(home.path("plots/b.plot")).unwrap();
    let plot = home.path("plots/a.plot");
    let whole = fs::read(&plot).unwrap();
    let header = whole.len() - 32 * 32768;
    change(&plot, |bytes| {
        let leaves = bytes[header..].chunks_mut(32).enumerate();
        leaves.filter(|(leaf, _)| leaf % 512 > 0).for_each(|(_, leaf)| leaf[9] ^= 1);
    });
    let mut miner = home.run(&[]);
    miner.wait_for("a fault of the damaged plot", |event| {
        event["event"] == "fault" && event["culprit"].as_str().unwrap().contains("a.plot")
    });
    let repaired = home.command(&["plot", "repair", "plots/a.plot", "--json"]);
    assert_eq!(repaired.code, Some(0), "{repaired:#?}");
    assert_eq!(repaired.document()["damaged_leaves"], 32768 - 64);
    assert!(fs::read(&plot).unwrap() == whole);
    miner.wait_for("a block that is won with it", |event| event["event"] == "accepted");
    miner.kill();
}

/// Most blocks are won far from it, so that it is of no concern to them.
#[test]
fn one_flipped_bit_in_a_leaf_stops_nothing() {
    let home = two_plots(32768);
    let plot = home.path("plots/a.plot");
    let at = fs::metadata(&plot).unwrap().len() as usize - 32 * (32768 - 12_345);
    change(&plot, |bytes| bytes[at] ^= 0x10);
    let ended = home.mine(3);
    assert_eq!(ended.events("started")[0]["plots"], 2, "{ended:#?}");
    let faults = ended.events("fault");
    assert!(faults.iter().all(|fault| fault.to_string().contains("a.plot")), "{ended:#?}");
    assert!(!ended.stderr.contains("stale cache"), "the cache is not to blame: {ended:#?}");
}

#[test]
fn one_flipped_bit_in_a_leaf_is_found_by_verify() {
    let home = two_plots(32768);
    let plot = home.path("plots/a.plot");
    let leaf = 12_345;
    let at = fs::metadata(&plot).unwrap().len() as usize - 32 * (32768 - leaf);
    change(&plot, |bytes| bytes[at] ^= 0x10);
    let verified = home.command(&["plot", "verify", "plots/a.plot", "--json"]);
    verified.assert_refused(5, "a.plot");
    let region = &verified.document()["damaged"][0];
    let first = region["first_leaf"].as_u64().unwrap();
    let leaves = region["leaves"].as_u64().unwrap();
    assert!((first..first + leaves).contains(&(leaf as u64)), "{region}");
    assert!(home.command(&["plot", "verify", "plots/b.plot"]).code == Some(0));
}

#[test]
fn damage_in_three_places_is_named_three_times() {
    let home = two_plots(32768);
    let plot = home.path("plots/a.plot");
    let header = fs::metadata(&plot).unwrap().len() as usize - 32 * 32768;
    let leaves = [5, 4 * 4096 + 1, 32767];
    change(&plot, |bytes| leaves.iter().for_each(|leaf| bytes[header + 32 * leaf] ^= 0x10));
    let place = |first: usize, last: usize| {
        let (from, to) = (header + 32 * first, header + 32 * (last + 1) - 1);
        format!("damaged   leaves {first} to {last} (bytes {from} to {to})")
    };
    for (key, leaves_of) in [(&[][..], 4096), (&["--key", "key"][..], 1)] {
        let verify = [&["plot", "verify", "plots/a.plot"], key].concat();
        let text = home.command(&verify);
        text.assert_refused(5, "a.plot");
        assert!(text.stderr.contains("and 2 more"), "{text:#?}");
        let json = home.command(&[&*verify, &["--json"]].concat());
        json.assert_refused(5, "a.plot");
        let document = json.document();
        let told = document["damaged"].as_array().unwrap();
        assert_eq!(told.len(), 3, "{document}");
        for (leaf, region) in leaves.iter().zip(told) {
            let first = leaf / leaves_of * leaves_of;
            assert_eq!(region["first_leaf"], first, "{document}");
            assert_eq!(region["leaves"], leaves_of, "{document}");
            assert_eq!(region["first_byte"], header + 32 * first, "{document}");
            let line = place(first, first + leaves_of - 1);
            assert!(text.stdout.contains(&line), "{line}: {text:#?}");
        }
    }
}

#[test]
fn a_stale_cache_is_named_and_done_without() {
    let home = two_plots(32768);
    fs::remove_file(home.path("plots/b.plot")).unwrap();
    fs::rename(home.path("plots/b.plot.cache"), home.path("plots/a.plot.cache")).unwrap();
    let ended = home.mine(2);
    // Nothing is lost but time, so it is a warning, once.
    let warnings: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(warnings.len(), 1, "{ended:#?}");
    assert!(warnings[0].contains("stale cache") && warnings[0].contains("a.plot.cache"));
    let verified = home.command(&["plot", "verify", "plots/a.plot"]);
    assert_ne!(verified.code, Some(0), "{verified:#?}");
    assert!(verified.stderr.contains("a.plot.cache"), "{verified:#?}");
}

#[test]
fn an_empty_plot_directory() {
    let home = Home::new().set("first_run", "(create_key: true)");
    fs::create_dir(home.path("plots")).unwrap();
    let mut miner = home.run(&[]);
    let fault = miner.event("fault");
    let text = format!("{} {}", fault["culprit"], fault["message"]);
    assert!(text.contains("plots") && text.contains("no plot"), "{text}");

    // It waits for one, and mines with it when it comes.
    let made = home.command(&["plot", "create", "--out", "plots/late.plot", "--leaves", "32768"]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    miner.event("accepted");
}

#[test]
fn a_missing_plot_directory() {
    let home = Home::new().set("plot_directories", "[\"plots\", \"unplugged\"]");
    let home = home.unset("plot_directory");
    home.mine(1);
    fs::remove_dir_all(home.path("unplugged")).unwrap();
    let home = home.unset("first_run");
    let ended = home.mine(1);
    let faults = ended.events("fault");
    assert_eq!(faults.len(), 1, "{ended:#?}");
    assert!(faults[0].to_string().contains("unplugged"), "{ended:#?}");
}

#[test]
fn a_key_that_is_garbage_or_cut_off() {
    let home = Home::new();
    home.mine(1);
    let key = fs::read(home.path("key")).unwrap();
    for broken in [b"garbage".to_vec(), Vec::new(), key[..key.len() / 2].to_vec()] {
        fs::write(home.path("key"), broken).unwrap();
        let ended = home.run_to_end(&["--for", "5"]);
        ended.assert_refused(4, "key");
    }
    // What was there before is untouched.
    fs::write(home.path("key"), key).unwrap();
    home.mine(1);
}

#[test]
#[cfg(unix)]
fn a_key_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.mine(1);
    fs::set_permissions(home.path("key"), fs::Permissions::from_mode(0o644)).unwrap();
    let ended = home.run_to_end(&["--for", "5"]);
    ended.assert_refused(4, "chmod 600");
    fs::set_permissions(home.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    home.mine(1);
}

#[test]
fn a_key_that_is_a_folder() {
    let home = Home::new();
    fs::create_dir(home.path("key")).unwrap();
    home.run_to_end(&["--for", "5"]).assert_refused(4, "key");
}
