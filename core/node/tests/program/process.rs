//! A running `spacetime-node`.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// What nothing here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running node; killed when this is dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) data: PathBuf,
}

impl Node {
    /// One on the network `local`.
    pub(crate) fn start(data: &Path, more: &[&str]) -> Self {
        Self::at("127.0.0.1:0", data, more)
    }

    pub(crate) fn at(listen: &str, data: &Path, more: &[&str]) -> Self {
        let mut command = command();
        command.args(["--network", "local", "--quiet", "--listen", listen, "--data"]);
        Self::spawn(command.arg(data).args(more))
    }

    /// As [`Node::start`], and what it logs.
    pub(crate) fn logging(data: &Path, more: &[&str]) -> (Self, Log) {
        let mut command = command();
        command.args(["--network", "local", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        let mut node = Self::spawn(command.args(more).stderr(Stdio::piped()));
        let stderr = node.child.stderr.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Whoever wants no more of it still lets the node write.
                let _ = sender.send(line);
            }
        });
        (node, Log { lines, seen: Vec::new() })
    }

    fn spawn(command: &mut Command) -> Self {
        let data =
            Path::new(command.get_args().skip_while(|word| *word != "--data").nth(1).unwrap());
        let data = data.to_owned();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, line) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            let _ = sender.send(lines.next());
            // The pipe stays open.
            lines.for_each(drop);
        });
        let line = line.recv_timeout(PATIENCE).expect("no address in time").expect("no address");
        let address = line.unwrap().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { child, address, data }
    }

    /// Its memory in bytes: `VmRSS` as it is, `VmHWM` at most so far.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self, what: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        1024 * line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
    }

    /// As a power failure would end it; with the same data and address, it
    /// can be started again.
    pub(crate) fn kill(mut self) -> Dead {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Dead { address: self.address, data: self.data.clone() }
    }

    /// Sends a signal; how it ended, and how long that took.
    pub(crate) fn stop(mut self, signal: Signal) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        let deadline = begun + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            assert!(Instant::now() < deadline, "it does not stop");
            // The pause between two looks at a process that ends.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What a node logs.
pub(crate) struct Log {
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Log {
    /// Waits for a line with all of these words, among all lines so far.
    pub(crate) fn line(&mut self, words: &[&str]) -> String {
        let fits = |line: &&String| words.iter().all(|word| line.contains(word));
        if let Some(line) = self.seen.iter().find(fits) {
            return line.clone();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with {words:?} in {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if fits(&&line) {
                return line;
            }
        }
    }
}

/// A node that was killed.
pub(crate) struct Dead {
    address: SocketAddr,
    data: PathBuf,
}

impl Dead {
    pub(crate) fn restart(self, more: &[&str]) -> Node {
        Node::at(&self.address.to_string(), &self.data, more)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spacetime-node"));
    command.env_remove("SPACETIME_LOG").stdin(Stdio::null());
    command
}

/// Runs it to its end: its exit code, stdout and stderr.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = command().args(arguments).output().unwrap();
    let text = |bytes: &[u8]| {
        let mut text = String::new();
        (&mut &*bytes).read_to_string(&mut text).unwrap();
        text
    };
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
