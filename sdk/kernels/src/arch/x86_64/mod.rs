//! Processors of PCs and servers.

mod avx2;
mod avx512;
mod sha_ni;

use super::Arch;

/// Those that this processor can run, the fastest first.
///
/// The order is fixed. Where there is AVX-512, it takes fewer cycles than the SHA extensions on
/// every processor that has both: 16 messages need about 1,300 cycles where two of its operations
/// run in one (`docs/performance.md` counts them), and at best 960 to 1,920 by the extensions,
/// which no schedule of four streams comes near to. AVX2 has no rotation, and is for processors
/// without either.
pub(crate) fn all() -> impl Iterator<Item = &'static dyn Arch> {
    let avx512 = avx512::Avx512::detect().map(|token| token as &dyn Arch);
    let sha_ni = sha_ni::ShaNi::detect().map(|token| token as &dyn Arch);
    let avx2 = avx2::Avx2::detect().map(|token| token as &dyn Arch);
    [avx512, sha_ni, avx2].into_iter().flatten()
}
