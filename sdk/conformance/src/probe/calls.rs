//! A record of the calls that are made of a component: in a file, for whoever
//! finds this process dead, and watched, so that one that hangs is told of.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::task::{Finding, Outcome, Task};

/// By how much a call may exceed its limit before it is given up on.
const GRACE: Duration = Duration::from_secs(10);

/// How often the calls under way are looked at.
const WATCH: Duration = Duration::from_millis(100);

/// The calls of a component.
pub(crate) struct Calls {
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    /// What the component is given.
    input: String,
    made: u64,
    under_way: Vec<Call>,
    /// The last call that was begun.
    last: String,
    slowest: Option<Finding>,
    record: File,
    has_ended: bool,
}

struct Call {
    number: u64,
    method: &'static str,
    limit: Duration,
    since: Instant,
}

impl Calls {
    /// Begins a record, and a watch that ends the process, after it has
    /// answered, when a call does not return.
    pub(crate) fn start(task: &Task) -> io::Result<Arc<Self>> {
        let state = State {
            input: String::new(),
            made: 0,
            under_way: Vec::new(),
            last: "before the first call".to_owned(),
            slowest: None,
            record: File::create(Task::record_file(&task.folder))?,
            has_ended: false,
        };
        let calls = Arc::new(Self { state: Mutex::new(state), ended: Condvar::new() });
        let (watched, task) = (calls.clone(), task.clone());
        thread::Builder::new().name("watch".to_owned()).spawn(move || {
            if let Some(finding) = watched.watch() {
                // Whoever waits for the answer sees its absence else.
                let _ = task.answer(&Outcome::Broken(finding));
                process::abort();
            }
        })?;
        Ok(calls)
    }

    pub(crate) fn given(&self, input: String) {
        self.lock().input = input;
    }

    /// Makes a call.
    pub(crate) fn run<R>(
        &self,
        method: &'static str,
        limit: Duration,
        call: impl FnOnce() -> R,
    ) -> R {
        let number = self.lock().begin(method, limit);
        let result = call();
        self.lock().end(number);
        result
    }

    /// The last call that was begun, and what the component had been given.
    pub(crate) fn last(&self) -> String {
        self.lock().last.clone()
    }

    /// What is said of the call that exceeded its limit by most.
    pub(crate) fn slowest(&self) -> Option<Finding> {
        self.lock().slowest.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when a call hangs, with what is said of it, or at the end.
    fn watch(&self) -> Option<Finding> {
        let mut state = self.lock();
        while !state.has_ended {
            if let Some(finding) = state.hung() {
                return Some(finding);
            }
            let waited = self.ended.wait_timeout(state, WATCH);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }

    /// Ends the watch.
    pub(crate) fn end(&self) {
        self.lock().has_ended = true;
        self.ended.notify_all();
    }
}

impl State {
    fn begin(&mut self, method: &'static str, limit: Duration) -> u64 {
        self.made += 1;
        let number = self.made;
        self.last = match self.input.as_str() {
            "" => format!("call {number}, {method}"),
            input => format!("call {number}, {method}: {input}"),
        };
        // A record that cannot be written is missed only by whoever reads it.
        let _ = self.record.seek(SeekFrom::Start(0));
        let _ = self.record.write_all(format!("{}\n", self.last).as_bytes());
        self.under_way.push(Call { number, method, limit, since: Instant::now() });
        number
    }

    fn end(&mut self, number: u64) {
        let Some(at) = self.under_way.iter().position(|call| call.number == number) else { return };
        let call = self.under_way.swap_remove(at);
        let took = call.since.elapsed();
        if took > call.limit && self.slowest.is_none() {
            let seen = format!(
                "{} took {} ms, and the host waits {} ms",
                call.method,
                took.as_millis(),
                call.limit.as_millis()
            );
            self.slowest = Some(late(seen, self.last.clone(), true));
        }
    }

    fn hung(&self) -> Option<Finding> {
        let call = self.under_way.iter().find(|call| call.since.elapsed() > call.limit + GRACE)?;
        let seen =
            format!("{} did not return within {} s", call.method, call.since.elapsed().as_secs());
        Some(late(seen, self.last.clone(), false))
    }
}

fn late(seen: String, input: String, by_time: bool) -> Finding {
    Finding { rule: "ANY-003".to_owned(), seen, input, by_time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_on_record_before_it_is_made_and_slow_ones_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let task = crate::task::tests::task(folder.path());
        let calls = Calls::start(&task).unwrap();
        calls.given("a plot of 5 leaves".to_owned());
        let record = || std::fs::read_to_string(Task::record_file(folder.path())).unwrap();
        let seen = calls.run("plan", Duration::MAX, record);
        assert!(seen.starts_with("call 1, plan: a plot of 5 leaves\n"), "{seen}");
        assert_eq!(calls.slowest(), None);
        calls.run("begin", Duration::ZERO, || ());
        let slow = calls.slowest().unwrap();
        assert_eq!((slow.rule.as_str(), slow.by_time), ("ANY-003", true));
        assert!(slow.seen.starts_with("begin took"), "{slow:?}");
        calls.end();
    }
}
