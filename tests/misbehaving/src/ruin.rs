//! Ways to bring the whole process down. Nothing here is sound: that is the
//! point, and each is done as real code would do it.

#![allow(unsafe_code, reason = "a crash on purpose")]

use std::hint::black_box;

use serde::Deserialize;
use spacetime_sdk::Schema;

/// How the process ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ruin {
    #[default]
    Nothing,
    /// Memory that is not its own is written to.
    Segv,
    /// A mapped file is read beyond its end.
    Bus,
    /// Bytes are run that are no instruction.
    Illegal,
    /// The process is aborted.
    Abort,
    /// A destructor panics while a panic unwinds.
    DoublePanic,
    /// Memory is given back twice.
    DoubleFree,
    /// A function calls itself for ever.
    StackOverflow,
    /// More memory is asked for than there can be.
    HugeAllocation,
    /// The process is ended as if all were well.
    Exit,
    /// The same, past all that runs at an end.
    ExitAtOnce,
}

impl Ruin {
    pub(crate) fn happen(self) {
        match self {
            Self::Nothing => {}
            Self::Segv => segv(),
            Self::Bus => bus(),
            Self::Illegal => illegal(),
            Self::Abort => std::process::abort(),
            Self::DoublePanic => double_panic(),
            Self::DoubleFree => double_free(),
            Self::StackOverflow => assert!(deep(&[1; 64]) == 0),
            Self::HugeAllocation => drop(black_box(Vec::<u8>::with_capacity(1 << 60))),
            Self::Exit => std::process::exit(0),
            Self::ExitAtOnce => exit_at_once(),
        }
    }
}

fn segv() {
    // SAFETY: none. The first page is never there.
    unsafe { black_box(16 as *mut u64).write_volatile(1) };
}

#[inline(never)]
fn deep(above: &[u64]) -> u64 {
    let here = [above[0]; 64];
    if black_box(&here)[0] == 0 { 0 } else { deep(&here) + here[1] }
}

fn double_panic() {
    struct Second;
    impl Drop for Second {
        fn drop(&mut self) {
            panic!("misbehaving while it unwinds");
        }
    }
    let _second = Second;
    panic!("misbehaving for the first time");
}

fn illegal() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: none.
    unsafe {
        std::arch::asm!("ud2");
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: none.
    unsafe {
        std::arch::asm!("udf #0");
    }
}

#[cfg(unix)]
fn double_free() {
    // SAFETY: none. The C library notices and aborts.
    unsafe {
        let memory = black_box(libc::malloc(64));
        libc::free(memory);
        libc::free(black_box(memory));
    }
}

#[cfg(unix)]
fn bus() {
    let (access, flags) = (libc::PROT_READ, libc::MAP_SHARED);
    // SAFETY: none. The file is empty, so there is nothing behind the mapping.
    unsafe {
        let file = libc::tmpfile();
        let memory = libc::mmap(std::ptr::null_mut(), 4096, access, flags, libc::fileno(file), 0);
        black_box(memory.cast::<u8>().read_volatile());
    }
}

#[cfg(unix)]
fn exit_at_once() {
    // SAFETY: it ends the process.
    unsafe { libc::_exit(0) };
}

#[cfg(not(unix))]
fn double_free() {}

#[cfg(not(unix))]
fn bus() {}

#[cfg(not(unix))]
fn exit_at_once() {}
