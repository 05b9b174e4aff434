//! A stream of byte strings on stdin, a verdict for each on stdout: no line
//! stops it, and each is answered before the next one is waited for.

use std::io::{self, BufRead, Write};

use serde::Deserialize;
use spacetime_protocol::wire::MAX_FRAME;

use super::{Refused, Verdict, decode, kinds::Kind};
use crate::cli::{Exit, Failure};

/// The longest line: the largest frame in hexadecimal, and its kind.
const MAX_LINE: usize = 2 * MAX_FRAME + 4096;
/// Bytes that are read from stdin at a time.
const READ_BYTES: usize = 1 << 20;

/// A line that names its kind.
#[derive(Deserialize)]
struct Named {
    kind: Option<String>,
    hex: String,
}

pub(super) fn run(default: Option<Kind>) -> Result<(), Failure> {
    let mut input = io::BufReader::with_capacity(READ_BYTES, io::stdin().lock());
    let mut verdicts = io::BufWriter::new(io::stdout().lock());
    let mut line = Vec::new();
    loop {
        let next = next_line(&mut input, &mut line).map_err(|error| {
            Failure::new(Exit::Internal, format_args!("cannot read stdin: {error}"))
        })?;
        let verdict = match next {
            Next::End => break,
            Next::Line => answer(default, &line),
            Next::TooLong => {
                refused(format!("the line is longer than {MAX_LINE} bytes"), MAX_LINE, "line")
            }
        };
        write(&mut verdicts, &verdict, input.buffer().is_empty())
            .map_err(|error| Failure::output(&error))?;
    }
    verdicts.flush().map_err(|error| Failure::output(&error))
}

/// Writes a line; at once where the next one has not come yet.
fn write(to: &mut impl Write, verdict: &Verdict, is_waiting: bool) -> io::Result<()> {
    serde_json::to_writer(&mut *to, verdict)?;
    to.write_all(b"\n")?;
    if is_waiting { to.flush() } else { Ok(()) }
}

fn answer(default: Option<Kind>, line: &[u8]) -> Verdict {
    let line = line.trim_ascii();
    if !line.starts_with(b"{") {
        let Some(kind) = default else {
            return refused("it is no JSON object with `kind` and `hex`".to_owned(), 0, "line");
        };
        return decode(kind, line);
    }
    let named: Named = match serde_json::from_slice(line) {
        Ok(named) => named,
        Err(error) => {
            let at = error.column().saturating_sub(1);
            return refused(format!("it is not as expected: {error}"), at, "line");
        }
    };
    let kind = match named.kind.map(|name| name.parse::<Kind>()) {
        Some(Ok(kind)) => kind,
        Some(Err(error)) => return refused(error, 0, "kind"),
        None => match default {
            Some(kind) => kind,
            None => return refused("the line names none".to_owned(), 0, "kind"),
        },
    };
    decode(kind, named.hex.as_bytes())
}

fn refused(error: String, offset: usize, field: &'static str) -> Verdict {
    Verdict::Refused(Refused { ok: false, kind: None, error, offset, field })
}

enum Next {
    Line,
    /// It is read past, and nothing of it kept.
    TooLong,
    End,
}

/// Reads the next line, of which no more is kept than may be.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Next> {
    line.clear();
    let (mut is_long, mut is_there) = (false, false);
    loop {
        let bytes = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        is_there |= !bytes.is_empty();
        is_long |= line.len() + part.len() > MAX_LINE;
        if is_long {
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let is_over = end.is_some() || bytes.is_empty();
        let read = part.len() + usize::from(end.is_some());
        input.consume(read);
        if is_over {
            return Ok(match (is_there, is_long) {
                (false, _) => Next::End,
                (true, true) => Next::TooLong,
                (true, false) => Next::Line,
            });
        }
    }
}
