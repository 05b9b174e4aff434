//! The strategy `second-half-first`.

use spacetime_sdk::{Job, Plan, Plot, Result, Spans, Strategy};

struct SecondHalfFirst(Vec<(u64, u64)>);

impl Strategy for SecondHalfFirst {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self(Vec::new()))
    }

    fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {
        let half = plot.leaf_count / 2;
        self.0 = vec![(0, half), (half, plot.leaf_count - half)];
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        self.0.retain(|(_, len)| *len > 0);
        while self.0.pop_if(|(start, len)| spans.push(*start, *len)).is_some() {}
        Ok(if self.0.is_empty() { Plan::Done } else { Plan::More })
    }
}

spacetime_sdk::export_plugin! { strategy "second-half-first": SecondHalfFirst, "Second half first"; }
