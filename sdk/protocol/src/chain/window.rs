//! When an epoch is scanned for (our decision on empty epochs).

use crate::{
    header::BlockHeader,
    network::{EmptyEpochs, Network},
};

/// When an epoch is scanned for, Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The epoch.
    pub epoch: u64,
    /// When its scan begins; 0, at once, on `none` networks.
    pub begins_ms: u64,
    /// When its scan ends and its block may be published; `None`: no end (`none` networks).
    pub ends_ms: Option<u64>,
}

/// The window on a tip at a moment: the epoch that is being scanned for and when its block may be
/// published. `now_ms`: Unix milliseconds.
///
/// On `advance` networks, with L = `epoch_seconds` and a tip of timestamp t and epoch p, it is the
/// `k = floor(max(0, now - t) / L) + 1`st on this tip: epoch `p + k`, from `t + (k - 1) L` to
/// `t + k L`. A tip ahead of the clock gives a window that is yet to begin.
pub fn window(network: &Network, tip: &BlockHeader, now_ms: u64) -> Window {
    match network.empty_epochs {
        EmptyEpochs::None => {
            Window { epoch: tip.height.saturating_add(1), begins_ms: 0, ends_ms: None }
        }
        EmptyEpochs::Advance => {
            let length = network.epoch_seconds.saturating_mul(1000).max(1);
            let tip_ms = tip.timestamp.saturating_mul(1000);
            let before = now_ms.saturating_sub(tip_ms) / length;
            let begins_ms = tip_ms.saturating_add(before.saturating_mul(length));
            Window {
                epoch: tip.epoch.saturating_add(before).saturating_add(1),
                begins_ms,
                ends_ms: Some(begins_ms.saturating_add(length)),
            }
        }
    }
}
