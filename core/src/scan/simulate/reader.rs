//! One reader of a simulated scan: plot after plot of its drive, a read at a
//! time.

use spacetime_sdk_loader::abi::Span;

use super::stage::Stage;
use crate::scan::{
    ReadError,
    gather::{Batch, Gather, Ground, LONG_SPAN, Piece, READ_LEAVES},
    planner::{Abandoned, Plan, Planner, Step, Visitor},
    watch::Seat,
};

/// A reader.
pub(super) struct Reader<'s> {
    stage: &'s Stage<'s>,
    drive: u64,
    clock: u64,
    at: Option<At<'s>>,
    done: bool,
}

/// The plot that it is at.
struct At<'s> {
    plan: Plan,
    gather: Gather<Drive<'s>>,
    /// The span of the plan's that comes next, and leaves of it that are read.
    span: usize,
    read: u64,
}

impl<'s> Reader<'s> {
    pub(super) fn new(stage: &'s Stage<'s>, drive: u64) -> Self {
        Self { stage, drive, clock: 0, at: None, done: false }
    }

    /// How far it has come.
    pub(super) fn clock(&self) -> u64 {
        self.clock
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Reads on, for about one read.
    pub(super) fn step(&mut self, planner: &Planner, seat: &Seat) -> Result<(), Abandoned> {
        self.stage.go_to(self.clock);
        match &mut self.at {
            None => match self.stage.next_of(self.drive) {
                Some(plot) => self.at = Some(At::new(self.stage, plot, planner, seat)?),
                None => self.done = true,
            },
            Some(at) => {
                if !at.step(self.stage, planner, seat)?
                    && let Some(at) = self.at.take()
                {
                    let overlap = at.gather.overlap();
                    at.gather.finish();
                    planner.end(at.plan, overlap);
                }
            }
        }
        self.clock = self.stage.now();
        Ok(())
    }

    /// Ends it, wherever it is.
    pub(super) fn end(self, planner: &Planner) {
        if let Some(at) = self.at {
            planner.end(at.plan, at.gather.overlap());
        }
    }
}

impl<'s> At<'s> {
    fn new(
        stage: &'s Stage<'s>,
        plot: usize,
        planner: &Planner,
        seat: &Seat,
    ) -> Result<Self, Abandoned> {
        let plan = planner.begin(stage, plot, seat)?;
        let number = stage.plan_of(plot);
        let drive = Drive { stage, plot, plan: number, has_buffer: false, next: None };
        Ok(Self { plan, gather: Gather::new(drive), span: 0, read: 0 })
    }

    /// Whether there is more to do.
    fn step(
        &mut self,
        stage: &Stage<'_>,
        planner: &Planner,
        seat: &Seat,
    ) -> Result<bool, Abandoned> {
        if let Some(piece) = self.next_piece() {
            return Ok(self.gather.visit(piece));
        }
        (self.span, self.read) = (0, 0);
        match planner.next(&mut self.plan, stage, seat)? {
            Step::Spans => self.gather.set_batch(self.plan.batch()),
            Step::StartOver => {
                self.gather.start_over();
                self.span = self.plan.spans().len();
            }
            Step::Done => return Ok(false),
        }
        Ok(true)
    }

    /// The next piece of the plan's spans: none so long that other readers
    /// would have to wait for this one.
    fn next_piece(&mut self) -> Option<Span> {
        let span = self.plan.spans().get(self.span)?;
        let rest = span.len - self.read;
        let start = span.start + self.read;
        if rest < READ_LEAVES + LONG_SPAN {
            (self.span, self.read) = (self.span + 1, 0);
            return Some(Span { start, len: rest });
        }
        self.read += READ_LEAVES;
        Some(Span { start, len: READ_LEAVES })
    }
}

/// A plot on a drive that takes its time.
struct Drive<'s> {
    stage: &'s Stage<'s>,
    plot: usize,
    /// Which plan the batches belong to.
    plan: u64,
    has_buffer: bool,
    /// Where the last read ended.
    next: Option<u64>,
}

impl Drive<'_> {
    fn read(&mut self, first: u64, leaves: u64) {
        self.stage.read(self.plot, leaves, self.next != Some(first));
        self.next = Some(first + leaves);
    }
}

impl Ground for Drive<'_> {
    fn wants(&self, _: u64) -> bool {
        self.stage.now() < self.stage.end()
    }

    fn take_budget(&self, leaves: u64) -> u64 {
        self.stage.take_budget(leaves)
    }

    fn limit(&self) -> u64 {
        self.stage.limit_of(self.plot)
    }

    fn provide(&mut self) -> bool {
        self.has_buffer = self.has_buffer || self.stage.take_buffer();
        self.has_buffer
    }

    fn read_run(&mut self, first: u64, leaves: u64) -> Result<(), ReadError> {
        self.read(first, leaves);
        Ok(())
    }

    fn put(&mut self, piece: Piece) -> Result<(), ReadError> {
        if !piece.of_run {
            self.read(piece.first, piece.leaves);
        }
        Ok(())
    }

    fn send(&mut self, batch: Batch) {
        self.stage.send(self.plot, self.plan, &batch);
        self.has_buffer = false;
    }

    fn put_back(&mut self) {
        if std::mem::take(&mut self.has_buffer) {
            self.stage.put_back_buffer();
        }
    }

    fn start_over(&mut self) {
        self.plan = self.stage.start_over(self.plot);
    }
}
