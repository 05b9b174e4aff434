//! What plugins get from the host: logs go to `tracing` and the event stream,
//! stray faults to the component's health, counters into a table; and what
//! each component did so far.
//!
//! A library connects to its host once, for as long as the process lives, so
//! this is the one place where the process has a global.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use spacetime_sdk::text::{LONGEST, line, lines};
use spacetime_sdk_loader::{Caller, Fault, LogLine, Services};
use tracing::{Level, level_filters::LevelFilter};

use super::{health::Health, limit::Limit};
use crate::{
    manifest::Manifest,
    observe::{CallTimes, PluginLog, PluginUse, Untold},
};

/// Counters that a component may create.
const COUNTERS: usize = 256;

/// The longest name of one, in bytes.
const COUNTER_NAME: usize = 100;

/// Log lines of a component that are told at once, and per second.
const LINES: (u32, f64) = (200, 50.0);

/// The longest log line, in bytes.
const LINE: usize = 4096;

/// Takes log lines besides `tracing`. Must not block.
type LogSink = Box<dyn Fn(PluginLog) + Send + Sync>;

/// The process's services.
#[derive(Default)]
pub(super) struct Hub {
    instances: Mutex<HashMap<String, Arc<Instance>>>,
    /// What comes from nobody in particular.
    others: Instance,
    log_sink: RwLock<Option<LogSink>>,
    /// What configs' paths are relative to.
    folder: Mutex<PathBuf>,
}

/// An instance of a component.
struct Instance {
    /// The component and its plugin, as messages name them.
    component: String,
    health: Weak<Health>,
    caller: Option<Arc<Caller>>,
    counters: Mutex<BTreeMap<String, u64>>,
    lines: Mutex<Limit>,
    lines_told: AtomicU64,
    lines_left_out: AtomicU64,
}

impl Default for Instance {
    fn default() -> Self {
        Self::new("a plugin".to_owned(), Weak::new(), None)
    }
}

impl Instance {
    fn new(component: String, health: Weak<Health>, caller: Option<Arc<Caller>>) -> Self {
        Self {
            component,
            health,
            caller,
            counters: Mutex::default(),
            lines: Mutex::new(Limit::new(LINES.0, LINES.1)),
            lines_told: AtomicU64::new(0),
            lines_left_out: AtomicU64::new(0),
        }
    }

    fn used(&self, instance: &str) -> PluginUse {
        let times = self.caller.iter().flat_map(|caller| caller.times());
        PluginUse {
            component: self.component.clone(),
            instance: instance.to_owned(),
            faults: self.health.upgrade().map_or(0, |health| health.faults()),
            log_lines: self.lines_told.load(Ordering::Relaxed),
            log_lines_left_out: self.lines_left_out.load(Ordering::Relaxed),
            calls: times.map(|(method, times)| (method.name(), CallTimes::from(times))).collect(),
            counters: lock(&self.counters).clone(),
        }
    }
}

/// Faults of all components that nobody was told of, as there were too many.
pub fn untold_faults() -> u64 {
    let instances = lock(&hub().instances);
    let healths = instances.values().filter_map(|instance| instance.health.upgrade());
    healths.map(|health| health.untold()).sum()
}

/// The same, as far as no later fault has said how many there were.
pub fn untold() -> Vec<Untold> {
    let instances = lock(&hub().instances);
    let healths = instances.values().filter_map(|instance| instance.health.upgrade());
    let mut untold: Vec<Untold> = healths.filter_map(|health| health.unsaid()).collect();
    untold.sort_by(|one, other| one.culprit.cmp(&other.culprit));
    untold
}

/// What each component did so far.
pub fn used() -> Vec<PluginUse> {
    let instances = lock(&hub().instances);
    let used = instances.iter().map(|(name, instance)| instance.used(name));
    let mut used: Vec<PluginUse> = used.collect();
    used.sort_by(|one, other| one.instance.cmp(&other.instance));
    used
}

/// Hands the log lines of plugins on, besides `tracing`, from now on.
pub fn forward_logs(sink: impl Fn(PluginLog) + Send + Sync + 'static) {
    *hub().log_sink.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(sink));
}

pub(super) fn hub() -> &'static Arc<Hub> {
    static HUB: OnceLock<Arc<Hub>> = OnceLock::new();
    HUB.get_or_init(Arc::default)
}

impl Hub {
    /// What comes from this instance belongs to a component: faults that no
    /// call returns count for its health.
    pub(super) fn watch(&self, instance: &str, health: &Arc<Health>, caller: Arc<Caller>) {
        let component = health.component().to_owned();
        let watched = Instance::new(component, Arc::downgrade(health), Some(caller));
        let mut instances = lock(&self.instances);
        instances.retain(|_, instance| instance.health.strong_count() > 0);
        instances.insert(instance.to_owned(), Arc::new(watched));
    }

    /// Paths that configs give are relative to this folder.
    pub(super) fn work_in(&self, folder: &Path) {
        folder.clone_into(&mut lock(&self.folder));
    }

    fn of<R>(&self, name: &str, code: impl FnOnce(&Instance) -> R) -> R {
        // Without the lock from then on: what is done may take a while.
        let instance = lock(&self.instances).get(name).cloned();
        code(instance.as_deref().unwrap_or(&self.others))
    }

