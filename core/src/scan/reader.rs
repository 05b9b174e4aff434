//! Reads one plot along its plan, gathers leaves into buffers, and hands them
//! to the hashing workers.

use std::{sync::Arc, time::Instant};

use crossbeam_channel::Sender;
use spacetime_protocol::Leaf;
use spacetime_sdk_loader::abi::Span;

use super::{
    ReadError,
    buffer::{BUFFER_BYTES, Buffer, Buffers},
    hasher::Filled,
    job::ScanJob,
    planner::Visitor,
};

const BUFFER_LEAVES: u64 = (BUFFER_BYTES / Leaf::SIZE) as u64;

/// Leaves of one read: so many that a read costs more than its call, so few
/// that a cancel is seen within milliseconds even on a slow drive.
const READ_LEAVES: u64 = (256 << 10) / Leaf::SIZE as u64;

/// Spans of at least so many leaves are read by themselves.
const LONG_SPAN: u64 = (16 << 10) / Leaf::SIZE as u64;

/// Gaps of up to so many leaves are read over: no drive finds another place
/// faster than it reads 64 KiB.
const GAP: u64 = (64 << 10) / Leaf::SIZE as u64;

/// Spans of one buffer, which bounds the memory of plans of single leaves.
const BUFFER_SPANS: usize = 8192;

/// Gathers the leaves of one plot.
pub(super) struct Reader<'a> {
    job: &'a Arc<ScanJob>,
    plot: usize,
    buffers: &'a Buffers,
    filled: &'a Sender<Arc<Filled>>,
    /// Number of the batch that is being gathered.
    number: u64,
    current: Option<Current>,
    /// Short spans close to each other, to be read at once.
    run: Vec<Span>,
    scratch: Vec<u8>,
    /// What is left of the plot's own limit, in leaves.
    left: u64,
    /// The most leaves that are read and handed on at a time.
    batch: u64,
    /// Which plan the batches belong to; a plan that begins anew counts anew.
    plan: u64,
    failure: Option<ReadError>,
}

