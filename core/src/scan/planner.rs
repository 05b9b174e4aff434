//! Plans which leaves of a plot are scanned: by the configured strategy, or
//! by the host's one built-in plan, all leaves in order.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use spacetime_sdk::text::count;
use spacetime_sdk_loader::{
    Fault, Method, Strategy,
    abi::{Plot, Span, Turn},
};

use super::{
    course::Course,
    notes::Note,
    watch::{Call, Seat},
};
use crate::foreign::{Foreign, OPEN_LIMIT, drop_aside};

/// Spans asked for in one call of a strategy.
const SPANS: usize = 1024;

/// What a call of a strategy may take.
const CALL_LIMIT: Duration = Duration::from_secs(1);

/// Calls in a row that plan nothing before the strategy is given up on, and
/// what they may take together.
const IDLE_CALLS: u32 = 1000;
const IDLE_LIMIT: Duration = Duration::from_secs(1);

/// How often over a plan may go through a plot before it counts as endless.
const ROUNDS: u64 = 16;

/// Leaves per span of the built-in plan.
const FALLBACK_SPAN: u64 = 1 << 20;

/// Where strategies come from: the plugin registry, or nowhere.
pub trait StrategySource: Send + Sync {
    /// A new instance; `None`: the host's own plan.
    fn open(&self) -> Option<Result<Strategy, Fault>>;
    /// Whether there are instances, and those opened before may still be called.
    fn is_in_use(&self) -> bool {
        true
    }
    /// One failed; the source decides whether it is opened again.
    fn failed(&self, fault: &Fault);
    /// One does what costs only itself, such as planning leaves twice. It may
    /// be said of every plan.
    fn remarked(&self, fault: &Fault) {
        let _ = fault;
    }
}

/// No strategy: the host's own plan.
#[derive(Debug)]
pub struct BuiltIn;

impl StrategySource for BuiltIn {
    fn open(&self) -> Option<Result<Strategy, Fault>> {
        None
    }

    fn is_in_use(&self) -> bool {
        false
    }

    fn failed(&self, _: &Fault) {}
}

/// Hands out strategy instances, one per plot under scan, and takes them back.
pub struct Planner {
    source: Arc<dyn StrategySource>,
    idle: Mutex<Foreign<Vec<Strategy>>>,
    /// The instance that arranges plots, and remembers how it did.
    arranger: Mutex<Foreign<Option<Strategy>>>,
}

/// Who follows a plan.
pub(super) trait Visitor {
    /// So many leaves at a time are wanted from now on at the most, if it matters.
    fn set_batch(&mut self, leaves: Option<u64>);
    /// Takes a span; whether the plan shall go on.
    fn visit(&mut self, span: Span) -> bool;
    /// The plan begins anew: what was visited does not count.
    fn start_over(&mut self);
    /// The leaves that the plan is known to have had more than once.
    fn overlap(&self) -> Option<Overlap>;
}

/// Leaves that a plan has more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    /// The first one that was found.
    pub(super) leaf: u64,
    /// How many were planned again, one that comes three times counting twice.
    pub(super) leaves: u64,
    /// Whether what came after them was left out, as they had used up what may
    /// be scanned.
    pub(super) cuts_off: bool,
}

/// Whether a plan was followed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// It was, or the visitor wanted no more.
    Done,
    /// A call of the strategy took too long; another thread has taken over.
    Abandoned,
}

/// A call of a strategy took too long; another thread has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abandoned;

/// The plan of one plot, as far as it has been made.
pub(super) struct Plan {
    index: usize,
    leaf_count: u64,
    by: By,
    began: Duration,
    /// What was planned last is in front.
    spans: Vec<Span>,
    written: usize,
    /// Calls so far that planned nothing, since the last one that did.
    idle: u32,
    last_planned: Duration,
    /// Leaves planned so far.
    planned: u64,
    is_first: bool,
    is_done: bool,
}

