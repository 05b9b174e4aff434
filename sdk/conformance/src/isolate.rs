//! Tests a component in a process of its own, and waits for that no longer
//! than it may take.

use std::{
    fs,
    io::{self, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use crate::{
    child::{BEGIN, END},
    rule::Rule,
    slow::SlowMethods,
    task::{Finding, Outcome, Subject, Task, VARIABLE},
};

/// What a test may take; whatever hangs in it is found out long before.
const LIMIT: Duration = Duration::from_secs(180);

/// What a process that has ended may still have to say.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The most that is read of what a plugin prints.
const PRINTED: usize = 64 << 10;

/// What came of a rule's test.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The outcome.
    pub outcome: Outcome,
    /// What it took.
    pub took: Duration,
}

/// Tests a component against a rule; `slow` is what its other tests have found
/// to be slow. `start` makes a command whose process calls
/// [`run_if_asked`](crate::run_if_asked); its streams are taken over.
///
/// # Errors
///
/// The process cannot be started, or there is no temporary folder.
pub fn judge(
    subject: &Subject,
    rule: &Rule,
    slow: &SlowMethods,
    start: impl Fn() -> Command,
) -> io::Result<Judgement> {
    let begun = Instant::now();
    let mut outcomes = Vec::new();
    loop {
        let folder = tempfile::Builder::new().prefix("spacetime-test-").tempdir()?;
        let task = Task {
            subject: subject.clone(),
            rule: rule.id.to_owned(),
            folder: folder.path().to_owned(),
            slow: slow.known(),
            suspected: outcomes.last().and_then(suspected),
        };
        outcomes.push(run(&task, start())?);
        if !slow.is_open(rule, &outcomes) {
            let outcome = outcomes.pop().expect("it was pushed");
            return Ok(Judgement { outcome, took: begun.elapsed() });
        }
    }
}

/// The method that took too long, as far as an attempt can tell.
fn suspected(last: &Outcome) -> Option<String> {
    match last {
        Outcome::Broken(finding) => finding.late.as_ref().map(|late| late.method.clone()),
        _ => None,
    }
}

fn run(task: &Task, mut command: Command) -> io::Result<Outcome> {
    let json = serde_json::to_string(task)?;
    command.env(VARIABLE, json).env_remove("RUST_BACKTRACE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let printed = read(child.stdout.take());
    let errors = read(child.stderr.take());
    let status = wait(&mut child)?;
    let last_words = |words: Receiver<Vec<u8>>| {
        let bytes = words.recv_timeout(LAST_WORDS).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (printed, errors) = (last_words(printed), last_words(errors));
    Ok(conclude(&task.folder, status, &printed, &errors))
}

/// What a stream brings until its end, as far as it is of interest. It is read
/// to its end, so that its writer never waits.
fn read(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        let mut stream = stream.expect("it was piped");
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..read]);
            // The end says more than the middle.
            let surplus = bytes.len().saturating_sub(PRINTED);
            if surplus > 0 {
                bytes.drain(PRINTED / 2..PRINTED / 2 + surplus);
            }
        }
        // Nobody may be waiting any more.
        let _ = sender.send(bytes);
    });
    receiver
}

/// The end of a process; `None`: it had to be killed.
fn wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + LIMIT;
    let mut pause = Duration::from_millis(1);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        // The standard library waits for a process for ever or not at all.
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    // It may have ended by itself at the last moment.
    let _ = child.kill();
    child.wait()?;
    Ok(None)
}

fn conclude(folder: &Path, status: Option<ExitStatus>, printed: &str, errors: &str) -> Outcome {
    let input = || {
        let record = fs::read_to_string(Task::record_file(folder)).unwrap_or_default();
        record.lines().next().unwrap_or("before the plugin was loaded").to_owned()
    };
    let broken = |rule: &str, seen: String| {
        let (rule, input) = (rule.to_owned(), input());
        Outcome::Broken(Finding { rule, seen, input, by_time: false, late: None, panic: None })
    };
    let answer = Task::read_answer(folder);
    // With these it ended itself.
    if let Some(last @ (Outcome::Broken(_) | Outcome::Hindered { .. })) = answer {
        return last;
    }
    let Some(status) = status else {
        return broken("ANY-003", format!("the test did not end within {} s", LIMIT.as_secs()));
    };
    if !status.success() || answer.is_none() {
        let when = if answer.is_some() { ", after its test had ended" } else { "" };
        let last = errors.lines().rev().map(str::trim).find(|line| !line.is_empty());
        let last = last.map(|line| format!("; its last words were: {line}")).unwrap_or_default();
        return broken(
            "ANY-002",
            format!("the process was ended{when} by {}{last}", cause(status)),
        );
    }
    match own_output(printed) {
        "" => answer.expect("its absence was dealt with"),
        own => {
            let first = own.lines().next().unwrap_or_default();
            broken("ANY-005", format!("it printed on stdout: {first:.200}"))
        }
    }
}

