//! The last moments of a process: says who brought it down, and lets the
//! system do what it would have done.
//!
//! Handlers run between any two instructions, so they take no lock, allocate
//! nothing, and read only what never moves.

#![allow(unsafe_code, reason = "signal handlers are the C library's interface")]

use std::{
    cell::UnsafeCell,
    fmt::Write,
    fs::File,
    mem,
    os::fd::{AsRawFd, IntoRawFd},
    sync::{
        Once, OnceLock,
        atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicUsize, Ordering::SeqCst},
    },
};

use super::{
    crumbs::{Tag, Whereabouts, whereabouts},
    line::Line,
    record::Cause,
    system,
    table::{owner_of_code, texts},
};
use crate::calls::Method;

const SIGNALS: [(libc::c_int, Cause); 6] = [
    (libc::SIGSEGV, Cause::Segv),
    (libc::SIGBUS, Cause::Bus),
    (libc::SIGILL, Cause::Ill),
    (libc::SIGFPE, Cause::Fpe),
    (libc::SIGABRT, Cause::Abort),
    (libc::SIGTRAP, Cause::Trap),
];

/// No file.
const NONE: i32 = -1;

static JOURNAL: AtomicI32 = AtomicI32::new(NONE);
static MESSAGES: AtomicI32 = AtomicI32::new(NONE);
static EXIT_STATUS: AtomicI32 = AtomicI32::new(0);
/// The thread that may exit without being asked why.
static MAIN: AtomicUsize = AtomicUsize::new(0);
static EXIT_IS_OURS: AtomicBool = AtomicBool::new(false);
/// What the signals did before.
static BEFORE: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// How far the one record of this process is.
static STATE: AtomicU8 = AtomicU8::new(UNWRITTEN);
const UNWRITTEN: u8 = 0;
const WRITING: u8 = 1;
const WRITTEN: u8 = 2;

/// Where the record is put together.
struct Desk(UnsafeCell<Line>);

// SAFETY: only the thread that took `STATE` from UNWRITTEN to WRITING uses it.
unsafe impl Sync for Desk {}

static DESK: Desk = Desk(UnsafeCell::new(Line::new()));

pub(super) fn install(messages: Option<File>, exit_status: i32) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        MESSAGES.store(messages.map_or(NONE, IntoRawFd::into_raw_fd), SeqCst);
        EXIT_STATUS.store(exit_status, SeqCst);
        MAIN.store(system::thread(), SeqCst);
        let before = SIGNALS.map(|(signal, _)| action(signal));
        // Before our handlers, which look there.
        let _ = BEFORE.set(before);
        for (signal, _) in SIGNALS {
            handle(signal);
        }
        // SAFETY: the function is there for as long as the process. Without
        // room for it, an exit goes unnoticed.
        unsafe { libc::atexit(on_exit) };
    });
}

pub(super) fn write_to(journal: &'static File) {
    JOURNAL.store(journal.as_raw_fd(), SeqCst);
}

pub(super) fn exit_is_ours() {
    EXIT_IS_OURS.store(true, SeqCst);
}

fn action(signal: libc::c_int) -> libc::sigaction {
    // SAFETY: all zeros is an action, the default one.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: a null pointer changes nothing; `action` is there to be written.
    unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    action
}

fn handle(signal: libc::c_int) {
    // SAFETY: as above.
    let mut ours: libc::sigaction = unsafe { mem::zeroed() };
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_signal;
    ours.sa_sigaction = handler as libc::sighandler_t;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the mask is there to be written; the handler has the type that
    // the flags promise, and keeps to what a handler may do.
    unsafe {
        libc::sigfillset(&raw mut ours.sa_mask);
        libc::sigaction(signal, &raw const ours, std::ptr::null_mut());
    }
}

/// Makes a signal do again what it did before us: the standard library has a
/// handler that says whose stack ran over.
fn restore(signal: libc::c_int) {
    let position = SIGNALS.iter().position(|(known, _)| *known == signal);
    if let (Some(before), Some(position)) = (BEFORE.get(), position) {
        // SAFETY: it is the action that was found there.
        unsafe { libc::sigaction(signal, &raw const before[position], std::ptr::null_mut()) };
    }
}

/// Ends the process by a signal once the handler has returned.
fn die_of(signal: libc::c_int) {
    // SAFETY: the default action has no conditions; the signal is sent to this
    // thread, which gets it when the handler returns.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

extern "C" fn on_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the system hands over both, for the time of this call.
    let (info, context) = unsafe { (&*info, &*context.cast::<libc::ucontext_t>()) };
    let is_fault = info.si_code > 0;
    // SAFETY: what is no fault was sent, and has a sender.
    let is_own = || unsafe { info.si_pid() == libc::getpid() };
    if is_fault || is_own() {
        let (pc, sp) = registers(context);
        let cause = SIGNALS.iter().find(|(known, _)| *known == signal).map(|(_, cause)| *cause);
        // SAFETY: a fault has an address.
        let address = if is_fault { unsafe { info.si_addr() as usize } } else { 0 };
        let cause = match cause.unwrap_or(Cause::Abort) {
            Cause::Segv if is_overflow(address, sp) => Cause::StackOverflow,
            cause => cause,
        };
        record(cause, culprit(pc, sp));
    }
    // A fault happens again when its instruction is run again. What was sent
    // does not, nor does an instruction that stops.
    if is_fault && signal != libc::SIGTRAP { restore(signal) } else { die_of(signal) }
}

/// Whether an access was just off the stack's end.
fn is_overflow(address: usize, sp: usize) -> bool {
    const NEAR: usize = 64 << 10;
    sp != 0 && address.abs_diff(sp) < NEAR
}