    fn tell(&self, instance: &Instance, level: Level, target: &str, message: &str) {
        let component = instance.component.as_str();
        match level {
            Level::ERROR => tracing::error!(target: "plugin", target, "{component}: {message}"),
            Level::WARN => tracing::warn!(target: "plugin", target, "{component}: {message}"),
            Level::INFO => tracing::info!(target: "plugin", target, "{component}: {message}"),
            Level::DEBUG => tracing::debug!(target: "plugin", target, "{component}: {message}"),
            Level::TRACE => tracing::trace!(target: "plugin", target, "{component}: {message}"),
        }
        if let Some(sink) = &*self.log_sink.read().unwrap_or_else(PoisonError::into_inner) {
            sink(PluginLog {
                component: component.to_owned(),
                level: level.as_str().to_ascii_lowercase(),
                target: target.to_owned(),
                message: message.to_owned(),
            });
        }
    }
}

/// Whether the host's log takes lines of plugins at this level.
fn is_wanted(level: Level) -> bool {
    match level {
        Level::ERROR => tracing::enabled!(target: "plugin", Level::ERROR),
        Level::WARN => tracing::enabled!(target: "plugin", Level::WARN),
        Level::INFO => tracing::enabled!(target: "plugin", Level::INFO),
        Level::DEBUG => tracing::enabled!(target: "plugin", Level::DEBUG),
        Level::TRACE => tracing::enabled!(target: "plugin", Level::TRACE),
    }
}

fn level(number: u32) -> Level {
    match number {
        0 | 1 => Level::ERROR,
        2 => Level::WARN,
        3 => Level::INFO,
        4 => Level::DEBUG,
        _ => Level::TRACE,
    }
}

impl Services for Hub {
    fn max_level(&self) -> u32 {
        match LevelFilter::current() {
            LevelFilter::OFF => 0,
            LevelFilter::ERROR => 1,
            LevelFilter::WARN => 2,
            LevelFilter::INFO => 3,
            LevelFilter::DEBUG => 4,
            _ => 5,
        }
    }

    fn log(&self, logged: LogLine<'_>) {
        let LogLine { level: number, instance, target, message } = logged;
        let level = level(number);
        if !is_wanted(level) {
            return;
        }
        self.of(instance, |instance| {
            let Some(left_out) = lock(&instance.lines).pass(Instant::now()) else {
                instance.lines_left_out.fetch_add(1, Ordering::Relaxed);
                return;
            };
            if left_out > 0 {
                let message = format!("{left_out} log lines were left out: they came too fast");
                self.tell(instance, Level::WARN, "plugin", &message);
            }
            instance.lines_told.fetch_add(1, Ordering::Relaxed);
            self.tell(instance, level, &line(target, LINE), &in_a_log(message));
        });
    }

    fn fault(&self, instance: &str, fault: Fault) {
        self.of(instance, |instance| match instance.health.upgrade() {
            Some(health) => health.record(&fault),
            None => tracing::error!(target: "plugin", "{}: {fault}", instance.component),
        });
    }

    fn count(&self, instance: &str, counter: &str, amount: u64) {
        self.of(instance, |instance| {
            let counter = line(counter, COUNTER_NAME);
            let mut counters = lock(&instance.counters);
            if counters.len() < COUNTERS || counters.contains_key(&*counter) {
                let value = counters.entry(counter.into_owned()).or_default();
                *value = value.saturating_add(amount);
            }
        });
    }

    fn path(&self, path: &str) -> String {
        // What is wrong with it is said by whoever opens it.
        let resolved = Manifest::resolve(&lock(&self.folder), path);
        let text = resolved.ok().and_then(|resolved| resolved.into_os_string().into_string().ok());
        text.unwrap_or_else(|| path.to_owned())
    }
}

/// What a component says to people, whatever SDK it was made with.
pub(super) fn for_people(text: &str) -> String {
    line(text, LONGEST).into_owned()
}

/// A log line of a component; if it has several, those that follow are set off,
/// so that none passes for one of the log's own.
fn in_a_log(message: &str) -> String {
    lines(&shorten(message.trim_end(), LINE), usize::MAX).replace('\n', "\n    ")
}

/// The beginning of a text that is too long.
fn shorten(text: &str, most: usize) -> std::borrow::Cow<'_, str> {
    if text.len() <= most {
        return text.into();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}… ({} bytes more)", &text[..end], text.len() - end).into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_and_are_bounded() {
        let hub = Hub::default();
        for number in 0..COUNTERS + 10 {
            hub.count("a", &format!("counter {number}"), 1);
        }
        hub.count("a", "counter 0", u64::MAX);
        hub.count("a", &"x".repeat(10_000), 1);
        let counters = lock(&hub.others.counters);
        assert_eq!(counters.len(), COUNTERS);
        assert_eq!(counters["counter 0"], u64::MAX);
    }

    #[test]
    fn what_is_said_stays_within_its_own_line() {
        assert_eq!(for_people("no\n\u{1b}[2K"), "no \\u{1b}[2K");
        assert!(for_people(&"x".repeat(10_000)).len() <= LONGEST);
        let hub = Hub::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let sink: LogSink = Box::new(move |log| lock(&heard).push(log.message));
        *hub.log_sink.write().unwrap() = Some(sink);
        let message = in_a_log("one\n2026 INFO won\u{1b}[2A");
        hub.tell(&hub.others, Level::INFO, "t", &message);
        assert_eq!(*lock(&told), ["one\n    2026 INFO won\\u{1b}[2A"]);
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("äöü", 3), "ä… (4 bytes more)");
    }
}
