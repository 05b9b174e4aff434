//! One component's faults: counted, told once, and a limit after which it is
//! not called any more.

use std::{
    collections::VecDeque,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use spacetime_sdk_loader::Fault;

use super::{fallback::Fallback, limit::Limit};
use crate::observe::Untold;

/// Faults within the window after which a component is quarantined.
const LIMIT: usize = 5;

/// How long a fault counts.
const WINDOW: Duration = Duration::from_secs(600);

/// Faults that are told at once, and per second: one that is never given up can
/// make any number of them.
const TOLD: (u32, f64) = (20, 0.2);

/// What becomes of a component after a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// With this fault it was given up; nothing more is told of it.
    pub given_up: bool,
    /// What the miner does now, and what the user can do.
    pub next: String,
    /// Whether a transport's session may end with it, which is told for itself.
    pub may_end_session: bool,
}

/// Learns of faults, from any thread. Must not block.
pub trait FaultObserver: Send + Sync {
    /// A component failed; `component` names it and its plugin.
    fn fault(&self, component: &str, fault: &Fault, fate: &Fate);
}

/// One component's faults.
pub(super) struct Health {
    component: String,
    /// Its plugin's file.
    file: PathBuf,
    observer: Arc<dyn FaultObserver>,
    fallback: Fallback,
    quarantined: AtomicBool,
    faults: AtomicU64,
    /// Those that the observer was not told of.
    untold: AtomicU64,
    /// Those of them whose number was not told either, and what the last was.
    unsaid: Mutex<(u64, String)>,
    recent: Mutex<VecDeque<Instant>>,
    told: Mutex<Limit>,
}

impl Health {
    pub(super) fn new(
        component: String,
        file: &Path,
        observer: Arc<dyn FaultObserver>,
        fallback: Fallback,
    ) -> Arc<Self> {
        Arc::new(Self {
            component,
            file: file.to_owned(),
            observer,
            fallback,
            quarantined: AtomicBool::new(false),
            faults: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            unsaid: Mutex::default(),
            recent: Mutex::default(),
            told: Mutex::new(Limit::new(TOLD.0, TOLD.1)),
        })
    }

    pub(super) fn component(&self) -> &str {
        &self.component
    }

    /// Its faults so far.
    pub(super) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Those of them that nobody was told of.
    pub(super) fn untold(&self) -> u64 {
        self.untold.load(Ordering::Relaxed)
    }

