//! What shadows make of the challenges, told and added up.

use super::State;
use crate::{
    engine::event::Now,
    observe::{Detail, ShadowScan},
};

impl State {
    /// A shadow has dealt with a challenge.
    pub(super) fn shadowed(&mut self, epoch: u64, height: u64, scan: ShadowScan, now: Now) {
        let totals = self.shadows.iter_mut().find(|totals| totals.shadow == scan.shadow);
        if let Some(totals) = totals {
            totals.add(&scan);
        }
        self.tell(now, Some(epoch), Some(height), Detail::Shadow(scan));
    }
}
