//! An instance of a component, whatever its kind.

use spacetime_sdk_loader::{Engine, Fault, Kind, Policy, Strategy, abi::FaultCode};

use crate::{
    engine, policy,
    probe::{Blame, Judged, OPEN_LIMIT, Probe, Stop},
    strategy,
    transport::Session,
};

pub(crate) enum Instance<'p> {
    Strategy(Strategy),
    Engine(Engine),
    Policy(Policy),
    Transport(Session<'p>),
}

impl<'p> Instance<'p> {
    /// Opens the component with a config.
    pub(crate) fn open(probe: &'p Probe, config: &str) -> Result<Self, Fault> {
        let (library, request) = (probe.library(), probe.request(config));
        let open = || match probe.task.subject.kind {
            Kind::Strategy => Strategy::open(library, &request).map(Self::Strategy),
            Kind::Engine => Engine::open(library, &request).map(Self::Engine),
            Kind::Policy => Policy::open(library, &request).map(Self::Policy),
            Kind::Transport => Session::open_with(probe, config).map(Self::Transport),
            Kind::Unknown => Err(Fault {
                code: FaultCode::UNKNOWN_COMPONENT,
                ..Fault::new("this kit is too old for its kind")
            }),
        };
        probe.call("open", OPEN_LIMIT, open)
    }

    /// Opens the component with the config that it is tested with.
    pub(crate) fn must_open(probe: &'p Probe, blame: Blame) -> Result<Self, Stop> {
        let config = &probe.task.subject.config;
        probe.with(format_args!("the config {config}"));
        Self::open(probe, config).map_err(|fault| not_opened(probe, config, &fault, blame))
    }

    /// Lets it do a little of what it is for.
    pub(crate) fn use_once(&mut self, probe: &Probe, blame: Blame) -> Judged {
        match self {
            Self::Strategy(strategy) => strategy::use_once(probe, strategy, blame),
            Self::Engine(engine) => engine::use_once(probe, engine, blame),
            Self::Policy(policy) => policy::use_once(probe, policy, blame),
            Self::Transport(session) => session.use_once(),
        }
    }

    /// Ends it.
    pub(crate) fn close(self, probe: &Probe, blame: Blame) -> Judged {
        match self {
            Self::Strategy(strategy) => probe.drop(strategy),
            Self::Engine(engine) => probe.drop(engine),
            Self::Policy(policy) => probe.drop(policy),
            Self::Transport(session) => return session.end(blame),
        }
        Ok(())
    }
}

/// Why a test cannot begin: a config that is refused is not the component's fault.
pub(crate) fn not_opened(probe: &Probe, config: &str, fault: &Fault, blame: Blame) -> Stop {
    if fault.code == FaultCode::CONFIG {
        let field = match &*fault.field {
            "" => String::new(),
            field => format!(" for the field `{field}`"),
        };
        return Stop::Refused(format!("the config {config} is refused{field}: {fault}"));
    }
    probe.fault(fault, blame)
}
