//! Names that a plugin may have: as a package, as a library and as a
//! component of a manifest.

use std::{fmt, str::FromStr};

/// The most characters, as package registries have it.
const LONGEST: usize = 64;

/// Words of the language, which are no crate's name.
const WORDS: &str = "abstract as async await become box break const continue crate do dyn else \
    enum extern false final fn for gen if impl in let loop macro match mod move mut override priv \
    pub ref return self static struct super trait true try type typeof unsafe unsized use virtual \
    where while yield";

/// Crates that come with the compiler, folders of cargo's, and names that are
/// no file's on Windows.
const TAKEN: &str =
    "alloc core proc-macro std test build deps examples incremental con prn aux nul";

/// A name for a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginName(String);

impl PluginName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The crate's name.
    pub fn library(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PluginName {
    /// A sentence that follows the name.
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins_well || !name.chars().all(is_inner) {
            let rule = "a plugin's name has lower-case letters, digits, `-` and `_`, and begins \
                        with a letter";
            return Err(match suggestion(name) {
                Some(better) => format!("{rule}, as `{better}` does"),
                None => rule.to_owned(),
            });
        }
        if name.len() > LONGEST {
            return Err(format!("a plugin's name has at most {LONGEST} characters"));
        }
        // A crate's name has no `-`.
        let plain = name.replace('_', "-");
        if WORDS.split(' ').any(|word| word == name) {
            return Err("it is a word of the language Rust".to_owned());
        }
        if TAKEN.split(' ').any(|taken| taken == plain) {
            return Err("the compiler, cargo or an operating system uses it".to_owned());
        }
        if plain == "spacetime" || plain.starts_with("spacetime-") {
            return Err("names that begin with `spacetime-` are the miner's own".to_owned());
        }
        Ok(Self(name.to_owned()))
    }
}

/// What somebody may have meant by a name that breaks the rule.
fn suggestion(name: &str) -> Option<String> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    let better = joined.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    // Nothing is left of digits and signs, and nothing can be made of that.
    let is_name = !better.is_empty() && PluginName::from_str(better).is_ok();
    is_name.then(|| better.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_crates_are_taken() {
        for name in ["a", "my-plugin", "my_plugin2", "every-3rd", &"x".repeat(64)] {
            assert_eq!(name.parse::<PluginName>().unwrap().as_str(), name);
        }
        assert_eq!("my-plugin".parse::<PluginName>().unwrap().library(), "my_plugin");
    }

    #[test]
    fn what_is_no_name_is_refused_with_one_that_is() {
        let refused = |name: &str| name.parse::<PluginName>().unwrap_err();
        for (name, better) in [
            ("My Plugin", "my-plugin"),
            ("3rd/../plugin", "rd-plugin"),
            ("-x", "x"),
            ("plugin.so", "plugin-so"),
            ("größer", "gr-er"),
        ] {
            let error = refused(name);
            assert!(error.ends_with(&format!("as `{better}` does")), "{name}: {error}");
        }
        for name in ["", "..", "42", "日本"] {
            assert!(refused(name).ends_with("begins with a letter"), "{name}");
        }
        assert!(refused(&"x".repeat(65)).contains("64"));
        assert!(refused("match").contains("Rust"));
        assert!(refused("proc_macro").contains("compiler"));
        for name in ["spacetime", "spacetime-sdk", "spacetime_sdk_testing"] {
            assert!(refused(name).contains("the miner's own"), "{name}");
        }
        assert!("spacetimes".parse::<PluginName>().is_ok());
    }
}
