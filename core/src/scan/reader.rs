//! Reads one plot along its plan, gathers leaves into buffers, and hands them
//! to the hashing workers.

use std::{sync::Arc, time::Duration};

use crossbeam_channel::Sender;
use spacetime_maps::Window;
use spacetime_protocol::{Leaf, PlotKey};

use super::{
    BLOCK, ReadError,
    buffer::{Buffer, Buffers},
    drive::{Meter, Way},
    fetch::{Fetch, Fetchers},
    gather::{BUFFER_LEAVES, Batch, Gather, Ground, LONG_SPAN, Piece, READ_LEAVES},
    hasher::{Filled, Work},
    job::ScanJob,
};

/// Gathers the leaves of one plot.
pub(super) type Reader<'a> = Gather<Drive<'a>>;

/// What a reader works with, whichever plot it reads.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) buffers: &'a Buffers,
    /// Where filled buffers go to.
    pub(super) work: &'a Sender<Work>,
    /// Who reads for it.
    pub(super) fetchers: &'a Fetchers,
    pub(super) meter: &'a Arc<Meter>,
}

impl<'a> Reader<'a> {
    pub(super) fn of(job: &'a Arc<ScanJob>, plot: usize, means: Means<'a>) -> Self {
        // Only who is to make leaves asks whether they can be made.
        let key = job.key_to_make(plot).filter(|key| job.plots()[plot].is_made_with(key));
        Gather::new(Drive {
            job,
            plot,
            means,
            key,
            tries: false,
            buffer: None,
            begin: 0,
            elsewhere: None,
            in_memory: false,
            mapped: None,
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
    means: Means<'a>,
    /// What its leaves are made with, by the workers; `None`: they are read.
    key: Option<&'a PlotKey>,
    /// Whether those of the batch are read nevertheless, to see how fast that is.
    tries: bool,
    /// The one that is being filled.
    buffer: Option<Buffer>,
    /// Where its leaves begin in it, in bytes.
    begin: usize,
    /// Where they are, if not in it.
    elsewhere: Option<Elsewhere>,
    /// Whether the system has what is read next in its memory.
    in_memory: bool,
    /// What is mapped of the plot.
    mapped: Option<Mapped>,
    /// The run that was read last, and its first leaf.
    run: Vec<u8>,
    run_first: u64,
    /// Where the last read ended.
    next: Option<u64>,
    /// Which plan the batches belong to; a plan that begins anew counts anew.
    plan: u64,
}

/// Where all the leaves of a batch are that are not in its buffer.
enum Elsewhere {
    /// In the plot still.
    Plot { way: Way, seeks: bool },
    /// In a window of it.
    Mapped(Arc<Window>),
}

/// Leaves that are mapped at once where they are read in order: 4 MiB, of which
/// a drive's reader has two at the most.
const WINDOW_LEAVES: u64 = (4 << 20) / Leaf::SIZE as u64;

/// Mapped leaves.
struct Mapped {
    first: u64,
    leaves: u64,
    window: Arc<Window>,
}

impl Drive<'_> {
    /// Whether the workers make the leaves of the batch.
    fn makes(&self) -> bool {
        self.key.is_some() && !self.tries
    }

    /// Whether a piece is in the run that was read last.
    fn is_in_run(&self, Piece { first, leaves, .. }: Piece) -> bool {
        let end = self.run_first + (self.run.len() / Leaf::SIZE) as u64;
        first >= self.run_first && first + leaves <= end
    }

    fn read(&mut self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let reading = self.means.meter.begin();
        self.job.plots()[self.plot].read(first, out)?;
        self.was_read(first, (out.len() / Leaf::SIZE) as u64, Way::Buffered, reading.took());
        Ok(())
    }

    /// Leaves a whole batch to the fetchers, if its leaves can be read past the
    /// system's memory.
    fn defer(&mut self, piece: Piece) -> bool {
        let Some(before) = self.job.plots()[self.plot].place_in_block(piece.first) else {
            return false;
        };
        self.begin = before;
        self.leave(piece, Way::Direct)
    }

    /// Leaves the reading of a whole batch to others.
    fn leave(&mut self, piece: Piece, way: Way) -> bool {
        self.elsewhere = Some(Elsewhere::Plot { way, seeks: self.goes_to(piece) });
        true
    }

    /// Whether the system has leaves in its memory, as their ends tell.
    fn is_in_memory(&self, first: u64, leaves: u64) -> bool {
        let mut leaf = [0; Leaf::SIZE];
        let source = &self.job.plots()[self.plot];
        [first, first + leaves - 1].iter().all(|index| source.read_in_memory(*index, &mut leaf))
    }

    /// Whether whole blocks can be read past the system's memory.
    fn has_blocks(&self) -> bool {
        let has_them = self.job.plots()[self.plot].place_in_block(0).is_some();
        if !has_them {
            self.job.drive(self.plot).ways.refuse(Way::Direct);
        }
        has_them
    }

    /// Maps a whole batch, if its leaves can be mapped.
    fn map(&mut self, piece: Piece) -> bool {
        let reading = self.means.meter.begin();
        let Some((window, from)) = self.window_of(piece) else {
            self.mapped = None;
            self.job.drive(self.plot).ways.refuse(Way::Mapped);
            return false;
        };
        self.was_read(piece.first, piece.leaves, Way::Mapped, reading.took());
        self.begin = from as usize * Leaf::SIZE;
        self.elsewhere = Some(Elsewhere::Mapped(window));
        true
    }

    /// A window that has a piece, read already, and which leaf of the window the
    /// piece's first one is.
    fn window_of(&mut self, Piece { first, leaves, .. }: Piece) -> Option<(Arc<Window>, u64)> {
        let source = &self.job.plots()[self.plot];
        let has_it = |mapped: &Mapped| {
            first >= mapped.first && first + leaves <= mapped.first + mapped.leaves
        };
        if !self.mapped.as_ref().is_some_and(has_it) {
            let ahead = if self.next.is_none_or(|next| next == first) { WINDOW_LEAVES } else { 0 };
            let leaves = leaves.max(ahead).min(source.leaf_count() - first);
            // The old one goes first.
            self.mapped = None;
            let window = Arc::new(source.map(first, leaves)?);
            self.mapped = Some(Mapped { first, leaves, window });
        }
        let mapped = self.mapped.as_ref()?;
        let from = first - mapped.first;
        source.load(&mapped.window, from, leaves).then(|| (mapped.window.clone(), from))
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
        let reading = self.means.meter.begin();
        let read = plot.read_blocks(first, leaves, &mut buffer.bytes_mut()[here - before..end])?;
        if read {
            self.was_read(first, leaves, Way::Direct, reading.took());
        }
        Ok(read)
    }

    fn was_read(&mut self, first: u64, leaves: u64, way: Way, took: Duration) {
        self.job.drive(self.plot).was_read(way, leaves, took);
        let piece = Piece { first, leaves, ..Piece::default() };
        let seeks = self.goes_to(piece);
        self.job.notes().read(self.plot, leaves, took, seeks);
    }

    /// Whether the drive has to find another place for a piece that is read
    /// next.
    fn goes_to(&mut self, Piece { first, leaves, .. }: Piece) -> bool {
        self.next.replace(first + leaves) != Some(first)
    }

    fn way(&self) -> Way {
        let ways = &self.job.drive(self.plot).ways;
        if self.tries { ways.known() } else { ways.choice() }
    }

    fn put_into(&mut self, buffer: &mut Buffer, piece: Piece) -> Result<(), ReadError> {
        let Piece { first, leaves, at, of_run, fills } = piece;
        // The batch may have been one to be made when its run was planned.
        let of_run = of_run && self.is_in_run(piece);
        if at == 0 {
            self.begin = 0;
        }
        if !of_run {
            let is_batch = at == 0 && fills && leaves >= LONG_SPAN;
            let done = match self.way() {
                Way::Direct if !self.has_blocks() => false,
                Way::Direct => is_batch && self.defer(piece) || self.read_blocks(piece, buffer)?,
                Way::Mapped => is_batch && self.map(piece),
                Way::Buffered => is_batch && self.in_memory && self.leave(piece, Way::Buffered),
            };
            if done {
                return Ok(());
            }
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
        self.job.reads(self.plot, batch)
    }

    fn take_budget(&self, leaves: u64) -> u64 {
        self.job.take_budget(leaves)
    }

    fn limit(&self) -> u64 {
        self.job.limit_of(self.plot)
    }

    fn provide(&mut self) -> bool {
        if self.buffer.is_none() {
            self.buffer = self.means.buffers.take(|| self.job.is_over());
            self.tries = self.key.is_some()
                && self.buffer.is_some()
                && self.job.drive(self.plot).retrial.takes(BUFFER_LEAVES);
        }
        self.buffer.is_some()
    }

    fn at_once(&mut self, first: u64, leaves: u64) -> u64 {
        if self.makes() {
            return leaves;
        }
        self.in_memory = false;
        let whole = match self.way() {
            Way::Buffered => {
                self.in_memory = leaves >= LONG_SPAN && self.is_in_memory(first, leaves);
                self.in_memory
            }
            Way::Direct => self.has_blocks(),
            Way::Mapped => true,
        };
        // Whoever reads ahead for us does not mind.
        if whole { leaves } else { leaves.min(READ_LEAVES) }
    }

    fn read_run(&mut self, first: u64, leaves: u64) -> Result<(), ReadError> {
        if self.makes() {
            return Ok(());
        }
        let mut run = std::mem::take(&mut self.run);
        run.resize(leaves as usize * Leaf::SIZE, 0);
        let read = self.read(first, &mut run);
        (self.run, self.run_first) = (run, first);
        read
    }

    fn put(&mut self, piece: Piece) -> Result<(), ReadError> {
        if self.makes() {
            self.begin = 0;
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
        let (window, unread) = match self.elsewhere.take() {
            Some(Elsewhere::Mapped(window)) => (Some(window), None),
            Some(Elsewhere::Plot { way, seeks }) => (None, Some((way, seeks))),
            None => (None, None),
        };
        let batch = Filled {
            job: self.job.clone(),
            plot: self.plot,
            plan: self.plan,
            number: batch.number,
            buffer,
            begin: self.begin,
            window,
            made: self.makes(),
            leaves: batch.leaves,
            fresh: batch.fresh,
            spans: batch.spans,
        };
        let Means { buffers, work, fetchers, meter } = self.means;
        let key = self.key.filter(|_| self.makes());
        let ready = match (key, unread) {
            (None, Some((way, seeks))) => {
                let fetch = Fetch { batch, way, meter: meter.clone(), seeks };
                match way {
                    Way::Direct => return fetchers.fetch(fetch, buffers, work),
                    _ => Work::Take(fetch),
                }
            }
            (Some(key), _) => Work::Make(batch, *key),
            (None, None) => Work::Scan(Arc::new(batch)),
        };
        // The channel holds all buffers there are, so this does not wait. The
        // workers end only with the scanner.
        if work.send(ready).is_err() {
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
        drive::{self, Drives},
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
        gather_from(leaves, spans, None, |_| ())
    }

    /// The same of leaves that are read, or made with a key, on a drive of which
    /// some is known.
    fn gather_from(
        leaves: u64,
        spans: &[(u64, u64, Option<u64>)],
        key: Option<PlotKey>,
        prepare: impl FnOnce(&drive::Drive),
    ) -> (u64, Vec<u64>) {
        let (sources, plots) = plots(vec![Memory::new("plot", 0, leaves)]);
        let drives = vec![Drives::default().get(0)];
        let spec = spec(1, Stop::BestOfAll);
        let making = key.map(|key| Making { key, drives: [0].into() });
        let job = ScanJob::new(spec, plots, drives, Arc::new(Deaf)).making(making);
        let job = Arc::new(job);
        prepare(job.drive(0));
        let buffers = Buffers::new(20).unwrap();
        let (filled, batches) = unbounded();
        let fetchers = Fetchers::of(job.drive(0).clone(), 1);
        let meter = Arc::new(Meter::new());
        let means = Means { buffers: &buffers, work: &filled, fetchers: &fetchers, meter: &meter };
        let mut reader = Reader::of(&job, 0, means);
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
                Work::Take(fetch) => Arc::new(fetch.take().ok().unwrap()),
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
        assert_eq!(gather_from(70_000, &given, Some(KEY), |_| ()), (0, planned(&spans)));
        // Another key's are read.
        let (reads, indices) = gather_from(70_000, &given, Some(PlotKey::ZERO), |_| ());
        assert!(reads > 0);
        assert_eq!(indices, planned(&spans));
    }

    /// The second batch, which begins within a run of short spans.
    #[test]
    fn a_batch_may_be_read_among_others_that_are_made() {
        let spans: Vec<_> = (0..1000).map(|number| (number * 100, 100)).collect();
        let given: Vec<_> = spans.iter().map(|(start, len)| (*start, *len, None)).collect();
        let again = |drive: &drive::Drive| {
            for _ in 0..2 {
                drive.retrial.scan_begins(Some(100_000), Duration::ZERO);
                drive.was_read(Way::Buffered, 1, Duration::from_secs(1));
            }
            drive.retrial.scan_begins(Some(100_000), Duration::ZERO);
        };
        let (reads, indices) = gather_from(100_000, &given, Some(KEY), again);
        assert_eq!(indices, planned(&spans));
        assert!((5..100).contains(&reads), "{reads}");
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
