//! SHA-256's rounds on plain words, for the work that is done once and not once a message: the
//! formulas and constants are those of FIPS 180-4, sections 4 and 6.2.

use crate::block;

/// The rounds' constants.
pub(crate) const K: [u32; 64] = [
    0x428A_2F98,
    0x7137_4491,
    0xB5C0_FBCF,
    0xE9B5_DBA5,
    0x3956_C25B,
    0x59F1_11F1,
    0x923F_82A4,
    0xAB1C_5ED5,
    0xD807_AA98,
    0x1283_5B01,
    0x2431_85BE,
    0x550C_7DC3,
    0x72BE_5D74,
    0x80DE_B1FE,
    0x9BDC_06A7,
    0xC19B_F174,
    0xE49B_69C1,
    0xEFBE_4786,
    0x0FC1_9DC6,
    0x240C_A1CC,
    0x2DE9_2C6F,
    0x4A74_84AA,
    0x5CB0_A9DC,
    0x76F9_88DA,
    0x983E_5152,
    0xA831_C66D,
    0xB003_27C8,
    0xBF59_7FC7,
    0xC6E0_0BF3,
    0xD5A7_9147,
    0x06CA_6351,
    0x1429_2967,
    0x27B7_0A85,
    0x2E1B_2138,
    0x4D2C_6DFC,
    0x5338_0D13,
    0x650A_7354,
    0x766A_0ABB,
    0x81C2_C92E,
    0x9272_2C85,
    0xA2BF_E8A1,
    0xA81A_664B,
    0xC24B_8B70,
    0xC76C_51A3,
    0xD192_E819,
    0xD699_0624,
    0xF40E_3585,
    0x106A_A070,
    0x19A4_C116,
    0x1E37_6C08,
    0x2748_774C,
    0x34B0_BCB5,
    0x391C_0CB3,
    0x4ED8_AA4A,
    0x5B9C_CA4F,
    0x682E_6FF3,
    0x748F_82EE,
    0x78A5_636F,
    0x84C8_7814,
    0x8CC7_0208,
    0x90BE_FFFA,
    0xA450_6CEB,
    0xBEF9_A3F7,
    0xC671_78F2,
];

/// What a round adds, constant and word of the message, for all rounds over a block that is known.
pub(crate) const fn addends(block: &[u8; 64]) -> [u32; 64] {
    let mut words: [u32; 64] = [0; 64];
    let given: [u32; 16] = block::words(block);
    let mut t = 0;
    while t < 64 {
        words[t] = if t < 16 {
            given[t]
        } else {
            small_sigma1(words[t - 2])
                .wrapping_add(words[t - 7])
                .wrapping_add(small_sigma0(words[t - 15]))
                .wrapping_add(words[t - 16])
        };
        t += 1;
    }
    t = 0;
    while t < 64 {
        words[t] = words[t].wrapping_add(K[t]);
        t += 1;
    }
    words
}

/// The state after round `t`, but for the round's word, which is to be added to the words a and e.
pub(crate) fn without_word(state: &[u32; 8], t: usize) -> [u32; 8] {
    let [a, b, c, d, e, f, g, h] = *state;
    let big_sigma1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
    let choice = (e & f) ^ (!e & g);
    let big_sigma0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
    let majority = (a & b) ^ (a & c) ^ (b & c);
    let sum = h.wrapping_add(big_sigma1).wrapping_add(choice).wrapping_add(K[t]);
    let both = sum.wrapping_add(big_sigma0).wrapping_add(majority);
    [both, a, b, c, d.wrapping_add(sum), e, f, g]
}

/// The state after the first eight rounds over a block that begins with `words`.
pub(crate) fn first_eight(words: &[u32; 8]) -> [u32; 8] {
    let mut state = block::INITIAL;
    for (t, word) in words.iter().enumerate() {
        state = without_word(&state, t);
        state[0] = state[0].wrapping_add(*word);
        state[4] = state[4].wrapping_add(*word);
    }
    state
}

const fn small_sigma0(word: u32) -> u32 {
    word.rotate_right(7) ^ word.rotate_right(18) ^ (word >> 3)
}

const fn small_sigma1(word: u32) -> u32 {
    word.rotate_right(17) ^ word.rotate_right(19) ^ (word >> 10)
}
