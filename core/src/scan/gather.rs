//! From the spans of a plan to reads and batches: short spans close to each
//! other are read at once, long ones in pieces, and leaves are gathered until a
//! batch is full. Does not read anything itself.

use super::{
    ReadError,
    buffer::BUFFER_BYTES,
    distinct::Distinct,
    planner::{Overlap, Visitor},
};
use spacetime_protocol::Leaf;
use spacetime_sdk_loader::abi::Span;

/// Leaves of a whole buffer.
pub(super) const BUFFER_LEAVES: u64 = (BUFFER_BYTES / Leaf::SIZE) as u64;

/// Leaves of one read: so many that a read costs more than its call, so few
/// that a cancel is seen within milliseconds even on a slow drive.
pub(super) const READ_LEAVES: u64 = (256 << 10) / Leaf::SIZE as u64;

/// Spans of at least so many leaves are read by themselves.
pub(super) const LONG_SPAN: u64 = (16 << 10) / Leaf::SIZE as u64;

/// Gaps of up to so many leaves are read over: no drive finds another place
/// faster than it reads 64 KiB.
const GAP: u64 = (64 << 10) / Leaf::SIZE as u64;

/// Spans of one buffer, which bounds the memory of plans of single leaves.
const BUFFER_SPANS: usize = 8192;

/// Where leaves are read from and batches go to.
pub(super) trait Ground {
    /// Whether this batch of the plot is wanted.
    fn wants(&self, batch: u64) -> bool;
    /// Takes leaves from the scan's budget; how many there were.
    fn take_budget(&self, leaves: u64) -> u64;
    /// What is left of the plot's own limit, in leaves, for a plan that begins.
    fn limit(&self) -> u64;
    /// Sees to it that there is a buffer to put leaves into; whether there is.
    fn provide(&mut self) -> bool;
    /// How many of these leaves are read at once, if nothing is in the buffer.
    fn at_once(&mut self, first: u64, leaves: u64) -> u64 {
        let _ = first;
        leaves.min(READ_LEAVES)
    }
    /// Reads a run of leaves, some of which are wanted.
    fn read_run(&mut self, first: u64, leaves: u64) -> Result<(), ReadError>;
    /// Puts leaves into the buffer.
    fn put(&mut self, piece: Piece) -> Result<(), ReadError>;
    /// Hands on what is in the buffer.
    fn send(&mut self, batch: Batch);
    /// Puts an unused buffer back.
    fn put_back(&mut self);
    /// The plan begins anew: what was scanned does not count.
    fn start_over(&mut self);
}

/// Leaves on their way into a buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece {
    pub(super) first: u64,
    pub(super) leaves: u64,
    /// Leaves that are in the buffer.
    pub(super) at: u64,
    /// Whether they are of the run that was read last, or have yet to be read.
    pub(super) of_run: bool,
    /// Whether they make the batch full.
    pub(super) fills: bool,
}

/// What was gathered.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Counted from 0 for each plot.
    pub(super) number: u64,
    pub(super) leaves: u64,
    /// Those of them that the plan has not had before.
    pub(super) fresh: u64,
    /// Which leaves they are: (first leaf, number of leaves) in order.
    pub(super) spans: Vec<(u64, u64)>,
}

/// Gathers the leaves of one plot.
pub(super) struct Gather<G> {
    ground: G,
    batch: Batch,
    /// Short spans close to each other, to be read at once.
    run: Vec<Span>,
    /// What is left of the plot's own limit, in leaves.
    left: u64,
    /// The most leaves that are read and handed on at a time.
    most: u64,
    /// What the plan has had.
    had: Distinct,
    overlap: Option<Overlap>,
    failure: Option<ReadError>,
}

impl<G: Ground> Gather<G> {
    pub(super) fn new(ground: G) -> Self {
        Self {
            left: ground.limit(),
            ground,
            batch: Batch::default(),
            run: Vec::new(),
            most: BUFFER_LEAVES,
            had: Distinct::default(),
            overlap: None,
            failure: None,
        }
    }

