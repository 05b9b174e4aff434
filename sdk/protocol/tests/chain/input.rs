//! Inputs of cases as our types. What our types cannot hold is refused where it is read, and that
//! is our answer to the case.

use serde_json::Value;
use spacetime_protocol::{Identity, NodeHash, Signature, accounts::Account, keys};

use crate::common::{Answer, Case};

/// A byte string of fixed length; refused as the argument `field`.
pub(crate) fn bytes_as<T>(case: &Case, name: &str, field: &'static str) -> Result<T, Answer>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    let bytes = case.bytes(name).ok_or_else(|| Answer::refused_field(field))?;
    T::try_from(&bytes).map_err(|_| Answer::refused_field(field))
}

/// A byte string of fixed length.
pub(crate) fn bytes<T>(case: &Case, name: &'static str) -> Result<T, Answer>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    bytes_as(case, name, name)
}

/// A number that is not negative.
pub(crate) fn number(case: &Case, name: &'static str) -> Result<u64, Answer> {
    u64::try_from(case.int(name)).map_err(|_| Answer::refused_field(name))
}

/// A number that is at least 1. Our types hold a 0, but do not encode it; it is refused here to
/// refuse in the reference's order.
pub(crate) fn positive(case: &Case, name: &'static str) -> Result<u64, Answer> {
    match number(case, name)? {
        0 => Err(Answer::refused_field(name)),
        number => Ok(number),
    }
}

/// A signature, or none where the text is empty.
pub(crate) fn signature(case: &Case) -> Result<Option<Signature>, Answer> {
    match case.text("signature") {
        None | Some("") => Ok(None),
        Some(_) => bytes(case, "signature").map(Some),
    }
}

/// A path's siblings; refused as the argument `field`.
pub(crate) fn siblings(case: &Case, field: &'static str) -> Result<Vec<NodeHash>, Answer> {
    let siblings = case.byte_strings("siblings").unwrap_or_default();
    let siblings = siblings.iter().map(|sibling| NodeHash::try_from(&sibling[..]));
    siblings.collect::<Result<_, _>>().map_err(|_| Answer::refused_field(field))
}

/// A path's orientation bits.
pub(crate) fn bits(case: &Case) -> Vec<bool> {
    let bits = case.value("sibling_is_right").as_array().cloned().unwrap_or_default();
    bits.iter().map(|bit| bit.as_bool().expect("a bit is a yes or no")).collect()
}

/// The accounts of a case. A negative balance, which our chains cannot have, counts as nothing.
pub(crate) fn accounts(case: &Case) -> Vec<(Identity, Account)> {
    let accounts = case.value("accounts").as_array().cloned().unwrap_or_default();
    let number = |value: &Value| u64::try_from(value.as_i64().expect("a number")).unwrap_or(0);
    let account = |value: &Value| {
        let key = value["key"].as_str().expect("an account has a key");
        let account =
            Account { balance: number(&value["balance"]), nonce: number(&value["nonce"]) };
        (key.parse().expect("a key is an identity"), account)
    };
    accounts.iter().map(account).collect()
}

/// The scripted verifier of a case. One that throws counts as one that says no.
pub(crate) fn verify(case: &Case, identity: &Identity, hash: &[u8; 32], of: &Signature) -> bool {
    match case.text("verifier") {
        Some("secp256k1") => keys::verify(identity, hash, of),
        Some("accepts_all") => true,
        Some("rejects_all" | "throws") => false,
        other => panic!("{}: unknown verifier {other:?}", case.id),
    }
}

/// Both outcomes of an answer that gives up at the first argument refused.
pub(crate) fn answer(outcome: Result<Answer, Answer>) -> Answer {
    outcome.unwrap_or_else(|refusal| refusal)
}
