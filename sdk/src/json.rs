//! JSON written by constant functions. Each writes behind `at` and returns
//! where it ended; what does not fit into `out` is only counted, so that an
//! empty one tells the length.

pub(crate) const fn byte(out: &mut [u8], at: usize, byte: u8) -> usize {
    if at < out.len() {
        out[at] = byte;
    }
    at + 1
}

/// JSON, as it stands.
pub(crate) const fn raw(out: &mut [u8], mut at: usize, json: &str) -> usize {
    let bytes = json.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        at = byte(out, at, bytes[i]);
        i += 1;
    }
    at
}

/// The inside of a string.
pub(crate) const fn escaped(out: &mut [u8], mut at: usize, text: &str) -> usize {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let one = bytes[i];
        if one < 0x20 || one == b'"' || one == b'\\' {
            at = raw(out, at, "\\u00");
            at = byte(out, at, DIGITS[(one >> 4) as usize]);
            at = byte(out, at, DIGITS[(one & 15) as usize]);
        } else {
            at = byte(out, at, one);
        }
        i += 1;
    }
    at
}

/// A string.
pub(crate) const fn string(out: &mut [u8], at: usize, text: &str) -> usize {
    let at = byte(out, at, b'"');
    let at = escaped(out, at, text);
    byte(out, at, b'"')
}

/// A list of strings.
pub(crate) const fn strings(out: &mut [u8], at: usize, texts: &[&str]) -> usize {
    let mut at = byte(out, at, b'[');
    let mut i = 0;
    while i < texts.len() {
        at = comma(out, at, i > 0);
        at = string(out, at, texts[i]);
        i += 1;
    }
    byte(out, at, b']')
}

/// A comma, if one is needed.
pub(crate) const fn comma(out: &mut [u8], at: usize, needed: bool) -> usize {
    if needed { byte(out, at, b',') } else { at }
}

/// A whole number.
pub(crate) const fn integer(out: &mut [u8], mut at: usize, value: i128) -> usize {
    let mut rest = value.unsigned_abs();
    if value < 0 {
        at = byte(out, at, b'-');
    }
    // 39 digits are enough for 128 bits.
    let mut digits = [0; 39];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    while begin < digits.len() {
        at = byte(out, at, digits[begin]);
        begin += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut [u8], usize) -> usize) -> String {
        let len = write(&mut [], 0);
        let mut out = vec![0; len];
        assert_eq!(write(&mut out, 0), len);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_written_is_json() {
        let text = "a \"b\"\n\\ \u{e4}";
        let json = written(|out, at| string(out, at, text));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        for value in [0, 7, -1, i128::MAX, i128::MIN, 2_147_483_647] {
            assert_eq!(written(|out, at| integer(out, at, value)), value.to_string());
        }
        assert_eq!(written(|out, at| strings(out, at, &[])), "[]");
        assert_eq!(written(|out, at| strings(out, at, &["a", "b"])), "[\"a\",\"b\"]");
    }
}
