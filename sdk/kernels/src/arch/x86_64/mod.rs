//! Processors of PCs.

mod avx512;

use super::Arch;

/// Those that this processor can run, the fastest first.
pub(crate) fn all() -> impl Iterator<Item = &'static dyn Arch> {
    [avx512::Avx512::detect().map(|t| t as &dyn Arch), avx512::detect_twice().map(|t| t as &dyn Arch)].into_iter().flatten()
}
