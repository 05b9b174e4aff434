//! The descriptor: a JSON text in a section of the library's file, which
//! tools and the host read without running any of the library's code.
//!
//! Framing: the 16 bytes of [`MAGIC`], the text's length and its CRC-32 (IEEE
//! 802.3), each a little-endian `u32`, then the text in UTF-8.

/// What a descriptor begins with.
pub const MAGIC: [u8; 16] = *b"SPACETIME-PLUGIN";

/// Bytes before the text.
pub const FRAME: usize = 24;

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
}

/// Length of the text that the parts make, in bytes.
pub const fn text_len(parts: &[Part]) -> usize {
    let mut len = 0;
    let mut i = 0;
    while i < parts.len() {
        match parts[i] {
            Part::Raw(raw) => len += raw.len(),
            Part::Text(text) => {
                let bytes = text.as_bytes();
                let mut j = 0;
                while j < bytes.len() {
                    len += if needs_escape(bytes[j]) { 6 } else { 1 };
                    j += 1;
                }
            }
        }
        i += 1;
    }
    len
}

/// The framed descriptor; `N` is [`FRAME`] + [`text_len`].
///
/// # Panics
///
/// If `N` is another number; at compile time, where this is meant to run.
pub const fn encode<const N: usize>(parts: &[Part]) -> [u8; N] {
    let mut out = [0; N];
    let mut at = FRAME;
    let mut i = 0;
    while i < parts.len() {
        let (bytes, escape) = match parts[i] {
            Part::Raw(raw) => (raw.as_bytes(), false),
            Part::Text(text) => (text.as_bytes(), true),
        };
        let mut j = 0;
        while j < bytes.len() {
            at = if escape && needs_escape(bytes[j]) {
                put_escape(&mut out, at, bytes[j])
            } else {
                out[at] = bytes[j];
                at + 1
            };
            j += 1;
        }
        i += 1;
    }
    assert!(at == N, "the descriptor's length was computed from other parts");
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

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

const fn put_escape<const N: usize>(out: &mut [u8; N], at: usize, byte: u8) -> usize {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let escape =
        [b'\\', b'u', b'0', b'0', DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]];
    let mut i = 0;
    while i < escape.len() {
        out[at + i] = escape[i];
        i += 1;
    }
    at + escape.len()
}

const fn put_u32<const N: usize>(out: &mut [u8; N], at: usize, value: u32) {
    let bytes = value.to_le_bytes();
    let mut i = 0;
    while i < bytes.len() {
        out[at + i] = bytes[i];
        i += 1;
    }
}

/// CRC-32 of `bytes[from..]`.
pub const fn crc32(bytes: &[u8], from: usize) -> u32 {
    let mut crc = u32::MAX;
    let mut i = from;
    while i < bytes.len() {
        crc ^= bytes[i] as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
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
        const PARTS: &[Part] =
            &[Part::Raw("{\"about\":\""), Part::Text("a \"b\"\n\\"), Part::Raw("\"}")];
        const N: usize = FRAME + text_len(PARTS);
        static ENCODED: [u8; N] = encode(PARTS);
        assert_eq!(text(&ENCODED), "{\"about\":\"a \\u0022b\\u0022\\u000a\\u005c\"}");
        assert_eq!(ENCODED[..16], MAGIC);
        assert_eq!(crc32(b"123456789", 0), 0xCBF4_3926);
    }
}
