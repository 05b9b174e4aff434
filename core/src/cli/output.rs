//! What commands print: text for a human or JSON for a program on stdout,
//! diagnostics on stderr, progress only where a human watches.

use std::{
    env, fmt,
    fs::File,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use super::exit::Failure;

/// Where a command prints. Clones share their streams; lines of several
/// threads never mix.
#[derive(Clone)]
pub struct Output {
    json: bool,
    quiet: bool,
    color: bool,
    progress: bool,
    streams: Arc<Mutex<Streams>>,
}

struct Streams {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// Width in characters of the progress line that stands on the terminal.
    shown: usize,
}

/// How a piece of text is set off on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Success.
    Good,
    /// Something to look at.
    Warn,
    /// Failure.
    Bad,
    /// Less important.
    Dim,
    /// More important.
    Bold,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Dim => "2",
            Self::Bold => "1",
        }
    }
}

impl Output {
    /// Output of this process. `NO_COLOR`, pipes and `--json` switch colours off.
    pub fn process(json: bool, quiet: bool) -> Self {
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            json,
            quiet,
            color: !json && !plain && io::stdout().is_terminal(),
            progress: !json && !quiet && io::stderr().is_terminal(),
            streams: Arc::new(Mutex::new(Streams {
                out: own_or(own_handle(&io::stdout()), io::stdout()),
                err: own_or(own_handle(&io::stderr()), io::stderr()),
                shown: 0,
            })),
        }
    }

    /// Whether JSON is asked for; then nothing else may reach stdout.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a result: the JSON document on one line, or the text and a newline.
    ///
    /// # Errors
    ///
    /// Stdout cannot be written; quiet (exit 0) if its reader went away.
    pub fn result(
        &self,
        document: &impl Serialize,
        text: impl fmt::Display,
    ) -> Result<(), Failure> {
        if self.json { self.json_line(document) } else { self.print(text) }
    }

    /// One line of a JSON stream; nothing without `--json`.
    ///
    /// # Errors
    ///
    /// As for [`result`](Self::result).
    pub fn event(&self, document: &impl Serialize) -> Result<(), Failure> {
        if self.json { self.json_line(document) } else { Ok(()) }
    }

    /// A line for a human on stdout; nothing with `--json` or `--quiet`.
    ///
    /// # Errors
    ///
    /// As for [`result`](Self::result).
    pub fn line(&self, text: impl fmt::Display) -> Result<(), Failure> {
        if self.json || self.quiet { Ok(()) } else { self.print(text) }
    }

    /// A line of a result that comes in parts; nothing with `--json`.
    ///
    /// # Errors
    ///
    /// As for [`result`](Self::result).
    pub fn part(&self, text: impl fmt::Display) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.print(text) }
    }

    /// A remark on stderr; nothing with `--quiet`.
    pub fn note(&self, text: impl fmt::Display) {
        if !self.quiet {
            self.diagnose(&format!("note: {text}"));
        }
    }

    /// A warning on stderr.
    pub fn warn(&self, text: impl fmt::Display) {
        self.diagnose(&format!("warning: {text}"));
    }

    /// An error on stderr; what a [`Failure`] says is printed by `main`.
    pub fn error(&self, text: impl fmt::Display) {
        self.diagnose(&format!("error: {text}"));
    }

    /// Whether [`progress`](Self::progress) shows anything.
    pub fn shows_progress(&self) -> bool {
        self.progress
    }

    /// Replaces the progress line on the terminal; an empty text removes it.
    /// Nothing without a terminal or with `--quiet` or `--json`.
    pub fn progress(&self, text: impl fmt::Display) {
        if !self.progress {
            return;
        }
        let mut streams = self.lock();
        let text = text.to_string();
        let width = text.chars().count();
        let pad = streams.shown.saturating_sub(width);
        streams.shown = width;
        let end = if width == 0 { "\r" } else { "" };
        streams.tell(&format!("\r{text}{:pad$}{end}", ""));
    }

    /// Text set off in colour, where colours are wanted.
    pub fn paint(&self, style: Style, text: impl fmt::Display) -> String {
        if self.color { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_string() }
    }

    fn json_line(&self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(document)
            .map_err(|error| Failure::output(&io::Error::other(error)))?;
        self.print(text)
    }

    fn print(&self, text: impl fmt::Display) -> Result<(), Failure> {
        let mut streams = self.lock();
        streams.clear_progress();
        // One write, so that a reader never sees half a line.
        streams
            .out
            .write_all(format!("{text}\n").as_bytes())
            .and_then(|()| streams.out.flush())
            .map_err(|error| Failure::output(&error))
    }

    fn diagnose(&self, line: &str) {
        let mut streams = self.lock();
        streams.clear_progress();
        streams.tell(&format!("{line}\n"));
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream of this process under a number of our own. A plugin that closes the
/// usual ones does not silence the miner then; nor do our lines end up in
/// whatever file is opened next, under the number that has become free.
#[cfg(unix)]
pub(super) fn own_handle(stream: &impl std::os::fd::AsFd) -> Option<File> {
    stream.as_fd().try_clone_to_owned().ok().map(File::from)
}

// A console takes text from the standard library's own streams only.
#[cfg(not(unix))]
pub(super) fn own_handle<T>(_: &T) -> Option<File> {
    None
}

fn own_or(own: Option<File>, usual: impl Write + Send + 'static) -> Box<dyn Write + Send> {
    match own {
        Some(own) => Box::new(own),
        None => Box::new(usual),
    }
}

impl Streams {
    fn clear_progress(&mut self) {
        let width = std::mem::take(&mut self.shown);
        if width > 0 {
            self.tell(&format!("\r{:width$}\r", ""));
        }
    }

    /// Writes to stderr, at once and in one piece.
    fn tell(&mut self, text: &str) {
        // There is nowhere left to report a stderr that is closed.
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("json", &self.json)
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}