/// What the plugin printed.
fn own_output(printed: &str) -> &str {
    let Some((_, own)) = printed.split_once(BEGIN) else { return "" };
    own.rsplit_once(END).map_or(own, |(own, _)| own).trim()
}

/// What ended a process that nobody asked to end.
fn cause(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return signal_name(signal);
    }
    match status.code() {
        Some(code) => format!("an exit with code {code}"),
        None => status.to_string(),
    }
}

#[cfg(unix)]
fn signal_name(number: i32) -> String {
    use rustix::process::Signal;
    let known = [
        (Signal::SEGV, "SIGSEGV, an access to memory that is not its own"),
        (Signal::BUS, "SIGBUS, an access to memory that cannot be"),
        (Signal::ABORT, "SIGABRT, an abort"),
        (Signal::ILL, "SIGILL, an instruction that this processor lacks"),
        (Signal::FPE, "SIGFPE, an impossible calculation"),
        (Signal::TRAP, "SIGTRAP, a trap"),
        (Signal::KILL, "SIGKILL, the system or somebody who killed it"),
        (Signal::TERM, "SIGTERM"),
        (Signal::PIPE, "SIGPIPE, a write to a closed pipe"),
        (Signal::SYS, "SIGSYS, a call that the system forbids"),
    ];
    let name = known.iter().find(|(signal, _)| signal.as_raw() == number);
    name.map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Late, Lateness};

    #[test]
    fn a_plugins_own_output_stands_between_the_marks() {
        let kept = Outcome::Kept { note: String::new() };
        let printed = |own: &str| format!("running 1 test\n{BEGIN}\n{own}\n{END}\nok\n");
        assert_eq!(own_output(&printed("")), "");
        assert_eq!(own_output(&printed("mine\n")), "mine");
        assert_eq!(own_output(&format!("{BEGIN}\nhalf")), "half");
        assert_eq!(own_output(""), "");
        let folder = tempfile::tempdir().unwrap();
        crate::task::tests::task(folder.path()).answer(&kept).unwrap();
        let status = || Some(ExitStatus::default());
        assert_eq!(conclude(folder.path(), status(), &printed(""), ""), kept);
        let Outcome::Broken(finding) = conclude(folder.path(), status(), &printed("hello"), "")
        else {
            panic!("it printed");
        };
        assert_eq!(
            (finding.rule.as_str(), finding.seen.as_str()),
            ("ANY-005", "it printed on stdout: hello")
        );
    }

    #[test]
    #[cfg(unix)]
    fn the_end_of_a_process_is_named() {
        use std::os::unix::process::ExitStatusExt;
        let end = |raw: i32, errors: &str| {
            let folder = tempfile::tempdir().unwrap();
            let outcome = conclude(folder.path(), Some(ExitStatus::from_raw(raw)), "", errors);
            let Outcome::Broken(finding) = outcome else { panic!("{outcome:?}") };
            assert_eq!(finding.rule, "ANY-002");
            finding.seen
        };
        let seen = end(6, "a\nmemory allocation of 9 bytes failed\n\n");
        assert_eq!(
            seen,
            "the process was ended by SIGABRT, an abort; its last words were: memory allocation \
             of 9 bytes failed"
        );
        let folder = tempfile::tempdir().unwrap();
        let late = Late { method: "plan".to_owned(), how: Lateness::Always };
        let hindered = Outcome::Hindered { late, by: "STR-001".to_owned() };
        crate::task::tests::task(folder.path()).answer(&hindered).unwrap();
        let status = Some(ExitStatus::from_raw(6));
        assert_eq!(conclude(folder.path(), status, "", ""), hindered, "it ended itself");
        assert_eq!(end(3 << 8, ""), "the process was ended by an exit with code 3");
        assert_eq!(end(0, ""), "the process was ended by an exit with code 0");
        assert!(end(11, "").contains("SIGSEGV"));
        assert!(end(60, "").ends_with("signal 60"));
    }
}
