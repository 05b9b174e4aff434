//! What a child process is told, and what it answers.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use spacetime_sdk_loader::Kind;

/// The environment variable that hands a child its task.
pub(crate) const VARIABLE: &str = "SPACETIME_CONFORMANCE_TASK";

/// Which component of which file, and with what it is tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The plugin file.
    pub file: PathBuf,
    /// The component's kind.
    pub kind: Kind,
    /// Its name.
    pub component: String,
    /// Its config in RON; `()` for none. In a transport's, `{node}` stands for
    /// the address of the node, `host:port`.
    pub config: String,
    /// What random inputs are drawn from.
    pub seed: u64,
    /// Over how many jobs growth is looked for.
    pub jobs: u64,
    /// The node that a transport is given, `host:port`; none: one of the kit's
    /// own that accepts connections and says nothing.
    pub node: Option<String>,
}

/// A component, to be tested against one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) subject: Subject,
    /// The id of the rule.
    pub(crate) rule: String,
    /// A folder for the answer and for what components store.
    pub(crate) folder: PathBuf,
    /// Methods that are known to take too long.
    pub(crate) slow: BTreeMap<String, Slow>,
    /// The method that took too long in the attempt before, which is looked at again.
    pub(crate) suspected: Option<String>,
}

/// A method that takes too long, as another test has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slow {
    /// The id of the rule whose test found it.
    pub(crate) by: String,
    pub(crate) how: Lateness,
}

/// What came of a rule's test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// The rule is kept, as far as the test can see.
    Kept {
        /// What the test could not look at; may be empty.
        note: String,
    },
    /// A rule is broken, not always the one that was looked for.
    Broken(Finding),
    /// The test could not be run to its end.
    NotJudged {
        /// Why.
        reason: String,
    },
    /// The component refuses the config that it is tested with.
    Refused {
        /// What it says.
        reason: String,
    },
    /// The test came to a call that takes too long, as another test had found,
    /// and went no further.
    Hindered {
        /// The call.
        late: Late,
        /// The id of the rule whose test had found it.
        by: String,
    },
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The id of the rule that is broken.
    pub rule: String,
    /// What the component did.
    pub seen: String,
    /// What it had been given, and in which call it happened.
    pub input: String,
    /// Whether it took too long, which a busy machine can be the cause of.
    pub by_time: bool,
    /// The call that took too long, if it was one call.
    pub late: Option<Late>,
    /// Where in its source it panicked, if that is what it did; empty: an earlier
    /// call did, of which this one does not say where.
    pub panic: Option<String>,
}

/// A call that took too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// The method.
    pub method: String,
    /// How late it is.
    pub how: Lateness,
}

/// How late a method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lateness {
    /// Some of its calls took too long.
    Sometimes,
    /// Every call of it took too long.
    Always,
    /// A call had not returned when it was given up on.
    Hangs,
}

impl Late {
    /// What is said of it, without the rule that it breaks.
    pub fn told(&self) -> String {
        let method = &self.method;
        match self.how {
            Lateness::Sometimes | Lateness::Always => format!("`{method}` takes too long"),
            Lateness::Hangs => format!("`{method}` never returns"),
        }
    }
}

impl Task {
    /// The task of this process, if it was started for one.
    pub(crate) fn of_this_process() -> Option<Self> {
        serde_json::from_str(&env::var(VARIABLE).ok()?).ok()
    }

    fn answer_file(folder: &Path) -> PathBuf {
        folder.join("outcome.json")
    }

    /// Where the call that is being made is noted.
    pub(crate) fn record_file(folder: &Path) -> PathBuf {
        folder.join("call.txt")
    }

    /// A folder for what the component stores.
    pub(crate) fn data_folder(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Answers, once and for all: whole or not at all.
    pub(crate) fn answer(&self, outcome: &Outcome) -> io::Result<()> {
        let unfinished = self.folder.join("outcome.part");
        fs::write(&unfinished, serde_json::to_vec(outcome)?)?;
        fs::rename(unfinished, Self::answer_file(&self.folder))
    }

    pub(crate) fn read_answer(folder: &Path) -> Option<Outcome> {
        serde_json::from_slice(&fs::read(Self::answer_file(folder)).ok()?).ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn task(folder: &Path) -> Task {
        let subject = Subject {
            file: "x.so".into(),
            kind: Kind::Strategy,
            component: "it".to_owned(),
            config: "()".to_owned(),
            seed: 1,
            jobs: 10,
            node: None,
        };
        Task {
            subject,
            rule: "STR-001".to_owned(),
            folder: folder.to_owned(),
            slow: BTreeMap::new(),
            suspected: None,
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let late = || Late { method: "plan".to_owned(), how: Lateness::Always };
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Task::read_answer(folder.path()), None);
        for outcome in [
            Outcome::Kept { note: "in part".to_owned() },
            Outcome::Broken(Finding {
                rule: "STR-001".to_owned(),
                seen: "no".to_owned(),
                input: "this".to_owned(),
                by_time: true,
                late: Some(late()),
                panic: Some("src/lib.rs:1:2".to_owned()),
            }),
            Outcome::Hindered { late: late(), by: "STR-001".to_owned() },
        ] {
            task(folder.path()).answer(&outcome).unwrap();
            assert_eq!(Task::read_answer(folder.path()), Some(outcome));
        }
    }
}
