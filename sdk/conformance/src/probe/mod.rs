//! What a rule's test works with: the loaded plugin, a host that watches, and
//! a record of every call.

mod calls;
mod memory;
mod witness;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use spacetime_sdk_loader::{Fault, Kind, Library, OpenRequest, abi::FaultCode};

pub(crate) use self::memory::{Resources, cpu_time, grows, resources};
use self::{
    calls::{Calls, DROP},
    witness::Witness,
};
use crate::task::{Finding, Outcome, Task};

/// What loading a library and opening a component may take; the host's limit.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// What a destructor may take: the host waits no longer at its end.
pub(crate) const DROP_LIMIT: Duration = Duration::from_millis(250);

/// Rules that a panic seems to break, too: the report of one in a destructor may
/// come late, and what is read for its backtrace stays in memory.
const BY_PANICS: [&str; 2] = ["ANY-009", "ANY-011"];

/// Why a test stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A rule is broken.
    Broken(Box<Finding>),
    /// It cannot be judged, for this reason.
    NotJudged(String),
    /// The component refuses its config, and says this.
    Refused(String),
}

/// What a test comes to.
pub(crate) type Judged = Result<(), Stop>;

/// One component under test.
pub(crate) struct Probe {
    pub(crate) task: Task,
    library: Library,
    witness: Arc<Witness>,
    calls: Arc<Calls>,
    notes: Mutex<Vec<String>>,
}

impl Probe {
    /// Loads the library.
    ///
    /// # Errors
    ///
    /// It is refused, or the task's folder cannot be used.
    pub(crate) fn new(task: Task) -> Result<Self, Stop> {
        let unusable = |error: std::io::Error| {
            Stop::NotJudged(format!("{} cannot be used: {error}", task.folder.display()))
        };
        std::fs::create_dir_all(task.data_folder()).map_err(unusable)?;
        let calls = Calls::start(&task).map_err(unusable)?;
        let witness = Arc::new(Witness::new(task.data_folder()));
        let load = || Library::load(&task.subject.file, witness.clone());
        let library = calls
            .run("loading the library", OPEN_LIMIT, load)
            .map_err(|refusal| Stop::NotJudged(refusal.to_string()))?;
        Ok(Self { task, library, witness, calls, notes: Mutex::default() })
    }

    pub(crate) fn library(&self) -> &Library {
        &self.library
    }

    /// A request for the component with its config.
    pub(crate) fn request<'a>(&'a self, config: &'a str) -> OpenRequest<'a> {
        OpenRequest {
            component: &self.task.subject.component,
            instance: &self.task.subject.component,
            config,
            config_line: 1,
            config_column: 1,
            ron_extensions: 0,
        }
    }

    /// Numbers that are the same for the same seed and rule.
    pub(crate) fn random(&self) -> fastrand::Rng {
        let rule = self.task.rule.bytes();
        let rule = rule.fold(0, |hash: u64, byte| hash.wrapping_mul(31) + u64::from(byte));
        fastrand::Rng::with_seed(self.task.subject.seed ^ rule)
    }

    /// Says what the component is given from now on, for whoever reads of a
    /// failure.
    pub(crate) fn given(&self, input: impl fmt::Display) {
        self.calls.given(input.to_string());
    }

    /// Says what it is given besides, until the next [`given`](Self::given).
    pub(crate) fn with(&self, detail: impl fmt::Display) {
        self.calls.with(detail.to_string());
    }

    /// Calls the component; one that takes longer than its limit is noticed.
    pub(crate) fn call<R>(
        &self,
        method: &'static str,
        limit: Duration,
        call: impl FnOnce() -> R,
    ) -> R {
        self.calls.run(method, limit, call)
    }

    /// Drops an instance, which runs its author's destructor.
    pub(crate) fn drop<T>(&self, instance: T) {
        self.calls.run(DROP, DROP_LIMIT, || drop(instance));
    }

    /// A broken rule: what was seen, in the last call that was made.
    pub(crate) fn broken(&self, rule: &str, seen: impl fmt::Display) -> Stop {
        Stop::Broken(Box::new(self.finding(rule, seen, false)))
    }

    /// The same of something that its file tells: no call was made.
    pub(crate) fn told_wrongly(&self, rule: &str, seen: impl fmt::Display) -> Stop {
        let input = "what its file tells of its config, before any call".to_owned();
        Stop::Broken(Box::new(Finding { input, ..self.finding(rule, seen, false) }))
    }