/// Who makes a plan.
enum By {
    Strategy(Box<Strategy>),
    /// The built-in plan, which is at this leaf.
    Host(u64),
}

/// How a plan goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// With [`Plan::spans`].
    Spans,
    /// From the beginning, without the strategy, which failed.
    StartOver,
    /// Not at all.
    Done,
}

impl Plan {
    /// All leaves, in order.
    pub(super) fn built_in(index: usize, leaf_count: u64) -> Self {
        Self {
            index,
            leaf_count,
            by: By::Host(0),
            began: Duration::ZERO,
            spans: Vec::new(),
            written: 0,
            idle: 0,
            last_planned: Duration::ZERO,
            planned: 0,
            is_first: true,
            is_done: false,
        }
    }

    fn by(strategy: Strategy, index: usize, plot: &Plot, now: Duration) -> Self {
        Self {
            by: By::Strategy(Box::new(strategy)),
            began: now,
            last_planned: now,
            spans: vec![Span::default(); SPANS],
            ..Self::built_in(index, plot.leaf_count)
        }
    }

    /// The spans that the last step planned.
    pub(super) fn spans(&self) -> &[Span] {
        &self.spans[..self.written]
    }

    /// The most leaves that are wanted at a time, from these spans on.
    pub(super) fn batch(&self) -> Option<u64> {
        match &self.by {
            By::Strategy(strategy) => strategy.batch(),
            By::Host(_) => None,
        }
    }

    /// The next step of the built-in plan.
    fn next_in_order(&mut self, start: u64) -> Step {
        let len = FALLBACK_SPAN.min(self.leaf_count - start);
        if len == 0 {
            return Step::Done;
        }
        self.by = By::Host(start + len);
        self.spans = vec![Span { start, len }];
        self.written = 1;
        Step::Spans
    }

    /// Whether it makes no progress.
    fn check(&self, now: Duration) -> Result<(), Fault> {
        let Self { idle, planned, leaf_count: leaves, .. } = self;
        let waited = now.saturating_sub(self.last_planned);
        if *idle > IDLE_CALLS || (*idle > 0 && waited > IDLE_LIMIT) {
            return Err(Fault::new(format_args!(
                "it planned nothing in {}",
                count(u64::from(*idle), "call")
            )));
        }
        if !self.is_done && planned / ROUNDS > *leaves {
            return Err(Fault::new(format_args!(
                "it planned {planned} leaves of a plot with {leaves}, and no end"
            )));
        }
        Ok(())
    }
}

impl Planner {
    /// A planner over a source.
    pub fn new(source: Arc<dyn StrategySource>) -> Self {
        Self {
            source,
            idle: Mutex::new(Foreign::new(Vec::new())),
            arranger: Mutex::new(Foreign::new(None)),
        }
    }

