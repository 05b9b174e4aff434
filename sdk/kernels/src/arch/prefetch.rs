//! Asking memory for what comes next. Processors do so by themselves, but not soon enough for
//! kernels that take all of their time.

/// How far ahead: a kibibyte takes a kernel longer than memory takes to answer.
const AHEAD: usize = 2048;

/// Asks for as many leaves as these are, some way behind them. Whether there are any does not
/// matter.
#[inline(always)]
pub(crate) fn behind(leaves: &[[u8; 32]]) {
    const LINE: usize = 64;
    let from = leaves.as_ptr().cast::<u8>().wrapping_add(AHEAD);
    let mut at = 0;
    while at < size_of_val(leaves) {
        line(from.wrapping_add(at));
        at += LINE;
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn line(at: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: all of these processors have SSE; nothing is read, wherever the address points to.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
}

/// There is no stable name for the instruction.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn line(_: *const u8) {}
