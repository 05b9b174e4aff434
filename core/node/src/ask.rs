//! Answers questions about the chain of a data directory: asks the process that
//! runs it, or else reads its store. For commands that work beside a miner.

use std::path::{Path, PathBuf};

use spacetime_protocol::Identity;
use spacetime_protocol::ask::{AccountState, Answer, Question, Tip};
use spacetime_protocol::network::Network;

use crate::chain;
use crate::local::{LocalError, Status};
use crate::service::Service;
use crate::store::{self, Snapshot, StoreError};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// There is no chain to ask.
    #[error("there is no chain in {} yet: `spacetime-miner run` makes it", directory.display())]
    NoChain {
        /// The data directory.
        directory: PathBuf,
    },
    /// Nobody runs the chain, so nobody would put a transaction into a block.
    #[error(
        "nobody runs the chain in {}, so nobody would take the transaction: start the miner with \
         `spacetime-miner run`, then send it again",
        directory.display()
    )]
    NotRunning {
        /// The data directory.
        directory: PathBuf,
    },
    /// The process that runs the chain does not know the question.
    #[error("the process that runs the chain in {} is of an earlier version, which cannot tell: restart it", directory.display())]
    EarlierVersion {
        /// The data directory.
        directory: PathBuf,
    },
    /// This version does not know the question.
    #[error("the chain in {} cannot answer a question of a later version", directory.display())]
    Unknown {
        /// The data directory.
        directory: PathBuf,
    },
    /// The socket or the store fails.
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Local(error.into())
    }
}

/// Answers a question about the chain of a data directory. Takes no lock, and
/// changes nothing but by a transaction that the running chain takes.
///
/// # Errors
/// When there is no chain, when it is another network's, when a transaction is
/// submitted and nobody runs the chain, and when socket or store fail.
pub fn answer(
    directory: &Path,
    network: &Network,
    question: &Question,
) -> Result<Answer, AskError> {
    #[cfg(unix)]
    if let Some(mut client) = crate::local::connect(directory)? {
        let status = client.status()?;
        status.origin().check(directory, network)?;
        return running::answer(directory, &mut client, &status, question);
    }
    let directory = directory.to_owned();
    let Some(snapshot) = store::read(&directory)? else {
        return Err(AskError::NoChain { directory });
    };
    snapshot.origin()?.check(&directory, network)?;
    match question {
        Question::Tip => Ok(Answer::Tip(tip(&chain::status(&snapshot, network)?))),
        Question::Account(identity) => account(&snapshot, identity).map(Answer::Account),
        Question::Transaction(hash) => Ok(Answer::Transaction(chain::fate(&snapshot, hash)?)),
        Question::SubmitTransaction { .. } => Err(AskError::NotRunning { directory }),
        _ => Err(AskError::Unknown { directory }),
    }
}

/// Answers a question about a chain that this process runs. `None`: this
/// version does not know the question.
///
/// # Errors
/// When the store fails.
pub fn answer_running(
    service: &Service,
    question: &Question,
) -> Result<Option<Answer>, StoreError> {
    Ok(Some(match question {
        Question::Tip => Answer::Tip(tip(&service.status()?)),
        Question::Account(identity) => Answer::Account(service.account_state(identity)?),
        Question::Transaction(hash) => Answer::Transaction(service.transaction(hash)?),
        Question::SubmitTransaction { transaction, replace } => {
            match service.take_transaction(transaction.clone(), *replace)? {
                Ok(hash) => Answer::Submitted(hash),
                Err(refusal) => Answer::Refused(refusal.to_string()),
            }
        }
        _ => return Ok(None),
    }))
}

fn tip(status: &Status) -> Tip {
    let Status { tip, height, difficulty, mempool, .. } = *status;
    Tip { hash: tip, height, difficulty, pending: mempool }
}

fn account(snapshot: &Snapshot, identity: &Identity) -> Result<AccountState, AskError> {
    Ok(chain::account_state(snapshot, identity)?)
}

#[cfg(unix)]
mod running {
    //! Asks the process that runs the chain, which may be of another version.

    use super::{AccountState, Answer, AskError, LocalError, Path, Question, Status, tip};
    use crate::local::Client;

    pub(super) fn answer(
        directory: &Path,
        client: &mut Client,
        status: &Status,
        question: &Question,
    ) -> Result<Answer, AskError> {
        let earlier = || AskError::EarlierVersion { directory: directory.to_owned() };
        match question {
            Question::Tip => Ok(Answer::Tip(tip(status))),
            Question::Account(identity) => {
                let reply = client.account(*identity)?;
                let outlook = reply.outlook.ok_or_else(earlier)?;
                Ok(Answer::Account(AccountState {
                    identity: reply.identity,
                    balance: reply.balance,
                    nonce: reply.nonce,
                    next_nonce: outlook.next_nonce,
                    spendable: outlook.spendable,
                    tip: outlook.tip,
                    height: outlook.height,
                }))
            }
            Question::Transaction(hash) => match client.transaction(*hash) {
                Ok(fate) => Ok(Answer::Transaction(fate)),
                Err(LocalError::Refused { kind, .. }) if kind == "request" => Err(earlier()),
                Err(error) => Err(error.into()),
            },
            Question::SubmitTransaction { transaction, replace } => {
                match client.take_transaction(transaction, *replace) {
                    Ok(hash) => Ok(Answer::Submitted(hash)),
                    Err(LocalError::Refused { kind, message }) if kind == "refused" => {
                        Ok(Answer::Refused(message))
                    }
                    Err(error) => Err(error.into()),
                }
            }
            _ => Err(AskError::Unknown { directory: directory.to_owned() }),
        }
    }
}
