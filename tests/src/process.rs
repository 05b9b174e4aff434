//! Programs under test: what they print, how they end, and a deadline for
//! everything that is waited for.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

#[cfg(unix)]
pub use rustix::process::Signal;
use serde_json::Value;

use crate::artifacts::program;

/// What nothing under test may take: these machines are slow, and shared.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What a program left behind.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; none: a signal ended it.
    pub code: Option<i32>,
    /// That signal.
    pub signal: Option<i32>,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
}

impl Ended {
    /// The JSON documents on stdout.
    ///
    /// # Panics
    ///
    /// If there is anything else.
    pub fn json(&self) -> Vec<Value> {
        let values = serde_json::Deserializer::from_str(&self.stdout).into_iter();
        values.map(|value| value.unwrap_or_else(|error| panic!("{error}: {self:#?}"))).collect()
    }

    /// The one JSON document on stdout.
    ///
    /// # Panics
    ///
    /// If there are more, or less.
    pub fn document(&self) -> Value {
        let mut values = self.json();
        assert_eq!(values.len(), 1, "one document: {self:#?}");
        values.remove(0)
    }

    /// The events of a kind.
    pub fn events(&self, name: &str) -> Vec<Value> {
        self.json().into_iter().filter(|event| event["event"] == name).collect()
    }

    /// Asserts that it failed with this code and one clear message, a line that
    /// names the culprit.
    ///
    /// # Panics
    ///
    /// Otherwise.
    #[track_caller]
    pub fn assert_refused(&self, code: i32, culprit: &str) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let errors: Vec<&str> =
            self.stderr.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!(errors.len(), 1, "one message: {self:#?}");
        assert!(errors[0].contains(culprit), "names {culprit}: {self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
    }
}

/// Runs a program in a folder until it ends.
///
/// # Panics
///
/// If it has not ended within [`PATIENCE`]; it is killed then.
pub fn run_to_end(program: &Path, folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments);
    Running::start(command).wait()
}

/// A program that runs; it is killed when this is dropped.
pub struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    /// The lines of stdout so far.
    lines: Vec<String>,
}

impl Running {
    /// Starts a program.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What this process was told about logs is not for it.
        for name in ["SPACETIME_LOG", "RUST_LOG", "RUST_BACKTRACE"] {
            if command.get_envs().all(|(its, _)| its != name) {
                command.env_remove(name);
            }
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, stdout) = mpsc::channel();
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut errors = child.stderr.take().expect("it was piped");
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            // A killed program may end within a character.
            let _ = errors.read_to_string(&mut text);
            text
        });
        Self { child, stdout, stderr: Some(stderr), lines: Vec::new() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its next line; none at its end.
    ///
    /// # Panics
    ///
    /// After the deadline.
    pub fn line(&mut self, deadline: Instant) -> Option<String> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.stdout.recv_timeout(left) {
            Ok(line) => {
                self.lines.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                let errors = self.take_errors();
                panic!("nothing more was said after {:#?}\nstderr: {errors}", self.lines)
            }
        }
    }

    /// Ends it at once, as a power failure would.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
    }

    /// Asks it to end, as Ctrl-C or a service manager would.
    #[cfg(unix)]
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, signal);
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`].
    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        while self.line(deadline).is_some() {}
        let status = self.child.wait().unwrap();
        let stdout = self.lines.iter().map(|line| format!("{line}\n")).collect();
        #[cfg(unix)]
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        #[cfg(not(unix))]
        let signal = None;
        Ended { code: status.code(), signal, stdout, stderr: self.take_errors() }
    }

    fn take_errors(&mut self) -> String {
        self.stderr.take().map(|thread| thread.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        // It is dead; this only takes its entry away.
        let _ = self.child.wait();
    }
}

/// A running `spacetime-miner run --json`.
pub struct Miner {
    running: Running,
}

impl Miner {
    /// Starts it with a manifest, more arguments and more of an environment.
    pub fn start(manifest: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program("spacetime-miner"));
        command.arg("run").arg("--json").arg("--manifest").arg(manifest).args(arguments);
        command.envs(environment.iter().copied());
        Self { running: Running::start(command) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// The most that it has had in memory so far, in KiB, files that it has
    /// mapped included; none: the system does not say.
    pub fn most_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// The next event that fulfils a condition; those before it are gone.
    ///
    /// # Panics
    ///
    /// If the miner ends before, or after [`PATIENCE`].
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        self.wait_through(what, condition).pop().expect("the last one is it")
    }

    /// The events up to the next one that fulfils a condition, which is the
    /// last of them.
    ///
    /// # Panics
    ///
    /// As for [`wait_for`](Self::wait_for).
    #[track_caller]
    pub fn wait_through(&mut self, what: &str, condition: impl Fn(&Value) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut events = Vec::new();
        loop {
            let Some(line) = self.running.line(deadline) else {
                let errors = self.running.take_errors();
                let last = &events[events.len().saturating_sub(20)..];
                panic!("the miner ended before {what}; last {last:#?}\nstderr: {errors}");
            };
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            let is_it = condition(&event);
            events.push(event);
            if is_it {
                return events;
            }
        }
    }

    /// The next event of this name.
    ///
    /// # Panics
    ///
    /// As for [`wait_for`](Self::wait_for).
    #[track_caller]
    pub fn event(&mut self, name: &str) -> Value {
        self.wait_for(name, |event| event["event"] == name)
    }

    /// Asks it to end, and waits for that.
    #[cfg(unix)]
    pub fn stop(self) -> Ended {
        self.running.terminate();
        self.running.wait()
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Kills it at once.
    pub fn kill(mut self) {
        self.running.kill();
    }

    /// Waits for its end.
    pub fn wait(self) -> Ended {
        self.running.wait()
    }
}
