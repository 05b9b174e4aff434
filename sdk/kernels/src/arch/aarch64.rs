//! The SHA-256 instructions of ARMv8's cryptographic extension: four rounds, or four words of an
//! extended message, by two instructions.

use std::arch::{aarch64::*, is_aarch64_feature_detected};

use super::{Arch, entry_points::entry_points, streams::Unit};

/// Those that this processor can run, the fastest first.
pub(crate) fn all() -> impl Iterator<Item = &'static dyn Arch> {
    Sha2::detect().map(|token| token as &dyn Arch).into_iter()
}

/// Proves that the processor has the SHA-256 instructions.
#[derive(Clone, Copy)]
pub(crate) struct Sha2(());

entry_points!(Sha2, "armv8-sha2", "neon,sha2", crate::arch::streams, |unit| unit);

impl Sha2 {
    fn detect() -> Option<&'static Self> {
        is_aarch64_feature_detected!("sha2").then_some(&Self(()))
    }
}

impl Unit for Sha2 {
    type Quad = uint32x4_t;
    /// The words a to d and e to h.
    type State = [uint32x4_t; 2];

    #[inline(always)]
    fn quad(self, words: [u32; 4]) -> uint32x4_t {
        // SAFETY: `self` proves that the processor has the instructions; 16 bytes are read of 16.
        unsafe { vld1q_u32(words.as_ptr()) }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 16]) -> uint32x4_t {
        // SAFETY: as in `quad`.
        unsafe { vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(bytes.as_ptr()))) }
    }

    #[inline(always)]
    fn load_after(self, byte: u8, bytes: &[u8; 16]) -> uint32x4_t {
        // SAFETY: as in `quad`.
        unsafe {
            let bytes = vextq_u8::<15>(vdupq_n_u8(byte), vld1q_u8(bytes.as_ptr()));
            vreinterpretq_u32_u8(vrev32q_u8(bytes))
        }
    }

    #[inline(always)]
    fn add(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: as in `quad`.
        unsafe { vaddq_u32(a, b) }
    }

    #[inline(always)]
    fn extend(self, [a, b, c, d]: [uint32x4_t; 4]) -> uint32x4_t {
        // SAFETY: as in `quad`.
        unsafe { vsha256su1q_u32(vsha256su0q_u32(a, b), c, d) }
    }

    #[inline(always)]
    fn state(self, [a, b, c, d, e, f, g, h]: &[u32; 8]) -> [uint32x4_t; 2] {
        [self.quad([*a, *b, *c, *d]), self.quad([*e, *f, *g, *h])]
    }

    #[inline(always)]
    fn add_states(self, a: [uint32x4_t; 2], b: [uint32x4_t; 2]) -> [uint32x4_t; 2] {
        [self.add(a[0], b[0]), self.add(a[1], b[1])]
    }

    #[inline(always)]
    fn rounds(self, [abcd, efgh]: [uint32x4_t; 2], addends: uint32x4_t) -> [uint32x4_t; 2] {
        // SAFETY: as in `quad`.
        unsafe { [vsha256hq_u32(abcd, efgh, addends), vsha256h2q_u32(efgh, abcd, addends)] }
    }

    #[inline(always)]
    fn first_word(self, [abcd, _]: [uint32x4_t; 2]) -> u32 {
        // SAFETY: as in `quad`.
        unsafe { vgetq_lane_u32::<0>(abcd) }
    }

    #[inline(always)]
    fn bytes(self, state: [uint32x4_t; 2]) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (half, bytes) in state.into_iter().zip(bytes.as_chunks_mut::<16>().0) {
            // SAFETY: as in `quad`; 16 bytes are written of 16.
            unsafe { vst1q_u8(bytes.as_mut_ptr(), vrev32q_u8(vreinterpretq_u8_u32(half))) };
        }
        bytes
    }
}