    /// Those of whose number nobody was told; `None`: there are none.
    pub(super) fn unsaid(&self) -> Option<Untold> {
        let unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, message) = (unsaid.0, unsaid.1.clone());
        (times > 0).then(|| Untold { culprit: self.component.clone(), message, times })
    }

    /// Whether it may be called.
    pub(super) fn is_well(&self) -> bool {
        !self.quarantined.load(Ordering::Acquire)
    }

    pub(super) fn record(&self, fault: &Fault) {
        self.record_at(fault, Instant::now());
    }

    /// Counts faults that somebody else tells of.
    pub(super) fn count(&self, faults: u64) {
        self.faults.fetch_add(faults, Ordering::Relaxed);
    }

    /// Tells of what costs only itself: it is called as before.
    pub(super) fn remark(&self, fault: &Fault) {
        self.count(1);
        let next = format!("it is used as before; {}", self.test());
        let fate = Fate { given_up: false, next, may_end_session: false };
        self.observer.fault(&self.component, fault, &fate);
    }

    fn record_at(&self, fault: &Fault, now: Instant) {
        self.count(1);
        if !self.tell(fault, now) {
            self.untold.fetch_add(1, Ordering::Relaxed);
            let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
            *unsaid = (unsaid.0 + 1, fault.to_string());
        }
    }

    /// Whether the observer was told.
    fn tell(&self, fault: &Fault, now: Instant) -> bool {
        if !self.is_well() {
            return false;
        }
        let is_replaceable = self.fallback.is_there();
        let too_many = is_replaceable && self.is_too_much(now);
        let give_up = is_replaceable && (too_many || fault.is_fatal());
        if give_up && self.quarantined.swap(true, Ordering::AcqRel) {
            // Another thread gave it up, and has told of it.
            return false;
        }
        let left_out = self.told.lock().unwrap_or_else(PoisonError::into_inner).pass(now);
        if left_out.is_none() && !give_up {
            return false;
        }
        let next = self.next(fault, give_up);
        let fate = Fate { given_up: give_up, next, may_end_session: !is_replaceable };
        let mut fault = fault.clone();
        if too_many && !fault.is_fatal() {
            // Also, the same fault again would not be told again so soon.
            let minutes = WINDOW.as_secs() / 60;
            fault.message += &format!(" (fault {LIMIT} of it within {minutes} minutes)");
        }
        if let Some(others @ 1..) = left_out {
            fault.message += &format!(" ({others} other faults of it were left unsaid)");
            let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
            unsaid.0 = unsaid.0.saturating_sub(others);
        }
        self.observer.fault(&self.component, &fault, &fate);
        true
    }

    fn next(&self, fault: &Fault, give_up: bool) -> String {
        let miner = match give_up {
            true => format!("it is not used any more: {}", self.fallback.always()),
            false => self.fallback.once.to_owned(),
        };
        match fault.late {
            Some(_) => format!("{miner}; {}", self.test()),
            None => miner,
        }
    }

    /// How its author finds out more.
    pub(super) fn test(&self) -> String {
        format!("`spacetime-miner plugin test {}` looks for it", self.file.display())
    }

    fn is_too_much(&self, now: Instant) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back(now);
        while recent.front().is_some_and(|then| now.duration_since(*then) > WINDOW) {
            recent.pop_front();
        }
        recent.len() >= LIMIT
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("component", &self.component)
            .field("quarantined", &self.quarantined)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use spacetime_sdk_loader::{Kind, Method, abi::FaultCode};

    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<(String, Fate)>>);

    impl FaultObserver for Told {
        fn fault(&self, component: &str, fault: &Fault, fate: &Fate) {
            assert_eq!(component, "strategy `x`");
            self.0.lock().unwrap().push((fault.message.clone(), fate.clone()));
        }
    }

    impl Told {
        fn given_up(&self) -> Vec<bool> {
            self.0.lock().unwrap().iter().map(|(_, fate)| fate.given_up).collect()
        }
    }

    fn watched(kind: Kind) -> (Arc<Told>, Arc<Health>) {
        let told = Arc::new(Told::default());
        let (file, fallback) = (Path::new("/x.so"), Fallback::of(kind));
        (told.clone(), Health::new("strategy `x`".into(), file, told, fallback))
    }

    fn panic() -> Fault {
        Fault { code: FaultCode::PANICKED, ..Fault::new("it panicked") }
    }

    #[test]
    fn a_panic_is_told_once_and_ends_it() {
        let (told, health) = watched(Kind::Strategy);
        health.record(&panic());
        health.record(&panic());
        assert!(!health.is_well());
        assert_eq!(told.given_up(), [true]);
        assert_eq!((health.faults(), health.untold()), (2, 1));
    }

    #[test]
    fn errors_end_it_only_when_they_come_often() {
        let (told, health) = watched(Kind::Strategy);
        let start = Instant::now();
        let error = Fault::new("no");
        for hour in 0..20 {
            health.record_at(&error, start + Duration::from_secs(3600 * hour));
        }
        assert!(health.is_well());
        for second in 0..LIMIT as u64 {
            health.record_at(&error, start + Duration::from_secs(3600 * 24 + second));
        }
        assert!(!health.is_well());
        let told = told.given_up();
        assert_eq!(told.iter().filter(|given_up| **given_up).count(), 1);
        assert_eq!(told.last(), Some(&true));
    }

    #[test]
    fn a_flood_of_faults_is_told_a_little_at_a_time() {
        let (told, health) = watched(Kind::Transport);
        let start = Instant::now();
        (0..1000).for_each(|_| health.record_at(&Fault::new("no"), start));
        assert_eq!(told.0.lock().unwrap().len(), TOLD.0 as usize);
        let unsaid = health.unsaid().unwrap();
        assert_eq!((unsaid.culprit.as_str(), unsaid.message.as_str()), ("strategy `x`", "no"));
        assert_eq!(unsaid.times, 1000 - u64::from(TOLD.0));
        health.record_at(&Fault::new("no"), start + Duration::from_secs(6));
        assert_eq!(told.0.lock().unwrap().len(), TOLD.0 as usize + 1);
        assert_eq!((health.faults(), health.untold()), (1001, 1000 - u64::from(TOLD.0)));
        assert_eq!(health.unsaid(), None, "their number was told");
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let (told, health) = watched(Kind::Transport);
        health.record(&panic());
        assert!(health.is_well());
        assert_eq!(told.given_up(), [false]);
    }

    #[test]
    fn what_happens_next_is_what_its_kind_is_replaced_by() {
        let next = |kind, fault: &Fault| {
            let (told, health) = watched(kind);
            health.record(fault);
            let told = told.0.lock().unwrap();
            told[0].1.next.clone()
        };
        let error = Fault::new("no");
        assert!(next(Kind::Policy, &error).starts_with("this block carries no transactions"));
        let next_of_panic = next(Kind::Policy, &panic());
        let given_up = "it is not used any more: blocks carry no transactions from now on";
        assert_eq!(next_of_panic, given_up);
        assert!(next(Kind::Transport, &panic()).contains("opened again"));
        let late = Fault::late(Method::Plan, Duration::from_secs(1));
        assert!(late.message.contains("`plan` did not return within 1000 ms"), "{late}");
        assert_eq!(
            next(Kind::Strategy, &late),
            "it is not used any more: leaves are scanned in order instead; `spacetime-miner plugin \
             test /x.so` looks for it"
        );
    }

    #[test]
    fn a_remark_is_told_and_costs_nothing() {
        let (told, health) = watched(Kind::Strategy);
        (0..LIMIT).for_each(|_| health.remark(&Fault::new("it overlaps")));
        assert!(health.is_well());
        assert_eq!((health.faults(), health.untold()), (LIMIT as u64, 0));
        assert!(told.0.lock().unwrap()[0].1.next.contains("plugin test /x.so"));
    }
}
