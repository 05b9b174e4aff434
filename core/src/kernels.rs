//! The hashing kernels of this process: the manifest's choice, else the fastest.

use std::sync::OnceLock;

use spacetime_kernels::Kernels;

static IN_USE: OnceLock<Kernels> = OnceLock::new();

/// What hashes plots, trees and leaves.
pub(crate) fn in_use() -> Kernels {
    *IN_USE.get_or_init(Kernels::detect)
}

/// Uses these, for all of the process: before anything is hashed, and once.
///
/// # Errors
///
/// The name of others, which are in use already.
pub(crate) fn choose(kernels: Kernels) -> Result<(), &'static str> {
    let in_use = IN_USE.get_or_init(|| kernels).name();
    if in_use == kernels.name() { Ok(()) } else { Err(in_use) }
}
