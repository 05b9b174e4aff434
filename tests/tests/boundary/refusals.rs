//! Files that are refused, each with its code and two sentences.

use std::{
    fs,
    path::{Path, PathBuf},
};

use spacetime_sdk::{descriptor::TARGET, processor};
use spacetime_sdk_loader::{Descriptor, Library, Refusal, abi::ABI_VERSION};
use spacetime_tests::{
    artifacts::plugin,
    outside,
    plugins::{Recorder, redescribe},
};
use tempfile::TempDir;

fn refusal(path: &Path) -> Refusal {
    Library::load(path, Recorder::new(3)).expect_err("the file must be refused")
}

/// The code, and that the text is two sentences that name the file.
#[track_caller]
fn assert_refused(path: &Path, code: &str) -> String {
    let refusal = refusal(path);
    assert_eq!(refusal.code(), code, "{refusal}");
    let text = refusal.to_string();
    assert!(text.contains(&*path.to_string_lossy()), "{text}");
    assert!(!text.contains('\n'), "{text}");
    let after_path = text.replace(&*path.to_string_lossy(), "");
    assert_eq!(after_path.matches(". ").count(), 2, "two sentences and a code: {text}");
    text
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn good() -> Vec<u8> {
    fs::read(plugin("spacetime-strategy-full")).unwrap()
}

/// The good file with a text of its descriptor replaced.
fn redescribed(folder: &TempDir, name: &str, from: &str, to: &str) -> PathBuf {
    let path = folder.path().join(name);
    redescribe(&plugin("spacetime-strategy-full"), &path, from, to);
    path
}

#[test]
fn a_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&folder.path().join("absent.so"), "PLG-0001");
}

#[test]
fn a_text_file_with_a_librarys_name() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&file(&folder, "text.so", b"this is no library\n"), "PLG-0002");
    assert_refused(&file(&folder, "empty.so", b""), "PLG-0002");
}

#[test]
fn a_truncated_library() {
    let folder = tempfile::tempdir().unwrap();
    let whole = good();
    for (number, len) in
        [20, 64, 1000, whole.len() / 2, whole.len() - 64, whole.len() - 1].into_iter().enumerate()
    {
        let path = file(&folder, &format!("truncated{number}.so"), &whole[..len]);
        let text = assert_refused(&path, "PLG-0002");
        assert!(text.contains("whole"), "{text}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_library_that_is_no_plugin() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| {
        Path::new(path).file_name().is_some_and(|name| name.to_string_lossy().starts_with("libc"))
    });
    assert_refused(Path::new(libc.unwrap()), "PLG-0003");
}

#[test]
fn a_damaged_descriptor() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = good();
    let text = b"\"plugin\":\"spacetime-strategy-full\"";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    bytes[at + 12] ^= 1;
    assert_refused(&file(&folder, "damaged.so", &bytes), "PLG-0003");
}

#[test]
fn a_descriptor_without_a_needed_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = redescribed(&folder, "incomplete.so", "\"rustc\":", "\"rusty\":");
    assert_refused(&path, "PLG-0004");
}

#[test]
fn another_platforms_library() {
    let folder = tempfile::tempdir().unwrap();
    let other: String = TARGET.chars().rev().collect();
    let path = redescribed(&folder, "foreign.so", TARGET, &other);
    let text = assert_refused(&path, "PLG-0005");
    assert!(text.contains(&other) && text.contains(TARGET), "{text}");
}

#[test]
fn a_library_whose_panics_abort() {
    let folder = tempfile::tempdir().unwrap();
    let path = redescribed(&folder, "aborts.so", "\"panic\":\"unwind\"", "\"panic\":\"abort!\"");
    assert_refused(&path, "PLG-0006");
}

/// A feature that the processor here has not, of those that it could have.
fn missing_feature() -> &'static str {
    let rare = ["tbm", "sse4a", "avx512vpopcntdq", "avx512bf16", "sve2", "sve", "sb", "bti"];
    let missing = rare.into_iter().find(|feature| processor::has(feature) == Some(false));
    missing.expect("no processor has all of them")
}

/// The good plugin's file, as if it had been built for better processors.
fn demanding(folder: &TempDir, name: &str, features: &str) -> PathBuf {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let from = format!("\"profile\":\"{profile}\",\"cpu\":[]");
    // Space is no more in JSON than it is here.
    let to = format!("{:width$}", format!("\"cpu\":[{features}]"), width = from.len());
    redescribed(folder, name, &from, &to)
}

#[test]
fn a_library_for_better_processors() {
    let folder = tempfile::tempdir().unwrap();
    let feature = missing_feature();
    let path = demanding(&folder, "better.so", &format!("\"{feature}\""));
    let text = assert_refused(&path, "PLG-0020");
    assert!(text.contains(&format!("with {feature}, which")), "{text}");
    // What this host knows nothing about may be there.
    let path = demanding(&folder, "unknown.so", "\"telepathy\"");
    spacetime_tests::plugins::load(&path);
}

/// A plugin that was really compiled for them says so by itself.
#[test]
fn what_a_library_is_compiled_to_need_is_in_its_file() {
    let feature = missing_feature();
    let plain = Descriptor::read(&outside::plugin_with_flags("plain", &[])).unwrap();
    assert_eq!(plain.cpu, [] as [&str; 0]);
    let flag = format!("target-feature=+{feature}");
    let path = outside::plugin_with_flags("better", &["-C", &flag]);
    assert!(Descriptor::read(&path).unwrap().cpu.iter().any(|one| one == feature));
    assert_refused(&path, "PLG-0020");
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn a_library_that_needs_another_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (b"libc.so.6\0", b"libx.so.6\0");
    let mut bytes = good();
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    let text = assert_refused(&file(&folder, "needy.so", &bytes), "PLG-0021");
    assert!(text.contains("needs libx.so.6, which"), "{text}");
}

#[test]
fn another_major_version_of_the_interface() {
    let folder = tempfile::tempdir().unwrap();
    let path = redescribed(&folder, "major.so", "\"abi\":\"1.", "\"abi\":\"2.");
    let text = assert_refused(&path, "PLG-0007");
    let theirs = ABI_VERSION.replacen("1.", "2.", 1);
    assert!(text.contains(&theirs), "{text}");
}

/// The system does not map a file anew that it knows by its path, so the code
/// of a plugin that was updated under a running miner is still the old one.
#[test]
#[cfg(target_os = "linux")]
fn a_library_that_was_exchanged_after_loading() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "plugin.so", &good());
    spacetime_tests::plugins::load(&path);
    let newer = redescribed(&folder, "newer.so", "\"name\":\"full\"", "\"name\":\"fool\"");
    fs::rename(newer, &path).unwrap();
    let text = assert_refused(&path, "PLG-0011");
    assert!(text.contains("Start the miner again"), "{text}");
}

#[test]
fn a_refused_file_leaves_the_next_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    refusal(&file(&folder, "text.so", b"no"));
    spacetime_tests::plugins::load(&plugin("spacetime-strategy-full"));
}
