//! Which plots can win on a network at all: the others are set aside when they
//! are opened, for a leaf of theirs would only take a better one's place.

use spacetime_protocol::{PlotKey, network::Network};

use super::{LeafSource, PlotError, PlotFile};

/// What a network asks of plots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Eligible {
    /// Whose plots they must be; `None`: anybody's.
    owner: Option<PlotKey>,
    /// The fewest leaves that may win.
    min_leaves: u64,
}

impl Eligible {
    /// What a network asks of the plots of a miner; without a key, only what
    /// concerns everybody's.
    pub fn of(network: &Network, key: Option<PlotKey>) -> Self {
        let owner = key.filter(|_| network.bind_plots);
        Self { owner, min_leaves: network.min_plot_leaves }
    }

    /// The plot, if it can win. One whose leaves cannot be read is told of
    /// when it is scanned.
    pub(super) fn take(&self, plot: PlotFile) -> Result<PlotFile, PlotError> {
        let (leaves, least) = (plot.leaf_count(), self.min_leaves);
        if leaves < least {
            return Err(PlotError::TooSmall { path: plot.path().to_owned(), leaves, least });
        }
        match self.owner.is_none_or(|owner| plot.is_of(&owner).unwrap_or(true)) {
            true => Ok(plot),
            false => Err(PlotError::OtherKey { path: plot.path().to_owned() }),
        }
    }
}