extern "C" fn on_exit() {
    if EXIT_IS_OURS.load(SeqCst) || system::thread() == MAIN.load(SeqCst) && is_host() {
        return;
    }
    let here = 0_usize;
    if let Some(blamed) = culprit(0, (&raw const here).addr()) {
        record(Cause::Exit, Some(blamed));
        // SAFETY: it ends the process at once. A plugin's success is not ours.
        unsafe { libc::_exit(EXIT_STATUS.load(SeqCst)) };
    }
}

fn is_host() -> bool {
    !matches!(whereabouts(), Whereabouts::Plugin(_))
}

/// Writes down who did it, once per process.
fn record(cause: Cause, blamed: Option<(usize, Method)>) {
    if STATE.compare_exchange(UNWRITTEN, WRITING, SeqCst, SeqCst).is_err() {
        return wait_until_written();
    }
    // SAFETY: this thread has just taken `STATE`.
    let line = unsafe { &mut *DESK.0.get() };
    write(line, cause, blamed);
    STATE.store(WRITTEN, SeqCst);
}

/// Another thread writes its crash down; this one's is a consequence. Its end
/// must not be the end of that.
fn wait_until_written() {
    let pause = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    // A second at the most: that thread may have crashed again.
    for _ in 0..1000 {
        if STATE.load(SeqCst) == WRITTEN {
            return;
        }
        // SAFETY: it reads what it is given.
        unsafe { libc::nanosleep(&raw const pause, std::ptr::null_mut()) };
    }
}

/// Who is to blame for what this thread does: the plugin that it was in, or
/// the one whose code it ran.
fn culprit(pc: usize, sp: usize) -> Option<(usize, Method)> {
    let here = whereabouts();
    if let Whereabouts::Plugin(tag) = here {
        return Tag::read(tag);
    }
    let owner = owner_of_code(pc).or_else(|| match here {
        // A thread that the plugin started, in a function that it called.
        Whereabouts::Stranger => caller_on_stack(sp),
        _ => None,
    });
    Some((owner?, Method::Thread))
}

fn write(line: &mut Line, cause: Cause, blamed: Option<(usize, Method)>) {
    let texts = blamed.and_then(|(number, method)| Some((texts(number)?, method.name())));
    let journal = JOURNAL.load(SeqCst);
    if journal != NONE {
        line.clear();
        let (unix_seconds, cause) = (now(), cause.name());
        // What is too long is cut off, and then says nothing.
        let _ = match texts {
            Some((texts, method)) => writeln!(
                line,
                "{{\"crashed\":{{\"culprit\":{},\"method\":\"{method}\",\"cause\":\"{cause}\",\
                 \"unix_seconds\":{unix_seconds}}}}}",
                texts.json
            ),
            None => writeln!(
                line,
                "{{\"crashed\":{{\"culprit\":null,\"method\":null,\"cause\":\"{cause}\",\
                 \"unix_seconds\":{unix_seconds}}}}}"
            ),
        };
        put(journal, line.bytes());
    }
    let messages = MESSAGES.load(SeqCst);
    if let Some((texts, method)) = texts
        && messages != NONE
    {
        line.clear();
        // Cut off, it still says who it was.
        let _ = writeln!(line, "\nerror: {} ended the miner in `{method}`: {cause}", texts.name);
        put(messages, line.bytes());
    }
}

fn put(file: i32, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the bytes are there; a file that is not is an error.
        let written = unsafe { libc::write(file, bytes.as_ptr().cast(), bytes.len()) };
        let Some(rest) = usize::try_from(written).ok().and_then(|written| bytes.get(written..))
        else {
            return;
        };
        bytes = rest;
    }
}

fn now() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is there to be written.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    #[allow(clippy::useless_conversion, reason = "its size differs between systems")]
    i64::from(now.tv_sec)
}

/// The instruction and the stack pointer; 0: not known here.
fn registers(context: &libc::ucontext_t) -> (usize, usize) {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        let registers = &context.uc_mcontext.gregs;
        let register = |number: libc::c_int| registers[number as usize] as usize;
        (register(libc::REG_RIP), register(libc::REG_RSP))
    }
    #[cfg(all(target_os = "linux", target_arch = "aarch64"))]
    {
        (context.uc_mcontext.pc as usize, context.uc_mcontext.sp as usize)
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        let _ = context;
        (0, 0)
    }
}

/// The plugin whose code is the first that this stack returns to.
#[cfg(target_os = "linux")]
fn caller_on_stack(sp: usize) -> Option<usize> {
    /// How far a stack is looked at, and in which steps.
    const FAR: usize = 128 << 10;
    const PAGE: usize = 4096;
    let mut words = [0_usize; 32];
    let (mut at, end) = (sp & !7, sp.checked_add(FAR)?);
    while at < end {
        let local =
            libc::iovec { iov_base: words.as_mut_ptr().cast(), iov_len: size_of_val(&words) };
        let remote = libc::iovec { iov_base: at as *mut libc::c_void, iov_len: local.iov_len };
        // SAFETY: the system copies what is there, and fails at what is not.
        let read = unsafe {
            libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
        };
        let Ok(read) = usize::try_from(read) else {
            // Below the stack; or above it, and then it soon ends.
            at = (at | (PAGE - 1)) + 1;
            continue;
        };
        let words = &words[..read / size_of::<usize>()];
        if let Some(owner) = words.iter().find_map(|word| owner_of_code(*word)) {
            return Some(owner);
        }
        at += read.max(8);
    }
    None
}

#[cfg(not(target_os = "linux"))]
fn caller_on_stack(_: usize) -> Option<usize> {
    None
}
