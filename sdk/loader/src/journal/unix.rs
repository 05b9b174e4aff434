//! What the journal asks of the system: which thread this is, where code lies,
//! a stack for signal handlers.

#![allow(unsafe_code, reason = "the C library's interface")]

use std::cell::Cell;

/// This thread as the system numbers it, never 0. Can be called in a signal
/// handler.
pub(super) fn thread() -> usize {
    // SAFETY: it has no conditions, and cannot fail.
    unsafe { libc::pthread_self() as usize }
}

/// Enough for the largest set of registers and for our handler.
const SIGNAL_STACK: usize = 64 << 10;

thread_local! {
    static GIVEN: Given = const { Given(Cell::new(std::ptr::null_mut())) };
}

/// The signal stack that was given to this thread.
struct Given(Cell<*mut libc::c_void>);

/// Gives this thread a stack on which its stack's overflow can be handled. The
/// standard library gives one to the threads that the host starts, but not to
/// those that a plugin's copy of it starts. Without memory there is none.
pub(super) fn give_signal_stack() {
    // Freed when the thread ends; too late to begin with it then.
    let _ = GIVEN.try_with(|given| {
        if given.0.get().is_null() && !has_signal_stack() {
            given.0.set(map_signal_stack().unwrap_or(std::ptr::null_mut()));
        }
    });
}

fn has_signal_stack() -> bool {
    let mut now = no_stack();
    // SAFETY: a null pointer changes nothing; `now` is there to be written.
    let known = unsafe { libc::sigaltstack(std::ptr::null(), &raw mut now) } == 0;
    // One that is not known is not replaced.
    !known || now.ss_flags & libc::SS_DISABLE == 0
}

fn map_signal_stack() -> Option<*mut libc::c_void> {
    let (access, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, wherever the system has room for it.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), SIGNAL_STACK, access, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return None;
    }
    let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: SIGNAL_STACK };
    // SAFETY: the mapping is of this size, and stays until the thread ends.
    if unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) } != 0 {
        unmap(memory);
        return None;
    }
    Some(memory)
}

fn no_stack() -> libc::stack_t {
    libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: SIGNAL_STACK }
}

fn unmap(memory: *mut libc::c_void) {
    // SAFETY: it was mapped with this size by `map_signal_stack`, and is not a
    // signal stack (any more).
    unsafe { libc::munmap(memory, SIGNAL_STACK) };
}

impl Drop for Given {
    fn drop(&mut self) {
        let memory = self.0.get();
        if memory.is_null() {
            return;
        }
        let none = no_stack();
        // SAFETY: `none` is a stack to be switched off; it cannot be in use, as
        // destructors run on the thread's own stack.
        if unsafe { libc::sigaltstack(&raw const none, std::ptr::null_mut()) } == 0 {
            unmap(memory);
        }
    }
}

/// Where the code of everything that is loaded lies: (start, end) each.
#[cfg(target_os = "linux")]
pub(super) fn code() -> Vec<(usize, usize)> {
    unsafe extern "C" fn add(
        object: *mut libc::dl_phdr_info,
        _: libc::size_t,
        list: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: the system hands over an object and the list that is passed
        // below, both for the time of this call.
        let (object, list) = unsafe { (&*object, &mut *list.cast::<Vec<(usize, usize)>>()) };
        let base = object.dlpi_addr as usize;
        for index in 0..usize::from(object.dlpi_phnum) {
            // SAFETY: the object has so many headers.
            let header = unsafe { &*object.dlpi_phdr.add(index) };
            if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0 {
                let start = base.wrapping_add(header.p_vaddr as usize);
                list.push((start, start.wrapping_add(header.p_memsz as usize)));
            }
        }
        0
    }
    let mut list: Vec<(usize, usize)> = Vec::new();
    // SAFETY: `add` takes what is passed here, and does not unwind.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut list).cast()) };
    list
}

/// Not known here: threads that plugins start by themselves are not told apart.
#[cfg(not(target_os = "linux"))]
pub(super) fn code() -> Vec<(usize, usize)> {
    Vec::new()
}
