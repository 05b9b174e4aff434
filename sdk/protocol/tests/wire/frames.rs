//! Topic `frames`.
//!
//! A stream is compared up to and including the first error that misaligns it: the reference reads
//! on from the middle of a frame, takes what it finds for a length, and its next results say
//! nothing about the sender; [`FrameReader`] repeats its error instead, and the connection is
//! closed (`wire.md` section 10).

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    time::Duration,
};

use serde_json::{Map, Value, json};
use spacetime_protocol::wire::{
    Frame, FrameError, FrameReader, Kind, MAX_FRAME, Message, PayloadError, Refusal,
};

use crate::{
    common::{self, Answer, Case},
    data, fields, refusals,
};

const NO_NULL: &str = "Rust has no message that is none";
const UNDEFINED: &str = "the reference writes types that it does not define; ours has no such type";
const TOO_LONG: &str = "the reference writes a frame that no receiver takes; we refuse to";

/// Results that the reference's codec is asked for, at most.
const RESULTS: usize = 14;

#[test]
fn frames_are_as_the_references() {
    let exceptions = [
        ("encode-null", NO_NULL),
        ("encode-raw-5", UNDEFINED),
        ("encode-raw-6", UNDEFINED),
        ("encode-raw-8", TOO_LONG),
    ];
    common::run("frames", 421, &exceptions, |case| match case.op.as_str() {
        "encode" => encode(case),
        "encode_raw" => encode_raw(case),
        "decode_stream" => decode_stream(case),
        "decode_type_table" => type_table(case),
        "receive_stream" => receive_stream(case),
        _ => case.unknown(),
    });
}

fn encode(case: &Case) -> Answer {
    let Some(name) = case.text("type") else { return Answer::Except };
    let kind = Kind::ALL.into_iter().find(|kind| format!("{kind:?}") == name).unwrap();
    let mut frame = fields::message(kind, case.value("fields")).unwrap().to_frame().unwrap();
    if kind == Kind::Pong {
        // The reference sends every pong as a ping (`wire.md` section 4).
        assert_eq!(std::mem::replace(&mut frame[4], Kind::Ping.byte()), Kind::Pong.byte());
    }
    Answer::Out(data::named("frame", &frame).into())
}

fn encode_raw(case: &Case) -> Answer {
    let byte = u8::try_from(case.int("type_byte")).unwrap();
    let Some(kind) = Kind::from_byte(byte) else { return Answer::Except };
    let payload = data::bytes(case.value("payload"));
    let is_long = payload.len() >= MAX_FRAME;
    match (Frame { kind, payload }).to_bytes() {
        Ok(frame) => Answer::Out(data::named("frame", &frame).into()),
        Err(_) if is_long => Answer::Except,
        Err(error) => Answer::refused(error),
    }
}

/// One frame after the other, and how many bytes of the stream were read by then.
#[derive(Default)]
struct Stream {
    reader: FrameReader,
    position: usize,
}

impl Stream {
    /// What comes of the next frame; `None`: it is not there yet.
    fn next(&mut self) -> Option<Result<Message, Failure>> {
        match self.reader.next_frame() {
            Ok(None) => None,
            Ok(Some(frame)) => {
                self.position += 5 + frame.payload.len();
                let message = Message::decode(frame.kind, &frame.payload);
                Some(message.map_err(Failure::Payload))
            }
            Err(error) => {
                assert_eq!(self.reader.next_frame(), Err(error), "it goes on");
                self.position += if matches!(error, FrameError::Type(_)) { 5 } else { 4 };
                Some(Err(Failure::Frame(error)))
            }
        }
    }

    /// What the stream's end is.
    fn end(&self) -> Option<Failure> {
        self.reader.end().err().map(Failure::Frame)
    }
}

enum Failure {
    Frame(FrameError),
    Payload(PayloadError),
}

