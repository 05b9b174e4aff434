//! The time, as the wire and the chain have it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until};

/// Unix milliseconds; 0 before 1970.
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Unix seconds.
pub(super) fn now() -> u64 {
    now_ms() / 1000
}

/// Waits until a moment in Unix milliseconds; at most a minute at once, so
/// that a clock that is set does not matter for long.
pub(super) async fn until_ms(moment: u64) {
    let wait = moment.saturating_sub(now_ms()).min(60_000);
    sleep_until(Instant::now() + Duration::from_millis(wait)).await;
}