    /// Sends what is left; what went wrong, if something did.
    pub(super) fn finish(mut self) -> Option<ReadError> {
        if self.failure.is_none()
            && let Err(error) = self.read_run()
        {
            self.failure = Some(error);
        }
        self.send();
        self.failure
    }

    /// Takes a span into the run, or reads what there is.
    fn add(&mut self, span: Span) -> Result<bool, ReadError> {
        if !self.continues_run(span) && !self.read_run()? {
            return Ok(false);
        }
        if self.is_long(span) {
            return self.put(span, false);
        }
        self.run.push(span);
        Ok(self.ground.wants(self.batch.number))
    }

    fn continues_run(&self, span: Span) -> bool {
        let (Some(first), Some(last)) = (self.run.first(), self.run.last()) else { return true };
        let end = last.start + last.len;
        !self.is_long(span)
            && span.start >= end
            && span.start - end <= GAP
            && span.start + span.len - first.start <= READ_LEAVES.min(self.most)
    }

    fn is_long(&self, span: Span) -> bool {
        span.len >= LONG_SPAN.min(self.most)
    }

    /// Reads the run with one call, and keeps the leaves that were planned.
    fn read_run(&mut self) -> Result<bool, ReadError> {
        let run = std::mem::take(&mut self.run);
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(true) };
        if !self.ground.wants(self.batch.number) {
            return Ok(false);
        }
        self.ground.read_run(first.start, last.start + last.len - first.start)?;
        let mut more = true;
        for span in &run {
            more = self.put(*span, true)?;
            if !more {
                break;
            }
        }
        self.run = run;
        self.run.clear();
        Ok(more)
    }

    /// Puts the leaves of a span into buffers, a piece at a time.
    fn put(&mut self, span: Span, of_run: bool) -> Result<bool, ReadError> {
        let (mut first, mut rest) = (span.start, span.len);
        while rest > 0 {
            if self.left == 0 {
                return Ok(self.cut_off());
            }
            if !self.ground.wants(self.batch.number) || !self.ground.provide() {
                return Ok(false);
            }
            let at = self.batch.leaves;
            let fit = rest.min(self.most - at).min(self.left);
            let fit = match (of_run, at) {
                (true, _) => fit,
                (false, 0) => self.ground.at_once(first, fit),
                (false, _) => fit.min(READ_LEAVES),
            };
            let leaves = self.ground.take_budget(fit);
            if leaves == 0 {
                return Ok(self.cut_off());
            }
            let fills = at + leaves >= self.most;
            let put = self.ground.put(Piece { first, leaves, at, of_run, fills });
            if put.is_ok() {
                let fresh = self.count(first, leaves);
                self.batch.add(first, leaves, fresh);
            }
            let full = self.batch.is_full(self.most);
            put?;
            if full {
                self.send();
            }
            self.left -= leaves;
            (first, rest) = (first + leaves, rest - leaves);
        }
        Ok(true)
    }

    /// How many of these leaves the plan has not had before.
    fn count(&mut self, first: u64, leaves: u64) -> u64 {
        let is_sure = self.had.is_exact();
        let added = self.had.add(first, leaves);
        if let Some(leaf) = added.again.filter(|_| is_sure) {
            let new = Overlap { leaf, leaves: 0, cuts_off: false };
            self.overlap.get_or_insert(new).leaves += leaves - added.fresh;
        }
        added.fresh
    }

    /// No more leaves may be scanned, though the plan has more: `false`.
    fn cut_off(&mut self) -> bool {
        if let Some(overlap) = &mut self.overlap {
            overlap.cuts_off = true;
        }
        false
    }

    /// Sends what has been gathered.
    fn send(&mut self) {
        if self.batch.leaves == 0 {
            return self.ground.put_back();
        }
        let next = Batch { number: self.batch.number + 1, ..Batch::default() };
        let batch = std::mem::replace(&mut self.batch, next);
        self.ground.send(batch);
    }
}

