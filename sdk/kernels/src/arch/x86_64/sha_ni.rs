//! The SHA extensions: two rounds, or four words of an extended message, by an instruction or two.

use std::arch::x86_64::*;

use super::{load, store};
use crate::arch::{entry_points::entry_points, streams::Unit};

/// Proves that the processor has the SHA extensions (and SSE 4.1, as all that have them).
#[derive(Clone, Copy)]
pub(crate) struct ShaNi(());

entry_points!(ShaNi, "sha-ni", "sha,sse4.1", crate::arch::streams, |unit| unit);

impl ShaNi {
    pub(crate) fn detect() -> Option<&'static Self> {
        let detected = is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1");
        detected.then_some(&Self(()))
    }
}

impl Unit for ShaNi {
    /// The first word in the lowest element.
    type Quad = __m128i;
    /// The words f, e, b, a and h, g, d, c, from the lowest element on.
    type State = [__m128i; 2];

    #[inline(always)]
    fn quad(self, words: [u32; 4]) -> __m128i {
        let [a, b, c, d] = words.map(u32::cast_signed);
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { _mm_setr_epi32(a, b, c, d) }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 16]) -> __m128i {
        // SAFETY: as in `quad`.
        unsafe { swap_bytes(load(bytes, 0)) }
    }

    #[inline(always)]
    fn load_after(self, byte: u8, bytes: &[u8; 16]) -> __m128i {
        // SAFETY: as in `quad`.
        unsafe {
            // The bytes of each word reversed, all of them one further, and a zero before them.
            let order = _mm_setr_epi8(2, 1, 0, -1, 6, 5, 4, 3, 10, 9, 8, 7, 14, 13, 12, 11);
            let bytes = _mm_shuffle_epi8(load(bytes, 0), order);
            _mm_or_si128(bytes, self.quad([u32::from(byte) << 24, 0, 0, 0]))
        }
    }

    #[inline(always)]
    fn add(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: as in `quad`.
        unsafe { _mm_add_epi32(a, b) }
    }

    #[inline(always)]
    fn extend(self, [a, b, c, d]: [__m128i; 4]) -> __m128i {
        // SAFETY: as in `quad`.
        unsafe {
            let sums = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8::<4>(d, c));
            _mm_sha256msg2_epu32(sums, d)
        }
    }

    #[inline(always)]
    fn state(self, words: &[u32; 8]) -> [__m128i; 2] {
        let [a, b, c, d, e, f, g, h] = words.map(u32::cast_signed);
        // SAFETY: as in `quad`.
        unsafe { [_mm_setr_epi32(f, e, b, a), _mm_setr_epi32(h, g, d, c)] }
    }

    #[inline(always)]
    fn add_states(self, a: [__m128i; 2], b: [__m128i; 2]) -> [__m128i; 2] {
        [self.add(a[0], b[0]), self.add(a[1], b[1])]
    }

    #[inline(always)]
    fn rounds(self, [feba, hgdc]: [__m128i; 2], addends: __m128i) -> [__m128i; 2] {
        // Two rounds make of f, e, b, a the next h, g, d, c.
        // SAFETY: as in `quad`.
        unsafe {
            let next = _mm_sha256rnds2_epu32(hgdc, feba, addends);
            let last = _mm_sha256rnds2_epu32(feba, next, _mm_shuffle_epi32::<0b1110>(addends));
            [last, next]
        }
    }

    #[inline(always)]
    fn first_word(self, [feba, _]: [__m128i; 2]) -> u32 {
        // SAFETY: as in `quad`.
        unsafe { _mm_extract_epi32::<3>(feba).cast_unsigned() }
    }

    #[inline(always)]
    fn bytes(self, [feba, hgdc]: [__m128i; 2]) -> [u8; 32] {
        let mut bytes = [0; 32];
        // SAFETY: as in `quad`.
        unsafe {
            let (dcba, hgfe) = (_mm_unpackhi_epi64(hgdc, feba), _mm_unpacklo_epi64(hgdc, feba));
            store(swap_bytes(_mm_shuffle_epi32::<0b00_01_10_11>(dcba)), &mut bytes, 0);
            store(swap_bytes(_mm_shuffle_epi32::<0b00_01_10_11>(hgfe)), &mut bytes, 16);
        }
        bytes
    }
}

/// Reverses the bytes of each word.
#[target_feature(enable = "ssse3")]
fn swap_bytes(words: __m128i) -> __m128i {
    let order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    _mm_shuffle_epi8(words, order)
}
