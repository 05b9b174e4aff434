//! One component of each kind, each of which does something that can be told
//! from what a host does without it.

use spacetime_sdk::{
    Best, BlockContext, Cancel, Candidate, Engine, Event, Job, Plan, Plot, Policy, Port, Request,
    Result, Selection, Spans, Strategy, Transport, TransportContext, Verdict, async_trait,
    protocol::{Challenge, Score, Target},
};

/// Every n-th leaf, one by one.
struct EveryNth {
    step: u64,
    next: u64,
    end: u64,
}

impl Strategy for EveryNth {
    type Config = u64;

    fn open(step: u64) -> Result<Self> {
        Ok(Self { step, next: 0, end: 0 })
    }

    fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {
        (self.next, self.end) = (0, plot.leaf_count);
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        while self.next < self.end {
            if !spans.push(self.next, 1) {
                return Ok(Plan::More);
            }
            self.next += self.step;
        }
        spacetime_sdk::tracing::info!(self.step, "planned");
        spacetime_sdk::count("plans", 1);
        Ok(Plan::Done)
    }
}

/// Takes the first byte of a leaf for its score.
struct FirstByte;

impl Engine for FirstByte {
    type Config = u64;

    fn open(_: u64) -> Result<Self> {
        Ok(Self)
    }

    fn scan(
        &self,
        _challenge: &Challenge,
        leaves: &[u8],
        _bound: &Target,
        _cancel: Cancel<'_>,
    ) -> Result<Option<Best>> {
        let bytes = leaves.chunks_exact(32).map(|leaf| leaf[0]).enumerate();
        let best = bytes.min_by_key(|(index, byte)| (*byte, *index));
        Ok(best.map(|(index, byte)| Best { index: index as u64, score: Score::new([byte; 32]) }))
    }
}

/// Takes what pays at least so much.
struct AtLeast(u64);

impl Policy for AtLeast {
    type Config = u64;

    fn open(fee: u64) -> Result<Self> {
        Ok(Self(fee))
    }

    fn select(&mut self, _: &BlockContext, candidates: &[Candidate]) -> Result<Selection> {
        let fits = |(at, candidate): (usize, &Candidate)| (candidate.fee >= self.0).then_some(at);
        Ok(Selection::Include(candidates.iter().enumerate().filter_map(fits).collect()))
    }
}

/// Accepts every block.
struct Yes(u64);

#[async_trait]
impl Transport for Yes {
    type Config = u64;

    fn open(number: u64, _context: &TransportContext) -> Result<Self> {
        Ok(Self(number))
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        port.emit(Event::Online { detail: format!("number {}", self.0) }).await?;
        while let Some(request) = port.next_request().await {
            if let Request::SubmitBlock { ticket, .. } = request {
                let (verdict, reason) = (Verdict::Accepted, "yes".to_owned());
                port.emit(Event::Verdict { ticket, verdict, reason }).await?;
            }
        }
        Ok(())
    }
}

spacetime_sdk::export_plugin! {
    strategy "stored": EveryNth, "Every n-th leaf";
    engine "stored": FirstByte, "Takes the first byte for the score";
    policy "stored": AtLeast, "What pays at least n";
    transport "stored": Yes, "Accepts every block";
}
