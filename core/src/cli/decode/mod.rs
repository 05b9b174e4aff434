//! `decode`: what bytes of the protocol say, or where and why they say
//! nothing; one byte string, or a stream of them.

mod fields;
mod kinds;
mod lines;

use serde::Serialize;

use self::{
    fields::Fields,
    kinds::{Chosen, Kind},
};
use super::{Exit, Failure, Output};

/// Arguments of `decode`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it is: frame, message, header, block, transaction, block-proof, plot-header or cache;
    /// with a stream also -, where every line names its own
    #[arg(value_name = "KIND")]
    kind: Chosen,
    /// The bytes in hexadecimal [default: -, a stream on stdin: per line {"kind","hex"} or the
    /// bytes alone, of which each is answered with one line of JSON]
    #[arg(value_name = "HEX | -", default_value = "-", hide_default_value = true)]
    hex: String,
}

/// What came of a byte string.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Verdict {
    Decoded(Decoded),
    Refused(Refused),
}

/// Bytes that are what they should be.
#[derive(Debug, Serialize)]
struct Decoded {
    ok: bool,
    kind: Kind,
    /// Bytes there are.
    bytes: usize,
    /// Bytes that were read; the network's own decoder ignores the rest.
    used: usize,
    #[serde(flatten)]
    fields: Fields,
}

/// Bytes that are not.
#[derive(Debug, Serialize)]
struct Refused {
    ok: bool,
    kind: Option<Kind>,
    error: String,
    /// Bytes from the beginning to the field at fault.
    offset: usize,
    field: &'static str,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    if args.hex == "-" {
        return lines::run(args.kind.default());
    }
    let Some(kind) = args.kind.default() else {
        let message = "KIND is - where every line of a stream names its own: name the kind of HEX";
        return Err(Failure::new(Exit::Usage, message));
    };
    // A dump is copied with its spaces and line ends.
    let hex: String = args.hex.split_whitespace().collect();
    match decode(kind, hex.as_bytes()) {
        Verdict::Decoded(decoded) => output.result(&decoded, decoded.table()),
        Verdict::Refused(refused) => {
            let message = format!("this is no {kind}: {refused}");
            output.event(&Verdict::Refused(refused))?;
            Err(Failure::new(Exit::Bytes, message))
        }
    }
}

/// What hexadecimal digits say.
fn decode(kind: Kind, hex: &[u8]) -> Verdict {
    let refuse = |error: String, offset, field| {
        Verdict::Refused(Refused { ok: false, kind: Some(kind), error, offset, field })
    };
    let bytes = match const_hex::decode(hex) {
        Ok(bytes) => bytes,
        Err(error) => {
            let error = format!("the hexadecimal digits cannot be read: {error}");
            return refuse(error, whole_bytes(hex), "hex");
        }
    };
    match kind.decode(&bytes) {
        Ok((fields, used)) => {
            Verdict::Decoded(Decoded { ok: true, kind, bytes: bytes.len(), used, fields })
        }
        Err(wrong) => refuse(wrong.error, wrong.offset, wrong.field),
    }
}

/// How many bytes whole pairs of digits make before one that is none.
fn whole_bytes(hex: &[u8]) -> usize {
    let hex = hex.strip_prefix(b"0x").unwrap_or(hex);
    hex.iter().take_while(|digit| digit.is_ascii_hexdigit()).count() / 2
}

impl Decoded {
    fn table(&self) -> String {
        let rest = self.bytes - self.used;
        let ignored = if rest == 0 { String::new() } else { format!(", {rest} more are ignored") };
        let rows = self.fields.rows();
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let rows = rows.into_iter().map(|(name, value)| format!("\n{name:<width$}  {value}"));
        format!("{} of {} bytes{ignored}{}", self.kind, self.used, rows.collect::<String>())
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}: {}", self.field, self.offset, self.error)
    }
}
