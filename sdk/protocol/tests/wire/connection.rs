//! One connection: introductions, signs of life, and what a peer gets wrong.

use spacetime_protocol::wire::{
    Connection, End, Frame, FrameError, FrameReader, Handshake, Kind, Message, PingPong,
};

const NOW: u64 = 1_700_000_000_000;

fn us() -> Handshake {
    Handshake {
        version: 1,
        timestamp: 1_700_000_000,
        node_id: "us".to_owned(),
        user_agent: "test/1".to_owned(),
    }
}

fn dialled() -> Connection {
    let mut connection = Connection::new(us(), true, 41, NOW).unwrap();
    connection.take_output();
    connection
}

fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    Frame { kind, payload: payload.to_vec() }.to_bytes().unwrap()
}

fn bytes(message: &Message) -> Vec<u8> {
    message.to_frame().unwrap()
}

/// What the connection wants written, as messages.
fn written(connection: &mut Connection) -> Vec<Message> {
    let mut reader = FrameReader::default();
    reader.push(&connection.take_output());
    let mut messages = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        messages.push(Message::decode(frame.kind, &frame.payload).unwrap());
    }
    assert_eq!(reader.end(), Ok(()), "only whole frames are written");
    messages
}

/// Lets time pass until the connection asks for a sign of life.
fn asked(connection: &mut Connection) -> (PingPong, u64) {
    let due = connection.due_ms().unwrap();
    assert_eq!(connection.tick(due), Ok(()));
    match written(connection)[..] {
        [Message::Ping(ping)] => (ping, due),
        ref other => panic!("it wrote {other:?}"),
    }
}

#[test]
fn who_dials_introduces_itself_at_once_and_who_accepts_only_acknowledges() {
    let mut dialler = Connection::new(us(), true, 0, NOW).unwrap();
    assert_eq!(written(&mut dialler), [Message::Handshake(us())]);
    assert_eq!(written(&mut dialler), []);
    let mut listener = Connection::new(us(), false, 0, NOW).unwrap();
    assert_eq!(written(&mut listener), []);
    listener.received(&bytes(&Message::Handshake(us())), NOW).unwrap();
    assert_eq!(written(&mut listener), [Message::HandshakeAck]);
    assert_eq!(listener.peer(), Some(&us()));
    dialler.received(&bytes(&Message::HandshakeAck), NOW).unwrap();
    assert_eq!(written(&mut dialler), []);
    assert_eq!(dialler.peer(), None);
}

#[test]
fn every_introduction_is_acknowledged_and_the_last_one_counts() {
    let mut connection = dialled();
    let mut other = us();
    connection.received(&bytes(&Message::Handshake(us())), NOW).unwrap();
    other.node_id = "other".to_owned();
    connection.received(&bytes(&Message::Handshake(other.clone())), NOW).unwrap();
    assert_eq!(written(&mut connection), [Message::HandshakeAck, Message::HandshakeAck]);
    assert_eq!(connection.peer(), Some(&other));
    assert_eq!(connection.next_message(), None);
}

#[test]
fn an_acknowledgement_with_a_payload_and_a_heartbeat_are_nobodys_business() {
    let mut connection = dialled();
    connection.received(&frame(Kind::HandshakeAck, &[1, 2, 3]), NOW).unwrap();
    connection.received(&frame(Kind::Heartbeat, &[9; 2000]), NOW).unwrap();
    assert_eq!(connection.next_message(), None);
    assert_eq!(connection.take_malformed(), None);
    assert_eq!(written(&mut connection), []);
}

#[test]
fn a_ping_is_answered_with_a_pong_that_repeats_its_nonce() {
    let mut connection = dialled();
    let ping = PingPong { nonce: -7, timestamp: 3 };
    connection.received(&bytes(&Message::Ping(ping)), NOW + 1999).unwrap();
    let output = connection.take_output();
    assert_eq!(output[..5], [17, 0, 0, 0, 5]);
    assert_eq!(
        Message::decode(Kind::Pong, &output[5..]),
        Ok(Message::Pong(PingPong { nonce: -7, timestamp: 1_700_000_001 }))
    );
    assert_eq!(connection.next_message(), None);
}

#[test]
fn a_pong_that_nobody_asked_for_is_not_answered() {
    let mut connection = dialled();
    connection.received(&bytes(&Message::Pong(PingPong { nonce: 42, timestamp: 0 })), NOW).unwrap();
    assert_eq!((written(&mut connection), connection.next_message()), (vec![], None));
}

#[test]
fn either_pong_of_our_nonce_is_a_pong_and_never_answered() {
    for kind in [Message::Pong, Message::Ping] {
        let mut connection = dialled();
        let (ping, due) = asked(&mut connection);
        let pong = PingPong { nonce: ping.nonce, timestamp: 5 };
        connection.received(&bytes(&kind(pong)), due + 10).unwrap();
        assert_eq!(written(&mut connection), [], "the pong {:?}", kind(pong).kind());
        // It counts: the connection is quiet again for its time.
        assert_eq!(connection.due_ms(), Some(due + 10 + 30_000));
        assert_eq!(connection.tick(due + 10 + 29_999), Ok(()));
        assert_eq!(written(&mut connection), []);
        // Once it is answered, the same nonce is any peer's ping.
        connection.received(&bytes(&Message::Ping(pong)), due + 20).unwrap();
        assert!(matches!(written(&mut connection)[..], [Message::Pong(_)]));
    }
}

