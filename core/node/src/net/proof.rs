//! What a submitted proof is worth (`wire.md` section 8). It carries neither
//! challenge nor root: the challenge follows from the tip, the root from the
//! path, so nothing but the plot's own statements can be false in it.

use spacetime_protocol::chain::window;
use spacetime_protocol::network::EmptyEpochs;
use spacetime_protocol::proof::BlockProof;
use spacetime_protocol::validity::{Rules, check_plot};
use spacetime_protocol::{Identity, challenge, score, validity};

use crate::Service;
use crate::store::StoreError;

/// Windows of one tip that are tried, the last ones.
const MAX_WINDOWS: u64 = 1000;

/// What a proof is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// A block for our tip can be built with it.
    Wins,
    /// It wins nothing on our tip.
    Nothing,
    /// It breaks a rule of the network.
    Invalid(String),
}

/// What a proof for the block at `height` is worth at a moment, Unix ms.
pub(super) fn worth(
    service: &Service,
    height: u64,
    miner: &Identity,
    proof: &BlockProof,
    now_ms: u64,
) -> Result<Worth, StoreError> {
    let network = service.network();
    if let Err(error) = check_plot(proof, miner, &Rules::of(network)) {
        return Ok(Worth::Invalid(error.to_string()));
    }
    let status = service.status()?;
    if status.height.checked_add(1) != Some(height) {
        return Ok(Worth::Nothing);
    }
    let Some(tip) = service.header(&status.tip)? else { return Ok(Worth::Nothing) };
    let last = window(network, &tip.header, now_ms).epoch;
    let first = match network.empty_epochs {
        EmptyEpochs::None => last,
        EmptyEpochs::Advance => last.saturating_sub(MAX_WINDOWS).max(tip.header.epoch) + 1,
    };
    let wins = (first..=last).any(|epoch| {
        let challenge = challenge::challenge(&status.tip, epoch);
        validity::wins(&score::score(&challenge, &proof.leaf), status.difficulty)
    });
    Ok(if wins { Worth::Wins } else { Worth::Nothing })
}
