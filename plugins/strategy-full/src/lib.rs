//! The strategy `full`: every leaf, in order.

#![deny(unsafe_code)]

use spacetime_sdk::{Job, Plan, Plot, Result, Spans, Strategy, tracing};

/// Leaves per span. The host merges and splits spans as its buffers need.
const SPAN: u64 = 1 << 20;

struct Full {
    next: u64,
    end: u64,
}

impl Strategy for Full {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        tracing::debug!("FullScan");
        Ok(Self { next: 0, end: 0 })
    }

    fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {
        (self.next, self.end) = (0, plot.leaf_count);
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        while self.next < self.end {
            let len = SPAN.min(self.end - self.next);
            if !spans.push(self.next, len) {
                return Ok(Plan::More);
            }
            self.next += len;
        }
        Ok(Plan::Done)
    }
}

spacetime_sdk::export_plugin! {
    strategy "full": Full, "Every leaf, in order";
}
