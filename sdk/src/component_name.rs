//! What a component may be called: 1 to 64 lower-case letters, digits, `-` and
//! `_`, beginning with a letter. Its name stands in manifests, commands
//! (`KIND:NAME`, `PLUGIN/NAME`), logs and metrics. The macro
//! [`export_plugin`](crate::export_plugin) holds names to this when the plugin is
//! compiled.

/// The most characters.
const LONGEST: usize = 64;

/// Stops the compiler with the message where a name breaks the rule.
///
/// # Panics
///
/// At compile time, where this is meant to run.
#[track_caller]
pub const fn check(name: &str, message: &str) {
    assert!(is_name(name), "{}", message);
}

/// Stops the compiler with the message where several components of one kind
/// have this name; `all` are kinds and names.
///
/// # Panics
///
/// At compile time, where this is meant to run.
#[track_caller]
pub const fn check_alone(kind: &str, name: &str, all: &[(&str, &str)], message: &str) {
    let (mut found, mut i) = (0, 0);
    while i < all.len() {
        if is_same(kind, all[i].0) && is_same(name, all[i].1) {
            found += 1;
        }
        i += 1;
    }
    assert!(found == 1, "{}", message);
}

const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > LONGEST || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut i = 1;
    while i < bytes.len() {
        let one = bytes[i];
        if !one.is_ascii_lowercase() && !one.is_ascii_digit() && one != b'-' && one != b'_' {
            return false;
        }
        i += 1;
    }
    true
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut i = 0;
    while i < one.len() {
        if one[i] != other[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_that_need_no_quotes() {
        for name in ["a", "my-plugin", "every_3rd", "x".repeat(64).as_str()] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "Mine",
            "my plugin",
            "3rd",
            "-x",
            "a/b",
            "strategy:a",
            "größer",
            "a\n",
            "a\u{1b}",
            "x".repeat(65).as_str(),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_name_is_taken_once_per_kind() {
        let all = [("strategy", "a"), ("policy", "a"), ("strategy", "ab")];
        check_alone("strategy", "a", &all, "");
        let twice = || check_alone("policy", "a", &[("policy", "a"); 2], "`a` is there twice");
        let panic = std::panic::catch_unwind(twice).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "`a` is there twice");
    }
}
