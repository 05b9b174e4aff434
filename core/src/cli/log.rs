//! The log on stderr, and how verbose it is, which can change while the
//! process runs. Plugins follow at once, as they ask for the level line by line.

use std::{
    env, fmt,
    io::{self, IsTerminal},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Registry, filter::ParseError, fmt::writer::BoxMakeWriter, layer::SubscriberExt,
    reload, util::SubscriberInitExt,
};

use super::{Exit, Failure, args::Global, output::own_handle};

/// The environment variable with a log filter, such as `info,spacetime_core=debug`.
const FILTER: &str = "SPACETIME_LOG";

/// All levels, the most silent first.
const LEVELS: [LevelFilter; 5] = [
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

/// The process's log, once it has started.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    /// The filter that the process was started with.
    first: String,
    /// The most verbose level of that, as a position among all.
    base: usize,
    /// The level now, likewise.
    now: Mutex<usize>,
}

/// Sends `tracing` to stderr.
pub(super) fn start(global: &Global) -> Result<(), Failure> {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (_, 0) => LevelFilter::WARN,
        (_, 1) => LevelFilter::INFO,
        (_, 2) => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let first = match env::var_os(FILTER) {
        None => level.to_string(),
        Some(filter) => filter.into_string().map_err(|_| not_a_filter("it is not text"))?,
    };
    let filter = parse(&first, level).map_err(not_a_filter)?;
    let base = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    let base = LEVELS.iter().position(|level| *level == base).unwrap_or_default();
    let (filter, handle) = reload::Layer::new(filter);
    let color =
        env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && io::stderr().is_terminal();
    let writer = match own_handle(&io::stderr()) {
        Some(file) => BoxMakeWriter::new(Arc::new(file)),
        None => BoxMakeWriter::new(io::stderr),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(color);
    // Fails only if a log was started before, which a process does once.
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        let _ = LOG.set(Log { filter: handle, first, base, now: Mutex::new(base) });
    }
    Ok(())
}

fn parse(filter: &str, level: LevelFilter) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().with_default_directive(level.into()).parse(filter)
}

fn not_a_filter(reason: impl fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format_args!("{FILTER} is not a log filter: {reason}"))
}

/// Makes the log one level more verbose, or less; the level that it has then.
/// At the one that the process was started with, its filter holds again.
pub(super) fn change(more: bool) -> Option<LevelFilter> {
    let log = LOG.get()?;
    let mut now = log.now.lock().unwrap_or_else(PoisonError::into_inner);
    let next = if more { (*now + 1).min(LEVELS.len() - 1) } else { now.saturating_sub(1) };
    let level = LEVELS[next];
    let filter = match next == log.base {
        // It was parsed at the start.
        true => parse(&log.first, level).ok()?,
        false => EnvFilter::new(level.to_string()),
    };
    log.filter.reload(filter).ok()?;
    *now = next;
    Some(level)
}
