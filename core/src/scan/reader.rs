//! Reads one plot along its plan, gathers leaves into buffers, and hands them
//! to the hashing workers.

use std::{sync::Arc, time::Instant};

use crossbeam_channel::Sender;
use spacetime_protocol::{Leaf, PlotKey};

use super::{
    BLOCK, ReadError,
    buffer::{Buffer, Buffers},
    drive::Way,
    gather::{BUFFER_LEAVES, Batch, Gather, Ground, LONG_SPAN, Piece, READ_LEAVES},
    hasher::{Filled, Work},
    job::ScanJob,
};

/// Gathers the leaves of one plot.
pub(super) type Reader<'a> = Gather<Drive<'a>>;

impl<'a> Reader<'a> {
    pub(super) fn of(
        job: &'a Arc<ScanJob>,
        plot: usize,
        buffers: &'a Buffers,
        work: &'a Sender<Work>,
    ) -> Self {
        // Only who is to make leaves asks whether they can be made.
        let key = job.key_to_make(plot).filter(|key| job.plots()[plot].is_made_with(key));
        Gather::new(Drive {
            job,
            plot,
            buffers,
            work,
            key,
            buffer: None,
            begin: 0,
            run: Vec::new(),
            run_first: 0,
            next: None,
            plan: job.plan_of(plot),
        })
    }
}

/// A plot on its drive.
pub(super) struct Drive<'a> {
    job: &'a Arc<ScanJob>,
    plot: usize,
    buffers: &'a Buffers,
    work: &'a Sender<Work>,
    /// What its leaves are made with, by the workers; `None`: they are read.
    key: Option<&'a PlotKey>,
    /// The one that is being filled.
    buffer: Option<Buffer>,
    /// Where its leaves begin in it, in bytes.
    begin: usize,
    /// The run that was read last, and its first leaf.
    run: Vec<u8>,
    run_first: u64,
    /// Where the last read ended.
    next: Option<u64>,
    /// Which plan the batches belong to; a plan that begins anew counts anew.
    plan: u64,
}

impl Drive<'_> {
    fn read(&mut self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let started = Instant::now();
        self.job.plots()[self.plot].read(first, out)?;
        self.was_read(first, (out.len() / Leaf::SIZE) as u64, Way::Buffered, started);
        Ok(())
    }

    /// Reads leaves past the system's memory to where they belong in the buffer,
    /// if that can be done.
    fn read_blocks(
        &mut self,
        Piece { first, leaves, at, .. }: Piece,
        buffer: &mut Buffer,
    ) -> Result<bool, ReadError> {
        let plot = &self.job.plots()[self.plot];
        let Some(before) = plot.place_in_block(first).filter(|_| leaves >= LONG_SPAN) else {
            return Ok(false);
        };
        if at == 0 {
            self.begin = before;
        }
        let here = self.begin + at as usize * Leaf::SIZE;
        // What stands in front of them in their block is read once more, and has
        // to be what is in the buffer.
        let continues = at == 0 || before == 0 || self.next == Some(first);
        if here % BLOCK != before || !continues {
            return Ok(false);
        }
        let end = (here + leaves as usize * Leaf::SIZE).next_multiple_of(BLOCK);
        let started = Instant::now();
        let read = plot.read_blocks(first, leaves, &mut buffer.bytes_mut()[here - before..end])?;
        if read {
            self.was_read(first, leaves, Way::Direct, started);
        }
        Ok(read)
    }

    fn was_read(&mut self, first: u64, leaves: u64, way: Way, started: Instant) {
        let (job, took) = (self.job, started.elapsed());
        let drive = job.drive(self.plot);
        drive.rate.add(leaves, took);
        drive.ways.add(way, leaves, took);
        job.notes().read(self.plot, leaves, took, self.next != Some(first));
        self.next = Some(first + leaves);
    }

    fn way(&self) -> Way {
        self.job.drive(self.plot).ways.choice()
    }
}

impl Drive<'_> {
    fn put_into(&mut self, buffer: &mut Buffer, piece: Piece) -> Result<(), ReadError> {
        let Piece { first, leaves, at, of_run } = piece;
        if at == 0 {
            self.begin = 0;
        }
        if !of_run && self.way() == Way::Direct && self.read_blocks(piece, buffer)? {
            return Ok(());
        }
        let bytes = |from: u64| {
            let from = from as usize * Leaf::SIZE;
            from..from + leaves as usize * Leaf::SIZE
        };
        let out = &mut buffer.bytes_mut()[self.begin..][bytes(at)];
        if of_run {
            out.copy_from_slice(&self.run[bytes(first - self.run_first)]);
            return Ok(());
        }
        self.read(first, out)
    }
}

