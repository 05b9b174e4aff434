//! What the miner does without a component.

use spacetime_sdk_loader::Kind;

/// What happens without a component of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fallback {
    /// Where one call of it failed.
    pub(super) once: &'static str,
    /// Where it is not used at all; `None`: then nothing can be done, and so it
    /// is never given up.
    always: Option<&'static str>,
}

impl Fallback {
    /// What takes the place of a component that mines.
    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Strategy => Self {
                once: "the miner plans in its place this time: all leaves, in order",
                always: Some("leaves are scanned in order instead"),
            },
            Kind::Engine => Self {
                once: "the host's own kernels hash those leaves",
                always: Some("the host's own kernels hash instead"),
            },
            Kind::Policy => Self {
                once: "this block carries no transactions; it is asked again for the next one",
                always: Some("blocks carry no transactions from now on"),
            },
            Kind::Transport | Kind::Unknown => {
                Self { once: "its session is opened again if this has ended it", always: None }
            }
        }
    }

    /// What takes the place of a shadow.
    pub(super) const OF_SHADOW: Self = Self {
        once: "mining is not touched by it",
        always: Some("nothing is tried in its place, and mining is not touched by it"),
    };

    /// Whether the miner can do without.
    pub(super) fn is_there(&self) -> bool {
        self.always.is_some()
    }

    /// What happens where it is not used at all.
    pub(super) fn always(&self) -> &'static str {
        self.always.unwrap_or("nothing can take its place")
    }
}
