//! Times of the metadata file: UTC, in units of 100 ns since the year 1, as
//! the reference keeps them.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// Units per second.
const PER_SECOND: i64 = 10_000_000;
/// Unix time 0 in units since the year 1.
const UNIX_ZERO: i64 = 62_135_596_800 * PER_SECOND;
/// The end of the year 9999.
const LAST: i64 = 3_155_378_975_999_999_999;
/// The reference reads no more digits of a fraction.
const MOST_DIGITS: usize = 16;

/// A point in time, from the year 1 to 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    /// Now, by the system's clock.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let units = i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX);
        Self(units.saturating_add(UNIX_ZERO).min(LAST))
    }

    /// `yyyyMMddHHmmss`, for names of files.
    pub(crate) fn compact(self) -> String {
        let at = self.calendar();
        let (date, time) = (at.date(), at.time());
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }

    /// `yyyy-MM-dd`, then optionally `THH:mm[:ss[.f…]]` and `Z` or `±hh:mm`;
    /// without a zone it counts as UTC.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let year = digits(&mut rest, 4)?;
        let month = prefixed(&mut rest, '-')?;
        let day = prefixed(&mut rest, '-')?;
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        // The calendar crate knows a year 0, the format does not.
        let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok();
        let date = date.filter(|_| year > 0)?;
        let (mut seconds, mut fraction) = (0, 0);
        if let Some(time) = rest.strip_prefix('T') {
            rest = time;
            (seconds, fraction) = clock(&mut rest)?;
            seconds -= zone(&mut rest)?;
        }
        let start = date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp();
        let units = (start + seconds) * PER_SECOND + UNIX_ZERO + fraction;
        (rest.is_empty() && (0..=LAST).contains(&units)).then_some(Self(units))
    }

    fn calendar(self) -> OffsetDateTime {
        let seconds = (self.0 - UNIX_ZERO).div_euclid(PER_SECOND);
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.calendar().to_offset(UtcOffset::UTC);
        let (date, time) = (at.date(), at.time());
        write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())?;
        write!(f, "T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        let fraction = self.0.rem_euclid(PER_SECOND);
        if fraction != 0 {
            write!(f, ".{}", format!("{fraction:07}").trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Seconds of the day, and the fraction in units.
fn clock(rest: &mut &str) -> Option<(i64, i64)> {
    let hour = digits(rest, 2).filter(|hour| *hour < 24)?;
    let minute = prefixed(rest, ':').filter(|minute| *minute < 60)?;
    let minutes = i64::from(hour) * 60 + i64::from(minute);
    if !rest.starts_with(':') {
        return Some((minutes * 60, 0));
    }
    let second = prefixed(rest, ':').filter(|second| *second < 60)?;
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix('.') {
        let len = after.bytes().take_while(u8::is_ascii_digit).count();
        let (found, after) = after.split_at(len);
        *rest = after;
        if len > MOST_DIGITS {
            return None;
        }
        fraction = format!("{:0<7}", &found[..len.min(7)]).parse().ok()?;
    }
    Some((minutes * 60 + i64::from(second), fraction))
}

/// Seconds that the zone is ahead of UTC.
fn zone(rest: &mut &str) -> Option<i64> {
    let sign = match rest.chars().next() {
        None => return Some(0),
        Some('Z') => {
            *rest = &rest[1..];
            return Some(0);
        }
        Some('+') => 1,
        Some('-') => -1,
        Some(_) => return None,
    };
    *rest = &rest[1..];
    let (hours, minutes) = (digits(rest, 2)?, prefixed(rest, ':')?);
    let ahead = i64::from(hours) * 60 + i64::from(minutes);
    (minutes < 60 && ahead <= 14 * 60).then_some(sign * ahead * 60)
}

/// A separator and two digits.
fn prefixed(rest: &mut &str, separator: char) -> Option<u16> {
    *rest = rest.strip_prefix(separator)?;
    digits(rest, 2)
}

fn digits(rest: &mut &str, count: usize) -> Option<u16> {
    let (number, after) = rest.split_at_checked(count)?;
    *rest = after;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok()).flatten()
}
