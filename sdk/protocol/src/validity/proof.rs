//! The checks of a bare proof (`consensus.md` section 7, the kinds behind its checks 16 to 18).

use thiserror::Error;

use crate::{Challenge, Leaf, NodeHash, Score, Target, merkle::MerklePath, score};

/// What a proof says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofClaim<'a> {
    /// What was scanned for.
    pub challenge: Challenge,
    /// The winning leaf.
    pub leaf: Leaf,
    /// Its way to the plot's root. Its index is not looked at, as in the reference: the
    /// orientation bits decide.
    pub path: &'a MerklePath,
    /// The plot's root.
    pub plot_root: NodeHash,
    /// The leaf's score.
    pub score: Score,
}

/// What a proof is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofExpected {
    /// The challenge of the epoch.
    pub challenge: Challenge,
    /// The root of the plot.
    pub plot_root: NodeHash,
    /// What the score must lie under; `None`: anything will do.
    pub target: Option<Target>,
    /// Levels of the plot's tree; `None`: as many as the path has.
    pub tree_height: Option<u32>,
}

/// The kind of the first check that a proof failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are those of the specification's list")]
pub enum ProofErrorKind {
    ChallengeMismatch,
    PlotRootMismatch,
    ScoreMismatch,
    ScoreAboveTarget,
    InvalidMerklePath,
}

/// The first check that a proof failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ProofError {
    /// Its kind.
    pub kind: ProofErrorKind,
    /// A sentence with the values found and expected.
    pub message: String,
}

/// Checks a proof.
///
/// # Errors
/// The first check that failed.
pub fn check_proof(claim: &ProofClaim<'_>, expected: &ProofExpected) -> Result<(), ProofError> {
    use ProofErrorKind as Kind;

    let fail = |kind, message| Err(ProofError { kind, message });
    if claim.challenge != expected.challenge {
        let message =
            format!("the proof's challenge is {}, not {}", claim.challenge, expected.challenge);
        return fail(Kind::ChallengeMismatch, message);
    }
    if claim.plot_root != expected.plot_root {
        let message =
            format!("the proof's plot root is {}, not {}", claim.plot_root, expected.plot_root);
        return fail(Kind::PlotRootMismatch, message);
    }
    let score = score::score(&claim.challenge, &claim.leaf);
    if claim.score != score {
        let message = format!("the proof's score is {}, its leaf's is {score}", claim.score);
        return fail(Kind::ScoreMismatch, message);
    }
    if let Some(target) = expected.target
        && !score::is_under(&score, &target)
    {
        let message = format!("score {score} does not lie under the target {target}");
        return fail(Kind::ScoreAboveTarget, message);
    }
    check_path(claim, expected)
}

fn check_path(claim: &ProofClaim<'_>, expected: &ProofExpected) -> Result<(), ProofError> {
    let MerklePath { siblings, sibling_is_right } = claim.path;
    let message = if siblings.len() != sibling_is_right.len() {
        format!("the path has {} siblings, {} bits", siblings.len(), sibling_is_right.len())
    } else if let Some(height) = expected.tree_height
        && u32::try_from(siblings.len()) != Ok(height)
    {
        format!("the path has {} levels, the tree {height}", siblings.len())
    } else if !claim.path.verify(claim.leaf.as_bytes(), &claim.plot_root) {
        format!("the path does not lead to the plot root {}", claim.plot_root)
    } else {
        return Ok(());
    };
    Err(ProofError { kind: ProofErrorKind::InvalidMerklePath, message })
}
