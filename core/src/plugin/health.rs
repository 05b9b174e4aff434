//! One component's faults: counted, told once, and a limit after which it is
//! not called any more.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use spacetime_sdk_loader::Fault;

use super::limit::Limit;

/// Faults within the window after which a component is quarantined.
const LIMIT: usize = 5;

/// How long a fault counts.
const WINDOW: Duration = Duration::from_secs(600);

/// Faults that are told at once, and per second: one that is never given up can
/// make any number of them.
const TOLD: (u32, f64) = (20, 0.2);

/// Learns of faults, from any thread. Must not block.
pub trait FaultObserver: Send + Sync {
    /// A component failed; `component` names it and its plugin. `quarantined`:
    /// with this fault it was given up, and the host's own takes its place;
    /// nothing more is told of it.
    fn fault(&self, component: &str, fault: &Fault, quarantined: bool);
    /// The same of a shadow, which nothing takes the place of.
    fn shadow_fault(&self, shadow: &str, fault: &Fault, quarantined: bool) {
        self.fault(shadow, fault, quarantined);
    }
}

/// Tells of a shadow's faults.
pub(super) struct OfShadow(pub(super) Arc<dyn FaultObserver>);

impl FaultObserver for OfShadow {
    fn fault(&self, component: &str, fault: &Fault, quarantined: bool) {
        self.0.shadow_fault(component, fault, quarantined);
    }
}

/// One component's faults.
pub(super) struct Health {
    component: String,
    observer: Arc<dyn FaultObserver>,
    /// Whether the host has something to put in its place.
    replaceable: bool,
    quarantined: AtomicBool,
    faults: AtomicU64,
    recent: Mutex<VecDeque<Instant>>,
    told: Mutex<Limit>,
}

impl Health {
    pub(super) fn new(
        component: String,
        observer: Arc<dyn FaultObserver>,
        replaceable: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            component,
            observer,
            replaceable,
            quarantined: AtomicBool::new(false),
            faults: AtomicU64::new(0),
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

    /// Whether it may be called.
    pub(super) fn is_well(&self) -> bool {
        !self.quarantined.load(Ordering::Acquire)
    }

    pub(super) fn record(&self, fault: &Fault) {
        self.record_at(fault, Instant::now());
    }

    fn record_at(&self, fault: &Fault, now: Instant) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        if !self.is_well() {
            return;
        }
        let too_many = self.replaceable && self.is_too_much(now);
        let give_up = self.replaceable && (too_many || fault.is_fatal());
        if give_up && self.quarantined.swap(true, Ordering::AcqRel) {
            // Another thread gave it up, and has told of it.
            return;
        }
        let left_out = self.told.lock().unwrap_or_else(PoisonError::into_inner).pass(now);
        if left_out.is_none() && !give_up {
            return;
        }
        let mut fault = fault.clone();
        if too_many && !fault.is_fatal() {
            // Also, the same fault again would not be told again so soon.
            let minutes = WINDOW.as_secs() / 60;
            fault.message += &format!(" (fault {LIMIT} of it within {minutes} minutes)");
        }
        if let Some(others @ 1..) = left_out {
            fault.message += &format!(" ({others} other faults of it were left unsaid)");
        }
        self.observer.fault(&self.component, &fault, give_up);
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
    use spacetime_sdk_loader::abi::FaultCode;

    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<bool>>);

    impl FaultObserver for Told {
        fn fault(&self, component: &str, _: &Fault, quarantined: bool) {
            assert_eq!(component, "strategy `x`");
            self.0.lock().unwrap().push(quarantined);
        }
    }

    fn watched(replaceable: bool) -> (Arc<Told>, Arc<Health>) {
        let told = Arc::new(Told::default());
        (told.clone(), Health::new("strategy `x`".into(), told, replaceable))
    }

    fn panic() -> Fault {
        Fault { code: FaultCode::PANICKED, ..Fault::new("it panicked") }
    }

    #[test]
    fn a_panic_is_told_once_and_ends_it() {
        let (told, health) = watched(true);
        health.record(&panic());
        health.record(&panic());
        assert!(!health.is_well());
        assert_eq!(*told.0.lock().unwrap(), [true]);
    }

    #[test]
    fn errors_end_it_only_when_they_come_often() {
        let (told, health) = watched(true);
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
        let told = told.0.lock().unwrap();
        assert_eq!(told.iter().filter(|quarantined| **quarantined).count(), 1);
        assert_eq!(told.last(), Some(&true));
    }

    #[test]
    fn a_flood_of_faults_is_told_a_little_at_a_time() {
        let (told, health) = watched(false);
        let start = Instant::now();
        (0..1000).for_each(|_| health.record_at(&Fault::new("no"), start));
        assert_eq!(told.0.lock().unwrap().len(), TOLD.0 as usize);
        health.record_at(&Fault::new("no"), start + Duration::from_secs(6));
        assert_eq!(told.0.lock().unwrap().len(), TOLD.0 as usize + 1);
        assert_eq!(health.faults(), 1001);
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let (told, health) = watched(false);
        health.record(&panic());
        assert!(health.is_well());
        assert_eq!(*told.0.lock().unwrap(), [false]);
    }
}
