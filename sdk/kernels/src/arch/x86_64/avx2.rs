//! 8 lanes by AVX2.

use std::arch::x86_64::*;

use super::{load, store};
use crate::arch::{entry_points::entry_points, vector::Lanes};

/// Proves that the processor has AVX2.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

entry_points!(Avx2, "avx2", "avx2", crate::arch::vector, |lanes| lanes);

impl Avx2 {
    pub(crate) fn detect() -> Option<&'static Self> {
        is_x86_feature_detected!("avx2").then_some(&Self(()))
    }
}

impl Lanes for Avx2 {
    type Word = __m256i;
    const COUNT: usize = 8;

    #[inline(always)]
    fn splat(self, word: u32) -> __m256i {
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe { _mm256_set1_epi32(word.cast_signed()) }
    }

    #[inline(always)]
    fn counting(self) -> __m256i {
        // SAFETY: as in `splat`.
        unsafe { _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7) }
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as in `splat`.
        unsafe { _mm256_add_epi32(a, b) }
    }

    #[inline(always)]
    fn rotate_right<const BITS: u32>(self, word: __m256i) -> __m256i {
        self.or(self.shift_right::<BITS>(word), shift_left(self, word, 32 - BITS))
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self, word: __m256i) -> __m256i {
        // SAFETY: as in `splat`.
        unsafe { _mm256_srlv_epi32(word, _mm256_set1_epi32(BITS as i32)) }
    }

    #[inline(always)]
    fn shift_left<const BITS: u32>(self, word: __m256i) -> __m256i {
        shift_left(self, word, BITS)
    }

    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as in `splat`.
        unsafe { _mm256_or_si256(a, b) }
    }

    #[inline(always)]
    fn xor3(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: as in `splat`.
        unsafe { _mm256_xor_si256(_mm256_xor_si256(a, b), c) }
    }

    #[inline(always)]
    fn choose(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: as in `splat`.
        unsafe { _mm256_xor_si256(c, _mm256_and_si256(a, _mm256_xor_si256(b, c))) }
    }

    #[inline(always)]
    fn majority(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // `a ^ b` is what the next round needs as `b ^ c`: one operation less.
        // SAFETY: as in `splat`.
        unsafe {
            let differ = _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(b, c));
            _mm256_xor_si256(differ, b)
        }
    }

    #[inline(always)]
    fn swap_bytes(self, word: __m256i) -> __m256i {
        // SAFETY: as in `splat`.
        unsafe {
            let order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
            _mm256_shuffle_epi8(word, _mm256_broadcastsi128_si256(order))
        }
    }

    #[inline(always)]
    fn any_at_most(self, a: __m256i, b: __m256i) -> bool {
        // SAFETY: as in `splat`.
        unsafe { _mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_min_epu32(a, b), a)) != 0 }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8], first: usize, step: usize) -> __m256i {
        // SAFETY: as in `splat`.
        unsafe { _mm256_set_m128i(load(bytes, first + step), load(bytes, first)) }
    }

    #[inline(always)]
    fn store(self, row: __m256i, bytes: &mut [u8], first: usize, step: usize) {
        // SAFETY: as in `splat`.
        unsafe {
            store(_mm256_castsi256_si128(row), bytes, first);
            store(_mm256_extracti128_si256::<1>(row), bytes, first + step);
        }
    }

    #[inline(always)]
    fn transpose(self, [a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
        // SAFETY: as in `splat`.
        unsafe {
            let (ab_low, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
            let (cd_low, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
            [
                _mm256_unpacklo_epi64(ab_low, cd_low),
                _mm256_unpackhi_epi64(ab_low, cd_low),
                _mm256_unpacklo_epi64(ab_high, cd_high),
                _mm256_unpackhi_epi64(ab_high, cd_high),
            ]
        }
    }
}

#[inline(always)]
fn shift_left(_: Avx2, word: __m256i, bits: u32) -> __m256i {
    // SAFETY: a token proves that the processor has AVX2.
    unsafe { _mm256_sllv_epi32(word, _mm256_set1_epi32(bits as i32)) }
}
