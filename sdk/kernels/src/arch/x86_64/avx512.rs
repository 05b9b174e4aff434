//! Twice 16 lanes by AVX-512, which has an operation that rotates, and one for any combination of
//! three words bit by bit.

use std::arch::x86_64::*;

use super::{load, store};
use crate::arch::{entry_points::entry_points, twice::Twice, vector::Lanes};

/// Proves that the processor has AVX-512 (F and BW).
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

entry_points!(Avx512, "avx512", "avx512f,avx512bw", crate::arch::vector, |lanes| Twice(lanes));

impl Avx512 {
    pub(crate) fn detect() -> Option<&'static Self> {
        let detected = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        detected.then_some(&Self(()))
    }
}

impl Lanes for Avx512 {
    type Word = __m512i;
    const COUNT: usize = 16;

    #[inline(always)]
    fn splat(self, word: u32) -> __m512i {
        // SAFETY: `self` proves that the processor has AVX-512.
        unsafe { _mm512_set1_epi32(word.cast_signed()) }
    }

    #[inline(always)]
    fn counting(self) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) }
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    fn rotate_right<const BITS: u32>(self, word: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_rorv_epi32(word, _mm512_set1_epi32(BITS as i32)) }
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self, word: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_srli_epi32::<BITS>(word) }
    }

    #[inline(always)]
    fn shift_left<const BITS: u32>(self, word: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_slli_epi32::<BITS>(word) }
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_or_si512(a, b) }
    }

    #[inline(always)]
    fn xor3(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_ternarylogic_epi32::<0b1001_0110>(a, b, c) }
    }

    #[inline(always)]
    fn choose(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_ternarylogic_epi32::<0b1100_1010>(a, b, c) }
    }

    #[inline(always)]
    fn majority(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe { _mm512_ternarylogic_epi32::<0b1110_1000>(a, b, c) }
    }

    #[inline(always)]
    fn swap_bytes(self, word: __m512i) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe {
            let order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
            _mm512_shuffle_epi8(word, _mm512_broadcast_i32x4(order))
        }
    }

    #[inline(always)]
    fn any_at_most(self, a: __m512i, b: __m512i) -> bool {
        // SAFETY: as in `splat`.
        unsafe { _mm512_cmple_epu32_mask(a, b) != 0 }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8], first: usize, step: usize) -> __m512i {
        // SAFETY: as in `splat`.
        unsafe {
            let row = _mm512_castsi128_si512(load(bytes, first));
            let row = _mm512_inserti32x4::<1>(row, load(bytes, first + step));
            let row = _mm512_inserti32x4::<2>(row, load(bytes, first + 2 * step));
            _mm512_inserti32x4::<3>(row, load(bytes, first + 3 * step))
        }
    }

    #[inline(always)]
    fn store(self, row: __m512i, bytes: &mut [u8], first: usize, step: usize) {
        // SAFETY: as in `splat`.
        unsafe {
            store(_mm512_castsi512_si128(row), bytes, first);
            store(_mm512_extracti32x4_epi32::<1>(row), bytes, first + step);
            store(_mm512_extracti32x4_epi32::<2>(row), bytes, first + 2 * step);
            store(_mm512_extracti32x4_epi32::<3>(row), bytes, first + 3 * step);
        }
    }

    #[inline(always)]
    fn transpose(self, [a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        // SAFETY: as in `splat`.
        unsafe {
            let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
            let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
            [
                _mm512_unpacklo_epi64(ab_low, cd_low),
                _mm512_unpackhi_epi64(ab_low, cd_low),
                _mm512_unpacklo_epi64(ab_high, cd_high),
                _mm512_unpackhi_epi64(ab_high, cd_high),
            ]
        }
    }
}
