//! Strategies.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use spacetime_sdk::{
    Arrange, BatchStats, Error, Job, Plan, Plot, Result, Spans, StopRule, Strategy, Turns,
};

/// Leaves per span.
const SPAN: u64 = 64;

/// A page, which is what those keep that keep too much.
pub(crate) type Page = Box<[u8; 4096]>;

pub(crate) fn page() -> Page {
    Box::new([1; 4096])
}

/// All leaves, in order.
#[derive(Default)]
pub(crate) struct Honest {
    pub(crate) next: u64,
    pub(crate) end: u64,
}

impl Strategy for Honest {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self::default())
    }

    fn begin(&mut self, _: &Job, plot: &Plot) -> Result<()> {
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

/// Opens an honest one, and begins and plans with it, but for what is given.
macro_rules! like_the_honest {
    ($name:ident { $($method:item)* }) => {
        #[derive(Default)]
        pub(crate) struct $name(Honest);

        impl Strategy for $name {
            type Config = ();

            fn open((): ()) -> Result<Self> {
                Ok(Self::default())
            }

            $($method)*
        }
    };
    (begin $name:ident { $($method:item)* }) => {
        $crate::strategy::like_the_honest! { $name {
            fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
                self.0.begin(job, plot)
            }
            $($method)*
        } }
    };
    (plan $name:ident { $($method:item)* }) => {
        $crate::strategy::like_the_honest! { $name {
            fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
                self.0.plan(spans)
            }
            $($method)*
        } }
    };
    (begin plan $name:ident { $($method:item)* }) => {
        $crate::strategy::like_the_honest! { begin $name {
            fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
                self.0.plan(spans)
            }
            $($method)*
        } }
    };
}
pub(crate) use like_the_honest;

like_the_honest! { plan Outside {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        self.0.begin(job, plot)?;
        self.0.end = plot.leaf_count + 1;
        Ok(())
    }
} }

like_the_honest! { plan Picky {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        if plot.leaf_count == 10_000 {
            return Err(Error::new("a plot of 10,000 leaves is not to its taste"));
        }
        self.0.begin(job, plot)
    }
} }

/// Spans that overlap by a leaf.
fn overlapping(honest: &mut Honest, spans: &mut Spans<'_>) -> Plan {
    while honest.next < honest.end {
        let start = honest.next.saturating_sub(1);
        let len = (SPAN + 1).min(honest.end - start);
        if !spans.push(start, len) {
            return Plan::More;
        }
        honest.next = start + len;
    }
    Plan::Done
}

like_the_honest! { begin Overlapping {
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        Ok(overlapping(&mut self.0, spans))
    }
} }

like_the_honest! { begin Declared {
    const MAY_REPEAT: bool = true;

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        Ok(overlapping(&mut self.0, spans))
    }
} }

like_the_honest! { begin Endless {
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        if self.0.plan(spans)? == Plan::Done {
            self.0.next = 0;
        }
        Ok(Plan::More)
    }
} }

like_the_honest! { begin Undone {
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        let plan = self.0.plan(spans)?;
        if plan == Plan::Done {
            self.0.next = 0;
        }
        Ok(plan)
    }
} }

like_the_honest! { begin ByChance {
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        let len = SPAN.min(self.0.end.saturating_sub(self.0.next));
        if len > 0 && spans.push(self.0.next, len) {
            self.0.next += len;
        }
        Ok(if self.0.next < self.0.end { Plan::More } else { Plan::Done })
    }

    fn feedback(&mut self, _: &BatchStats) -> Result<()> {
        // Leaves a leaf out, or does not.
        self.0.next += RandomState::new().hash_one(0) % 2;
        Ok(())
    }
} }

like_the_honest! { plan Continuing {
    fn begin(&mut self, _: &Job, plot: &Plot) -> Result<()> {
        if self.0.next >= self.0.end {
            self.0.next = 0;
        }
        self.0.end = plot.leaf_count;
        Ok(())
    }
} }

like_the_honest! { begin plan Boasting {
    fn estimate(&mut self, plot: &Plot) -> Result<u64> {
        Ok(plot.leaf_count.saturating_mul(2))
    }
} }

like_the_honest! { begin plan Dividing {
    fn feedback(&mut self, stats: &BatchStats) -> Result<()> {
        let rate = u128::from(stats.bytes_read) / stats.elapsed.as_nanos();
        spacetime_sdk::count("bytes_per_nanosecond", u64::from(rate > 0));
        Ok(())
    }
} }

