//! Processors of PCs and servers.

mod avx2;
mod avx512;
mod sha_ni;

use super::Arch;

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
