//! A panic's backtrace, cut down to the author's own code.
//!
//! To take one is quick. To read it, debug information has to be searched, which
//! takes longer than some calls may where the library is large or the machine
//! busy. So no call waits for that for long.

use std::{
    backtrace::Backtrace,
    fmt::Display,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Duration,
};

/// What a call waits for its backtrace: the shortest limit of any is 500 ms.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);

/// How many are being read. The standard library neither takes nor reads another
/// one meanwhile, but waits.
static BEING_READ: AtomicUsize = AtomicUsize::new(0);

/// Whether a panic went without one since one was last read. It may be the one
/// that is told, where a component panics on several threads at once.
static MISSED: AtomicBool = AtomicBool::new(false);

/// This thread's backtrace, unless that would have to wait for another's, which
/// is handed to its `late` then.
pub(crate) fn take() -> Option<Backtrace> {
    if BEING_READ.load(Ordering::Acquire) > 0 {
        MISSED.store(true, Ordering::Release);
        return None;
    }
    // Whatever the environment says: a panic in a plugin is rare, and the last
    // thing that is seen of it.
    Some(Backtrace::force_capture())
}

/// The author's part of this thread's backtrace, however long it takes.
pub(crate) fn here() -> String {
    read(&Backtrace::force_capture())
}

/// The author's part of a backtrace; `None`: it takes longer than `patience`.
/// Then, and if another panic went without one meanwhile, `late` is handed it on
/// another thread.
pub(crate) fn read_within(
    patience: Duration,
    backtrace: impl Display + Send + 'static,
    late: impl FnOnce(&str) + Send + 'static,
) -> Option<String> {
    // Without a buffer: it is sent only to who still waits.
    let (sender, receiver) = sync_channel(0);
    let reading = move || {
        let text = read(&backtrace);
        let is_missed = MISSED.swap(false, Ordering::AcqRel);
        let sent = sender.send(text.clone());
        if is_missed || sent.is_err() {
            late(&text);
        }
    };
    // Without a thread it goes unread: the fault matters more.
    thread::Builder::new().name("backtrace".to_owned()).spawn(reading).ok()?;
    receiver.recv_timeout(patience).ok()
}

fn read(backtrace: &impl Display) -> String {
    BEING_READ.fetch_add(1, Ordering::AcqRel);
    let text = shorten(backtrace);
    BEING_READ.fetch_sub(1, Ordering::AcqRel);
    text
}

/// Frames that are handed on at most.
const FRAMES: usize = 48;

/// The last frames of the panic's own machinery, by parts of their names.
const MACHINERY: [&str; 4] =
    ["rust_begin_unwind", "core::panicking::", "std::panicking::begin_panic", "::unwrap_failed"];

/// The first frames of what called the author's code, by parts of their names or
/// of their files: with line tables alone, names come without their modules.
const CALLERS: [&str; 4] = [
    "__rust_try",
    "spacetime_sdk::guard::run",
    "__rust_begin_short_backtrace",
    "/library/std/src/panicking.rs",
];

/// The part of a backtrace that lies between the panic's machinery and the
/// guard, or all of it where their names are not known.
fn shorten(backtrace: &impl Display) -> String {
    let text = backtrace.to_string();
    let frames = frames(&text);
    let is_any = |names: &[&str], frame: &str| names.iter().any(|name| frame.contains(name));
    let first = frames.iter().position(|frame| is_any(&MACHINERY, frame)).map_or(0, |machinery| {
        let rest = &frames[machinery..];
        machinery + rest.iter().take_while(|frame| is_any(&MACHINERY, frame)).count()
    });
    let own = frames[first..].iter().take_while(|frame| !is_any(&CALLERS, frame));
    let own: Vec<&str> = own.take(FRAMES).copied().collect();
    own.join("\n")
}

/// The frames of a backtrace, each with the line that says where it is.
fn frames(text: &str) -> Vec<&str> {
    let begins_frame = |line: &str| {
        let number = line.trim_start().split(':').next().unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut frames = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if begins_frame(line) {
            frames.extend(start.map(|start: usize| text[start..at].trim_end()));
            start = Some(at);
        }
        at += line.len();
    }
    frames.extend(start.map(|start| text[start..].trim_end()));
    frames
}

#[cfg(test)]
mod tests {
    use std::{
        fmt,
        sync::{Mutex, mpsc::Receiver},
    };

    use super::*;

    const TEXT: &str = "   0: spacetime_sdk::guard::on_panic
   1: std::panicking::panic_with_hook
             at /library/std/src/panicking.rs:833:13
   2: __rustc::rust_begin_unwind
   3: core::panicking::panic_fmt
             at /library/core/src/panicking.rs:80:14
   4: my_plugin::inner
             at ./src/lib.rs:7:9
   5: <my_plugin::Mine as spacetime_sdk::strategy::Strategy>::plan
   6: __rust_try
   7: spacetime_sdk::guard::run
   8: clone3
";

    /// A backtrace that takes until it is told to be read.
    struct Slow(Mutex<Receiver<()>>);

    impl Display for Slow {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let _ = self.0.lock().unwrap().recv();
            f.write_str(TEXT)
        }
    }

    /// One during which another thread panics. The standard library would let
    /// that wait for as long as this one takes.
    struct Taking;

    impl Display for Taking {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            assert!(take().is_none());
            f.write_str(TEXT)
        }
    }

    #[test]
    fn a_call_waits_for_what_is_quick_and_what_is_not_comes_late() {
        let (release, released) = sync_channel(0);
        let (late, came) = sync_channel(1);
        let tell = move |text: &str| late.send(text.to_owned()).unwrap();
        let slow = Slow(Mutex::new(released));
        assert_eq!(read_within(Duration::from_millis(1), slow, tell), None);
        drop(release);
        assert_eq!(came.recv().unwrap(), shorten(&TEXT));

        let quick = read_within(Duration::from_secs(60), TEXT, |_| panic!("somebody waits"));
        assert_eq!(quick, Some(shorten(&TEXT)));

        let (late, came) = sync_channel(1);
        let tell = move |text: &str| late.send(text.to_owned()).unwrap();
        let missed = read_within(Duration::from_secs(60), Taking, tell);
        assert_eq!((missed, came.recv()), (Some(shorten(&TEXT)), Ok(shorten(&TEXT))));
    }

    #[test]
    fn the_authors_frames_are_left() {
        let own = "   4: my_plugin::inner\n             at ./src/lib.rs:7:9\n   \
                   5: <my_plugin::Mine as spacetime_sdk::strategy::Strategy>::plan";
        assert_eq!(shorten(&TEXT), own);
    }

    #[test]
    fn with_line_tables_alone_the_guard_is_known_by_its_file() {
        let text = "   6: __rustc::rust_begin_unwind
   7: plan
             at ./src/lib.rs:7:9
   8: do_call<my_plugin::closure_env, ()>
             at /rustc/1234/library/std/src/panicking.rs:581:40
   9: run
             at ./sdk/src/guard.rs:130:18
";
        assert_eq!(shorten(&text), "   7: plan\n             at ./src/lib.rs:7:9");
    }

    #[test]
    fn without_names_all_is_left_but_never_too_much() {
        let text: String = (0..100).map(|frame| format!("{frame:>4}: <unknown>\n")).collect();
        assert_eq!(shorten(&text).lines().count(), FRAMES);
        assert_eq!(shorten(&"disabled backtrace"), "");
    }
}
