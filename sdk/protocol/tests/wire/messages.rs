//! Topic `messages`.

use serde_json::{Map, Value, json};
use spacetime_protocol::{
    EncodeError,
    wire::{Kind, MAX_FRAME, Message},
};

use crate::{
    common::{self, Answer, Case},
    data, fields, refusals,
};

const UNREADABLE: &str = "the reference writes what no receiver reads; we refuse to write it";

#[test]
fn messages_are_as_the_references() {
    let exceptions = [("gp-new-1001-excludes", UNREADABLE), ("headers-new-over-10mib", UNREADABLE)];
    common::run("messages", 1220, &exceptions, |case| match case.op.as_str() {
        "encode" => encode(case),
        "construct_error" => construct_error(case),
        "decode" => decode(case),
        _ => case.unknown(),
    });
}

fn kind(case: &Case) -> Option<Kind> {
    let name = case.text("type").unwrap();
    let kind = Kind::ALL.into_iter().find(|kind| format!("{kind:?}") == name);
    let byte = case.optional_int("type_byte").map(|byte| u8::try_from(byte).unwrap());
    assert_eq!(kind.is_none(), name == "undefined", "{}", case.id);
    assert!(byte.is_none_or(|byte| Kind::from_byte(byte) == kind), "{}", case.id);
    kind
}

/// The reference sends every pong as a ping (`wire.md` section 4); ours is one.
fn byte_as_sent(kind: Kind) -> u8 {
    match kind {
        Kind::Pong => {
            assert_eq!(kind.byte(), 5);
            Kind::Ping.byte()
        }
        kind => kind.byte(),
    }
}

fn encode(case: &Case) -> Answer {
    let kind = kind(case).unwrap();
    let message = fields::message(kind, case.value("fields")).unwrap();
    assert_eq!(message.kind(), kind, "{}", case.id);
    let payload = match message.encode() {
        Ok(payload) => payload,
        Err(EncodeError::OutOfRange { found, most, .. }) if found > most => return Answer::Except,
        Err(error) => return Answer::refused(error),
    };
    let is_sendable = payload.len() < MAX_FRAME;
    assert_eq!(message.to_frame().is_ok(), is_sendable, "{}: {:?}", case.id, payload.len());
    let mut ours = data::named("payload", &payload);
    ours.insert("type_byte".to_owned(), json!(byte_as_sent(kind)));
    ours.insert("valid".to_owned(), json!(is_valid(Some(kind), &payload)));
    Answer::Out(ours.into())
}

fn construct_error(case: &Case) -> Answer {
    let kind = kind(case).unwrap();
    let message = match fields::message(kind, case.value("fields")) {
        Ok(message) => message,
        Err(field) => return Answer::refused_field(field),
    };
    let theirs = case.outcome.as_ref().unwrap_err();
    match message.encode() {
        Ok(payload) => Answer::Out(json!({ "payload": payload.len() })),
        Err(error) => {
            let (field, most) = refused(&error);
            assert!(numbers(theirs).is_none_or(|numbers| numbers.last() == most.as_ref()));
            Answer::refused_field(field)
        }
    }
}

fn numbers(theirs: &Map<String, Value>) -> Option<Vec<u64>> {
    let numbers = theirs.get("numbers")?.as_array()?;
    Some(numbers.iter().map(|number| number.as_u64().unwrap()).collect())
}

/// The reference's name of the field at fault, and the most that it may be.
fn refused(error: &EncodeError) -> (&'static str, Option<u64>) {
    let (field, most) = match error {
        EncodeError::Empty { field } | EncodeError::Zero { field } => (*field, None),
        EncodeError::OutOfRange { field, most, .. } => (*field, Some(*most)),
        error => panic!("no case is refused as {error}"),
    };
    let name = match field {
        "node id" => "node_id",
        "user agent" => "user_agent",
        "maximum of peers" => "max_count",
        "count of peers" => "peers",
        "count of headers" => "headers",
        "maximum of headers" => "max_headers",
        "the block" => "block_data",
        "the transaction" => "transaction_data",
        "the proof" => "proof_data",
        "maximum of transactions" => "max_transactions",
        field => field,
    };
    (name, most)
}

fn decode(case: &Case) -> Answer {
    let payload = data::bytes(case.value("payload"));
    let kind = kind(case);
    assert_eq!(case.valid, Some(is_valid(kind, &payload)), "{}: valid", case.id);
    let Some(kind) = kind else {
        // What the stream's reader refuses: `frames` has how.
        return Answer::refused("an undefined type");
    };
    let message = match Message::decode(kind, &payload) {
        Ok(message) => message,
        Err(error) => {
            if let Err(theirs) = &case.outcome {
                let difference = refusals::difference(&error, theirs);
                assert_eq!(difference, None, "{}", case.id);
            }
            assert!(error.error.offset <= payload.len(), "{}: {error}", case.id);
            return Answer::refused(error);
        }
    };
    assert_eq!(message.kind(), kind, "{}", case.id);
    let again = message.encode().unwrap();
    assert_eq!(Message::decode(kind, &again).as_ref(), Ok(&message), "{}", case.id);
    let mut ours = data::named("reencoded", &again);
    if let Ok(theirs) = &case.outcome {
        let fields = data::as_given(fields::of(&message), &theirs["fields"]);
        ours.insert("fields".to_owned(), fields.into());
    }
    ours.insert("reencoded_type_byte".to_owned(), json!(byte_as_sent(kind)));
    Answer::Out(ours.into())
}

/// The reference's structural validator. We relay what we decode and nothing else, and have none:
/// of the types that are relayed (`wire.md` section 11), it takes exactly what decodes.
fn is_valid(kind: Option<Kind>, payload: &[u8]) -> bool {
    let Some(kind) = kind else { return false };
    match kind {
        // It looks for a Handshake, which decoding never leaves.
        Kind::HandshakeAck => Message::decode(Kind::Handshake, payload).is_ok(),
        Kind::Heartbeat => payload.len() <= 1024,
        // It takes the documentation's empty form, and anything else.
        Kind::GetPeers => true,
        Kind::Error => (1..=MAX_FRAME).contains(&payload.len()),
        kind => Message::decode(kind, payload).is_ok(),
    }
}
