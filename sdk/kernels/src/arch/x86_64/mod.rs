//! Processors of PCs and servers.

mod avx2;
mod avx512;
mod sha_ni;

use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

use super::{
    Arch,
    quads::{quad_at, quad_at_mut},
};

/// Those that this processor can run, the fastest first.
///
/// The order is fixed: `docs/performance.md` says by which measurements and counts. Vectors of 16
/// lanes are a little ahead of the SHA extensions where these are fastest, and clearly elsewhere.
/// AVX2 has no rotation, and is for processors without either.
pub(crate) fn all() -> impl Iterator<Item = &'static dyn Arch> {
    let avx512 = avx512::Avx512::detect().map(|token| token as &dyn Arch);
    let sha_ni = sha_ni::ShaNi::detect().map(|token| token as &dyn Arch);
    let avx2 = avx2::Avx2::detect().map(|token| token as &dyn Arch);
    [avx512, sha_ni, avx2].into_iter().flatten()
}

#[inline(always)]
fn load(bytes: &[u8], at: usize) -> __m128i {
    // SAFETY: all of these processors have SSE2; 16 bytes are read of 16, wherever they lie.
    unsafe { _mm_loadu_si128(quad_at(bytes, at).as_ptr().cast()) }
}

#[inline(always)]
fn store(quad: __m128i, bytes: &mut [u8], at: usize) {
    // SAFETY: all of these processors have SSE2; 16 bytes are written of 16, wherever they lie.
    unsafe { _mm_storeu_si128(quad_at_mut(bytes, at).as_mut_ptr().cast(), quad) }
}