    /// The same of something that took too long.
    pub(crate) fn too_slow(&self, rule: &str, seen: impl fmt::Display) -> Stop {
        Stop::Broken(Box::new(self.finding(rule, seen, true)))
    }

    fn finding(&self, rule: &str, seen: impl fmt::Display, by_time: bool) -> Finding {
        let (rule, seen) = (rule.to_owned(), seen.to_string());
        Finding { rule, seen, input: self.calls.last(), by_time, late: None, panic: None }
    }

    /// A call that failed: the component panicked, did what the host refuses
    /// (`breach` is the rule against it), or reported an error (`failure`).
    pub(crate) fn fault(&self, fault: &Fault, blame: Blame) -> Stop {
        let rule = match fault.code {
            FaultCode::PANICKED | FaultCode::POISONED => blame.panic,
            _ if fault.found_by_host => blame.breach,
            _ => blame.failure,
        };
        let panic = fault.is_fatal().then(|| place_of_panic(&fault.message));
        Stop::Broken(Box::new(Finding { panic, ..self.finding(rule, fault, false) }))
    }

    /// Adds a remark on what the test could not look at.
    pub(crate) fn note(&self, note: impl fmt::Display) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note.to_string());
    }

    /// Wants log lines up to a level from now on, 0 none to 5 all.
    pub(crate) fn set_log_level(&self, level: u32) {
        self.witness.set_level(level);
    }

    /// How often the library has called its host.
    pub(crate) fn calls_of_host(&self) -> u64 {
        self.witness.calls()
    }

    /// Names of counters that were used so far; it stops counting at a thousand.
    pub(crate) fn counters(&self) -> usize {
        self.witness.counters()
    }

    /// The outcome of a test, with what every test looks after.
    pub(crate) fn conclude(&self, judged: Judged) -> Outcome {
        let stray = self.witness.first_fault().map(|fault| {
            let seen = format_args!("a fault that no call returned: {fault}");
            let panic = Some(place_of_panic(&fault));
            Finding { panic, ..self.finding("ANY-004", seen, false) }
        });
        // A session that panicked is over, which is against this rule and that.
        let is_session = self.task.subject.kind == Kind::Transport;
        match (judged, stray) {
            (Err(Stop::Broken(finding)), Some(stray))
                if is_session || BY_PANICS.contains(&&*finding.rule) =>
            {
                Outcome::Broken(stray)
            }
            (Err(Stop::Broken(finding)), _) => Outcome::Broken(*finding),
            (_, Some(finding)) => Outcome::Broken(finding),
            (Err(Stop::NotJudged(reason)), _) => Outcome::NotJudged { reason },
            (Err(Stop::Refused(reason)), _) => Outcome::Refused { reason },
            (Ok(()), None) => match self.calls.slowest() {
                Some(finding) => Outcome::Broken(finding),
                None => {
                    let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
                    Outcome::Kept { note: notes.join("; ") }
                }
            },
        }
    }
}

/// Where in the component's source it panicked, by what is said of that; empty:
/// that is not said.
fn place_of_panic(message: &str) -> String {
    let place = message.split_once("panicked at ").and_then(|(_, rest)| rest.split_once(": "));
    place.map_or_else(String::new, |(place, _)| place.to_owned())
}

/// Which rules a failed call breaks.
#[derive(Clone, Copy)]
pub(crate) struct Blame {
    /// The host refuses what it did.
    pub(crate) breach: &'static str,
    /// It reported an error.
    pub(crate) failure: &'static str,
    /// It panicked.
    pub(crate) panic: &'static str,
}

impl Blame {
    /// A component that fails for no good reason.
    pub(crate) const OPENING: Self =
        Self { breach: "ANY-001", failure: "ANY-001", panic: "ANY-004" };

    /// Whatever it does is against one rule.
    pub(crate) const fn all(rule: &'static str) -> Self {
        Self { breach: rule, failure: rule, panic: rule }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.calls.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_known_by_its_place() {
        let message = "plan panicked at src/lib.rs:9:5: index out of bounds: the len is 3";
        assert_eq!(place_of_panic(message), "src/lib.rs:9:5");
        assert_eq!(place_of_panic("it panicked before and is not called again"), "");
    }
}