impl<G: Ground> Visitor for Gather<G> {
    fn set_batch(&mut self, leaves: Option<u64>) {
        self.most = leaves.map_or(BUFFER_LEAVES, |leaves| leaves.clamp(1, BUFFER_LEAVES));
        if self.batch.is_full(self.most) {
            self.send();
        }
    }

    fn visit(&mut self, span: Span) -> bool {
        match self.add(span) {
            Ok(more) => more,
            Err(error) => {
                self.failure = Some(error);
                false
            }
        }
    }

    fn start_over(&mut self) {
        // What was read under the old plan stays scanned, but does not count
        // as covered twice.
        self.run.clear();
        self.send();
        self.ground.start_over();
        self.left = self.ground.limit();
        self.most = BUFFER_LEAVES;
        (self.had, self.overlap) = (Distinct::default(), None);
    }

    fn overlap(&self) -> Option<Overlap> {
        self.overlap
    }
}

impl Batch {
    fn add(&mut self, first: u64, len: u64, fresh: u64) {
        self.leaves += len;
        self.fresh += fresh;
        match self.spans.last_mut() {
            Some((start, length)) if *start + *length == first => *length += len,
            _ => self.spans.push((first, len)),
        }
    }

    fn is_full(&self, most: u64) -> bool {
        self.leaves >= most || self.spans.len() == BUFFER_SPANS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps how many leaves of each batch are there, and how many are fresh.
    #[derive(Default)]
    struct Kept {
        limit: u64,
        batches: std::rc::Rc<std::cell::RefCell<Vec<(u64, u64)>>>,
    }

    impl Ground for Kept {
        fn wants(&self, _: u64) -> bool {
            true
        }
        fn take_budget(&self, leaves: u64) -> u64 {
            leaves
        }
        fn limit(&self) -> u64 {
            self.limit
        }
        fn provide(&mut self) -> bool {
            true
        }
        fn read_run(&mut self, _: u64, _: u64) -> Result<(), ReadError> {
            Ok(())
        }
        fn put(&mut self, _: Piece) -> Result<(), ReadError> {
            Ok(())
        }
        fn send(&mut self, batch: Batch) {
            self.batches.borrow_mut().push((batch.leaves, batch.fresh));
        }
        fn put_back(&mut self) {}
        fn start_over(&mut self) {}
    }

    /// What becomes of spans where so many leaves may be scanned: whether all
    /// were wanted, the batches, and the overlap.
    fn gather(limit: u64, spans: &[(u64, u64)]) -> (bool, Vec<(u64, u64)>, Option<Overlap>) {
        let ground = Kept { limit, ..Kept::default() };
        let batches = ground.batches.clone();
        let mut gather = Gather::new(ground);
        let all = spans.iter().all(|(start, len)| gather.visit(Span { start: *start, len: *len }));
        // The last run is read only now.
        gather.read_run().unwrap();
        let overlap = gather.overlap();
        assert_eq!(gather.finish(), None);
        (all, batches.take(), overlap)
    }

    #[test]
    fn leaves_that_are_planned_again_are_not_fresh() {
        let (all, batches, overlap) = gather(u64::MAX, &[(0, 5000), (4000, 2000), (100, 3)]);
        assert!(all);
        assert_eq!(batches, [(7003, 6000)]);
        assert_eq!(overlap, Some(Overlap { leaf: 4000, leaves: 1003, cuts_off: false }));
        let (_, batches, overlap) = gather(u64::MAX, &[(5000, 5000), (0, 5000)]);
        assert_eq!((batches.as_slice(), overlap), (&[(10_000, 10_000)][..], None));
    }

    #[test]
    fn repeats_that_use_up_what_may_be_scanned_are_told_so() {
        let (all, _, overlap) = gather(10_000, &[(0, 5000), (0, 5000), (5000, 5000)]);
        assert!(!all);
        assert_eq!(overlap, Some(Overlap { leaf: 0, leaves: 5000, cuts_off: true }));
    }
}
