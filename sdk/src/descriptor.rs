//! The descriptor: a JSON text in a section of the library's file, which
//! tools and the host read without running any of the library's code.
//!
//! Framing: the 16 bytes of [`MAGIC`], the text's length and its CRC-32 (IEEE
//! 802.3), each a little-endian `u32`, then the text in UTF-8.

use crate::{
    json::{byte, comma, escaped, raw, string},
    schema::{self, Type},
};

/// What a descriptor begins with.
pub const MAGIC: [u8; 16] = *b"SPACETIME-PLUGIN";

/// Bytes before the text.
pub const FRAME: usize = 24;

/// The names that the section has: on ELF, Apple and Windows systems.
pub const SECTIONS: [&str; 3] = [".stplugin", "__stplugin", ".stplg"];

/// The compiler that built the SDK, and so the plugin.
pub const RUSTC: &str = env!("SPACETIME_SDK_RUSTC");
/// The platform that the plugin was built for.
pub const TARGET: &str = env!("SPACETIME_SDK_TARGET");
/// The SDK's version.
pub const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A piece of a descriptor.
#[derive(Clone, Copy)]
pub enum Part {
    /// JSON, as it stands.
    Raw(&'static str),
    /// The inside of a JSON string, to be escaped.
    Text(&'static str),
    /// What a config may be.
    Schema(&'static Type),
    /// A list of those names that are marked.
    Names(&'static [(&'static str, bool)]),
}

/// Length of the text that the parts make, in bytes.
pub const fn text_len(parts: &[Part]) -> usize {
    write(&mut [], 0, parts)
}

/// The framed descriptor; `N` is [`FRAME`] + [`text_len`].
///
/// # Panics
///
/// If `N` is another number; at compile time, where this is meant to run.
pub const fn encode<const N: usize>(parts: &[Part]) -> [u8; N] {
    let mut out = [0; N];
    let end = write(&mut out, FRAME, parts);
    assert!(end == N, "the descriptor's length was computed from other parts");
    let mut i = 0;
    while i < MAGIC.len() {
        out[i] = MAGIC[i];
        i += 1;
    }
    put_u32(&mut out, 16, (N - FRAME) as u32);
    let crc = crc32(&out, FRAME);
    put_u32(&mut out, 20, crc);
    out
}

/// Writes behind `at`, or counts; see [`crate::json`].
const fn write(out: &mut [u8], mut at: usize, parts: &[Part]) -> usize {
    let mut i = 0;
    while i < parts.len() {
        at = match parts[i] {
            Part::Raw(json) => raw(out, at, json),
            Part::Text(text) => escaped(out, at, text),
            Part::Schema(schema) => schema::write(out, at, schema),
            Part::Names(names) => marked(out, at, names),
        };
        i += 1;
    }
    at
}

const fn marked(out: &mut [u8], at: usize, names: &[(&str, bool)]) -> usize {
    let mut at = byte(out, at, b'[');
    let mut first = true;
    let mut i = 0;
    while i < names.len() {
        let (name, is_marked) = names[i];
        if is_marked {
            at = comma(out, at, !first);
            at = string(out, at, name);
            first = false;
        }
        i += 1;
    }
    byte(out, at, b']')
}

const fn put_u32<const N: usize>(out: &mut [u8; N], at: usize, value: u32) {
    let bytes = value.to_le_bytes();
    let mut i = 0;
    while i < bytes.len() {
        out[at + i] = bytes[i];
        i += 1;
    }
}

/// What a byte does to a CRC: computed once, since compilers take their time
/// over constant functions, and descriptors have many bytes.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// CRC-32 of `bytes[from..]`.
pub const fn crc32(bytes: &[u8], from: usize) -> u32 {
    let mut crc = u32::MAX;
    let mut i = from;
    while i < bytes.len() {
        crc = (crc >> 8) ^ CRC_TABLE[(crc as u8 ^ bytes[i]) as usize];
        i += 1;
    }
    !crc
}

/// The text of an encoded descriptor.
///
/// # Panics
///
/// If it was not made by [`encode`].
pub fn text(encoded: &'static [u8]) -> &'static str {
    std::str::from_utf8(&encoded[FRAME..]).expect("the parts of a descriptor are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_framed() {
        const PARTS: &[Part] = &[
            Part::Raw("{\"about\":\""),
            Part::Text("a \"b\"\n\\"),
            Part::Raw("\",\"cpu\":"),
            Part::Names(&[("a", false), ("b", true), ("c", false), ("d", true)]),
            Part::Raw("}"),
        ];
        const N: usize = FRAME + text_len(PARTS);
        static ENCODED: [u8; N] = encode(PARTS);
        assert_eq!(
            text(&ENCODED),
            "{\"about\":\"a \\u0022b\\u0022\\u000a\\u005c\",\"cpu\":[\"b\",\"d\"]}"
        );
        assert_eq!(ENCODED[..16], MAGIC);
        assert_eq!(crc32(b"123456789", 0), 0xCBF4_3926);
    }
}
