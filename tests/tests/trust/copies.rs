//! Libraries are loaded from private copies: whatever becomes of the file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use spacetime_core::{
    manifest::{Manifest, PluginEntry},
    plugin::trust::Gate,
};
use spacetime_sdk_loader::{Cache, FileHash, Library, Made, PluginFile};
use spacetime_tests::{
    artifacts::plugin,
    home::Home,
    plugins::Recorder,
    process::{Ended, Running},
};

use crate::support::{PACKAGE, STRATEGY, file_name, mine, run, start, stranger, strategy};

/// The files in a cache, other than its lock.
fn copies(cache: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(cache).unwrap().flatten() {
        match fs::read_dir(entry.path()) {
            Ok(folder) => files.extend(folder.flatten().map(|entry| entry.path())),
            Err(_) if entry.file_name() == ".lock" => {}
            Err(_) => files.push(entry.path()),
        }
    }
    files.sort();
    files
}

/// A home whose copies are its own.
fn home() -> Home {
    Home::new().set("plugin_cache", "\"copies\"").set("strategy", STRATEGY)
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_may_change_under_a_running_miner() {
    let home = home();
    let file = stranger(&home, "downloads");
    let home = home.outside_plugin(&file);
    let mut miner = home.run(&[]);
    miner.event("accepted");
    let maps = fs::read_to_string(format!("/proc/{}/maps", miner.id())).unwrap();
    let mapped = |text: &str| maps.lines().any(|line| line.contains(text));
    assert!(mapped("/copies/") && mapped(&file_name()), "{maps}");
    assert!(!mapped("/downloads/") && !mapped("/debug/lib") && !mapped("/release/lib"), "{maps}");

    // In place, where a mapped file would end the process.
    fs::write(&file, "").unwrap();
    miner.event("accepted");
    fs::remove_file(&file).unwrap();
    let accepted = miner.wait_through("a block", |event| event["event"] == "accepted");
    assert!(accepted.iter().all(|event| event["event"] != "fault"), "{accepted:#?}");
    let proof = miner.event("proof");
    assert_eq!(proof["scanned"], 20000, "the strategy is still the plugin's");
}

#[test]
#[cfg(unix)]
fn copies_are_private_and_named_by_what_is_in_them() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let file = stranger(&home, "downloads");
    let home = home.outside_plugin(&file);
    mine(&home);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&home.path("copies")), 0o700);
    let copies = copies(&home.path("copies"));
    assert_eq!(copies.len(), 4, "{copies:?}");
    for copy in &copies {
        let hash = FileHash::of(&fs::read(copy).unwrap()).to_string();
        assert_eq!(copy.parent().unwrap().file_name().unwrap(), hash.as_str());
        assert_eq!((mode(copy), mode(copy.parent().unwrap())), (0o500, 0o700));
    }
    // The default is in the folder for data.
    let home = home.unset("plugin_cache");
    mine(&home);
    assert!(home.path("data/plugin-cache").is_dir());
}

#[test]
#[cfg(unix)]
fn a_damaged_copy_is_noticed_and_made_again() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let file = stranger(&home, "downloads");
    let home = home.outside_plugin(&file);
    mine(&home);
    let copies = copies(&home.path("copies"));
    let copy = copies.iter().find(|copy| copy.ends_with(file_name())).unwrap();
    let whole = fs::read(copy).unwrap();
    let damage = |bytes: &[u8]| {
        fs::set_permissions(copy, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(copy, bytes).unwrap();
    };
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let longer = [&whole[..], b"x"].concat();
    for bad in [&b""[..], &whole[..whole.len() - 1], &flipped, &longer] {
        damage(bad);
        let ended = mine(&home);
        assert_eq!(strategy(&ended), json!("sampling"));
        assert!(ended.stderr.contains("was damaged, and is made again"), "{ended:#?}");
        assert!(fs::read(copy).unwrap() == whole);
    }
    // One that others could change is as bad.
    fs::set_permissions(copy, fs::Permissions::from_mode(0o522)).unwrap();
    assert!(mine(&home).stderr.contains("is made again"));
    fs::set_permissions(home.path("copies"), fs::Permissions::from_mode(0o777)).unwrap();
    mine(&home);
    assert_eq!(fs::metadata(home.path("copies")).unwrap().permissions().mode() & 0o777, 0o700);
}

/// A manifest with an entry for a file that pins it.
fn pinned(folder: &Path, file: &Path) -> (Gate, PluginEntry) {
    let sha256 = PluginFile::read(file).unwrap().sha256();
    let text = format!(
        "(plot_directory: \"p\", plot_metadata_path: \"p.json\", private_key_path: \"key\",
          network_id: \"local\", plugins: [(path: {file:?}, sha256: \"{sha256}\")])"
    );
    let manifest = Manifest::parse(&folder.join("miner.ron"), &text, &[]).unwrap();
    (Gate::of(&manifest), manifest.plugins[0].clone())
}

