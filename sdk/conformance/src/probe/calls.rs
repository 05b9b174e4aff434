//! A record of the calls that are made of a component: in a file, for whoever
//! finds this process dead, and watched, so that one that hangs is told of.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::task::{Finding, Late, Lateness, Outcome, Task};

/// By how much a call may exceed its limit before it is given up on.
const GRACE: Duration = Duration::from_secs(10);

/// By how much all calls of a test together may exceed their limits.
const EXCESS: Duration = Duration::from_secs(3);

/// The method that ends an instance: what a test has found is on its way by then,
/// and is not given up for a destructor that is slow.
pub(crate) const DROP: &str = "drop";

/// How often the calls under way are looked at.
const WATCH: Duration = Duration::from_millis(100);

/// The calls of a component.
pub(crate) struct Calls {
    task: Task,
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    /// What the component is given.
    input: String,
    /// What it is given besides, for one use of it.
    detail: String,
    made: u64,
    under_way: Vec<Call>,
    /// The last call that was begun.
    last: String,
    slowest: Option<Finding>,
    /// Methods of which a call was in time.
    in_time: BTreeSet<&'static str>,
    /// By how much all calls together have exceeded their limits.
    excess: Duration,
    record: File,
    has_ended: bool,
}

struct Call {
    number: u64,
    method: &'static str,
    /// Itself, and what the component had been given.
    told: String,
    limit: Duration,
    since: Instant,
}

impl Calls {
    /// Begins a record, and a watch that ends the process, after it has
    /// answered, when a call does not return.
    pub(crate) fn start(task: &Task) -> io::Result<Arc<Self>> {
        let state = State {
            input: String::new(),
            detail: String::new(),
            made: 0,
            under_way: Vec::new(),
            last: "before the first call".to_owned(),
            slowest: None,
            in_time: BTreeSet::new(),
            excess: Duration::ZERO,
            record: File::create(Task::record_file(&task.folder))?,
            has_ended: false,
        };
        let (state, ended) = (Mutex::new(state), Condvar::new());
        let calls = Arc::new(Self { task: task.clone(), state, ended });
        let watched = calls.clone();
        thread::Builder::new().name("watch".to_owned()).spawn(move || {
            if let Some(finding) = watched.watch() {
                watched.leave(&Outcome::Broken(finding));
            }
        })?;
        Ok(calls)
    }

    /// Ends the process, after it has answered: a call that hangs cannot be ended.
    fn leave(&self, outcome: &Outcome) -> ! {
        // Whoever waits for the answer sees its absence else.
        let _ = self.task.answer(outcome);
        process::abort();
    }

    pub(crate) fn given(&self, input: String) {
        let mut state = self.lock();
        (state.input, state.detail) = (input, String::new());
    }

    pub(crate) fn with(&self, detail: String) {
        self.lock().detail = detail;
    }

    /// Makes a call, unless it is known not to return in time.
    pub(crate) fn run<R>(
        &self,
        method: &'static str,
        limit: Duration,
        call: impl FnOnce() -> R,
    ) -> R {
        if let Some(hindered) = self.hindered(method, Lateness::Always) {
            self.leave(&hindered);
        }
        let number = self.lock().begin(method, limit);
        let result = call();
        let is_late = self.lock().end(number);
        if is_late && let Some(outcome) = self.late_again(method) {
            self.leave(&outcome);
        }
        result
    }

    /// That a test goes no further, if a method is known to be that late.
    fn hindered(&self, method: &str, least: Lateness) -> Option<Outcome> {
        let slow = self.task.slow.get(method).filter(|slow| slow.how >= least)?;
        if method == DROP && slow.how < Lateness::Hangs {
            return None;
        }
        let late = Late { method: method.to_owned(), how: slow.how };
        Some(Outcome::Hindered { late, by: slow.by.clone() })
    }

    /// What is said of another call of a method that had been too late before.
    fn late_again(&self, method: &str) -> Option<Outcome> {
        self.hindered(method, Lateness::Sometimes).or_else(|| {
            let is_suspected = self.task.suspected.as_deref() == Some(method) && method != DROP;
            self.slowest().filter(|_| is_suspected).map(Outcome::Broken)
        })
    }

    /// The last call that was begun, and what the component had been given.
    pub(crate) fn last(&self) -> String {
        self.lock().last.clone()
    }

    /// What is said of the first call that exceeded its limit.
    pub(crate) fn slowest(&self) -> Option<Finding> {
        self.lock().slowest()
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
        let given = [&*self.input, &*self.detail].into_iter().filter(|given| !given.is_empty());
        let given = given.collect::<Vec<_>>().join("; ");
        let stop = if given.is_empty() { "" } else { ": " };
        self.last = format!("call {number}, {method}{stop}{given}");
        // A record that cannot be written is missed only by whoever reads it.
        let _ = self.record.seek(SeekFrom::Start(0));
        let _ = self.record.write_all(format!("{}\n", self.last).as_bytes());
        let told = self.last.clone();
        self.under_way.push(Call { number, method, told, limit, since: Instant::now() });
        number
    }