impl Ground for Drive<'_> {
    fn wants(&self, batch: u64) -> bool {
        self.job.wants(self.plot, batch)
    }

    fn take_budget(&self, leaves: u64) -> u64 {
        self.job.take_budget(leaves)
    }

    fn limit(&self) -> u64 {
        self.job.limit_of(self.plot)
    }

    fn provide(&mut self) -> bool {
        if self.buffer.is_none() {
            self.buffer = self.buffers.take(|| self.job.is_over());
        }
        self.buffer.is_some()
    }

    fn at_once(&self) -> u64 {
        let source = &self.job.plots()[self.plot];
        match self.way() {
            // Whoever reads ahead for us does not mind.
            Way::Buffered => READ_LEAVES,
            Way::Direct if source.place_in_block(0).is_none() => READ_LEAVES,
            Way::Direct => BUFFER_LEAVES,
        }
    }

    fn read_run(&mut self, first: u64, leaves: u64) -> Result<(), ReadError> {
        if self.key.is_some() {
            return Ok(());
        }
        let mut run = std::mem::take(&mut self.run);
        run.resize(leaves as usize * Leaf::SIZE, 0);
        let read = self.read(first, &mut run);
        (self.run, self.run_first) = (run, first);
        read
    }

    fn put(&mut self, piece: Piece) -> Result<(), ReadError> {
        if self.key.is_some() {
            return Ok(());
        }
        let mut buffer = self.buffer.take().expect("one was provided");
        let put = self.put_into(&mut buffer, piece);
        self.buffer = Some(buffer);
        put
    }

    fn send(&mut self, batch: Batch) {
        let Some(buffer) = self.buffer.take() else { return };
        self.job.open_one();
        let filled = Filled {
            job: self.job.clone(),
            plot: self.plot,
            plan: self.plan,
            number: batch.number,
            buffer,
            begin: self.begin,
            made: self.key.is_some(),
            leaves: batch.leaves,
            fresh: batch.fresh,
            spans: batch.spans,
        };
        let work = match self.key {
            Some(key) => Work::Make(filled, *key),
            None => Work::Scan(Arc::new(filled)),
        };
        // The channel holds all buffers there are, so this does not wait. The
        // workers end only with the scanner.
        if self.work.send(work).is_err() {
            self.job.close_one();
        }
    }

    fn put_back(&mut self) {
        self.buffer = None;
    }

    fn start_over(&mut self) {
        self.plan = self.job.start_over(self.plot);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use crossbeam_channel::{Receiver, unbounded};
    use spacetime_kernels::Kernels;
    use spacetime_sdk_loader::abi::Span;

    use super::*;
    use crate::scan::{
        Component, Found, Hasher, LeafSource, Report, Stop,
        drive::Drives,
        planner::Visitor,
        supply::Making,
        tests::{KEY, Memory, plots, spec},
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
        gather_from(leaves, spans, None)
    }

    /// The same of leaves that are read, or made with a key.
    fn gather_from(
        leaves: u64,
        spans: &[(u64, u64, Option<u64>)],
        key: Option<PlotKey>,
    ) -> (u64, Vec<u64>) {
        let (sources, plots) = plots(vec![Memory::new("plot", 0, leaves)]);
        let drives = vec![Drives::default().get(0)];
        let spec = spec(1, Stop::BestOfAll);
        let making = key.map(|key| Making { key, drives: [0].into() });
        let job = ScanJob::new(spec, plots, drives, Arc::new(Deaf)).making(making);
        let job = Arc::new(job);
        let buffers = Buffers::new(20).unwrap();
        let (filled, batches) = unbounded();
        let mut reader = Reader::of(&job, 0, &buffers, &filled);
        for (start, len, batch) in spans {
            reader.set_batch(*batch);
            assert!(reader.visit(Span { start: *start, len: *len }));
        }
        assert_eq!(reader.finish(), None);
        (sources[0].reads.load(Ordering::SeqCst), check(&*sources[0], &batches))
    }

    fn check(source: &dyn LeafSource, batches: &Receiver<Work>) -> Vec<u64> {
        let mut indices = Vec::new();
        for (number, work) in batches.try_iter().enumerate() {
            let batch = match work {
                Work::Scan(batch) => batch,
                Work::Make(mut batch, key) => {
                    Hasher::new(Kernels::detect(), None).make(&mut batch, &key);
                    Arc::new(batch)
                }
            };
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
    fn leaves_that_are_made_are_those_that_would_be_read() {
        let spans = [(90, 5), (88, 10), (10, 1), (11, 1), (0, 40_000), (39_999, 1), (60_000, 2)];
        let given: Vec<_> = spans.iter().map(|(start, len)| (*start, *len, None)).collect();
        assert_eq!(gather_from(70_000, &given, Some(KEY)), (0, planned(&spans)));
        // Another key's are read.
        let (reads, indices) = gather_from(70_000, &given, Some(PlotKey::ZERO));
        assert!(reads > 0);
        assert_eq!(indices, planned(&spans));
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
