//! The objects of the boundary. Methods are appended with a default body,
//! after the last one; none is ever changed or moved.

use std::sync::atomic::AtomicBool;

use abi_stable::{
    sabi_trait,
    std_types::{RArc, RBox, ROption, RResult, RSlice, RSliceMut, RStr, RString},
};

use crate::{
    codes::Emitted,
    data::{
        Arrangement, BatchStats, BestLeaf, Candidate, Fault, Job, LogRecord, PlanOutcome, Plot,
        PolicyContext, Selection, Span, Turn,
    },
    events::{Event_NE, Request_NE},
};

/// The host, as a library sees it. Calls never block.
#[sabi_trait]
pub trait Host: Send + Sync {
    /// The most verbose level that is wanted: 0 none to 5 trace.
    fn max_level(&self) -> u32;
    /// Takes a log line.
    fn log(&self, record: &LogRecord<'_>);
    /// Takes a fault that no call could return: a destructor's or a task's.
    fn fault(&self, instance: RStr<'_>, fault: Fault);
    /// Adds to a counter of the instance, which first use creates.
    #[sabi(last_prefix_field)]
    fn count(&self, instance: RStr<'_>, counter: RStr<'_>, amount: u64);
    /// A path that a config gives, made absolute by the rules of the manifest:
    /// relative to its folder. (1.1)
    fn path(&self, path: RStr<'_>) -> RString {
        RString::from(path)
    }
    // abi: methods are appended here, with a default body
}
pub type HostObject = Host_TO<'static, RArc<()>>;

/// Which leaves of a plot, in which order, until when?
#[sabi_trait]
pub trait Strategy: Send {
    /// Starts over with this job and plot, whatever was going on before.
    fn begin(&mut self, job: &Job<'_>, plot: &Plot) -> RResult<(), Fault>;
    /// Writes the next spans. `cancel` is the flag of the job that began.
    fn plan(
        &mut self,
        spans: RSliceMut<'_, Span>,
        cancel: &AtomicBool,
    ) -> RResult<PlanOutcome, Fault>;
    /// How many leaves a whole plan of this plot would cover.
    fn estimate(&mut self, plot: &Plot) -> RResult<u64, Fault>;
    /// Reports progress; may be called between any two plans.
    #[sabi(last_prefix_field)]
    fn feedback(&mut self, stats: &BatchStats) -> RResult<(), Fault>;
    /// Chooses among the plots of a job, before any of them begins. `turns`
    /// has room for each once. (1.1)
    fn arrange(
        &mut self,
        job: &Job<'_>,
        plots: RSlice<'_, Plot>,
        turns: RSliceMut<'_, Turn>,
    ) -> RResult<Arrangement, Fault> {
        let _ = (job, plots, turns);
        RResult::ROk(Arrangement::default())
    }
    // abi: methods are appended here, with a default body
}
pub type StrategyObject = Strategy_TO<'static, RBox<()>>;

/// Which of these leaves has the lowest score under the bound?
#[sabi_trait]
pub trait Engine: Send + Sync {
    /// `leaves` holds whole leaves of 32 bytes. The answer is the lowest score
    /// strictly under `bound`, at its first position; none if there is none or
    /// if `cancel` was seen set.
    #[sabi(last_prefix_field)]
    fn scan(
        &self,
        challenge: &[u8; 32],
        leaves: RSlice<'_, u8>,
        bound: &[u8; 32],
        cancel: &AtomicBool,
    ) -> RResult<ROption<BestLeaf>, Fault>;
    // abi: methods are appended here, with a default body
}
pub type EngineObject = Engine_TO<'static, RBox<()>>;

/// What goes into a block that we won, and do we want it?
#[sabi_trait]
pub trait Policy: Send {
    /// Chooses among the candidates.
    #[sabi(last_prefix_field)]
    fn select(
        &mut self,
        context: &PolicyContext,
        candidates: RSlice<'_, Candidate>,
    ) -> RResult<Selection, Fault>;
    // abi: methods are appended here, with a default body
}
pub type PolicyObject = Policy_TO<'static, RBox<()>>;

/// The host's end of a transport session: a bounded queue that never blocks.
#[sabi_trait]
pub trait Port: Send + Sync {
    /// Hands an event over; on anything but `ACCEPTED` it is dropped.
    #[sabi(last_prefix_field)]
    fn emit(&self, event: Event_NE) -> Emitted;
    // abi: methods are appended here, with a default body
}
pub type PortObject = Port_TO<'static, RArc<()>>;

/// Where do challenges come from, where do proofs and blocks go?
///
/// Opening one starts its session; dropping it ends whatever `close` left.
#[sabi_trait]
pub trait Transport: Send {
    /// Queues a request; a full queue is the fault `BUSY`. Never blocks.
    fn request(&mut self, request: Request_NE) -> RResult<(), Fault>;
    /// Ends the session: returns when its work has ended, at the latest after
    /// `deadline_ms` milliseconds (then with a fault).
    #[sabi(last_prefix_field)]
    fn close(&mut self, deadline_ms: u64) -> RResult<(), Fault>;
    // abi: methods are appended here, with a default body
}
pub type TransportObject = Transport_TO<'static, RBox<()>>;