like_the_honest! { begin plan ArrangingTwice {
    fn arrange(&mut self, _: &Job, plots: &[Plot], turns: &mut Turns<'_>) -> Result<Arrange> {
        for plot in plots.iter().take(1).chain(plots) {
            turns.push(plot, plot.leaf_count);
        }
        Ok(Arrange::Chosen)
    }
} }

like_the_honest! { plan WholeBatches {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        let batches = plot.leaf_count / SPAN;
        spacetime_sdk::count("leaves_per_batch", plot.leaf_count / batches);
        self.0.begin(job, plot)
    }
} }

like_the_honest! { plan SmallNumbers {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        u32::try_from(plot.leaf_count).expect("no plot is that large");
        self.0.begin(job, plot)
    }
} }

like_the_honest! { plan FewDrives {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        let drives = [0_u8; 1000];
        let drive = usize::try_from(plot.drive).unwrap_or(usize::MAX);
        spacetime_sdk::count("plots_of_drive", u64::from(drives[drive]));
        self.0.begin(job, plot)
    }
} }

like_the_honest! { plan Punctual {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        match job.deadline {
            Some(deadline) if deadline <= job.started => Err(Error::new("the job is over")),
            _ => self.0.begin(job, plot),
        }
    }
} }

like_the_honest! { begin Deaf {
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        if spans.is_cancelled() {
            // Being slow is the violation; nothing waits by it.
            thread::sleep(Duration::from_millis(600));
        }
        self.0.plan(spans)
    }
} }

like_the_honest! { plan Ambitious {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        self.0.begin(job, plot)?;
        if !matches!(job.stop, StopRule::Budget(_)) {
            self.0.end = plot.leaf_count.div_ceil(2);
        }
        Ok(())
    }

    fn estimate(&mut self, plot: &Plot) -> Result<u64> {
        Ok(plot.leaf_count.div_ceil(2))
    }
} }

like_the_honest! { begin Dropping {
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        // As many as there may be room for at the most.
        for _ in 0..4096 {
            let len = SPAN.min(self.0.end - self.0.next);
            if len == 0 {
                return Ok(Plan::Done);
            }
            // Whether there was room is what it does not look at.
            let _ = spans.push(self.0.next, len);
            self.0.next += len;
        }
        Ok(Plan::More)
    }
} }

like_the_honest! { begin DroppingLong {
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        // 2 MiB, of which a small plot has few.
        const LONG: u64 = 1 << 16;
        for _ in 0..4096 {
            let len = LONG.min(self.0.end - self.0.next);
            if len == 0 {
                return Ok(Plan::Done);
            }
            let _ = spans.push(self.0.next, len);
            self.0.next += len;
        }
        Ok(Plan::More)
    }
} }

/// The position of all instances.
static POSITION: AtomicU64 = AtomicU64::new(0);

like_the_honest! { Shared {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        POSITION.store(0, Ordering::Relaxed);
        self.0.begin(job, plot)
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        self.0.next = POSITION.load(Ordering::Relaxed);
        let plan = self.0.plan(spans);
        POSITION.store(self.0.next, Ordering::Relaxed);
        plan
    }
} }

thread_local! {
    /// Positions of the instances that began on this thread.
    static POSITIONS: RefCell<HashMap<u64, Honest>> = RefCell::default();
}

/// Instances so far.
static INSTANCES: AtomicU64 = AtomicU64::new(0);

pub(crate) struct ThreadBound(u64);

impl Strategy for ThreadBound {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self(INSTANCES.fetch_add(1, Ordering::Relaxed)))
    }

    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        let mut honest = Honest::default();
        honest.begin(job, plot)?;
        POSITIONS.with_borrow_mut(|positions| positions.insert(self.0, honest));
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        POSITIONS.with_borrow_mut(|positions| positions.entry(self.0).or_default().plan(spans))
    }
}

impl Drop for ThreadBound {
    fn drop(&mut self) {
        POSITIONS.with_borrow_mut(|positions| positions.remove(&self.0));
    }
}

#[derive(Default)]
pub(crate) struct Hoarding(Honest, Vec<Page>);

impl Strategy for Hoarding {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self::default())
    }

    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        self.1.push(page());
        self.0.begin(job, plot)
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        self.0.plan(spans)
    }
}
