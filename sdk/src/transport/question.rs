//! Questions and answers in the form that crosses the boundary.

use abi::{Answer_NE, FateCode, Question_NE, abi_stable::std_types::RBox};
use spacetime_protocol::{
    Identity, TxHash,
    ask::{AccountState, Answer, Fate, Question, Tip},
    transaction::Transaction,
};
use spacetime_sdk_abi as abi;

use crate::{
    error::{Error, Result},
    text::{LONGEST, line},
};

/// Reads what the host asks.
///
/// # Errors
///
/// A question that this SDK is too old for, or no transaction.
pub(super) fn from_abi(question: Question_NE) -> Result<Question> {
    let too_old = || Error::unsupported("this plugin's SDK is too old for the question");
    Ok(match question.into_enum().map_err(|_| too_old())? {
        abi::Question::Tip => Question::Tip,
        abi::Question::Account { identity } => Question::Account(Identity::new(identity)),
        abi::Question::SubmitTransaction { transaction, replace } => Question::SubmitTransaction {
            transaction: Transaction::decode(&transaction)
                .map_err(|error| Error::from(error).context("not a transaction"))?,
            replace,
        },
        abi::Question::Transaction { hash } => Question::Transaction(TxHash::new(hash)),
        _ => return Err(too_old()),
    })
}

/// Writes an answer.
///
/// # Errors
///
/// An answer that this version of the boundary has no form for.
pub(super) fn to_abi(answer: Answer) -> Result<Answer_NE> {
    Ok(Answer_NE::new(match answer {
        Answer::Tip(tip) => abi::Answer::Tip { tip: RBox::new(tip_to_abi(tip)) },
        Answer::Account(account) => {
            abi::Answer::Account { account: RBox::new(account_to_abi(account)) }
        }
        Answer::Submitted(hash) => abi::Answer::Submitted { hash: hash.to_bytes() },
        Answer::Refused(reason) => abi::Answer::Refused { reason: line(&reason, LONGEST).into() },
        Answer::Transaction(fate) => {
            abi::Answer::Transaction { fate: RBox::new(fate_to_abi(fate)) }
        }
        _ => return Err(Error::unsupported("the answer has no form that the host knows")),
    }))
}

fn tip_to_abi(tip: Tip) -> abi::TipState {
    let Tip { hash, height, difficulty, pending } = tip;
    abi::TipState { hash: hash.to_bytes(), height, difficulty, pending, reserved: [0; 8] }
}

fn account_to_abi(account: AccountState) -> abi::AccountState {
    abi::AccountState {
        identity: account.identity.to_bytes(),
        balance: account.balance,
        nonce: account.nonce,
        next_nonce: account.next_nonce,
        spendable: account.spendable,
        tip: account.tip.to_bytes(),
        height: account.height,
        reserved: [0; 8],
    }
}

fn fate_to_abi(fate: Fate) -> abi::TransactionFate {
    let nowhere = abi::TransactionFate {
        code: FateCode::UNKNOWN,
        block: [0; 32],
        height: 0,
        confirmations: 0,
        reserved: [0; 8],
    };
    match fate {
        Fate::Pending => abi::TransactionFate { code: FateCode::PENDING, ..nowhere },
        Fate::InBlock { block, height, confirmations } => abi::TransactionFate {
            code: FateCode::IN_BLOCK,
            block: block.to_bytes(),
            height,
            confirmations,
            ..nowhere
        },
        _ => nowhere,
    }
}