fn decode_stream(case: &Case) -> Answer {
    let bytes = data::bytes(case.value("stream"));
    let theirs = case.outcome.as_ref().unwrap()["results"].as_array().unwrap();
    let chunk =
        case.optional_int("chunk").map_or(bytes.len(), |size| usize::try_from(size).unwrap());
    let (mut stream, mut ours) = (Stream::default(), Vec::new());
    for piece in bytes.chunks(chunk.max(1)) {
        stream.reader.push(piece);
        while let Some(outcome) = stream.next() {
            let position = json!(stream.position);
            ours.push(result(
                case,
                outcome.as_ref(),
                theirs.get(ours.len()),
                "position",
                &position,
            ));
            if matches!(outcome, Err(Failure::Frame(_))) {
                // Behind it, what the reference makes of the rest.
                ours.extend(theirs.iter().skip(ours.len()).cloned());
                return Answer::Out(json!({ "results": ours }));
            }
        }
    }
    let position = json!(bytes.len());
    if let Some(failure) = stream.end() {
        let theirs = theirs.get(ours.len());
        ours.push(result(case, Err(&failure), theirs, "position", &position));
    }
    ours.push(json!({ "result": "closed", "position": position }));
    ours.truncate(RESULTS);
    Answer::Out(json!({ "results": ours }))
}

/// A result in the reference's form, with one field more.
fn result(
    case: &Case,
    outcome: Result<&Message, &Failure>,
    theirs: Option<&Value>,
    name: &str,
    value: &Value,
) -> Value {
    let mut ours = match outcome {
        Ok(message) => decoded(message, theirs),
        Err(failure) => {
            let theirs = theirs.and_then(|theirs| theirs["error"].as_object());
            let difference = theirs.and_then(|theirs| difference(failure, theirs));
            assert_eq!(difference, None, "{}", case.id);
            let field = theirs.and_then(|theirs| theirs.get("field"));
            let mut error = Map::new();
            error.extend(field.map(|field| ("field".to_owned(), field.clone())));
            json!({ "result": "error", "error": error })
        }
    };
    ours[name] = value.clone();
    ours
}

fn decoded(message: &Message, theirs: Option<&Value>) -> Value {
    let name = match message.kind() {
        // The reference takes every pong for a ping.
        Kind::Pong => Kind::Ping,
        kind => kind,
    };
    let mut ours = data::named("payload", &message.encode().unwrap());
    ours.insert("result".to_owned(), json!("message"));
    ours.insert("type".to_owned(), json!(format!("{name:?}")));
    ours.insert("type_byte".to_owned(), json!(name.byte()));
    data::as_given(ours, theirs.unwrap_or(&Value::Null)).into()
}

/// What is different between our failure and the reference's.
fn difference(ours: &Failure, theirs: &Map<String, Value>) -> Option<String> {
    let (terms, number): (&[&str], _) = match ours {
        Failure::Payload(error) => return refusals::difference(error, theirs),
        Failure::Frame(FrameError::Length(length)) => (&["invalid", "length"], Some(*length)),
        Failure::Frame(FrameError::Type(byte)) => (&["unknown", "type"], Some((*byte).into())),
        Failure::Frame(FrameError::Incomplete(part)) => {
            let same = theirs["terms"].as_array().unwrap();
            let is_same = same[0] == "incomplete" && same[1] == *part;
            return (!is_same).then(|| format!("we lack the {part}, the reference {theirs:?}"));
        }
    };
    // The numbers of a stream's end lie elsewhere; these two are always named.
    let is_same = theirs["type"] == "InvalidDataException"
        && theirs["terms"] == json!(terms)
        && theirs["numbers"] == json!([number]);
    (!is_same).then(|| format!("we refuse {terms:?} {number:?}, the reference {theirs:?}"))
}

/// One frame with each type.
fn type_table(case: &Case) -> Answer {
    let payload = data::bytes(case.value("payload"));
    let theirs = case.outcome.as_ref().unwrap()["results"].as_array().unwrap();
    let ours: Vec<String> = (0..=u8::MAX)
        .map(|byte| type_result(byte, &payload, theirs[usize::from(byte)].as_str().unwrap()))
        .collect();
    Answer::Out(json!({ "results": ours }))
}

