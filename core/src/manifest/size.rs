//! Sizes as people write them: `64MiB`, `1.5 TB`, `4096`.

/// Factors of the units, in bytes; without a unit, bytes.
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
    ("TIB", 1 << 40),
];

/// Reads a size in bytes: a number with at most one decimal point and a unit.
///
/// # Errors
///
/// A sentence with the known units.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let refused = || {
        format!(
            "`{text}` is not a size: a number with B, KB, MB, GB, TB (powers of 1000) or \
             KiB, MiB, GiB, TiB (powers of 1024), such as 64MiB"
        )
    };
    let digits = text.trim().find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.trim().split_at(digits.unwrap_or(text.trim().len()));
    let unit = unit.trim().to_uppercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().map_err(|_| refused())?;
    let bytes = whole.checked_mul(*factor).ok_or_else(refused)?;
    bytes.checked_add(part(fraction, *factor).ok_or_else(refused)?).ok_or_else(refused)
}

/// The decimal fraction of a unit, rounded down.
fn part(digits: &str, factor: u64) -> Option<u64> {
    let scale = 10u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
    let numerator: u128 = digits.parse().ok()?;
    u64::try_from(numerator.checked_mul(u128::from(factor))? / scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size(" 1.5 tb "), Ok(1_500_000_000_000));
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("0.1KiB"), Ok(102));
        assert_eq!(parse_size("16777215TiB"), Ok(16_777_215 << 40));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "MiB", "-1", "1..2MB", "1e3", "5 parsecs", "16777216TiB", "1.2.3", "."] {
            assert!(parse_size(text).unwrap_err().contains("such as 64MiB"), "{text}");
        }
    }
}
