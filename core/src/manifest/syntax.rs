//! RON's errors, for people: what was expected, what stands there, and the line
//! with it.

use std::fmt::Write;

use ron::error::{Error, SpannedError};

/// The longest piece of text that is named as what was found.
const LONGEST: usize = 30;

/// Where an error of a text is, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explained {
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
    /// Without the field.
    pub(super) message: String,
    /// Whether it is about the notation, not about a field.
    pub(super) is_notation: bool,
}

/// Explains an error of a text.
pub(super) fn explain(text: &str, error: &SpannedError) -> Explained {
    let (start, end) = (error.span.start, error.span.end);
    let is_notation = matches!(
        error.code,
        Error::ExpectedComma
            | Error::ExpectedMapColon
            | Error::ExpectedIdentifier
            | Error::TrailingCharacters
            | Error::ExpectedStringEnd
            | Error::UnexpectedChar(_)
            | Error::Eof
            | Error::UnclosedBlockComment
    );
    // Where a string begins says more than where it does not end.
    let is_at_end = is_notation && error.code != Error::ExpectedStringEnd;
    let place = if is_at_end { end } else { start };
    let found = found(after(text, place.line, place.col));
    let message = match &error.code {
        Error::ExpectedComma | Error::Eof if found == END => {
            "a closing bracket, `)`, `]` or `}`, is missing at the end".to_owned()
        }
        Error::ExpectedComma => {
            format!("expected `,` or a closing bracket in front of {found}")
        }
        Error::ExpectedMapColon => format!("expected `:` between name and value, found {found}"),
        Error::ExpectedIdentifier => format!("expected the name of an option, found {found}"),
        Error::TrailingCharacters => {
            format!("expected nothing more behind the closing bracket, found {found}")
        }
        Error::ExpectedStringEnd => "this text has no closing quote".to_owned(),
        Error::UnexpectedChar(_) | Error::Eof => format!("expected a value, found {found}"),
        Error::ExpectedBoolean => format!("expected `true` or `false`, found {found}"),
        Error::ExpectedInteger => format!("expected a whole number, found {found}"),
        Error::ExpectedString => format!("expected text in double quotes, found {found}"),
        Error::ExpectedArray => format!("expected a list in `[…]`, found {found}"),
        Error::ExpectedMap => format!("expected `{{…}}`, found {found}"),
        Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_) => {
            format!("expected options in `(…)`, found {found}")
        }
        other => other.to_string(),
    };
    let (line, column) = match found == END {
        true => end_of(text),
        false => (place.line, place.col),
    };
    Explained { line, column, message, is_notation }
}

/// A line of a text with the one before it, as compilers show them; empty if
/// there is nothing to show. Both places from 1.
pub(super) fn excerpt(text: &str, line: usize, column: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let Some(shown) = lines.get(line.wrapping_sub(1)) else { return String::new() };
    let before = lines[..line - 1].iter().rposition(|line| !line.trim().is_empty());
    let width = line.to_string().len();
    let mut excerpt = String::new();
    // Writing to a string cannot fail.
    for number in before.into_iter().chain([line - 1]) {
        let _ = write!(excerpt, "\n {:>width$} | {}", number + 1, lines[number].trim_end());
    }
    // Tabs are as wide above as below.
    let margin = |letter: char| if letter == '\t' { '\t' } else { ' ' };
    let margin: String = shown.chars().take(column.saturating_sub(1)).map(margin).collect();
    let _ = write!(excerpt, "\n {:>width$} | {margin}^", "");
    excerpt
}

/// Where a text ends.
const END: &str = "the end";

/// Behind the last sign of a text.
fn end_of(text: &str) -> (usize, usize) {
    let text = text.trim_end();
    let last = text.rsplit('\n').next().unwrap_or_default();
    (1 + text.matches('\n').count(), 1 + last.chars().count())
}

/// What follows a place.
fn after(text: &str, line: usize, column: usize) -> &str {
    let Some(line) = line.checked_sub(1) else { return text };
    let start = match line {
        0 => 0,
        _ => text.match_indices('\n').nth(line - 1).map_or(text.len(), |(at, _)| at + 1),
    };
    let rest = &text[start..];
    let offset = rest.char_indices().nth(column.saturating_sub(1));
    offset.map_or("", |(offset, _)| &rest[offset..])
}

/// The name, number, text or sign with which a text begins, in quotes.
fn found(text: &str) -> String {
    let text = text.trim_start();
    let is_word = |letter: char| letter.is_alphanumeric() || "_-+.".contains(letter);
    let len = match text.chars().next() {
        None => return END.to_owned(),
        Some('"') => text[1..].find(['"', '\n']).map_or(text.len(), |at| at + 2),
        Some(first) if is_word(first) => text.find(|letter| !is_word(letter)).unwrap_or(text.len()),
        Some(first) => first.len_utf8(),
    };
    let token = text[..len].trim_end();
    match token.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}…`", &token[..end]),
        None => format!("`{token}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_somewhere_is_named() {
        let text = "a: \"x y\",\n\tb 1.5 /";
        for (line, column, token) in [
            (1, 1, "`a`"),
            (1, 3, "`\"x y\"`"),
            (1, 9, "`,`"),
            (2, 2, "`b`"),
            (2, 4, "`1.5`"),
            (2, 8, "`/`"),
            (2, 9, END),
            (7, 1, END),
        ] {
            assert_eq!(found(after(text, line, column)), token, "{line}:{column}");
        }
        assert_eq!(found(&"x".repeat(50)), format!("`{}…`", "x".repeat(30)));
        assert_eq!(found("\"open\nnext"), "`\"open`");
    }

    #[test]
    fn an_excerpt_has_the_line_before() {
        let text = "(\n\n\ta: 1\n\tb: 2)";
        assert_eq!(excerpt(text, 4, 2), "\n 3 | \ta: 1\n 4 | \tb: 2)\n   | \t^");
        assert_eq!(excerpt(text, 1, 1), "\n 1 | (\n   | ^");
        assert_eq!(excerpt(text, 9, 1), "");
    }
}
