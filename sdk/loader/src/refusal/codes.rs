//! The codes of refusals, each with what `plugin explain` says of it. A code is
//! never given to anything else.

/// A code, explained to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `PLG-0007`
    pub code: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Why there is such a rule.
    pub reason: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal { $($field:ident: $text:literal,)+ })+) => {
        /// Why a file is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What is told of it.
            pub const fn explanation(self) -> &'static Explanation {
                match self {
                    $(Self::$name => &Explanation { code: $code, $($field: $text,)+ },)+
                }
            }
        }
    };
}

codes! {
    /// It cannot be read.
    Unreadable = "PLG-0001" {
        title: "the file cannot be read",
        meaning: "There is no file of this name, it is no ordinary file, or the system does not let \
            the miner read it.",
        reason: "Every plugin is looked at before it is loaded; what cannot be read cannot be \
            looked at.",
        remedy: "Check the path, which is relative to the manifest's folder, and the rights of the \
            user that the miner runs as. `plugin list` shows which plugins are found, and where.",
    }
    /// It is no library.
    NotALibrary = "PLG-0002" {
        title: "the file is no dynamic library, or not a whole one",
        meaning: "The file is of another kind, or its headers promise more than there is: a \
            download or a copy that was cut off, a disk that was full.",
        reason: "The system maps a library's parts as its headers say; a part that is not there \
            ends the miner when it is touched.",
        remedy: "Name the .so, .dylib or .dll file that `cargo build` made of the plugin, and copy \
            or download it again if it is shorter than the original.",
    }
    /// It is a library of another kind.
    NotAPlugin = "PLG-0003" {
        title: "the library is not a Spacetime plugin",
        meaning: "It is a dynamic library, but has no whole description of a plugin in the section \
            made for it, or not the entry point that goes with it.",
        reason: "The description says what a library is before any of its code runs. Loading just \
            any library would run its code to find out that it is of no use.",
        remedy: "If it is yours, call `spacetime_sdk::export_plugin!` in it, build it with \
            `crate-type = [\"cdylib\"]`, and strip it with `strip` or cargo's `strip = true`, which \
            leave the section alone.",
    }
    /// Its description cannot be read.
    Undescribed = "PLG-0004" {
        title: "the plugin's description cannot be read",
        meaning: "The description is whole, but is not in a form that this host knows.",
        reason: "What is not understood cannot be checked.",
        remedy: "Build the plugin again with the SDK of this host's version; if it is newer than \
            the host, use a newer host.",
    }
    /// It is for another platform.
    OtherPlatform = "PLG-0005" {
        title: "the plugin was built for another platform",
        meaning: "Its code is for another processor or another operating system than this.",
        reason: "It would not run.",
        remedy: "Get the plugin's file for this platform, or build it here.",
    }
    /// Its panics abort.
    Aborts = "PLG-0006" {
        title: "the plugin's panics would end the miner",
        meaning: "It was compiled with `panic = \"abort\"`.",
        reason: "A panic of a plugin costs the call in which it happens, and mining goes on. With \
            `abort` it ends the process instead, and nobody can catch it.",
        remedy: "Build it with `panic = \"unwind\"`, which is the default.",
    }
    /// It is for another major version of the interface.
    OtherInterface = "PLG-0007" {
        title: "the plugin was built for another version of the interface",
        meaning: "The major version of the binary interface that it was built with is not this \
            host's.",
        reason: "Within a major version, what is older is understood by what is newer. Between \
            them, the same bytes mean different things.",
        remedy: "Get a version of the plugin for this host's interface, build it again with an SDK \
            of this host's major version, or use another host; `plugin inspect` shows the plugin's \
            version, and `plugin list` those of others.",
    }
    /// Its types differ.
    OtherLayout = "PLG-0008" {
        title: "the plugin's data types differ from this host's",
        meaning: "Its interface has this host's version, but other types than that version had when \
            it was released.",
        reason: "Every type that crosses the boundary is compared before the first call: a \
            difference means that memory would be misread.",
        remedy: "Build it with the unchanged SDK. If you changed `spacetime-sdk-abi` yourself, give \
            it another major version.",
    }
    /// The system refuses it.
    System = "PLG-0009" {
        title: "the system cannot load the plugin",
        meaning: "The system's own loader refused the file, for the reason that the message has.",
        reason: "Only the system can link a library with those that it needs.",
        remedy: "Most often a library is missing that one of the plugin's libraries needs, or is \
            older than what it was built with: install it, or build the plugin on this machine.",
    }
    /// It failed while it was starting.
    Start = "PLG-0010" {
        title: "the plugin failed while it was starting",
        meaning: "Its own code failed, or did not return, while the library was loaded.",
        reason: "What fails before it has done anything cannot be relied upon.",
        remedy: "Report it to the author, and remove the plugin from the manifest until then.",
    }
    /// It describes itself in two ways.
    Changed = "PLG-0011" {
        title: "the plugin's file was exchanged",
        meaning: "What the file says of itself is not what the loaded code says: the file was \
            written anew after this process had loaded it, or while it did.",
        reason: "All checks were made of the file. They say nothing of other code.",
        remedy: "Start the miner again once the file is completely written; put new files in place \
            by renaming them.",
    }
    /// This processor cannot run it.
    Processor = "PLG-0020" {
        title: "the processor cannot run the plugin",
        meaning: "The plugin was compiled for processors with features that this machine's has not. \
            It uses them without asking.",
        reason: "The first such instruction would end the miner.",
        remedy: "Get a build for this processor, or build it here: without `-C target-cpu=…` and \
            `-C target-feature=…`, or with `-C target-cpu=native` on this machine. Authors: ask \
            with `is_x86_feature_detected!` instead, and one file runs everywhere.",
    }
    /// A library that it needs is missing.
    MissingLibrary = "PLG-0021" {
        title: "a library that the plugin needs is not on this system",
        meaning: "The plugin's file names a library that is in none of the places where the system \
            looks for libraries.",
        reason: "The system would refuse it, after it had loaded the others and run their code.",
        remedy: "Install the package that has the library. If it lies in a folder of its own, put \
            that folder into `LD_LIBRARY_PATH` or the system's list (`ldconfig`), or link the \
            plugin with `-Wl,-rpath,$ORIGIN` and put the library beside it.",
    }
}

