//! Questions and answers of transports, in the form that crosses the boundary.

use spacetime_protocol::{
    BlockHash, Identity, TxHash,
    ask::{AccountState, Answer, Fate, Question, Tip},
};
use spacetime_sdk_loader::{
    Fault,
    abi::{self, FateCode, FaultCode},
};

use super::services::for_people;

/// Writes a question.
///
/// # Errors
///
/// A transaction that cannot be encoded, or a question that the boundary has
/// no form for.
pub(super) fn to_abi(question: &Question) -> Result<abi::Question, Fault> {
    Ok(match question {
        Question::Tip => abi::Question::Tip,
        Question::Account(identity) => abi::Question::Account { identity: identity.to_bytes() },
        Question::SubmitTransaction { transaction, replace } => abi::Question::SubmitTransaction {
            transaction: transaction.encode().map_err(Fault::new)?.to_vec().into(),
            replace: *replace,
        },
        Question::Transaction(hash) => abi::Question::Transaction { hash: hash.to_bytes() },
        _ => return Err(unsupported("plugins cannot be asked this")),
    })
}

/// Reads an answer.
///
/// # Errors
///
/// One that this host is too old for.
pub(super) fn from_abi(answer: abi::Answer) -> Result<Answer, Fault> {
    Ok(match answer {
        abi::Answer::Tip { tip } => Answer::Tip(Tip {
            hash: BlockHash::new(tip.hash),
            height: tip.height,
            difficulty: tip.difficulty,
            pending: tip.pending,
        }),
        abi::Answer::Account { account } => Answer::Account(AccountState {
            identity: Identity::new(account.identity),
            balance: account.balance,
            nonce: account.nonce,
            next_nonce: account.next_nonce,
            spendable: account.spendable,
            tip: BlockHash::new(account.tip),
            height: account.height,
        }),
        abi::Answer::Submitted { hash } => Answer::Submitted(TxHash::new(hash)),
        abi::Answer::Refused { reason } => Answer::Refused(for_people(&reason)),
        abi::Answer::Transaction { fate } => Answer::Transaction(fate_from_abi(&fate)),
        _ => return Err(unsupported("its answer is of a kind that this host is too old for")),
    })
}

fn fate_from_abi(fate: &abi::TransactionFate) -> Fate {
    match fate.code {
        FateCode::PENDING => Fate::Pending,
        FateCode::IN_BLOCK => Fate::InBlock {
            block: BlockHash::new(fate.block),
            height: fate.height,
            confirmations: fate.confirmations,
        },
        _ => Fate::Unknown,
    }
}

fn unsupported(message: &str) -> Fault {
    Fault { code: FaultCode::UNSUPPORTED, ..Fault::new(message) }
}
