//! Opened components. A handle checks what a component answers before the
//! host sees it; the deeper checks (scores, paths, balances) are the host's.

use std::{
    panic::AssertUnwindSafe,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use abi::{
    Answer, BatchStats, BestLeaf, Candidate, EngineObject, Event, Job, OpenArgs, Plot,
    PolicyContext, PolicyObject, PortObject, Question, Question_NE, Request, Request_NE, Selection,
    Span, StrategyObject, TransportArgs, TransportObject, Turn,
    abi_stable::{
        sabi_trait::TD_Opaque,
        std_types::{RArc, ROption, RResult, RSliceMut},
    },
    features, unknown,
};
use spacetime_sdk::text::count;
use spacetime_sdk_abi::{self as abi, Emitted, Event_NE, FaultCode};

use crate::{
    calls::{Caller, Held, Method},
    descriptor::Kind,
    fault::Fault,
    library::Library,
};

/// What a component is opened with.
#[derive(Clone, Copy, Debug)]
pub struct OpenRequest<'a> {
    /// The component's name within its library.
    pub component: &'a str,
    /// The name under which the instance appears in logs and metrics.
    pub instance: &'a str,
    /// Its config as RON text; `()` for none.
    pub config: &'a str,
    /// Where that text starts in the manifest, from 1; 0 = nowhere.
    pub config_line: u32,
    /// Likewise.
    pub config_column: u32,
    /// The `ron` extension bits that the manifest switched on.
    pub ron_extensions: u64,
}

impl OpenRequest<'_> {
    fn args(&self) -> OpenArgs<'_> {
        OpenArgs {
            component: self.component.into(),
            instance: self.instance.into(),
            config: self.config.into(),
            config_line: self.config_line,
            config_column: self.config_column,
            ron_extensions: self.ron_extensions,
            features: abi::features::ALL,
            reserved: [0; 8],
        }
    }
}

/// What a transport is opened with besides.
#[derive(Clone, Copy, Debug)]
pub struct TransportRequest<'a> {
    /// The network's JSON.
    pub network: &'a str,
    /// The identity that blocks carry.
    pub identity: &'a [u8; 33],
    /// An existing folder.
    pub data_directory: &'a Path,
    /// Name and version of the host.
    pub agent: &'a str,
    /// The manifest's node, if any.
    pub node_address: Option<&'a str>,
    /// The manifest's port, if any.
    pub node_port: Option<u16>,
    /// Whether that node was chosen instead of the config's.
    pub node_is_chosen: bool,
}

impl TransportRequest<'_> {
    fn args(&self) -> Result<TransportArgs<'_>, Fault> {
        let directory = self.data_directory.to_str().ok_or_else(|| {
            Fault::new(format_args!("{} is not valid text", self.data_directory.display()))
        })?;
        let mut reserved = [0; 8];
        reserved[features::TRANSPORT_NODE_IS_CHOSEN] = u64::from(self.node_is_chosen);
        Ok(TransportArgs {
            network: self.network.into(),
            identity: self.identity,
            data_directory: directory.into(),
            agent: self.agent.into(),
            node_address: self.node_address.unwrap_or_default().into(),
            node_port: self.node_port.map_or(0, u32::from),
            reserved,
        })
    }
}

/// An object that a factory of the library makes.
fn opened<T>(
    caller: Arc<Caller>,
    open: impl FnOnce() -> RResult<T, abi::Fault>,
) -> Result<Held<T>, Fault> {
    let object = caller.call(Method::Open, open, |object| object)?;
    Ok(Held::new(caller, object))
}

/// An opened strategy.
pub struct Strategy {
    object: Held<StrategyObject>,
    /// What the last plan asked for.
    batch: u64,
    /// What the last plan declared.
    may_repeat: bool,
}