impl Explanation {
    /// That of a code as people write it: `PLG-0007`, `plg-7`, `7`.
    pub fn of(code: &str) -> Option<&'static Self> {
        let upper = code.trim().to_ascii_uppercase();
        let number: u32 = upper.strip_prefix("PLG-").unwrap_or(&upper).parse().ok()?;
        let code = format!("PLG-{number:04}");
        Code::ALL.iter().map(|code| code.explanation()).find(|explained| explained.code == code)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn codes_are_found_as_people_write_them() {
        for text in ["PLG-0007", "plg-7", " 7 ", "0007"] {
            assert_eq!(Explanation::of(text).map(|found| found.code), Some("PLG-0007"), "{text}");
        }
        for text in ["", "PLG-", "PLG-9999", "7x", "-7"] {
            assert_eq!(Explanation::of(text), None, "{text}");
        }
    }

    #[test]
    fn codes_are_in_order_and_each_has_its_own_number_and_whole_sentences() {
        let all: Vec<&Explanation> = Code::ALL.iter().map(|code| code.explanation()).collect();
        for pair in all.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} {}", pair[0].code, pair[1].code);
        }
        for Explanation { code, title, meaning, reason, remedy } in all {
            assert!(!title.is_empty() && !title.ends_with('.'), "{code}");
            for text in [meaning, reason, remedy] {
                assert!(
                    text.ends_with('.') && text.len() > 10 && !text.contains("  "),
                    "{code}: {text}"
                );
            }
        }
    }

    /// Every code is one that some refusal has, and none is written elsewhere.
    #[test]
    fn every_code_is_used() {
        let mut used = BTreeSet::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        for code in Code::ALL {
            assert!(used.contains(&format!("{code:?}")), "nothing is refused as {code:?}");
        }
    }

    /// Collects what is named behind `Code::`, outside this file.
    fn read(folder: &Path, used: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, used);
            } else if !path.ends_with("codes.rs") {
                let text = fs::read_to_string(&path).unwrap();
                assert!(!text.contains("\"PLG-"), "a code beside the table: {}", path.display());
                let names = text.split("Code::").skip(1);
                used.extend(names.map(|name| {
                    name.chars().take_while(|c| c.is_alphanumeric()).collect::<String>()
                }));
            }
        }
    }
}