#[test]
fn what_was_checked_is_what_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.so");
    fs::copy(plugin(PACKAGE), &file).unwrap();
    let (gate, entry) = pinned(folder.path(), &file);
    let admit = || gate.admit(&file, Some(&entry)).unwrap();
    let (admitted, too_late) = (admit(), admit());
    let copy = admitted.copy().unwrap();
    // Between the check and the copy, and between the copy and the load.
    fs::copy(plugin("spacetime-misbehaving"), &file).unwrap();
    assert_eq!(too_late.copy().unwrap_err().code(), "PLG-0011");
    let library = Library::load_copy(copy, Recorder::new(3)).unwrap();
    assert_eq!(library.descriptor().plugin, PACKAGE);
    assert_eq!(Some(library.sha256()), entry.sha256);
    assert_eq!(library.path(), file);
    assert!(gate.admit(&file, Some(&entry)).unwrap_err().to_string().contains("PLG-0047"));
}

/// A file that is exchanged all the time is refused, or is the right one.
#[test]
fn exchanging_a_file_while_it_is_loaded_gets_nothing_else_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.so");
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    fs::copy(plugin(PACKAGE), &good).unwrap();
    fs::copy(plugin("spacetime-misbehaving"), &bad).unwrap();
    fs::hard_link(&good, &file).unwrap();
    let (gate, entry) = pinned(folder.path(), &file);
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let swapping = {
        let (over, file) = (over.clone(), file.clone());
        let next = folder.path().join("next");
        thread::spawn(move || {
            for from in [&bad, &good].into_iter().cycle() {
                fs::hard_link(from, &next).unwrap();
                fs::rename(&next, &file).unwrap();
                // Two links of one file: the rename leaves the name.
                let _ = fs::remove_file(&next);
                if over.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        })
    };
    let (mut loaded, mut refused) = (0, 0);
    while (loaded < 10 || refused < 10) && loaded + refused < 10_000 {
        let admitted = gate.admit(&file, Some(&entry));
        match admitted.and_then(|admitted| admitted.copy()) {
            Ok(copy) => {
                let library = Library::load_copy(copy, Recorder::new(3)).unwrap();
                assert_eq!(library.descriptor().plugin, PACKAGE);
                loaded += 1;
            }
            Err(refusal) => {
                // When it is admitted, or when it is copied.
                assert!(["PLG-0047", "PLG-0011"].contains(&refusal.code()), "{refusal}");
                refused += 1;
            }
        }
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    swapping.join().unwrap();
    assert!(loaded >= 10 && refused >= 10, "{loaded} loaded, {refused} refused");
}

/// A plugin file of another hash: what stands behind a library is not loaded.
fn version(folder: &Path, number: usize) -> PathBuf {
    let mut bytes = fs::read(plugin(PACKAGE)).unwrap();
    bytes.extend_from_slice(format!("version {number}").as_bytes());
    let path = folder.join(file_name());
    fs::write(&path, bytes).unwrap();
    path
}

/// Tidies up until only these are left. A process that another test starts has
/// the lock for a moment, as a copy of this one before it becomes another program;
/// then nothing is tidied up.
#[track_caller]
fn tidy(cache: &Cache, newest: usize, folder: &Path, mut expected: Vec<PathBuf>) {
    expected.sort();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        cache.tidy(newest).unwrap();
        let left = copies(folder);
        if left == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{left:#?} instead of {expected:#?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn old_copies_go_and_those_in_use_stay() {
    let home = home();
    let file = stranger(&home, "downloads");
    let home = home.outside_plugin(&file);
    let mut miner = home.run(&[]);
    miner.event("accepted");
    let cache = home.path("copies");
    let in_use = copies(&cache);
    assert_eq!(in_use.len(), 4);

    let folder = tempfile::tempdir().unwrap();
    let cache_of_tests = Cache::open(&cache).unwrap();
    let keep = |number: usize| {
        let file = PluginFile::read(&version(folder.path(), number)).unwrap();
        cache_of_tests.keep(file).unwrap()
    };
    let first = keep(0);
    assert_eq!(first.made(), Made::Now);
    let made: Vec<PathBuf> = (1..6).map(|number| keep(number).path().to_owned()).collect();
    fs::write(cache.join("99999-0.new"), "left by one that was killed").unwrap();
    let kept = [&in_use[..], &[first.path().to_owned()], &made[3..]].concat();
    tidy(&cache_of_tests, 2, &cache, kept);
    miner.event("accepted");
    // Used last is what counts, not made last.
    drop(first);
    assert_eq!(keep(4).made(), Made::Before);
    tidy(&cache_of_tests, 1, &cache, [&in_use[..], &made[3..4]].concat());
    // The miner is gone, and so is its use of them.
    miner.kill();
    tidy(&cache_of_tests, 0, &cache, Vec::new());
}

#[test]
fn many_at_once_make_one_copy() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("copies");
    let file = version(folder.path(), 0);
    let made: Vec<Made> = thread::scope(|scope| {
        let take = || {
            let cache = Cache::open(&cache).unwrap();
            for _ in 0..3 {
                cache.tidy(0).unwrap();
            }
            cache.keep(PluginFile::read(&file).unwrap()).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().made()).collect()
    });
    assert!(made.contains(&Made::Now) && !made.contains(&Made::Again), "{made:?}");
    assert_eq!(copies(&cache).len(), 1);
}

#[test]
fn where_no_copy_can_be_kept_the_place_is_named_with_the_remedy() {
    let home = home().set("plugin_cache", "\"file/copies\"").set("strategy", "(name: \"full\")");
    fs::write(home.path("file"), "").unwrap();
    let ended = run(&home, &["check", "--load"]);
    assert_eq!(ended.code, Some(6), "{ended:#?}");
    for word in ["PLG-0051", "file/copies", "plugin_cache"] {
        assert!(ended.stderr.contains(word), "{word}: {ended:#?}");
    }
}

/// Runs a script in a home whose copies are on a file system mounted with these
/// options, where a test may have one. To the script, `$miner` is the program.
#[cfg(target_os = "linux")]
fn mounted(home: &Home, options: &str, script: &str) -> Option<Ended> {
    fs::create_dir_all(home.path("copies")).unwrap();
    let own_mounts = ["--user", "--map-root-user", "--mount"];
    let script = format!("mount -t tmpfs -o {options} tmpfs copies || exit 99\n{script}");
    let mut command = std::process::Command::new("unshare");
    command.args(own_mounts).args(["sh", "-c", &script]).current_dir(home.path(""));
    command.env("miner", spacetime_tests::artifacts::program("spacetime-miner"));
    let ended = Running::start(command).wait();
    // The system lets nobody have a file system.
    let is_refused = matches!(ended.code, Some(1 | 99)) && ended.stdout.is_empty();
    (!is_refused).then_some(ended)
}

/// An upgrade needs the room that the version before it has.
#[test]
#[cfg(target_os = "linux")]
fn an_upgrade_has_the_room_of_what_it_replaces() {
    let home = home();
    let file = stranger(&home, "downloads");
    let home = home.outside_plugin(&file);
    assert_eq!(run(&home, &["check", "--load"]).code, Some(0));
    let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let all: u64 = copies(&home.path("copies")).iter().map(size).sum();
    let options = format!("size={}k", (all + size(&file) / 2) >> 10);
    let script = "$miner check --load || exit 98; echo upgraded >> \"$0\"; $miner check --load";
    let script = script.replace("$0", file.to_str().unwrap());
    let Some(ended) = mounted(&home, &options, &script) else { return };
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_or_only_read_or_runs_nothing_is_named() {
    for (options, words) in [
        ("size=1m", ["PLG-0051", "No space left"]),
        ("ro", ["PLG-0051", "Read-only file system"]),
        ("noexec", ["PLG-0052", "noexec"]),
    ] {
        let home = home().set("strategy", "(name: \"full\")");
        let Some(ended) = mounted(&home, options, "$miner check --load") else { return };
        assert_eq!(ended.code, Some(6), "{ended:#?}");
        let said = ended.stderr;
        for word in words.into_iter().chain(["copies", "plugin_cache"]) {
            assert!(said.contains(word), "{options}: {word}: {said}");
        }
    }
}

#[test]
fn a_command_without_a_home_or_manifest_says_what_it_lacks() {
    let gate = Gate::without_manifest(&[PathBuf::from(plugin(PACKAGE).parent().unwrap())], None);
    let admitted = gate.admit(&plugin(PACKAGE), None).unwrap();
    let said = admitted.copy().unwrap_err().to_string();
    assert!(said.contains("HOME") && said.contains("--manifest"), "{said}");
}

#[test]
fn a_second_process_takes_the_same_copies() {
    let home = home();
    let file = stranger(&home, "downloads");
    let home = home.outside_plugin(&file);
    let mut miner = home.run(&[]);
    miner.event("accepted");
    let before = copies(&home.path("copies"));
    let checks: Vec<_> = (0..3).map(|_| start(&home, &["check", "--load"])).collect();
    for check in checks {
        let ended = check.wait();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    }
    assert_eq!(copies(&home.path("copies")), before);
}
