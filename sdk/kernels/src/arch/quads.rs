//! 16 bytes at a time, which is what instructions load and store.

/// 16 of these bytes.
///
/// # Panics
/// If there are fewer from `at` on.
#[inline(always)]
pub(crate) fn quad_at(bytes: &[u8], at: usize) -> &[u8; 16] {
    &bytes[at..].as_chunks().0[0]
}

/// The same, to be written.
///
/// # Panics
/// If there are fewer from `at` on.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
pub(crate) fn quad_at_mut(bytes: &mut [u8], at: usize) -> &mut [u8; 16] {
    &mut bytes[at..].as_chunks_mut().0[0]
}
