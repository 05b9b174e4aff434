//! The time, as the wire and the chain have it.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;
use tokio::time::sleep;

/// Unix milliseconds; 0 before 1970.
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Unix milliseconds as they would be had the system's clock not been set since
/// this was first asked: for what lasts so long, whatever happens to that clock.
pub fn steady_ms() -> u64 {
    static BEGAN: LazyLock<(u64, Instant)> = LazyLock::new(|| (now_ms(), Instant::now()));
    let (began_ms, began) = *BEGAN;
    let since_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    began_ms.saturating_add(since_ms)
}

/// What a hub takes for the time: the system's, or one that its owner has put
/// forward, so that nobody waits for what takes minutes to see it.
#[derive(Clone, Debug)]
pub struct Clock {
    ahead_ms: watch::Receiver<u64>,
}

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self { ahead_ms: watch::channel(0).1 }
    }

    /// So many milliseconds ahead of the system's as was sent last.
    pub fn ahead_by(ahead_ms: watch::Receiver<u64>) -> Self {
        Self { ahead_ms }
    }

    /// Unix milliseconds.
    pub fn now_ms(&self) -> u64 {
        now_ms().saturating_add(*self.ahead_ms.borrow())
    }

    /// Unix seconds.
    pub(super) fn now(&self) -> u64 {
        self.now_ms() / 1000
    }

    /// Waits until a moment in Unix milliseconds; at most a minute at once, so
    /// that a clock that is set does not matter for long.
    pub(super) async fn until_ms(&self, moment: u64) {
        let mut ahead_ms = self.ahead_ms.clone();
        let ahead = *ahead_ms.borrow_and_update();
        let wait = moment.saturating_sub(now_ms().saturating_add(ahead)).min(60_000);
        tokio::select! {
            () = sleep(Duration::from_millis(wait)) => {}
            Ok(()) = ahead_ms.changed() => {}
        }
    }

    /// Waits so long by this clock.
    pub(super) async fn pass(&self, wait: Duration) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let until_ms = self.now_ms().saturating_add(wait_ms);
        while self.now_ms() < until_ms {
            self.until_ms(until_ms).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_when_the_clock_is_put_forward() {
        let (ahead_ms, clock) = watch::channel(0);
        let clock = Clock::ahead_by(clock);
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.pass(Duration::from_secs(3600)).await }
        });
        // It reads the clock before that is put forward.
        tokio::task::yield_now().await;
        ahead_ms.send(1_800_000).unwrap();
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        ahead_ms.send(3_600_000).unwrap();
        waiting.await.unwrap();
        assert!(clock.now_ms() >= now_ms() + 3_600_000 - 1000);
    }
}
