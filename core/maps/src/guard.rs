//! Faults of mapped files. The system ends a process that reads memory whose
//! file is gone, with `SIGBUS`; where that memory is guarded, the handler here
//! puts zeros in its place, and takes note. Any other fault goes to whoever
//! handled such before.
//!
//! A handler runs between any two instructions, so it takes no lock, allocates
//! nothing, and reads only what never moves.

#![allow(unsafe_code, reason = "signal handlers are the C library's interface")]

use std::{
    mem, ptr,
    sync::{
        Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicPtr, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
};

/// The most that is guarded at once: more than a scan has buffers for.
const MOST: usize = 1024;

/// A mapped range of addresses. `start` 0: none.
struct Place {
    taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    broken: AtomicBool,
}

static PLACES: [Place; MOST] = [const {
    Place {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        broken: AtomicBool::new(false),
    }
}; MOST];

/// Guards mapped memory for as long as it lives, which must not be longer than
/// the memory.
#[derive(Debug)]
pub(super) struct Guarded(usize);

impl Guarded {
    /// Guards the pages that these mapped bytes lie in; `None`: too much is
    /// guarded already.
    pub(super) fn new(memory: &[u8]) -> Option<Self> {
        watch();
        let take =
            |place: &Place| place.taken.compare_exchange(false, true, AcqRel, Relaxed).is_ok();
        let number = PLACES.iter().position(take)?;
        let place = &PLACES[number];
        let start = memory.as_ptr().addr();
        place.broken.store(false, Relaxed);
        place.end.store((start + memory.len()).next_multiple_of(page()), Relaxed);
        place.start.store(start - start % page(), Release);
        Some(Self(number))
    }

    /// Whether nothing was put in its place.
    pub(super) fn is_whole(&self) -> bool {
        !PLACES[self.0].broken.load(Acquire)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let place = &PLACES[self.0];
        place.start.store(0, Release);
        place.taken.store(false, Release);
    }
}

fn page() -> usize {
    static SIZE: AtomicUsize = AtomicUsize::new(0);
    if SIZE.load(Relaxed) == 0 {
        // SAFETY: it reads a number.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        SIZE.store(usize::try_from(size).unwrap_or(4096), Relaxed);
    }
    SIZE.load(Relaxed)
}

/// What handled such faults before, kept for good: a handler may be using it.
static BEFORE: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

/// Sees to it that faults come here first, whoever has installed a handler
/// since the last time: the crash journal, or a plugin.
fn watch() {
    static INSTALLING: Mutex<()> = Mutex::new(());
    if is_ours(&current()) {
        return;
    }
    let _guard = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let before = current();
    if is_ours(&before) {
        return;
    }
    BEFORE.store(Box::into_raw(Box::new(before)), Release);
    // SAFETY: all zeros is an action, the default one.
    let mut ours: libc::sigaction = unsafe { mem::zeroed() };
    ours.sa_sigaction = handler();
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the mask is there to be written; the handler has the type that
    // the flags promise, and keeps to what a handler may do.
    unsafe {
        libc::sigfillset(&raw mut ours.sa_mask);
        libc::sigaction(libc::SIGBUS, &raw const ours, ptr::null_mut());
    }
}

fn handler() -> libc::sighandler_t {
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_fault;
    handler as libc::sighandler_t
}

fn current() -> libc::sigaction {
    // SAFETY: all zeros is an action.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: a null pointer changes nothing; `action` is there to be written.
    unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut action) };
    action
}

fn is_ours(action: &libc::sigaction) -> bool {
    action.sa_sigaction == handler()
}

extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the system hands it over, for the time of this call.
    let is_fault = unsafe { (*info).si_code } > 0;
    // SAFETY: a fault has an address.
    let address = if is_fault { unsafe { (*info).si_addr() }.addr() } else { 0 };
    if !(is_fault && put_zeros(address)) {
        hand_on(address, signal, info, context);
    }
}

/// Puts zeros in place of what is guarded at an address; whether something is.
fn put_zeros(address: usize) -> bool {
    let holds = |place: &&Place| {
        let start = place.start.load(Acquire);
        start != 0 && (start..place.end.load(Relaxed)).contains(&address)
    };
    let Some(place) = PLACES.iter().find(holds) else { return false };
    let start = place.start.load(Acquire);
    let len = place.end.load(Relaxed) - start;
    place.broken.store(true, Release);
    // SAFETY: the range is one whole map of a window that is being read, so it
    // stays until that read is done, and nobody else has addresses in it.
    let put = unsafe {
        libc::mmap(
            ptr::without_provenance_mut(start),
            len,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    put != libc::MAP_FAILED
}

/// Another's fault: what was there before us handles it.
fn hand_on(
    address: usize,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    /// Where the last fault was that was handed on.
    static LAST: AtomicUsize = AtomicUsize::new(0);
    // It has happened again: nobody mended it, and whoever was there before has
    // had its say.
    let is_again = address != 0 && LAST.swap(address, AcqRel) == address;
    // SAFETY: it is null, or was made of a box that is never freed.
    let before = unsafe { BEFORE.load(Acquire).as_ref() };
    match before {
        Some(before) if !is_again && before.sa_sigaction > libc::SIG_IGN => {
            if before.sa_flags & libc::SA_SIGINFO != 0 {
                // SAFETY: the flag says that the handler is of this type.
                let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    unsafe { mem::transmute(before.sa_sigaction) };
                handler(signal, info, context);
            } else {
                // SAFETY: without the flag, it is of this one.
                let handler: extern "C" fn(libc::c_int) =
                    unsafe { mem::transmute(before.sa_sigaction) };
                handler(signal);
            }
        }
        _ => end(signal),
    }
}

/// Lets the system end the process, once the handler has returned.
fn end(signal: libc::c_int) {
    // SAFETY: the default action has no conditions; the signal is sent to this
    // thread, which gets it when the handler returns.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
