//! Twice the lanes of another, so that an operation of one half need not wait for what it needs
//! while there are some of the other half to do.

use super::vector::Lanes;

/// Twice the lanes of `L`.
#[derive(Clone, Copy)]
pub(crate) struct Twice<L>(pub(crate) L);

impl<L: Lanes> Lanes for Twice<L> {
    type Word = [L::Word; 2];
    const COUNT: usize = 2 * L::COUNT;

    #[inline(always)]
    fn splat(self, word: u32) -> Self::Word {
        [self.0.splat(word); 2]
    }

    #[inline(always)]
    fn counting(self) -> Self::Word {
        let first = self.0.counting();
        [first, self.0.add(first, self.0.splat(L::COUNT as u32))]
    }

    #[inline(always)]
    fn add(self, a: Self::Word, b: Self::Word) -> Self::Word {
        [self.0.add(a[0], b[0]), self.0.add(a[1], b[1])]
    }

    #[inline(always)]
    fn rotate_right<const BITS: u32>(self, word: Self::Word) -> Self::Word {
        [self.0.rotate_right::<BITS>(word[0]), self.0.rotate_right::<BITS>(word[1])]
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self, word: Self::Word) -> Self::Word {
        [self.0.shift_right::<BITS>(word[0]), self.0.shift_right::<BITS>(word[1])]
    }

    #[inline(always)]
    fn shift_left<const BITS: u32>(self, word: Self::Word) -> Self::Word {
        [self.0.shift_left::<BITS>(word[0]), self.0.shift_left::<BITS>(word[1])]
    }

    #[inline(always)]
    fn or(self, a: Self::Word, b: Self::Word) -> Self::Word {
        [self.0.or(a[0], b[0]), self.0.or(a[1], b[1])]
    }

    #[inline(always)]
    fn xor3(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word {
        [self.0.xor3(a[0], b[0], c[0]), self.0.xor3(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn choose(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word {
        [self.0.choose(a[0], b[0], c[0]), self.0.choose(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn majority(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word {
        [self.0.majority(a[0], b[0], c[0]), self.0.majority(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn swap_bytes(self, word: Self::Word) -> Self::Word {
        [self.0.swap_bytes(word[0]), self.0.swap_bytes(word[1])]
    }

    #[inline(always)]
    fn any_at_most(self, a: Self::Word, b: Self::Word) -> bool {
        self.0.any_at_most(a[0], b[0]) | self.0.any_at_most(a[1], b[1])
    }

    #[inline(always)]
    fn load(self, bytes: &[u8], first: usize, step: usize) -> Self::Word {
        let other = first + L::COUNT / 4 * step;
        [self.0.load(bytes, first, step), self.0.load(bytes, other, step)]
    }

    #[inline(always)]
    fn store(self, row: Self::Word, bytes: &mut [u8], first: usize, step: usize) {
        let other = first + L::COUNT / 4 * step;
        self.0.store(row[0], bytes, first, step);
        self.0.store(row[1], bytes, other, step);
    }

    #[inline(always)]
    fn transpose(self, rows: [Self::Word; 4]) -> [Self::Word; 4] {
        let [a, b, c, d] = rows;
        let [e, f, g, h] = self.0.transpose([a[0], b[0], c[0], d[0]]);
        let [i, j, k, l] = self.0.transpose([a[1], b[1], c[1], d[1]]);
        [[e, i], [f, j], [g, k], [h, l]]
    }
}
