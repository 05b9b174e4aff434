//! The host as this library sees it: where its logs, counters and stray
//! panics go. Without a host (a component linked statically, say) they are
//! dropped.

use std::{
    fmt::{self, Write},
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use spacetime_sdk_abi::{Fault, HostObject, LogRecord};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{error::Error, guard};

static HOST: OnceLock<HostObject> = OnceLock::new();

/// Takes the host's object, once per library.
pub(crate) fn connect(host: HostObject) {
    if HOST.set(host).is_ok() {
        guard::install_hook();
        // The library's own copy of `tracing` has no subscriber yet.
        let _ = tracing::subscriber::set_global_default(Forwarder { next_span: AtomicU64::new(1) });
    }
}

/// Hands the host a fault that no call can return.
pub(crate) fn fault(instance: &str, fault: Fault) {
    if let Some(host) = HOST.get() {
        host.fault(instance.into(), fault);
    }
}

/// Logs for an instance, whatever thread this is.
pub(crate) fn log_error(instance: &str, message: &str) {
    if let Some(host) = HOST.get() {
        host.log(&LogRecord {
            level: number(&Level::ERROR),
            instance: instance.into(),
            target: "panic".into(),
            message: message.into(),
            reserved: [0; 4],
        });
    }
}

/// Tells the operator of something that went wrong, and that the current
/// component goes on without: an event `fault` under its name, which counts as
/// one that a call returned. Several of a transport's peers, one of which
/// cannot be used, are a case for this; what can be returned from a call is not.
///
/// The same sentence is told again after a while only, so it must not hold what
/// changes each time.
pub fn report(error: impl Into<Error>) {
    fault(&guard::instance(), error.into().into());
}

/// Adds to a counter of the current component, shown under its name in the
/// host's metrics. First use creates it.
pub fn count(counter: &str, amount: u64) {
    count_for(&guard::instance(), counter, amount);
}

pub(crate) fn count_for(instance: &str, counter: &str, amount: u64) {
    if let Some(host) = HOST.get() {
        host.count(instance.into(), counter.into(), amount);
    }
}

/// A path that a config gives, as the manifest's own paths are understood:
/// `~/` is the user's home, all else is relative to the manifest's folder. With
/// a host older than interface 1.1, and without one, it stays as it is.
pub fn path(path: &str) -> PathBuf {
    HOST.get().map_or_else(|| path.into(), |host| PathBuf::from(host.path(path.into()).as_str()))
}

/// Sends the library's `tracing` events to the host.
struct Forwarder {
    next_span: AtomicU64,
}

fn number(level: &Level) -> u32 {
    match *level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

impl Subscriber for Forwarder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        HOST.get().is_some_and(|host| number(metadata.level()) <= host.max_level())
    }

    // The host's level can change at any time.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(self.next_span.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(host) = HOST.get() else { return };
        let mut text = Text::default();
        event.record(&mut text);
        let line = format!("{}{}", text.message, text.fields);
        let metadata = event.metadata();
        host.log(&LogRecord {
            level: number(metadata.level()),
            instance: (&*guard::instance()).into(),
            target: metadata.target().into(),
            message: line.as_str().into(),
            reserved: [0; 4],
        });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// A record's message, then its fields as ` name=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}
