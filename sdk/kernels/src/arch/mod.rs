//! The implementations, one file per kind of processor.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod entry_points;
mod portable;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod prefetch;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod quads;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod streams;
#[cfg(target_arch = "x86_64")]
mod twice;
#[cfg(target_arch = "x86_64")]
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(test)]
pub(crate) use self::portable::Portable;
use crate::Best;

/// Those that this processor can run, the fastest first.
pub(crate) fn all() -> impl Iterator<Item = &'static dyn Arch> {
    #[cfg(target_arch = "x86_64")]
    let special = x86_64::all();
    #[cfg(target_arch = "aarch64")]
    let special = aarch64::all();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let special = std::iter::empty();
    // Without optimisation, every operation of the unrolled rounds has its place on the stack, some
    // megabytes in all: a plugin's debug build, say, has to do with the portable ones.
    let special = special.filter(|_| !cfg!(unoptimised));
    special.chain([&portable::Portable as &dyn Arch])
}

/// An implementation of all kernels. A value exists only where the processor can run it.
pub(crate) trait Arch: Send + Sync {
    fn name(&self) -> &'static str;

    fn scan(&self, challenge: &[u8; 32], leaves: &[[u8; 32]], bound: &[u8; 32]) -> Option<Best>;

    fn generate(&self, key: &[u8; 32], seed: &[u8; 32], start: u64, out: &mut [[u8; 32]]);

    fn hash_leaves(&self, leaves: &[[u8; 32]], out: &mut [[u8; 32]]);

    fn hash_nodes(&self, pairs: &[[u8; 64]], out: &mut [[u8; 32]]);
}