#[test]
fn two_of_ours_do_not_answer_each_other_for_ever() {
    let (mut one, mut other) = (dialled(), dialled());
    let due = one.due_ms().unwrap();
    one.tick(due).unwrap();
    other.tick(due).unwrap();
    // Both ask at the same time with the same nonce, the worst there is.
    for rounds in 0.. {
        let (there, back) = (one.take_output(), other.take_output());
        if there.is_empty() && back.is_empty() {
            break;
        }
        assert!(rounds < 3, "they go on: {there:02x?} {back:02x?}");
        other.received(&there, due).unwrap();
        one.received(&back, due).unwrap();
    }
    assert_eq!(one.due_ms(), Some(due + 30_000));
}

#[test]
fn nonces_count_up() {
    let mut connection = dialled();
    let (first, due) = asked(&mut connection);
    connection.received(&bytes(&Message::Pong(first)), due).unwrap();
    let (second, _) = asked(&mut connection);
    assert_eq!((first.nonce, second.nonce), (42, 43));
    let mut last = Connection::new(us(), false, i64::MAX, NOW).unwrap();
    assert_eq!(asked(&mut last).0.nonce, i64::MIN);
}

#[test]
fn a_peer_that_answers_no_pings_is_asked_once_and_kept() {
    let mut connection = dialled();
    asked(&mut connection);
    assert_eq!(connection.due_ms(), None);
    for hours in 1..50 {
        assert_eq!(connection.tick(NOW + hours * 3_600_000), Ok(()));
    }
    assert_eq!(written(&mut connection), []);
    // Messages of it are still read.
    connection.received(&bytes(&Message::GetBlock([1; 32].into())), NOW).unwrap();
    assert!(matches!(connection.next_message(), Some(Message::GetBlock(_))));
}

#[test]
fn a_peer_that_answered_pings_and_stops_is_silent() {
    let mut connection = dialled();
    let (ping, due) = asked(&mut connection);
    connection.received(&bytes(&Message::Pong(ping)), due).unwrap();
    let (_, due) = asked(&mut connection);
    assert_eq!(connection.due_ms(), Some(due + 30_000));
    assert_eq!(connection.tick(due + 29_999), Ok(()));
    assert_eq!(connection.tick(due + 30_000), Err(End::Silent(30)));
}

#[test]
fn a_peer_that_sends_but_does_not_answer_yet_is_not_silent() {
    let mut connection = dialled();
    let (ping, due) = asked(&mut connection);
    connection.received(&bytes(&Message::Pong(ping)), due).unwrap();
    let (_, due) = asked(&mut connection);
    // A large block comes slowly, and the pong behind it.
    let block = bytes(&Message::Block(vec![1; 100_000]));
    for (seconds, piece) in block.chunks(1000).enumerate() {
        let now = due + 1000 * seconds as u64;
        connection.received(piece, now).unwrap();
        assert_eq!(connection.tick(now), Ok(()), "after {seconds} s of a block");
    }
    assert!(matches!(connection.next_message(), Some(Message::Block(_))));
}

#[test]
fn malformed_payloads_are_told_and_the_tenth_within_a_minute_ends_it() {
    let mut connection = dialled();
    let bad = frame(Kind::GetBlock, &[1; 31]);
    for time in 0..9 {
        connection.received(&bad, NOW + time).unwrap();
        let malformed = connection.take_malformed().unwrap();
        assert_eq!(malformed.error.field, "block hash");
        assert_eq!(connection.take_malformed(), None);
    }
    // What is right is still read in between.
    connection.received(&bytes(&Message::GetBlock([1; 32].into())), NOW + 10).unwrap();
    assert!(connection.next_message().is_some());
    let end = connection.received(&bad, NOW + 11).unwrap_err();
    assert!(matches!(end, End::Payloads(_)), "{end}");
    assert!(end.to_string().starts_with("10 malformed messages, the last one: block hash"));
}

#[test]
fn malformed_payloads_are_forgotten_after_a_minute() {
    let mut connection = dialled();
    for minute in 0..40 {
        for _ in 0..9 {
            connection.received(&frame(Kind::Ping, b"no"), NOW + minute * 60_001).unwrap();
        }
    }
}

#[test]
fn an_error_frame_is_read_past() {
    let mut connection = dialled();
    let notice = Message::BlockAccepted { hash: [3; 32].into(), height: 8 };
    let stream = [frame(Kind::Error, b"nope"), bytes(&notice)].concat();
    connection.received(&stream, NOW).unwrap();
    assert_eq!(connection.next_message(), Some(notice));
    assert_eq!(connection.next_complaint().as_deref(), Some("nope"));
    assert_eq!((connection.next_complaint(), connection.take_malformed()), (None, None));
}