/// The reference's text where we come to the same, and ours where not.
fn type_result(byte: u8, payload: &[u8], theirs: &str) -> String {
    let mut reader = FrameReader::default();
    let size = u32::try_from(payload.len() + 1).unwrap();
    reader.push(&[&size.to_le_bytes()[..], &[byte], payload].concat());
    let frame = match reader.next_frame() {
        Ok(frame) => frame.unwrap(),
        Err(FrameError::Type(byte)) => {
            return format!("InvalidDataException: Unknown message type: {byte}");
        }
        Err(error) => return error.to_string(),
    };
    match Message::decode(frame.kind, &frame.payload) {
        // As above.
        Ok(Message::Pong(_)) => "ok Ping".to_owned(),
        Ok(message) => format!("ok {:?}", message.kind()),
        Err(error) if frame.kind == Kind::Error && error.refusal == Refusal::InvalidData => {
            "InvalidDataException: Unknown message type: Error".to_owned()
        }
        Err(error) => {
            let kind = theirs.split(':').next().unwrap();
            let named = theirs.rsplit(' ').next().and_then(|word| word.parse::<i64>().ok());
            let names =
                named.is_none_or(|number| error.error.problem.contains(&number.to_string()));
            let is_same = refusals::kinds(error.refusal).contains(&kind) && names;
            if is_same { theirs.to_owned() } else { error.to_string() }
        }
    }
}

/// The same over a real connection. What the reference's connection says of itself behind its end
/// ("connected") is a defect; ours is over. That the other side can still be written to after an
/// orderly end, and not after a reset, is the same.
fn receive_stream(case: &Case) -> Answer {
    let theirs = &case.outcome.as_ref().unwrap();
    let results = theirs["results"].as_array().unwrap();
    let (mut peer, mut socket) = loopback();
    peer.write_all(&data::bytes(case.value("stream"))).unwrap();
    let peer = match case.text("end") {
        Some("fin") => {
            peer.shutdown(Shutdown::Write).unwrap();
            Some(peer)
        }
        Some("rst") => {
            // A side that goes with a byte unread resets the connection.
            socket.write_all(&[0]).unwrap();
            peer.peek(&mut [0]).unwrap();
            drop(peer);
            None
        }
        _ => case.unknown(),
    };
    let (mut ours, is_lost) = received(case, &mut socket, results, peer.is_none());
    if !is_lost {
        // The reference is asked until it has said so twice, and says so once for some payloads.
        let closed = json!({ "result": "closed", "is_connected_after": true });
        while ours.iter().filter(|result| result["result"] == "closed").count() < 2 {
            ours.push(closed.clone());
        }
    }
    let sent = socket.write_all(&Message::Heartbeat.to_frame().unwrap());
    let sent = sent.map(|()| "sent".to_owned());
    assert_eq!(sent.is_ok(), theirs["send_after"] == "sent", "{}: {sent:?}", case.id);
    drop(peer);
    if is_lost {
        ours.extend(results.iter().skip(ours.len()).cloned());
    }
    let sent = sent.map_or_else(|_| theirs["send_after"].clone(), Value::from);
    Answer::Out(json!({ "results": ours, "send_after": sent }))
}

/// What came over the connection until its end, and whether that misaligned it.
fn received(
    case: &Case,
    socket: &mut TcpStream,
    theirs: &[Value],
    is_reset: bool,
) -> (Vec<Value>, bool) {
    let (mut stream, mut results, mut buffer) = (Stream::default(), Vec::new(), [0; 7]);
    loop {
        let count = match socket.read(&mut buffer) {
            Ok(count) => count,
            Err(error) => {
                assert!(is_reset, "{}: {error}", case.id);
                return (results, false);
            }
        };
        if count == 0 {
            assert!(!is_reset, "{}: an orderly end", case.id);
            let failure = stream.end();
            let theirs = theirs.get(results.len());
            results.extend(failure.map(|failure| over_socket(case, Err(&failure), theirs)));
            return (results, false);
        }
        stream.reader.push(&buffer[..count]);
        while let Some(outcome) = stream.next() {
            results.push(over_socket(case, outcome.as_ref(), theirs.get(results.len())));
            if matches!(outcome, Err(Failure::Frame(_))) {
                return (results, true);
            }
        }
    }
}

fn loopback() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let far = listener.accept().unwrap().0;
    for socket in [&near, &far] {
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    }
    (near, far)
}

fn over_socket(case: &Case, outcome: Result<&Message, &Failure>, theirs: Option<&Value>) -> Value {
    let is_connected = json!(true);
    match outcome {
        // The reference mistakes these for the connection's end (`wire.md` section 10).
        Err(Failure::Payload(error)) if error.refusal == Refusal::Closed => {
            json!({ "result": "closed", "is_connected_after": is_connected })
        }
        outcome => result(case, outcome, theirs, "is_connected_after", &is_connected),
    }
}