    fn take(&self) -> Option<Result<Strategy, Fault>> {
        if !self.source.is_in_use() {
            self.drop_idle();
        }
        let idle = self.lock().pop();
        match idle {
            Some(strategy) => Some(Ok(strategy)),
            None => self.source.open(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Foreign<Vec<Strategy>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what is not at work.
    fn drop_idle(&self) {
        let mut idle = std::mem::take(&mut **self.lock());
        idle.extend(self.lock_arranger().take());
        if !idle.is_empty() {
            drop_aside(idle);
        }
    }

    fn lock_arranger(&self) -> MutexGuard<'_, Foreign<Option<Strategy>>> {
        self.arranger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a strategy that may have something to say about the
    /// order of plots.
    pub(super) fn arranges(&self) -> bool {
        self.source.is_in_use()
    }

    /// The turns of a job's plots; `None`: all of them, as they are listed. A
    /// strategy that fails at it may still plan.
    ///
    /// # Errors
    ///
    /// A call took too long; another thread has taken over.
    pub(super) fn arrange(
        &self,
        course: &impl Course,
        seat: &Seat,
    ) -> Result<Option<Vec<Turn>>, Abandoned> {
        let taken = self.lock_arranger().take();
        let open = || taken.map(Ok).or_else(|| self.source.open());
        // Why it cannot be opened is told when the first plot needs one.
        let Some(Ok(mut strategy)) = seat.call(Method::Open, OPEN_LIMIT, open).ok_or(Abandoned)?
        else {
            return Ok(None);
        };
        let plots: Vec<Plot> = (0..course.plots()).map(|index| course.plot(index)).collect();
        let job = course.job();
        let arranged = seat.call(Method::Arrange, CALL_LIMIT, || strategy.arrange(&job, &plots));
        match arranged.ok_or(Abandoned)? {
            Ok(turns) => {
                course.note(Note::Arranged { job: &job, plots: &plots, turns: turns.as_deref() });
                **self.lock_arranger() = Some(strategy);
                Ok(turns)
            }
            Err(fault) => {
                self.failed(course, &fault);
                drop_aside(strategy);
                Ok(None)
            }
        }
    }

    fn failed(&self, course: &impl Course, fault: &Fault) {
        // Before the destructors, whose panics must not hide it.
        self.source.failed(fault);
        // Whether there shall be instances of it is the source's to say now.
        self.drop_idle();
        course.failed(fault);
    }

    /// A call of a strategy did not return in time.
    pub(super) fn hung(&self, course: &impl Course, call: Call) {
        self.failed(course, &call.as_fault());
    }

    /// Gives the plan of one plot, span by span, to `visitor`, until that says
    /// no more. A strategy that fails on the way is replaced by the built-in
    /// plan, from the beginning.
    pub(super) fn follow(
        &self,
        course: &impl Course,
        index: usize,
        seat: &Seat,
        visitor: &mut impl Visitor,
    ) -> Followed {
        let Ok(mut plan) = self.begin(course, index, seat) else { return Followed::Abandoned };
        loop {
            match self.next(&mut plan, course, seat) {
                Err(Abandoned) => return Followed::Abandoned,
                Ok(Step::Done) => break,
                Ok(Step::StartOver) => visitor.start_over(),
                Ok(Step::Spans) => {
                    visitor.set_batch(plan.batch());
                    if !plan.spans().iter().all(|span| visitor.visit(*span)) {
                        break;
                    }
                }
            }
        }
        self.end(plan, visitor.overlap());
        Followed::Done
    }

    /// Begins the plan of one plot, by the strategy if that can be.
    ///
    /// # Errors
    ///
    /// A call took too long; another thread has taken over.
    pub(super) fn begin(
        &self,
        course: &impl Course,
        index: usize,
        seat: &Seat,
    ) -> Result<Plan, Abandoned> {
        let (plot, job) = (course.plot(index), course.job());
        let now = course.clock();
        let (fault, strategy) =
            match seat.call(Method::Open, OPEN_LIMIT, || self.take()).ok_or(Abandoned)? {
                None => {
                    course.note(Note::Own { plot: &plot });
                    return Ok(Plan::built_in(index, plot.leaf_count));
                }
                Some(Err(fault)) => (fault, None),
                Some(Ok(mut strategy)) => {
                    let begun =
                        seat.call(Method::Begin, CALL_LIMIT, || strategy.begin(&job, &plot));
                    match begun.ok_or(Abandoned)? {
                        Ok(()) => {
                            course.note(Note::Begun { job: &job, plot: &plot });
                            return Ok(Plan::by(strategy, index, &plot, now));
                        }
                        Err(fault) => (fault, Some(strategy)),
                    }
                }
            };
        self.failed(course, &fault);
        if let Some(strategy) = strategy {
            drop_aside(strategy);
        }
        course.note(Note::Own { plot: &plot });
        Ok(Plan::built_in(index, plot.leaf_count))
    }

    /// The next step of a plan: with the feedback on the last one, if there was
    /// one, and more spans.
    ///
    /// # Errors
    ///
    /// A call took too long; another thread has taken over.
    pub(super) fn next(
        &self,
        plan: &mut Plan,
        course: &impl Course,
        seat: &Seat,
    ) -> Result<Step, Abandoned> {
        if let By::Host(start) = plan.by {
            return Ok(plan.next_in_order(start));
        }
        if plan.is_done {
            return Ok(Step::Done);
        }
        match more(plan, course, seat)? {
            Ok(step) => Ok(step),
            Err(fault) => {
                let own = Plan::built_in(plan.index, plan.leaf_count);
                let failed = std::mem::replace(plan, own);
                self.failed(course, &fault);
                if let By::Strategy(strategy) = failed.by {
                    drop_aside(strategy);
                }
                course.note(Note::Own { plot: &course.plot(plan.index) });
                Ok(Step::StartOver)
            }
        }
    }

    /// Ends a plan, with what it had more than once; its strategy is there for
    /// the next one.
    pub(super) fn end(&self, plan: Plan, overlap: Option<Overlap>) {
        if let By::Strategy(strategy) = plan.by {
            if let Some(overlap) = overlap.filter(|_| !strategy.may_repeat()) {
                self.source.remarked(&overlap.as_fault(plan.leaf_count));
            }
            self.lock().push(*strategy);
        }
    }
}

impl Overlap {
    /// What it is to whoever wrote the strategy, of a plot with so many leaves.
    fn as_fault(&self, leaf_count: u64) -> Fault {
        let Self { leaf, leaves, cuts_off } = self;
        let lost = match cuts_off {
            true => {
                "; they used up the leaves that may be scanned of it, so what the plan had after \
                 them was left out"
            }
            false => "",
        };
        Fault::new(format_args!(
            "its plan overlaps: {} of a plot with {leaf_count} planned again, the first of them leaf {leaf}; \
             leaves count once{lost}",
            count(*leaves, "leaf")
        ))
    }
}

/// Asks a plan's strategy for more spans.
fn more(
    plan: &mut Plan,
    course: &impl Course,
    seat: &Seat,
) -> Result<Result<Step, Fault>, Abandoned> {
    let index = plan.index;
    let By::Strategy(strategy) = &mut plan.by else { return Ok(Ok(Step::Done)) };
    if !std::mem::take(&mut plan.is_first) {
        let stats = course.stats(index, plan.began);
        let fed = seat.call(Method::Feedback, CALL_LIMIT, || strategy.feedback(&stats));
        if let Err(fault) = fed.ok_or(Abandoned)? {
            return Ok(Err(fault));
        }
        course.note(Note::Fed { index, stats: &stats });
    }
    if course.is_over() {
        return Ok(Ok(Step::Done));
    }
    let planned = seat.call(Method::Plan, CALL_LIMIT, || {
        strategy.plan(&mut plan.spans, course.cancel_flag(), plan.leaf_count)
    });
    let (written, done) = match planned.ok_or(Abandoned)? {
        Ok(planned) => planned,
        Err(fault) => return Ok(Err(fault)),
    };
    (plan.written, plan.is_done) = (written, done);
    plan.idle += 1;
    if written > 0 {
        (plan.idle, plan.last_planned) = (0, course.clock());
    }
    let batch = plan.spans().iter().map(|span| span.len).sum::<u64>();
    plan.planned = plan.planned.saturating_add(batch);
    course.note(Note::Planned { index, spans: plan.spans() });
    Ok(plan.check(course.clock()).map(|()| Step::Spans))
}

/// The built-in plan.
pub(super) fn all_in_order(leaf_count: u64, visitor: &mut impl Visitor) {
    let mut plan = Plan::built_in(0, leaf_count);
    while let By::Host(start) = plan.by
        && plan.next_in_order(start) == Step::Spans
    {
        if !plan.spans().iter().all(|span| visitor.visit(*span)) {
            return;
        }
    }
}
