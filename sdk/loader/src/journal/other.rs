//! Systems without signals: threads can be told apart, crashes cannot be seen.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A number of this thread, never 0.
pub(super) fn thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    thread_local!(static MINE: Cell<usize> = const { Cell::new(0) });
    if MINE.get() == 0 {
        MINE.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    MINE.get()
}

/// There are no signals to be handled on it.
pub(super) fn give_signal_stack() {}

/// Not known here.
pub(super) fn code() -> Vec<(usize, usize)> {
    Vec::new()
}