/// The buffer being filled.
struct Current {
    buffer: Buffer,
    leaves: u64,
    spans: Vec<(u64, u64)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        job: &'a Arc<ScanJob>,
        plot: usize,
        buffers: &'a Buffers,
        filled: &'a Sender<Arc<Filled>>,
    ) -> Self {
        Self {
            job,
            plot,
            buffers,
            filled,
            number: 0,
            current: None,
            run: Vec::new(),
            scratch: Vec::new(),
            left: job.limit_of(plot),
            batch: BUFFER_LEAVES,
            plan: job.plan_of(plot),
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
            return self.read_long(span);
        }
        self.run.push(span);
        Ok(self.job.wants(self.plot, self.number))
    }

    fn continues_run(&self, span: Span) -> bool {
        let (Some(first), Some(last)) = (self.run.first(), self.run.last()) else { return true };
        let end = last.start + last.len;
        !self.is_long(span)
            && span.start >= end
            && span.start - end <= GAP
            && span.start + span.len - first.start <= READ_LEAVES.min(self.batch)
    }

    fn is_long(&self, span: Span) -> bool {
        span.len >= LONG_SPAN.min(self.batch)
    }

    /// Reads the run with one call, and keeps the leaves that were planned.
    fn read_run(&mut self) -> Result<bool, ReadError> {
        let run = std::mem::take(&mut self.run);
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(true) };
        if !self.job.wants(self.plot, self.number) {
            return Ok(false);
        }
        let start = first.start;
        let bytes = (last.start + last.len - start) as usize * Leaf::SIZE;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(bytes, 0);
        self.read(start, &mut scratch)?;
        let mut more = true;
        for span in &run {
            let at = (span.start - start) as usize * Leaf::SIZE;
            let leaves = &scratch[at..at + span.len as usize * Leaf::SIZE];
            let mut from = 0;
            more = self.put(*span, |_, out| {
                out.copy_from_slice(&leaves[from..from + out.len()]);
                from += out.len();
                Ok(())
            })?;
            if !more {
                break;
            }
        }
        (self.scratch, self.run) = (scratch, run);
        self.run.clear();
        Ok(more)
    }

    /// Reads a long span straight into buffers.
    fn read_long(&mut self, span: Span) -> Result<bool, ReadError> {
        let (job, plot) = (self.job, self.plot);
        self.put(span, |first, out| read(job, plot, first, out))
    }

    /// Puts the leaves of a span into buffers, a piece at a time.
    fn put(
        &mut self,
        span: Span,
        mut fill: impl FnMut(u64, &mut [u8]) -> Result<(), ReadError>,
    ) -> Result<bool, ReadError> {
        let (mut first, mut rest) = (span.start, span.len);
        while rest > 0 {
            if self.left == 0 || !self.job.wants(self.plot, self.number) {
                return Ok(false);
            }
            let Some(mut current) = self.take_current() else { return Ok(false) };
            let fit = rest.min(self.batch - current.leaves).min(READ_LEAVES).min(self.left);
            let len = self.job.take_budget(fit);
            if len == 0 {
                self.current = Some(current);
                return Ok(false);
            }
            let at = current.leaves as usize * Leaf::SIZE;
            let out = &mut current.buffer.bytes_mut()[at..at + len as usize * Leaf::SIZE];
            let filled = fill(first, out);
            if filled.is_ok() {
                current.add(first, len);
            }
            let full = current.is_full(self.batch);
            self.current = Some(current);
            filled?;
            if full {
                self.send();
            }
            self.left -= len;
            (first, rest) = (first + len, rest - len);
        }
        Ok(true)
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        read(self.job, self.plot, first, out)
    }

    fn take_current(&mut self) -> Option<Current> {
        if let Some(current) = self.current.take() {
            return Some(current);
        }
        let buffer = self.buffers.take(|| self.job.is_over())?;
        Some(Current { buffer, leaves: 0, spans: Vec::new() })
    }

    /// Sends what has been gathered.
    fn send(&mut self) {
        let Some(current) = self.current.take().filter(|current| current.leaves > 0) else {
            return;
        };
        self.job.open_one();
        let filled = Arc::new(Filled {
            job: self.job.clone(),
            plot: self.plot,
            plan: self.plan,
            number: self.number,
            buffer: current.buffer,
            leaves: current.leaves,
            spans: current.spans,
        });
        self.number += 1;
        // The channel holds all buffers there are, so this does not wait. The
        // workers end only with the scanner.
        if self.filled.send(filled).is_err() {
            self.job.close_one();
        }
    }
}

impl Visitor for Reader<'_> {
    fn set_batch(&mut self, leaves: Option<u64>) {
        self.batch = leaves.map_or(BUFFER_LEAVES, |leaves| leaves.clamp(1, BUFFER_LEAVES));
        if self.current.as_ref().is_some_and(|current| current.is_full(self.batch)) {
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
        self.plan = self.job.start_over(self.plot);
        self.left = self.job.limit_of(self.plot);
        self.batch = BUFFER_LEAVES;
    }
}

impl Current {
    fn add(&mut self, first: u64, len: u64) {
        self.leaves += len;
        match self.spans.last_mut() {
            Some((start, length)) if *start + *length == first => *length += len,
            _ => self.spans.push((first, len)),
        }
    }

    fn is_full(&self, batch: u64) -> bool {
        self.leaves >= batch || self.spans.len() == BUFFER_SPANS
    }
}

