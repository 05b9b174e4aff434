//! Texts for people. What a component says crosses the boundary as one line, of
//! a bounded length, in characters that change nothing of what else a terminal
//! or a log shows: a peer's words may be in it, and must not pass for the
//! miner's. The SDK sees to it in errors, events, vetoes and answers; the host
//! does so again, as not every plugin is made with this SDK.

use std::{borrow::Cow, fmt::Write};

/// The longest text for people, in bytes.
pub const LONGEST: usize = 4096;

/// Whether a character only shows itself.
pub fn is_printable(c: char) -> bool {
    // Those that change the direction of writing could reorder what follows.
    let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !reorders && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// A text as one line of at most `most` bytes: line breaks and tabs become
/// spaces, other control characters are written as Rust writes them
/// (`\u{1b}`), and what is too long ends in `…`.
///
/// ```
/// use spacetime_sdk::text;
///
/// assert_eq!(text::line("job\n\u{7}1", text::LONGEST), "job \\u{7}1");
/// assert_eq!(text::line("a long story", 9), "a long…");
/// ```
pub fn line(text: &str, most: usize) -> Cow<'_, str> {
    written(text.trim_end_matches(['\r', '\n']), most, |_| false)
}

/// The same of a text that may have several lines: a backtrace, a log line.
pub fn lines(text: &str, most: usize) -> Cow<'_, str> {
    written(text, most, |c| c == '\n')
}

/// So many of something, in the plural unless it is one.
///
/// ```
/// use spacetime_sdk::text::count;
///
/// assert_eq!([count(1, "span"), count(2, "span")], ["1 span", "2 spans"]);
/// assert_eq!([count(1, "leaf"), count(0, "leaf")], ["1 leaf", "0 leaves"]);
/// assert_eq!([count(1, "batch"), count(9, "batch")], ["1 batch", "9 batches"]);
/// ```
pub fn count(number: u64, what: &str) -> String {
    match what.strip_suffix('f') {
        _ if number == 1 => format!("1 {what}"),
        Some(stem) => format!("{number} {stem}ves"),
        None if what.ends_with("ch") => format!("{number} {what}es"),
        None => format!("{number} {what}s"),
    }
}

fn written(text: &str, most: usize, stays: fn(char) -> bool) -> Cow<'_, str> {
    if text.len() <= most && text.chars().all(|c| is_printable(c) || stays(c)) {
        return text.into();
    }
    let (mut shown, mut characters) = (String::new(), text.chars().peekable());
    // What has begun beyond the limit is cut off again.
    while let Some(c) = characters.next_if(|_| shown.len() <= most) {
        match c {
            c if is_printable(c) || stays(c) => shown.push(c),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' | '\t' => shown.push(' '),
            // Writing to a string cannot fail.
            c => drop(write!(shown, "{}", c.escape_unicode())),
        }
    }
    if shown.len() > most {
        let most = most.saturating_sub('…'.len_utf8());
        let end = (0..=most).rev().find(|end| shown.is_char_boundary(*end));
        shown.truncate(end.unwrap_or_default());
        shown.push('…');
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_shows_itself_stays_as_it_is() {
        for text in ["", "gone", "größer 🦀 `x`", "a \\n b"] {
            assert!(matches!(line(text, LONGEST), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn nothing_but_its_own_line_is_changed() {
        assert_eq!(line("one\r\ntwo\tthree\n", LONGEST), "one two three");
        assert_eq!(line("\u{1b}[2A\r\u{7f}\u{9b}", LONGEST), "\\u{1b}[2A\\u{d}\\u{7f}\\u{9b}");
        assert_eq!(line("a\u{202e}b\u{2028}c", LONGEST), "a\\u{202e}b\\u{2028}c");
        assert_eq!(lines("one\n\ttwo\u{1b}", LONGEST), "one\n two\\u{1b}");
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        assert_eq!(line("äöüä", 8), "äöüä");
        assert_eq!(line("äöüää", 8), "äö…");
        assert_eq!(line(&"\u{1b}".repeat(100), 10), "\\u{1b}\\…");
        let long = line(&"ä".repeat(LONGEST), LONGEST).into_owned();
        assert!(long.len() <= LONGEST && long.len() > LONGEST - 4 && long.ends_with('…'));
    }
}