#[test]
fn errors_of_a_peer_end_nothing_and_only_the_first_few_are_told() {
    let mut connection = dialled();
    for number in 0..50 {
        let text = format!("{number} {}", "\u{e9}".repeat(200));
        connection.received(&frame(Kind::Error, text.as_bytes()), NOW).unwrap();
    }
    let told: Vec<String> = std::iter::from_fn(|| connection.next_complaint()).collect();
    assert_eq!(told.len(), 10);
    assert!(told[9].starts_with("9 \u{e9}") && told[9].chars().count() <= 200, "{}", told[9]);
    connection.received(&frame(Kind::Error, b"once more"), NOW + 120_000).unwrap();
    assert_eq!(connection.next_complaint(), None);
}

#[test]
fn a_misaligned_stream_ends_it_with_the_messages_before_still_there() {
    for (wrong, error) in [
        ([0, 0, 0, 0, 4].as_slice(), FrameError::Length(0)),
        (&[1, 0, 0, 1, 0x23], FrameError::Length(16_777_217)),
        (&[3, 0, 0, 0, 6, 1, 2], FrameError::Type(6)),
    ] {
        let mut connection = dialled();
        let good = Message::GetBlock([1; 32].into());
        let stream = [&bytes(&good)[..], wrong, &bytes(&good)].concat();
        assert_eq!(connection.received(&stream, NOW), Err(End::Frame(error)));
        assert_eq!(connection.next_message(), Some(good));
        // Nothing behind it is taken for a message, however often it is asked.
        assert_eq!(connection.received(&[], NOW), Err(End::Frame(error)));
        assert_eq!(connection.next_message(), None);
    }
}

#[test]
fn an_end_between_frames_is_in_order_and_one_within_is_not() {
    let mut connection = dialled();
    assert_eq!(connection.ended(), End::Closed);
    let stream = bytes(&Message::GetBlock([1; 32].into()));
    for (cut, part) in [(1, "length"), (3, "length"), (4, "type"), (5, "payload"), (36, "payload")]
    {
        let mut connection = dialled();
        connection.received(&stream[..cut], NOW).unwrap();
        assert_eq!(connection.ended(), End::Frame(FrameError::Incomplete(part)), "at {cut}");
    }
    connection.received(&stream, NOW).unwrap();
    assert_eq!(connection.ended(), End::Closed);
}

/// Bytes that come now and then are no sign that the rest will.
#[test]
fn half_a_message_is_waited_for_a_minute_however_its_bytes_dribble() {
    let mut connection = dialled();
    let block = frame(Kind::Block, &[7; 1000]);
    let notice = frame(Kind::BlockAccepted, &[1; 39]);
    connection.received(&block[..3], 10_000).unwrap();
    connection.received(&block[3..], 69_000).unwrap();
    // Whole, and the next one begins.
    connection.received(&notice[..20], 80_000).unwrap();
    for at in 20..40 {
        let now_ms = 82_000 + 2_900 * (at as u64 - 20);
        connection.tick(now_ms).unwrap();
        connection.received(&notice[at..=at], now_ms).unwrap();
    }
    assert!(connection.due_ms() <= Some(140_000), "{:?}", connection.due_ms());
    connection.tick(139_999).unwrap();
    assert_eq!(connection.tick(140_000), Err(End::HalfMessage(60)));
}

#[test]
fn a_large_message_on_a_slow_line_has_the_time_that_it_needs() {
    let mut connection = dialled();
    let block = frame(Kind::Block, &[7; 1 << 20]);
    let mut now_ms = 0;
    // 512 bytes in a second, which takes it half an hour.
    for piece in block.chunks(512) {
        connection.tick(now_ms).unwrap();
        connection.received(piece, now_ms).unwrap();
        now_ms += 1_000;
    }
    assert!(matches!(connection.next_message(), Some(Message::Block(_))));
    // At half of that it is as good as silent.
    connection.received(&block[..5], now_ms).unwrap();
    for (number, piece) in (1..).zip(block[5..].chunks(256)) {
        if let Err(end) = connection.tick(now_ms + number * 1_000) {
            assert_eq!((end, number), (End::HalfMessage(60), 60));
            return;
        }
        connection.received(piece, now_ms + number * 1_000).unwrap();
    }
    panic!("it was waited for");
}

#[test]
fn what_has_no_wire_form_is_not_sent_and_writes_nothing() {
    let mut connection = dialled();
    assert!(connection.send(&Message::Block(Vec::new())).is_err());
    assert!(connection.send(&Message::Block(vec![0; 16 << 20])).is_err());
    assert!(connection.send(&Message::GetPeers { max: 0, exclude: vec![] }).is_err());
    assert!(connection.take_output().is_empty());
    let blank = Handshake { node_id: " ".to_owned(), ..us() };
    assert!(Connection::new(blank, true, 0, NOW).is_err());
}