impl Strategy {
    /// Opens a strategy.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn open(library: &Library, request: &OpenRequest<'_>) -> Result<Self, Fault> {
        let open = library.module().strategy();
        let object = opened(library.caller_of(Kind::Strategy, request), || open(&request.args()))?;
        Ok(Self { object, batch: 0, may_repeat: false })
    }

    /// Starts over with a job and a plot.
    ///
    /// # Errors
    ///
    /// The component's.
    pub fn begin(&mut self, job: &Job<'_>, plot: &Plot) -> Result<(), Fault> {
        self.batch = 0;
        self.object.call_mut(Method::Begin, |object| object.begin(job, plot), |()| ())
    }

    /// The next spans, written to the front of the buffer: how many, and
    /// whether the plan is complete. All lie within `leaf_count` leaves.
    ///
    /// # Errors
    ///
    /// The component's; or spans that are empty or reach outside the plot.
    pub fn plan(
        &mut self,
        spans: &mut [Span],
        cancel: &AtomicBool,
        leaf_count: u64,
    ) -> Result<(usize, bool), Fault> {
        let plan = |object: &mut StrategyObject| {
            object.plan(RSliceMut::from_mut_slice(&mut *spans), cancel)
        };
        let outcome = self.object.call_mut(Method::Plan, plan, |outcome| outcome)?;
        let written = usize::try_from(outcome.written)
            .ok()
            .filter(|written| *written <= spans.len())
            .ok_or_else(|| Fault::new("it claims to have planned more spans than fit"))?;
        for span in &spans[..written] {
            let end = span.start.checked_add(span.len);
            if span.len == 0 {
                return Err(Fault::new(format_args!(
                    "it planned a span without leaves, at leaf {} of a plot with {leaf_count}",
                    span.start
                )));
            }
            if end.is_none_or(|end| end > leaf_count) {
                return Err(Fault::new(format_args!(
                    "it planned {} from leaf {} on, of a plot with {leaf_count}",
                    count(span.len, "leaf"),
                    span.start
                )));
            }
        }
        self.batch = outcome.reserved[features::OUTCOME_BATCH];
        self.may_repeat = outcome.reserved[features::OUTCOME_MAY_REPEAT] != 0;
        Ok((written, outcome.done))
    }

    /// The most leaves that shall be read and handed on at a time, from the
    /// spans of the last plan on, if the strategy cares.
    pub fn batch(&self) -> Option<u64> {
        (self.batch > 0).then_some(self.batch)
    }

    /// Whether it declares that its plans may hold a leaf more than once; known
    /// from the first plan on.
    pub fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    /// How many leaves a whole plan of the plot would cover.
    ///
    /// # Errors
    ///
    /// The component's.
    pub fn estimate(&mut self, plot: &Plot) -> Result<u64, Fault> {
        self.object.call_mut(Method::Estimate, |object| object.estimate(plot), |leaves| leaves)
    }

    /// Reports progress.
    ///
    /// # Errors
    ///
    /// The component's.
    pub fn feedback(&mut self, stats: &BatchStats) -> Result<(), Fault> {
        self.object.call_mut(Method::Feedback, |object| object.feedback(stats), |()| ())
    }

    /// The turns that plots of a job get, best first; `None`: all of them, as
    /// they are listed. Each is of a plot in the list, each plot has one at the
    /// most, and none is empty. Plugins older than 1.1 have no opinion.
    ///
    /// # Errors
    ///
    /// The component's; or turns that cannot be.
    pub fn arrange(&mut self, job: &Job<'_>, plots: &[Plot]) -> Result<Option<Vec<Turn>>, Fault> {
        let mut turns = vec![Turn::default(); plots.len()];
        let buffer = RSliceMut::from_mut_slice(&mut turns);
        let arrange = |object: &mut StrategyObject| object.arrange(job, plots.into(), buffer);
        let arranged = self.object.call_mut(Method::Arrange, arrange, |arranged| arranged)?;
        if !arranged.chosen {
            return Ok(None);
        }
        let written = usize::try_from(arranged.written).ok();
        let written = written
            .filter(|written| *written <= turns.len())
            .ok_or_else(|| Fault::new("it claims to have given more turns than there are plots"))?;
        turns.truncate(written);
        check_turns(&turns, plots.len())?;
        Ok(Some(turns))
    }
}

