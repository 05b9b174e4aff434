//! The lines that plugin and server exchange, words between single spaces.
//! Byte strings are hexadecimal.
//!
//! | from | line |
//! | --- | --- |
//! | plugin | `hello AGENT IDENTITY` |
//! | server | `job ID CHALLENGE TARGET SECONDS`: it wants a proof with a score under the target |
//! | plugin | `proof TICKET JOB SCORE PROOF` |
//! | server | `accepted TICKET` or `rejected TICKET REASON` |

use std::time::{Duration, SystemTime};

use spacetime_sdk::{
    Builder, Challenge, Error, ProofClaim, Result, StopRule,
    protocol::{BlockHash, Identity},
};

/// A line of the server.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Job(Challenge),
    Accepted(u64),
    Rejected(u64, String),
}

impl Said {
    pub(crate) fn read(line: &str) -> Result<Self> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "job" => Ok(Self::Job(job(rest)?)),
            "accepted" => Ok(Self::Accepted(rest.parse()?)),
            "rejected" => {
                let (ticket, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                Ok(Self::Rejected(ticket.parse()?, reason.to_owned()))
            }
            _ => Err(Error::new("a line begins with job, accepted or rejected")),
        }
    }
}

fn job(rest: &str) -> Result<Challenge> {
    let words: Vec<&str> = rest.split(' ').collect();
    let [id, challenge, target, seconds] = words[..] else {
        return Err(Error::new(
            "a job has an id, a challenge, a target and seconds",
        ));
    };
    Ok(Challenge {
        id: id.parse()?,
        challenge: challenge.parse()?,
        share_target: Some(target.parse()?),
        stop: StopRule::FirstUnderTarget,
        deadline: Some(SystemTime::now() + Duration::from_secs(seconds.parse::<u32>()?.into())),
        // The server knows the chain and builds the blocks; proofs are all that
        // it wants of the miner.
        builder: Builder::Transport,
        block_target: None,
        parent: BlockHash::ZERO,
        epoch: 0,
        height: 0,
        difficulty: None,
        publish_at: None,
        min_timestamp: 0,
    })
}

pub(crate) fn hello(agent: &str, identity: &Identity) -> String {
    // An agent is one word here.
    format!(
        "hello {} {identity}\n",
        agent.replace(char::is_whitespace, "-")
    )
}

pub(crate) fn proof(ticket: u64, claim: &ProofClaim) -> String {
    let proof: String = claim
        .proof
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "proof {ticket} {} {} {proof}\n",
        claim.challenge_id, claim.score
    )
}
