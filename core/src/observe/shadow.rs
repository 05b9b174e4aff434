//! What shadows do: strategies that are tried on live challenges and never
//! submit anything.

use serde::Serialize;
use spacetime_protocol::Challenge;

/// How a shadow deals with challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShadowHow {
    /// By a simulation at the rates of the live scan.
    Simulated,
    /// By reading in the time that the live scan left.
    Read,
}

/// How a shadow did at a challenge, beside the live strategy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadowScan {
    /// Its name.
    pub shadow: String,
    /// What it was scored against.
    pub challenge: Challenge,
    /// What the rest is from.
    pub how: ShadowHow,
    /// Leaves scanned.
    pub scanned: u64,
    /// Leaves owned.
    pub leaves: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What it took, milliseconds.
    pub scan_ms: u64,
    /// Whether the time was over before its plans were complete.
    pub missed: bool,
    /// The chance that as many leaves as it scanned win.
    pub chance: f64,
    /// The same for the live strategy.
    pub live_chance: f64,
    /// Whether it found a leaf that wins; simulated: the one that the live scan
    /// found.
    pub wins: bool,
    /// Whether the live scan did.
    pub live_wins: bool,
}

/// What a shadow did over a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadowTotals {
    /// Its name.
    pub shadow: String,
    /// Challenges that it dealt with.
    pub challenges: u64,
    /// Those whose time was over before its plans were complete.
    pub missed: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The sum of its chances.
    pub expected_wins: f64,
    /// The live strategy's, of the same challenges.
    pub live_expected_wins: f64,
    /// Challenges at which it found a leaf that wins.
    pub wins: u64,
    /// Challenges of the same ones at which the live scan did.
    pub live_wins: u64,
}

impl ShadowTotals {
    /// Nothing yet.
    pub(crate) fn of(shadow: String) -> Self {
        Self {
            shadow,
            challenges: 0,
            missed: 0,
            bytes: 0,
            expected_wins: 0.0,
            live_expected_wins: 0.0,
            wins: 0,
            live_wins: 0,
        }
    }

    pub(crate) fn add(&mut self, scan: &ShadowScan) {
        self.challenges += 1;
        self.missed += u64::from(scan.missed);
        self.bytes = self.bytes.saturating_add(scan.bytes);
        self.expected_wins += scan.chance;
        self.live_expected_wins += scan.live_chance;
        self.wins += u64::from(scan.wins);
        self.live_wins += u64::from(scan.live_wins);
    }
}