fn check_turns(turns: &[Turn], plots: usize) -> Result<(), Fault> {
    let mut has_turn = vec![false; plots];
    for turn in turns {
        let slot = usize::try_from(turn.plot).ok().and_then(|plot| has_turn.get_mut(plot));
        match slot {
            Some(has_turn) if !*has_turn && turn.leaves > 0 => *has_turn = true,
            _ => {
                return Err(Fault::new(format_args!(
                    "it gave plot {} of {plots} a second turn, one without leaves, or one that \
                     it is not there for",
                    turn.plot
                )));
            }
        }
    }
    Ok(())
}

/// An opened engine.
pub struct Engine(Held<EngineObject>);

impl Engine {
    /// Opens an engine.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn open(library: &Library, request: &OpenRequest<'_>) -> Result<Self, Fault> {
        let open = library.module().engine();
        opened(library.caller_of(Kind::Engine, request), || open(&request.args())).map(Self)
    }

    /// The lowest score strictly under `bound` among whole leaves, as the
    /// engine claims it; within the batch and under the bound at least.
    ///
    /// # Errors
    ///
    /// The component's; or a claim that cannot be true.
    pub fn scan(
        &self,
        challenge: &[u8; 32],
        leaves: &[u8],
        bound: &[u8; 32],
        cancel: &AtomicBool,
    ) -> Result<Option<BestLeaf>, Fault> {
        let scan = |engine: &EngineObject| engine.scan(challenge, leaves.into(), bound, cancel);
        let best = self.0.call(Method::Scan, scan, ROption::into_option)?;
        let count = leaves.len() as u64 / 32;
        match best {
            Some(best) if best.index >= count => Err(Fault::new(format_args!(
                "it claims leaf {} of a batch of {count}, counted from 0",
                best.index
            ))),
            Some(best) if best.score >= *bound => Err(Fault::new(format_args!(
                "it claims a score for leaf {} that is not under the bound",
                best.index
            ))),
            best => Ok(best),
        }
    }
}

/// An opened policy.
pub struct Policy(Held<PolicyObject>);

impl Policy {
    /// Opens a policy.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn open(library: &Library, request: &OpenRequest<'_>) -> Result<Self, Fault> {
        let open = library.module().policy();
        opened(library.caller_of(Kind::Policy, request), || open(&request.args())).map(Self)
    }

    /// Positions of the chosen candidates, each valid and used once; or the
    /// reason of a veto.
    ///
    /// # Errors
    ///
    /// The component's; or a selection of what is not there.
    pub fn select(
        &mut self,
        context: &PolicyContext,
        candidates: &[Candidate],
    ) -> Result<Result<Vec<usize>, String>, Fault> {
        let select = |policy: &mut PolicyObject| policy.select(context, candidates.into());
        let take = |selection: Selection| match selection.veto.into_option() {
            Some(reason) => Err(String::from(reason)),
            None => Ok(selection.candidates.into_vec()),
        };
        let chosen = match self.0.call_mut(Method::Select, select, take)? {
            Ok(chosen) => chosen,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut used = vec![false; candidates.len()];
        let mut positions = Vec::with_capacity(chosen.len().min(candidates.len()));
        for position in chosen {
            let position = position as usize;
            match used.get_mut(position) {
                Some(used) if !*used => *used = true,
                Some(_) => {
                    return Err(Fault::new(format_args!("it chose candidate {position} twice")));
                }
                None => {
                    return Err(Fault::new(format_args!(
                        "it chose candidate {position} of a list of {}, counted from 0",
                        candidates.len()
                    )));
                }
            }
            positions.push(position);
        }
        Ok(Ok(positions))
    }
}

/// An opened transport: a running session.
pub struct Transport(Held<TransportObject>);

