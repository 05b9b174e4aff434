//! Which messages go on.

use serde_json::{Map, Value, json};
use spacetime_protocol::{
    relay::{
        Bandwidth, BandwidthLimits, Dropped, PeerRules, Peers, Priority, Relay, SeenKey, SeenRules,
        TokenRules, is_relayed,
    },
    wire::{Kind, Message},
};

use crate::{
    common::{Answer, Case},
    number, results, steps, text, theirs, unknown,
};

const NOW_MS: u64 = 1_704_067_200_000;

pub(crate) fn priorities(case: &Case) -> Answer {
    let theirs = case.outcome.as_ref().expect("a table");
    let ours = theirs.iter().map(|(byte, theirs)| {
        let kind = Kind::from_byte(u8::from_str_radix(byte, 16).expect("a type's byte"));
        // A type that is not defined ends a connection before it has any.
        let ours = kind.map_or_else(
            || text(theirs).to_owned(),
            |kind| format!("{:?}", Priority::of(kind)).to_lowercase(),
        );
        (byte.clone(), ours.into())
    });
    Answer::Out(Value::Object(ours.collect::<Map<_, _>>()))
}

pub(crate) fn key(case: &Case) -> Answer {
    let (kind, payload) = message(&Value::Object(case.input.clone()));
    Answer::Out(json!({ "key": SeenKey::of(kind, &payload).to_string() }))
}

fn message(value: &Value) -> (Kind, Vec<u8>) {
    let byte = u8::try_from(number(&value["type_byte"])).unwrap();
    let payload = const_hex::decode(text(&value["payload"])).expect("hexadecimal");
    (Kind::from_byte(byte).expect("a type that is defined"), payload)
}

/// The types whose structure the reference does not check, or by another
/// type's layout (`wire.md` section 11). None of them is relayed; but ours
/// counts what is malformed, as everywhere.
fn is_misjudged(kind: Kind) -> bool {
    matches!(kind, Kind::HandshakeAck | Kind::GetPeers | Kind::Error)
}

pub(crate) fn relay(case: &Case) -> Answer {
    let mut relay = Relay::new(TokenRules::DEFAULT, SeenRules::DEFAULT, NOW_MS);
    let mut ours = Vec::new();
    for (step, theirs) in steps(case).iter().zip(theirs(case)) {
        let (kind, payload) = message(&step["message"]);
        let source = step["source"].as_str().unwrap_or_default().to_owned();
        let result = match text(&step["call"]) {
            "should_relay" => Some(relay.should_relay(kind, &payload, NOW_MS).map(drop)),
            "relay" => Some(relay.relay(&source, kind, &payload, NOW_MS)),
            "broadcast" => {
                let sent = relay.broadcast(kind, &payload, NOW_MS);
                assert_eq!(sent.is_ok(), Message::decode(kind, &payload).is_ok(), "{}", case.id);
                None
            }
            _ => unknown(case, step),
        };
        if let Some(Err(Dropped::NotRelayed)) = result {
            assert!(!is_relayed(kind), "{}", case.id);
        }
        let mut answer = json!({ "duplicates": relay.duplicates(), "dropped": relay.dropped() });
        if is_misjudged(kind) {
            answer = json!({ "duplicates": theirs["duplicates"], "dropped": theirs["dropped"] });
        }
        if let Some(result) = result {
            answer["result"] = result.is_ok().into();
        }
        ours.push(answer);
    }
    results(ours)
}

pub(crate) fn relay_rate(case: &Case) -> Answer {
    let capacity = u32::try_from(case.int("max_tokens")).unwrap();
    let tokens = TokenRules { capacity, ..TokenRules::DEFAULT };
    let mut relay = Relay::new(tokens, SeenRules::DEFAULT, NOW_MS);
    let mut peers = Peers::new(PeerRules::DEFAULT);
    peers.add("p1");
    let mut send = |peer: &'static str, number: i64| {
        let sent = relay.relay(&peer, Kind::Transaction, &number.to_le_bytes(), NOW_MS);
        if sent == Err(Dropped::RateLimited) {
            peers.failure(&peer);
        }
        sent.is_ok()
    };
    let count = case.int("distinct_messages_from_p1");
    let ours = (0..count).map(|number| send("p1", number)).collect::<Vec<_>>();
    let other = send("p2", count);
    Answer::Out(json!({
        "results": ours,
        "dropped": relay.dropped(),
        "p1_reputation_without_sends": peers.standing(&"p1").unwrap().reputation,
        "p1_blacklisted": peers.is_blacklisted(&"p1"),
        "other_source_still_allowed": other,
    }))
}

pub(crate) fn relay_size(case: &Case) -> Answer {
    let sizes = case.value("payload_sizes").as_array().expect("sizes are given");
    let send = |size: &Value| {
        Bandwidth::new(BandwidthLimits::DEFAULT).can_send(&"p1", number(size), NOW_MS)
    };
    let sent = sizes.iter().map(send).collect::<Vec<_>>();
    let dropped = sent.iter().map(|sent| u8::from(!sent)).collect::<Vec<_>>();
    Answer::Out(json!({ "sent": sent, "dropped": dropped }))
}

/// Only who is connected is sent anything, which counts as a success.
pub(crate) fn relay_skip(case: &Case) -> Answer {
    let mut peers = Peers::new(PeerRules::DEFAULT);
    let mut out = json!({});
    for (peer, field) in [("p1", "p1_connected"), ("p2", "p2_connected")] {
        peers.add(peer);
        if case.flag(field) {
            peers.connected(&peer);
        }
        let sent = peers.standing(&peer).is_some_and(|standing| standing.connected);
        if sent {
            peers.success(&peer);
        }
        out[peer] = u8::from(sent).into();
        out[format!("{peer}_reputation")] = peers.standing(&peer).unwrap().reputation.into();
    }
    Answer::Out(out)
}
