//! What the journal says of a run: JSON, one line each for its beginning, its
//! crash and its end.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    calls::Method,
    descriptor::{Descriptor, Kind},
    file::FileHash,
};

/// A plugin, or a component of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Culprit {
    /// The kind of the component; `None`: the plugin as a whole.
    pub kind: Option<Kind>,
    /// The component's name, or empty.
    pub component: String,
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The file that it was loaded from.
    pub path: String,
    /// The hash of that file.
    pub sha256: FileHash,
    /// Whether it is a transport, or a plugin that has one: the host has
    /// nothing to put in its place.
    pub transport: bool,
}

impl Culprit {
    pub(crate) fn library(path: &Path, descriptor: &Descriptor, sha256: FileHash) -> Self {
        let mut components = descriptor.components.iter();
        Self {
            kind: None,
            component: String::new(),
            plugin: descriptor.plugin.clone(),
            version: descriptor.version.clone(),
            path: path.display().to_string(),
            sha256,
            transport: components.any(|component| component.kind == Kind::Transport),
        }
    }

    pub(crate) fn component(&self, kind: Kind, component: &str) -> Self {
        Self {
            kind: Some(kind),
            component: component.to_owned(),
            transport: kind == Kind::Transport,
            ..self.clone()
        }
    }
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, component, plugin, version, .. } = self;
        match kind {
            Some(kind) => write!(f, "{kind} `{component}` (plugin {plugin} {version})"),
            None => write!(f, "plugin {plugin} {version}"),
        }
    }
}

/// How the process ended, or was about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A function called itself until there was no stack left.
    #[serde(rename = "stack overflow")]
    StackOverflow,
    /// Memory that is not there, or not for this, was accessed.
    #[serde(rename = "SIGSEGV")]
    Segv,
    /// A mapped file is shorter than it was.
    #[serde(rename = "SIGBUS")]
    Bus,
    /// Bytes were run that are no instruction of this processor.
    #[serde(rename = "SIGILL")]
    Ill,
    /// A number was divided by zero, say.
    #[serde(rename = "SIGFPE")]
    Fpe,
    /// The program ended itself: a damaged heap, no memory, a panic that may
    /// not be one.
    #[serde(rename = "SIGABRT")]
    Abort,
    /// An instruction that stops the program.
    #[serde(rename = "SIGTRAP")]
    Trap,
    /// `exit` was called.
    #[serde(rename = "exit")]
    Exit,
}

impl Cause {
    /// As the journal has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::StackOverflow => "stack overflow",
            Self::Segv => "SIGSEGV",
            Self::Bus => "SIGBUS",
            Self::Ill => "SIGILL",
            Self::Fpe => "SIGFPE",
            Self::Abort => "SIGABRT",
            Self::Trap => "SIGTRAP",
            Self::Exit => "exit",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::StackOverflow => "it ran out of stack",
            Self::Segv => "it accessed memory that is not its own",
            Self::Bus => "it accessed memory that is not there",
            Self::Ill => "it ran an instruction that this processor does not have",
            Self::Fpe => "it did arithmetic that has no result",
            Self::Abort => "it aborted the process",
            Self::Trap => "it stopped the process",
            Self::Exit => "it called exit",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StackOverflow | Self::Exit => f.write_str(self.words()),
            _ => write!(f, "{} ({})", self.words(), self.name()),
        }
    }
}

/// How a run ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Crash {
    /// Who did it; `None`: the host itself, as far as can be told.
    pub culprit: Option<Culprit>,
    /// In which call; `None` without a culprit.
    pub method: Option<Method>,
    /// What happened.
    pub cause: Cause,
    /// When, Unix seconds.
    pub unix_seconds: u64,
}

/// How the run before this one ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastRun {
    /// There was none, or nothing is known of it.
    Unknown,
    /// In an orderly way.
    Ended,
    /// Without a word: it was killed, or the power failed. Nobody is to blame.
    Killed,
    /// By a crash.
    Crashed(Crash),
}

/// A line of the journal.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    Began(serde::de::IgnoredAny),
    Crashed(Crash),
    Ended(serde::de::IgnoredAny),
}

/// The first line.
pub(super) const BEGAN: &str = "{\"began\":1}\n";

/// The last line of a run that ended in an orderly way.
pub(super) const ENDED: &str = "{\"ended\":1}\n";

impl LastRun {
    /// Reads a journal. Lines that say nothing to this version say nothing.
    pub(super) fn read(text: &str) -> Self {
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let mut last = Self::Unknown;
        for entry in entries {
            last = match (entry, last) {
                (Entry::Began(_), _) => Self::Killed,
                // What happens afterwards is its consequence.
                (_, Self::Crashed(crash)) | (Entry::Crashed(crash), _) => Self::Crashed(crash),
                (Entry::Ended(_), _) => Self::Ended,
            };
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASHED: &str =
        r#"{"crashed":{"culprit":null,"method":null,"cause":"SIGSEGV","unix_seconds":7}}"#;

    #[test]
    fn the_last_line_says_how_a_run_ended_unless_it_crashed_before() {
        let crash = Crash { culprit: None, method: None, cause: Cause::Segv, unix_seconds: 7 };
        let read = |lines: &[&str]| LastRun::read(&lines.concat());
        assert_eq!(read(&[]), LastRun::Unknown);
        assert_eq!(read(&["rubbish\n", "{\"more\":1}\n"]), LastRun::Unknown);
        assert_eq!(read(&[BEGAN]), LastRun::Killed);
        assert_eq!(read(&[BEGAN, "{\"cra"]), LastRun::Killed, "cut off");
        assert_eq!(read(&[BEGAN, ENDED]), LastRun::Ended);
        let crashed = LastRun::Crashed(crash);
        assert_eq!(read(&[BEGAN, CRASHED]), crashed);
        assert_eq!(read(&[BEGAN, CRASHED, "\n", ENDED]), crashed);
        assert_eq!(read(&[BEGAN, ENDED, CRASHED]), crashed);
    }

    #[test]
    fn causes_are_read_as_they_are_written() {
        for cause in [Cause::StackOverflow, Cause::Segv, Cause::Bus, Cause::Ill, Cause::Fpe] {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
        for cause in [Cause::Abort, Cause::Trap, Cause::Exit] {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
    }
}
