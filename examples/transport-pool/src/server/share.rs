//! Whether a share is one: everything is computed again, nothing is believed.

use spacetime_sdk::protocol::{
    PlotSeed, Score,
    plot::PlotHeader,
    proof::BlockProof,
    score::{is_under, score},
};

use super::Job;

/// What is wrong with a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its job is over.
    Stale,
    /// It proves nothing.
    Wrong(&'static str),
}

/// The leaf that a share shows: no leaf counts twice for a job.
pub(crate) type Found = (PlotSeed, u64);

/// Checks a share for a job.
pub(crate) fn check(
    current: &Job,
    job: u64,
    claimed: &Score,
    bytes: &[u8],
) -> Result<Found, Refusal> {
    if job != current.id {
        return Err(Refusal::Stale);
    }
    let Ok((proof, used)) = BlockProof::decode(bytes) else {
        return Err(Refusal::Wrong("this is no proof"));
    };
    if used != bytes.len() {
        return Err(Refusal::Wrong("there is more than a proof"));
    }
    let reached = score(&current.challenge, &proof.leaf);
    if reached != *claimed {
        return Err(Refusal::Wrong("the leaf has another score"));
    }
    if !is_under(&reached, &current.target) {
        return Err(Refusal::Wrong("the score is not under the share target"));
    }
    // The leaf is in a plot with this root, and the root is in a plot's header
    // with this hash.
    let root = proof.path.root(proof.leaf.as_ref());
    let header = PlotHeader::new(proof.plot.plot_id, proof.plot.leaf_count, root);
    if header.hash() != proof.plot.header_hash {
        return Err(Refusal::Wrong("the path does not lead to the plot's header"));
    }
    if proof.path.index() != proof.leaf_index || proof.leaf_index >= proof.plot.leaf_count {
        return Err(Refusal::Wrong("the path leads from another leaf"));
    }
    Ok((proof.plot.plot_id, proof.leaf_index))
}