    /// A call has returned; whether that was too late.
    fn end(&mut self, number: u64) -> bool {
        let Some(at) = self.under_way.iter().position(|call| call.number == number) else {
            return false;
        };
        let call = self.under_way.swap_remove(at);
        let took = call.since.elapsed();
        self.excess += took.saturating_sub(call.limit);
        if took <= call.limit {
            self.in_time.insert(call.method);
            return false;
        }
        if self.slowest.is_none() {
            let seen = format!(
                "{} took {} ms, and the host waits {} ms",
                call.method,
                took.as_millis(),
                call.limit.as_millis()
            );
            self.slowest = Some(late(seen, call.told, call.method, Lateness::Always));
        }
        true
    }

    fn slowest(&self) -> Option<Finding> {
        let mut finding = self.slowest.clone()?;
        if let Some(late) = finding.late.as_mut()
            && self.in_time.contains(&*late.method)
        {
            late.how = Lateness::Sometimes;
        }
        Some(finding)
    }

    /// What is said of a call that hangs, or of calls that together take as long.
    fn hung(&self) -> Option<Finding> {
        let is_hung = |call: &&Call| call.since.elapsed() > call.limit + GRACE;
        let Some(call) = self.under_way.iter().find(is_hung) else {
            return self.slowest().filter(|_| self.excess > EXCESS);
        };
        let seen =
            format!("{} did not return within {} s", call.method, call.since.elapsed().as_secs());
        Some(late(seen, call.told.clone(), call.method, Lateness::Hangs))
    }
}

fn late(seen: String, input: String, method: &str, how: Lateness) -> Finding {
    let (by_time, late) = (how != Lateness::Hangs, Late { method: method.to_owned(), how });
    Finding { rule: "ANY-003".to_owned(), seen, input, by_time, late: Some(late), panic: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Slow;

    #[test]
    fn a_call_is_on_record_before_it_is_made_and_slow_ones_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let task = crate::task::tests::task(folder.path());
        let calls = Calls::start(&task).unwrap();
        calls.given("a plot of 5 leaves".to_owned());
        let record = || std::fs::read_to_string(Task::record_file(folder.path())).unwrap();
        let seen = calls.run("plan", Duration::MAX, record);
        assert!(seen.starts_with("call 1, plan: a plot of 5 leaves\n"), "{seen}");
        calls.with("job seed 7".to_owned());
        let seen = calls.run("plan", Duration::MAX, || calls.last());
        assert_eq!(seen, "call 2, plan: a plot of 5 leaves; job seed 7");
        calls.given("a plot of 6 leaves".to_owned());
        assert_eq!(calls.slowest(), None);
        calls.run("begin", Duration::ZERO, || ());
        let slow = calls.slowest().unwrap();
        assert_eq!((slow.rule.as_str(), slow.by_time), ("ANY-003", true));
        assert!(slow.seen.starts_with("begin took"), "{slow:?}");
        assert_eq!(slow.input, "call 3, begin: a plot of 6 leaves");
        // Without the watch, which would end this process.
        calls.end();
        assert_eq!(calls.lock().hung(), None, "it returned soon");
        calls.lock().excess = EXCESS + Duration::from_nanos(1);
        assert_eq!(calls.lock().hung(), Some(slow), "together they take too long");
    }

    #[test]
    fn a_call_that_is_late_again_ends_the_test() {
        let folder = tempfile::tempdir().unwrap();
        let calls = |known: &[(&str, Lateness)], suspected: Option<&str>| {
            let slow = |how| Slow { by: "STR-001".to_owned(), how };
            let known = known.iter().map(|(method, how)| ((*method).to_owned(), slow(*how)));
            let (slow, suspected) = (known.collect(), suspected.map(str::to_owned));
            let task = crate::task::tests::task(folder.path());
            Calls::start(&Task { slow, suspected, ..task }).unwrap()
        };
        let how = |calls: &Calls| calls.slowest().unwrap().late.unwrap().how;
        let fresh = calls(&[], None);
        fresh.run("plan", Duration::ZERO, || ());
        assert_eq!((how(&fresh), fresh.late_again("plan")), (Lateness::Always, None));
        fresh.run("plan", Duration::MAX, || ());
        assert_eq!(how(&fresh), Lateness::Sometimes, "another call was in time");

        let known = calls(&[("plan", Lateness::Sometimes), (DROP, Lateness::Always)], None);
        assert_eq!(known.hindered("plan", Lateness::Always), None, "it may be in time");
        assert!(matches!(known.late_again("plan"), Some(Outcome::Hindered { .. })));
        assert_eq!(known.late_again("begin"), None);
        assert_eq!(known.hindered(DROP, Lateness::Always), None, "what was found is told");

        let suspected = calls(&[], Some("plan"));
        suspected.lock().slowest = fresh.slowest();
        assert!(matches!(suspected.late_again("plan"), Some(Outcome::Broken(_))));
        assert_eq!(suspected.late_again("begin"), None);
        [fresh, known, suspected].iter().for_each(|calls| calls.end());
    }
}
