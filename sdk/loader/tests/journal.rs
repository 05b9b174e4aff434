//! The crash journal over real processes: this test starts itself again, and
//! that child comes to grief without any plugin.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(unsafe_code, reason = "what ends a process is unsafe")]

use std::{
    env,
    fs::File,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use spacetime_sdk_loader::journal::{self, Cause, Crash, Journal, LastRun};

/// How the child ends, and with which journal.
const HOW: &str = "SPACETIME_TEST_END";
const WHERE: &str = "SPACETIME_TEST_JOURNAL";

/// The child; in the parent, nothing.
#[test]
fn child() {
    let (Ok(how), Some(file)) = (env::var(HOW), env::var_os(WHERE)) else { return };
    let errors = File::create(Path::new(&file).with_extension("errors")).unwrap();
    journal::watch(Some(errors), 6);
    Journal::open(Path::new(&file)).unwrap().unwrap().begin().unwrap();
    // SAFETY: there is none: the process shall end here.
    unsafe {
        match how.as_str() {
            "orderly" => journal::end(),
            "segv" => std::hint::black_box(16 as *mut u64).write_volatile(1),
            "overflow" => assert!(deep(&[1; 64]) == 0),
            "abort" => libc::abort(),
            "fpe" => drop(libc::raise(libc::SIGFPE)),
            "trap" => drop(libc::raise(libc::SIGTRAP)),
            "exit" => libc::exit(0),
            "kill" => drop(libc::kill(libc::getpid(), libc::SIGKILL)),
            "sent" => {
                println!("ready");
                libc::pause();
            }
            other => panic!("{other}"),
        }
    }
    std::process::exit(0);
}

#[inline(never)]
fn deep(above: &[u64]) -> u64 {
    let here = [above[0]; 64];
    if std::hint::black_box(&here)[0] == 0 { 0 } else { deep(&here) + here[1] }
}

/// Lets a child end, and reads what its journal says of that.
fn end(how: &str) -> (ExitStatus, LastRun) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal");
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env(HOW, how).env(WHERE, &file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    if how == "sent" {
        use std::io::{BufRead, BufReader};
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("ready")));
        // SAFETY: it is a child of ours that has not been waited for.
        unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGSEGV) };
    }
    let status = child.wait().unwrap();
    let said = std::fs::read_to_string(file.with_extension("errors")).unwrap();
    assert_eq!(said, "", "{how}: nobody is blamed on the spot either");
    (status, Journal::open(&file).unwrap().unwrap().last_run().clone())
}

#[track_caller]
fn assert_crashes(how: &str, signal: i32, cause: Cause) {
    let (status, last) = end(how);
    assert_eq!(status.signal(), Some(signal), "the outcome is the usual one: {status}");
    let LastRun::Crashed(Crash { culprit, method, cause: found, .. }) = last else {
        panic!("{how}: {last:?}");
    };
    assert_eq!((culprit, method, found), (None, None, cause), "{how}");
}

#[test]
fn a_crash_of_the_hosts_own_is_told_and_blames_nobody() {
    assert_crashes("segv", libc::SIGSEGV, Cause::Segv);
    assert_crashes("abort", libc::SIGABRT, Cause::Abort);
    assert_crashes("fpe", libc::SIGFPE, Cause::Fpe);
    assert_crashes("trap", libc::SIGTRAP, Cause::Trap);
}

/// On its own stack no handler could run, and the standard library's message
/// comes from a handler too.
#[test]
fn a_stack_that_overflows_is_told() {
    assert_crashes("overflow", libc::SIGABRT, Cause::StackOverflow);
}

#[test]
fn who_is_killed_blames_nobody() {
    let (status, last) = end("kill");
    assert_eq!((status.signal(), last), (Some(libc::SIGKILL), LastRun::Killed));
    // By somebody else, however it looks.
    let (status, last) = end("sent");
    assert_eq!((status.signal(), last), (Some(libc::SIGSEGV), LastRun::Killed));
}

#[test]
fn an_exit_is_orderly_if_the_host_says_so_and_nobodys_fault_if_not() {
    let (status, last) = end("orderly");
    assert_eq!((status.code(), last), (Some(0), LastRun::Ended));
    let (status, last) = end("exit");
    assert_eq!((status.code(), last), (Some(0), LastRun::Killed));
}

#[test]
fn a_journal_is_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal");
    let held = Journal::open(&file).unwrap().unwrap();
    assert_eq!(*held.last_run(), LastRun::Unknown);
    assert!(Journal::open(&file).unwrap().is_none());
    drop(held);
    assert!(Journal::open(&file).unwrap().is_some());
    let missing = folder.path().join("missing").join("journal");
    assert!(Journal::open(&missing).is_err());
}
