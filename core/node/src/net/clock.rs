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

/// How far a [`Clock`] is ahead of the system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ahead {
    /// Time that is taken as passed, ms.
    pub passed_ms: u64,
    /// How far it is set forward beside that, ms.
    pub set_ms: u64,
}

/// What a hub takes for the time: the system's, or one that its owner has put
/// forward, so that nobody waits for what takes minutes to see it.
///
/// It is two clocks: one tells the chain's time and may be set; the other tells
/// how long something lasts, and is never set.
#[derive(Clone, Debug)]
pub struct Clock {
    ahead: watch::Receiver<Ahead>,
}

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self { ahead: watch::channel(Ahead::default()).1 }
    }

    /// So far ahead of the system's as was sent last.
    pub fn ahead_by(ahead: watch::Receiver<Ahead>) -> Self {
        Self { ahead }
    }

    /// Unix milliseconds, as blocks and transactions have them.
    pub fn now_ms(&self) -> u64 {
        let Ahead { passed_ms, set_ms } = *self.ahead.borrow();
        now_ms().saturating_add(passed_ms).saturating_add(set_ms)
    }

    /// Unix seconds.
    pub(super) fn now(&self) -> u64 {
        self.now_ms() / 1000
    }

    /// Unix milliseconds as they would be had no clock been set: by these a
    /// connection, a limit and a ban are timed.
    pub(super) fn steady_ms(&self) -> u64 {
        steady_ms().saturating_add(self.ahead.borrow().passed_ms)
    }

    /// A moment of the chain's time, as the clock that is never set has it if
    /// none is set until then.
    pub(super) fn steady_at(&self, moment_ms: u64) -> u64 {
        self.steady_ms().saturating_add(moment_ms).saturating_sub(self.now_ms())
    }

    /// Waits until a moment of the chain's time, Unix ms.
    pub(super) async fn until_ms(&self, moment_ms: u64) {
        self.until(|| moment_ms.saturating_sub(self.now_ms())).await;
    }

    /// Waits until a moment of the clock that is never set, Unix ms.
    pub(super) async fn until_steady_ms(&self, moment_ms: u64) {
        self.until(|| moment_ms.saturating_sub(self.steady_ms())).await;
    }

    /// Waits so long.
    pub(super) async fn pass(&self, wait: Duration) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.until_steady_ms(self.steady_ms().saturating_add(wait_ms)).await;
    }

    /// Waits until nothing is left; looks once a minute, so that a clock that
    /// is set does not matter for long.
    async fn until(&self, left_ms: impl Fn() -> u64) {
        let mut ahead = self.ahead.clone();
        loop {
            ahead.mark_unchanged();
            let left_ms = left_ms().min(60_000);
            if left_ms == 0 {
                return;
            }
            tokio::select! {
                () = sleep(Duration::from_millis(left_ms)) => {}
                Ok(()) = ahead.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    #[tokio::test]
    async fn waiting_ends_when_the_time_has_passed_and_not_when_a_clock_is_set() {
        let (ahead, clock) = watch::channel(Ahead::default());
        let clock = Clock::ahead_by(clock);
        let (passing, until) = (clock.clone(), clock.clone());
        let moment = clock.now_ms() + HOUR_MS;
        let waiting =
            tokio::spawn(async move { passing.pass(Duration::from_millis(HOUR_MS)).await });
        let awaiting = tokio::spawn(async move { until.until_ms(moment).await });
        // They read the clock before that is put forward.
        tokio::task::yield_now().await;
        ahead.send_modify(|ahead| ahead.passed_ms += HOUR_MS / 2);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished() && !awaiting.is_finished());
        ahead.send_modify(|ahead| ahead.set_ms += HOUR_MS / 2);
        awaiting.await.unwrap();
        assert!(!waiting.is_finished());
        ahead.send_modify(|ahead| ahead.passed_ms += HOUR_MS / 2);
        waiting.await.unwrap();
        assert!(clock.now_ms() >= now_ms() + HOUR_MS + HOUR_MS / 2 - 1000);
    }

    #[test]
    fn a_moment_is_as_far_off_by_either_clock() {
        let ahead = Ahead { passed_ms: 5, set_ms: HOUR_MS };
        let clock = Clock::ahead_by(watch::channel(ahead).1);
        let (moment, steady) = (clock.now_ms() + 30_000, clock.steady_ms());
        let left = clock.steady_at(moment).saturating_sub(steady);
        assert!((29_000..=30_000).contains(&left), "{left}");
        assert!(clock.steady_at(clock.now_ms() - 10_000) < clock.steady_ms());
    }
}