fn read(job: &ScanJob, plot: usize, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
    let started = Instant::now();
    job.plots()[plot].read(first, out)?;
    job.drive(plot).rate.add((out.len() / Leaf::SIZE) as u64, started.elapsed());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use crossbeam_channel::{Receiver, unbounded};

    use super::*;
    use crate::scan::{
        Component, Found, LeafSource, Report, Stop,
        drive::Drives,
        tests::{Memory, plots, spec},
    };

    struct Deaf;

    impl Report for Deaf {
        fn best(&self, _: &ScanJob, _: &Found) {}
        fn plot_failed(&self, _: &ScanJob, _: usize, _: &ReadError) {}
        fn component_failed(&self, _: &ScanJob, _: Component, _: &spacetime_sdk_loader::Fault) {}
        fn finished(&self, _: &ScanJob) {}
    }

    fn gather(leaves: u64, spans: &[(u64, u64)]) -> (u64, Vec<u64>) {
        let spans: Vec<_> = spans.iter().map(|(start, len)| (*start, *len, None)).collect();
        gather_in_batches(leaves, &spans)
    }

    /// Reads spans of one plot, each from its start, so many leaves long, with
    /// a wish for the size of batches: how many reads it took, and the leaves,
    /// by index.
    fn gather_in_batches(leaves: u64, spans: &[(u64, u64, Option<u64>)]) -> (u64, Vec<u64>) {
        let (sources, plots) = plots(vec![Memory::new("plot", 0, leaves)]);
        let drives = vec![Drives::default().get(0)];
        let spec = spec(1, Stop::BestOfAll);
        let job = Arc::new(ScanJob::new(spec, plots, drives, Arc::new(Deaf)));
        let buffers = Buffers::new(20).unwrap();
        let (filled, batches) = unbounded();
        let mut reader = Reader::new(&job, 0, &buffers, &filled);
        for (start, len, batch) in spans {
            reader.set_batch(*batch);
            assert!(reader.visit(Span { start: *start, len: *len }));
        }
        assert_eq!(reader.finish(), None);
        (sources[0].reads.load(Ordering::SeqCst), check(&*sources[0], &batches))
    }

    fn check(source: &dyn LeafSource, batches: &Receiver<Arc<Filled>>) -> Vec<u64> {
        let mut indices = Vec::new();
        for (number, batch) in batches.try_iter().enumerate() {
            assert_eq!(batch.number, number as u64);
            let of_batch: Vec<u64> =
                batch.spans.iter().flat_map(|(first, len)| *first..first + len).collect();
            assert_eq!(batch.leaves, of_batch.len() as u64);
            let mut leaf = [0; 32];
            for (position, index) in of_batch.iter().enumerate() {
                source.read(*index, &mut leaf).unwrap();
                assert_eq!(leaf, batch.buffer.bytes()[position * 32..][..32]);
            }
            indices.extend(of_batch);
        }
        indices
    }

    fn planned(spans: &[(u64, u64)]) -> Vec<u64> {
        spans.iter().flat_map(|(start, len)| *start..start + len).collect()
    }

    #[test]
    fn long_spans_are_read_in_large_pieces() {
        let (reads, indices) = gather(100_000, &[(0, 100_000)]);
        assert!(indices.into_iter().eq(0..100_000));
        // Pieces end at the ends of buffers too.
        assert_eq!(reads, 13);
    }

    #[test]
    fn batches_are_of_the_wanted_size_and_read_at_once() {
        let (reads, indices) = gather_in_batches(1000, &[(0, 950, Some(100)), (950, 50, Some(20))]);
        assert!(indices.into_iter().eq(0..1000));
        // Half of a batch was gathered when it became smaller.
        assert_eq!(reads, 9 + 1 + 3);
        // Wishes that cannot be fulfilled.
        // Few leaves: nobody gives the buffers back before the end.
        for batch in [0, 1, u64::MAX] {
            let (_, indices) = gather_in_batches(16, &[(0, 15, Some(batch)), (15, 1, None)]);
            assert!(indices.into_iter().eq(0..16), "{batch}");
        }
    }

    #[test]
    fn single_leaves_close_to_each_other_are_read_together() {
        let spans: Vec<_> = (0..1000).map(|number| (number * 100, 1)).collect();
        let (reads, indices) = gather(100_000, &spans);
        assert_eq!(indices, planned(&spans));
        assert_eq!(reads, 13, "100,000 leaves in runs of up to 8,192");
    }

    #[test]
    fn single_leaves_far_apart_are_read_alone() {
        let spans: Vec<_> = (0..20).map(|number| (number * 5000, 1)).collect();
        let (reads, indices) = gather(100_000, &spans);
        assert_eq!((reads, indices), (20, planned(&spans)));
    }

    #[test]
    fn any_order_and_any_overlap_is_read_as_planned() {
        let spans = [(90, 5), (88, 10), (10, 1), (11, 1), (10, 1), (0, 4000), (3999, 1), (4100, 2)];
        assert_eq!(gather(5000, &spans).1, planned(&spans));
    }
}
