//! How a command ends: the numbered, documented exit codes, and the sentence
//! that goes with every one but 0. Numbers are never reused.

use std::{fmt, io, path::Path};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done. Also when whoever read the output went away.
    Done = 0,
    /// A fault of the miner itself or of the system around it.
    Internal = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// The manifest, or a `--set`, is missing or wrong.
    Manifest = 3,
    /// The key file is missing, unreadable or refused.
    Key = 4,
    /// A plot, its cache or the plot metadata is missing, damaged or in use.
    Plot = 5,
    /// A plugin cannot be loaded, refuses its config, or ended the process.
    Plugin = 6,
    /// The chain or the node cannot be used.
    Chain = 7,
    /// What was asked for is not there: no leaf, no component of that name.
    NotFound = 8,
    /// `--for` ran out before `--until-blocks` was reached, or `--wait` before a
    /// block had the transaction.
    TimeUp = 9,
    /// The disk has no room.
    NoSpace = 10,
    /// The transaction is refused: by its network's rules, or by the chain.
    Refused = 11,
    /// Bytes that were to be decoded are not what they should be.
    Bytes = 12,
    /// A plugin breaks rules of its kind.
    Contract = 13,
}

impl Exit {
    /// All codes, for the help text.
    const ALL: [Self; 14] = [
        Self::Done,
        Self::Internal,
        Self::Usage,
        Self::Manifest,
        Self::Key,
        Self::Plot,
        Self::Plugin,
        Self::Chain,
        Self::NotFound,
        Self::TimeUp,
        Self::NoSpace,
        Self::Refused,
        Self::Bytes,
        Self::Contract,
    ];

    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }

    fn about(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Internal => "a fault of the miner itself or of the system around it",
            Self::Usage => "the command line cannot be understood",
            Self::Manifest => "the manifest, or a --set, is missing or wrong",
            Self::Key => "the key file is missing, unreadable or refused",
            Self::Plot => "a plot, its cache or the plot metadata is missing, damaged or in use",
            Self::Plugin => "a plugin cannot be loaded, refuses its config, or ended the process",
            Self::Chain => "the chain or the node cannot be used",
            Self::NotFound => "what was asked for is not there",
            Self::TimeUp => "--for ran out before --until-blocks was reached, or --wait did",
            Self::NoSpace => "the disk has no room",
            Self::Refused => "the transaction is refused",
            Self::Bytes => "bytes that were to be decoded are not what they should be",
            Self::Contract => "a plugin breaks rules of its kind",
        }
    }

    /// The table under `--help`.
    pub(super) fn table() -> String {
        let rows: Vec<String> =
            Self::ALL.iter().map(|exit| format!("{:>4}  {}", exit.code(), exit.about())).collect();
        format!("Exit codes:\n{}", rows.join("\n"))
    }
}

/// Why a command ended early: a sentence for a human, with what to do next,
/// and an exit code for a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure; `message` is printed on stderr after `error: `.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// What the process ends with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The sentence; empty only when there is nobody left to tell.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A file that could not be written.
    pub(super) fn unwritten(path: &Path, error: &io::Error) -> Self {
        let exit = if is_full(error) { Exit::NoSpace } else { Exit::Internal };
        Self::new(exit, format_args!("cannot write {}: {error}", path.display()))
    }

    /// Output that could not be written; quiet if its reader went away.
    pub(super) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Done, ""),
            io::ErrorKind::StorageFull => {
                Self::new(Exit::NoSpace, format_args!("cannot write the output: {error}"))
            }
            _ => Self::new(Exit::Internal, format_args!("cannot write the output: {error}")),
        }
    }
}

/// Whether the disk, or what the user may take of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_code_once_in_order() {
        for (number, exit) in Exit::ALL.iter().enumerate() {
            assert_eq!(usize::from(exit.code()), number);
        }
        assert!(Exit::table().contains("   9  --for ran out before --until-blocks was reached"));
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let failure = Failure::output(&io::ErrorKind::BrokenPipe.into());
        assert_eq!((failure.exit(), failure.message()), (Exit::Done, ""));
    }
}
