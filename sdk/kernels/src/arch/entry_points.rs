//! The functions by which generic kernels are entered, once for each kind of processor.

/// Implements [`Arch`] for a type of which a value proves that the processor has `$features`: entry
/// points with these enabled, into which the kernels of the module `$kernels` are inlined, on what
/// `$unit` makes of the value.
macro_rules! entry_points {
    ($token:ty, $name:literal, $features:literal, $kernels:path, |$this:ident| $unit:expr) => {
        impl $crate::arch::Arch for $token {
            fn name(&self) -> &'static str {
                $name
            }

            fn scan(
                &self,
                challenge: &[u8; 32],
                leaves: &[[u8; 32]],
                bound: &[u8; 32],
            ) -> Option<$crate::Best> {
                use $kernels as kernels;
                #[target_feature(enable = $features)]
                fn enter(
                    $this: $token,
                    challenge: &[u8; 32],
                    leaves: &[[u8; 32]],
                    bound: &[u8; 32],
                ) -> Option<$crate::Best> {
                    kernels::scan($unit, challenge, leaves, bound)
                }
                // SAFETY: `self` proves that the processor has these features.
                unsafe { enter(*self, challenge, leaves, bound) }
            }

            fn generate(&self, key: &[u8; 32], seed: &[u8; 32], start: u64, out: &mut [[u8; 32]]) {
                use $kernels as kernels;
                #[target_feature(enable = $features)]
                fn enter(
                    $this: $token,
                    key: &[u8; 32],
                    seed: &[u8; 32],
                    start: u64,
                    out: &mut [[u8; 32]],
                ) {
                    kernels::generate($unit, key, seed, start, out);
                }
                // SAFETY: `self` proves that the processor has these features.
                unsafe { enter(*self, key, seed, start, out) }
            }

            fn hash_leaves(&self, leaves: &[[u8; 32]], out: &mut [[u8; 32]]) {
                use $kernels as kernels;
                #[target_feature(enable = $features)]
                fn enter($this: $token, leaves: &[[u8; 32]], out: &mut [[u8; 32]]) {
                    kernels::hash_leaves($unit, leaves, out);
                }
                // SAFETY: `self` proves that the processor has these features.
                unsafe { enter(*self, leaves, out) }
            }

            fn hash_nodes(&self, pairs: &[[u8; 64]], out: &mut [[u8; 32]]) {
                use $kernels as kernels;
                #[target_feature(enable = $features)]
                fn enter($this: $token, pairs: &[[u8; 64]], out: &mut [[u8; 32]]) {
                    kernels::hash_nodes($unit, pairs, out);
                }
                // SAFETY: `self` proves that the processor has these features.
                unsafe { enter(*self, pairs, out) }
            }
        }
    };
}
pub(crate) use entry_points;
