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
            user that the miner runs as. `plugin list` shows which plugins are found, and where. If \
            it is yours: `cargo build --release` puts the file into target/release, as long as \
            Cargo.toml says `crate-type = [\"cdylib\"]` under `[lib]`.",
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
        meaning: "What was to be loaded is not what was checked: the file was written anew between \
            the two, or the loaded code says of itself what the file does not.",
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
            that folder into `LD_LIBRARY_PATH` or the system's list (`ldconfig`). One that lies \
            beside the plugin is not found: a private copy of the plugin is loaded, and of nothing \
            else. Authors: link it statically.",
    }
    /// Nobody vouches for it.
    NotAllowed = "PLG-0040" {
        title: "nobody vouches for the plugin",
        meaning: "The file did not come with the miner, no key of `trusted_keys` signed it, \
            `plugins.lock` does not have it, and its entry in the manifest does not allow it.",
        reason: "A plugin runs with all the rights of the miner, its key included. What nobody \
            vouches for is refused before any of it runs.",
        remedy: "If you trust where it comes from, run `spacetime-miner plugin trust` with the file \
            (exactly this one), or with the key of its author (all that it signs), or write the \
            entry that the message has. While you write a plugin yourself, let its entry say \
            trust: any.",
    }
    /// It must be signed.
    NotSigned = "PLG-0041" {
        title: "the plugin must be signed, and is not",
        meaning: "Its entry in the manifest asks for a signature, and there is no file beside it \
            with its name and .sig.",
        reason: "The entry says that only a signature vouches for this plugin.",
        remedy: "Get the signature's file from where the plugin came from. If the plugin is yours, \
            run `spacetime-miner plugin sign`.",
    }
    /// Its signature cannot be read.
    SignatureDamaged = "PLG-0042" {
        title: "the plugin's signature cannot be read",
        meaning: "The file with the signature is cut off, or not byte for byte what `plugin sign` \
            wrote.",
        reason: "There is exactly one text for each signature, so that no change of it goes \
            unnoticed.",
        remedy: "Copy the plugin and its .sig again, as they are. Version control systems and \
            editors may have changed the ends of its lines.",
    }
    /// Its signature is another file's.
    SignatureOfAnother = "PLG-0043" {
        title: "the plugin is not the file that was signed",
        meaning: "The signature beside it is of a file with another hash, or of another plugin, \
            version or platform.",
        reason: "A signature vouches for the bytes that were signed, and for no others.",
        remedy: "The plugin or its .sig was changed or replaced: copy both again from where they \
            came from. If the plugin is yours, sign it after the last change, stripping included.",
    }
    /// Its signature is not by the key that it names.
    SignatureForged = "PLG-0044" {
        title: "the plugin's signature is not by the key that it names",
        meaning: "The file with the signature has the right form, names a key, and was not made \
            with it.",
        reason: "Anybody can write another's name; only the owner of a key can sign with it.",
        remedy: "Do not use the file: somebody tampered with it, or it was damaged on its way. Get \
            the plugin and its .sig again.",
    }
    /// Its signer is not trusted with it.
    OtherSigner = "PLG-0045" {
        title: "the plugin is signed by somebody who is not trusted with it",
        meaning: "The signature is true, but its key is none of `trusted_keys`, or none of those \
            that the plugin's entry names.",
        reason: "Everybody can sign. What counts is who.",
        remedy: "If you trust that key, run `spacetime-miner plugin trust` with it, or name it in \
            the entry's trust: signed(by: …). Compare it with what its owner publishes elsewhere \
            first.",
    }
    /// Its entry names a key that is not known.
    UnknownSigner = "PLG-0046" {
        title: "the entry names a signer whose key is not known",
        meaning: "The plugin's entry asks for a signature by a name that `trusted_keys` does not \
            have, or has no more.",
        reason: "A key that was taken out of `trusted_keys` is trusted no more.",
        remedy: "Add the key again under that name, or correct the entry.",
    }
    /// It is not what its entry pins.
    NotThePinned = "PLG-0047" {
        title: "the plugin is not the file that its entry pins",
        meaning: "Its SHA-256 is not the one that the manifest's entry has.",
        reason: "A pin says that exactly one file may be loaded under this entry, whoever signed \
            another.",
        remedy: "The file was changed or replaced. If you wanted that, write its new hash into the \
            entry, which the message has; if not, find out who did it.",
    }
    /// The lock file does not have it.
    NotLocked = "PLG-0048" {
        title: "the plugin is not in plugins.lock",
        meaning: "Its entry says trust: locked, and the lock file beside the manifest does not have \
            the plugin, or not for this platform.",
        reason: "What is to be locked loads only if somebody installed it.",
        remedy: "Run `spacetime-miner plugin install` with the file, for each platform that it \
            shall run on.",
    }
    /// The lock file has another hash for it.
    NotTheLocked = "PLG-0049" {
        title: "the plugin is not the file that was installed",
        meaning: "The lock file beside the manifest has another SHA-256 for this plugin on this \
            platform.",
        reason: "The lock file says which bytes were accepted when the plugin was installed.",
        remedy: "The file was changed or replaced, or another manifest of this user installed \
            another version. If you want this one, run `spacetime-miner plugin install` with it.",
    }
    /// The lock file is damaged.
    LockDamaged = "PLG-0050" {
        title: "plugins.lock cannot be read",
        meaning: "The lock file beside the manifest is damaged, or of a later form, so that nobody \
            knows what is locked.",
        reason: "Without it, a file that was exchanged would go unnoticed.",
        remedy: "Mend it from a copy, or remove it and install the plugins again with \
            `spacetime-miner plugin install`.",
    }
    /// There is no private copy of it.
    NoCopy = "PLG-0051" {
        title: "the plugin's private copy cannot be made",
        meaning: "The folder of private copies cannot be used or written: it is full, belongs to \
            somebody else, or there is none to be had.",
        reason: "Only a copy that nobody else can change is loaded, so that what was checked is what \
            runs.",
        remedy: "Make room or give the miner's user access there, or name another folder with \
            `plugin_cache` in the manifest. Commands without a manifest need HOME.",
    }
    /// Its private copy lies where no programs run.
    NoPrograms = "PLG-0052" {
        title: "the folder of private copies is mounted with noexec",
        meaning: "The system runs no code from the file system that holds the private copies of \
            plugins.",
        reason: "A plugin is code.",
        remedy: "Name a folder on another file system with `plugin_cache` in the manifest.",
    }
    /// Others may change it.
    Exposed = "PLG-0053" {
        title: "others may change a plugin that lies with the miner",
        meaning: "The file lies where the miner's own plugins lie, but has another owner than the \
            miner, or can be written by those who cannot write the miner.",
        reason: "What lies with the miner is trusted as the miner is. That holds only while nobody \
            else can put something there.",
        remedy: "Give it the miner's owner and take away the others' right to write it (`chmod \
            go-w`), or let its entry in the manifest allow it.",
    }
    /// It brought the miner down.
    Quarantined = "PLG-0060" {
        title: "the plugin, or a component of it, is quarantined",
        meaning: "An earlier run ended by a crash, or by a call of `exit`, in its code. The crash \
            journal named it, and it is not used since: the miner does its work.",
        reason: "What runs in the miner's process and brings it down would do so again, and nothing \
            would be mined.",
        remedy: "Replace the plugin's file: another build is another file, and is used. `plugin \
            release NAME` lets the same file be used again; `plugin list` shows what happened, and \
            when.",
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