impl Transport {
    /// Opens a transport. Its events go to `sink`, from threads of its own;
    /// `None` is an event of a kind that this host is too old for. The sink
    /// must not block: it says `BUSY` instead.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn open(
        library: &Library,
        request: &OpenRequest<'_>,
        transport: &TransportRequest<'_>,
        sink: Arc<dyn Fn(Option<Event>) -> Emitted + Send + Sync>,
    ) -> Result<Self, Fault> {
        let args = transport.args()?;
        let caller = library.caller_of(Kind::Transport, request);
        let port = Port { sink, caller: caller.clone() };
        let port = PortObject::from_ptr(RArc::new(port), TD_Opaque);
        let open = library.module().transport();
        opened(caller, || open(&request.args(), &args, port)).map(Self)
    }

    /// Checks a transport's config and, if it can, its peer, without a session:
    /// works beside a process that has one. A sentence, or an empty one.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn check(
        library: &Library,
        request: &OpenRequest<'_>,
        transport: &TransportRequest<'_>,
    ) -> Result<String, Fault> {
        let args = transport.args()?;
        let check = library.module().check_transport();
        let caller = library.caller_of(Kind::Transport, request);
        caller.call(Method::Check, || check(&request.args(), &args), String::from)
    }

    /// Puts a question to what a transport connects with, without a session:
    /// works beside a process that has one. Blocks for as long as the
    /// transport takes.
    ///
    /// # Errors
    ///
    /// The component's or its config's; `UNSUPPORTED`: it does not answer
    /// questions, or not this one.
    pub fn ask(
        library: &Library,
        request: &OpenRequest<'_>,
        transport: &TransportRequest<'_>,
        question: Question,
    ) -> Result<Answer, Fault> {
        Self::put(library, request, transport, Question_NE::new(question))
    }

    /// As [`Transport::ask`], with a question of a kind that no version has, as
    /// a newer host may put it.
    ///
    /// # Errors
    ///
    /// As for [`Transport::ask`]; `UNSUPPORTED`, if the transport is right.
    pub fn ask_unknown(
        library: &Library,
        request: &OpenRequest<'_>,
        transport: &TransportRequest<'_>,
    ) -> Result<Answer, Fault> {
        Self::put(library, request, transport, unknown::question())
    }

    fn put(
        library: &Library,
        request: &OpenRequest<'_>,
        transport: &TransportRequest<'_>,
        question: Question_NE,
    ) -> Result<Answer, Fault> {
        let args = transport.args()?;
        // The field is of version 1.1.
        let ask = library.module().ask_transport().ok_or_else(|| Fault {
            code: FaultCode::UNSUPPORTED,
            ..Fault::new("this transport answers no questions")
        })?;
        let ask = || ask(&request.args(), &args, question);
        let caller = library.caller_of(Kind::Transport, request);
        let answer = caller.call(Method::Ask, ask, |answer| answer.into_enum().ok())?;
        answer.ok_or_else(|| Fault {
            code: FaultCode::UNSUPPORTED,
            ..Fault::new("its answer is of a kind that this host is too old for")
        })
    }

    /// Queues a request; never blocks.
    ///
    /// # Errors
    ///
    /// A full queue (`BUSY`), an ended session (`CLOSED`), or a request that
    /// the plugin is too old for (`UNSUPPORTED`).
    pub fn request(&mut self, request: Request) -> Result<(), Fault> {
        let request = Request_NE::new(request);
        self.0.call_mut(Method::Request, |transport| transport.request(request), |()| ())
    }

    /// Queues a request of a kind that no version has, as a newer host may.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED`, if the transport is right.
    pub fn request_unknown(&mut self) -> Result<(), Fault> {
        let request = unknown::request();
        self.0.call_mut(Method::Request, |transport| transport.request(request), |()| ())
    }

    /// Ends the session; blocks for at most `deadline_ms` milliseconds.
    ///
    /// # Errors
    ///
    /// It did not end in time.
    pub fn close(&mut self, deadline_ms: u64) -> Result<(), Fault> {
        self.0.call_mut(Method::Close, |transport| transport.close(deadline_ms), |()| ())
    }
}

struct Port {
    sink: Arc<dyn Fn(Option<Event>) -> Emitted + Send + Sync>,
    caller: Arc<Caller>,
}

impl abi::Port for Port {
    fn emit(&self, event: Event_NE) -> Emitted {
        let emit = AssertUnwindSafe(|| (self.sink)(event.into_enum().ok()));
        // A panic of the host's must not reach the plugin's frames.
        self.caller.call_back(|| std::panic::catch_unwind(emit).unwrap_or(Emitted::CLOSED))
    }
}
