//! One component's faults: counted, told once, and a limit after which it is
//! not called any more.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use spacetime_sdk_loader::Fault;

/// Faults within the window after which a component is quarantined.
const LIMIT: usize = 5;

/// How long a fault counts.
const WINDOW: Duration = Duration::from_secs(600);

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
    recent: Mutex<VecDeque<Instant>>,
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
            recent: Mutex::default(),
        })
    }

    pub(super) fn component(&self) -> &str {
        &self.component
    }

    /// Whether it may be called.
    pub(super) fn is_well(&self) -> bool {
        !self.quarantined.load(Ordering::Acquire)
    }

    pub(super) fn record(&self, fault: &Fault) {
        self.record_at(fault, Instant::now());
    }

    fn record_at(&self, fault: &Fault, now: Instant) {
        if !self.is_well() {
            return;
        }
        let give_up = self.replaceable && (self.is_too_much(now) || fault.is_fatal());
        if give_up && self.quarantined.swap(true, Ordering::AcqRel) {
            // Another thread gave it up, and has told of it.
            return;
        }
        self.observer.fault(&self.component, fault, give_up);
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
    fn what_cannot_be_replaced_stays() {
        let (told, health) = watched(false);
        health.record(&panic());
        assert!(health.is_well());
        assert_eq!(*told.0.lock().unwrap(), [false]);
    }
}
