//! Round trips of every message, streams in any pieces, and bytes that mean no good.

use std::net::IpAddr;

use proptest::{collection::vec, prelude::*, sample::Index};
use spacetime_protocol::{
    BlockHash, Identity, MAX_NUMBER,
    wire::{
        FrameReader, Handshake, Kind, MAX_HEADERS, Message, PayloadError, PeerAddress, PingPong,
    },
};

fn hashes() -> impl Strategy<Value = BlockHash> {
    any::<[u8; 32]>().prop_map(BlockHash::new)
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..600)
}

fn heights() -> impl Strategy<Value = u64> {
    0..=MAX_NUMBER
}

fn handshakes() -> impl Strategy<Value = Message> {
    let texts = ("[^\\s]\\PC{0,40}", "\\PC{0,40}[^\\s]");
    (any::<i32>(), any::<i64>(), texts).prop_map(|(version, timestamp, (node_id, user_agent))| {
        Message::Handshake(Handshake { version, timestamp, node_id, user_agent })
    })
}

fn pings() -> impl Strategy<Value = PingPong> {
    (any::<i64>(), any::<i64>()).prop_map(|(nonce, timestamp)| PingPong { nonce, timestamp })
}

fn peers() -> impl Strategy<Value = Vec<PeerAddress>> {
    let peer = (any::<IpAddr>(), any::<u16>());
    vec(peer.prop_map(|(address, port)| PeerAddress { address, port }), 0..30)
}

fn submissions() -> impl Strategy<Value = Message> {
    let miners = any::<[u8; 33]>().prop_map(Identity::new);
    (heights(), miners, data()).prop_map(|(height, miner, proof)| Message::ProofSubmission {
        height,
        miner,
        proof,
    })
}

fn messages() -> impl Strategy<Value = Message> {
    prop_oneof![
        handshakes(),
        Just(Message::HandshakeAck),
        Just(Message::Heartbeat),
        pings().prop_map(Message::Ping),
        pings().prop_map(Message::Pong),
        (1..=1000, vec("\\PC{0,200}", 0..8))
            .prop_map(|(max, exclude)| Message::GetPeers { max, exclude }),
        peers().prop_map(Message::Peers),
        (hashes(), proptest::option::of(hashes()), 1..=i32::MAX)
            .prop_map(|(locator, stop, max)| Message::GetHeaders { locator, stop, max }),
        vec(vec(any::<u8>(), 0..300), 0..9).prop_map(Message::Headers),
        hashes().prop_map(Message::GetBlock),
        data().prop_map(Message::Block),
        data().prop_map(Message::Transaction),
        data().prop_map(Message::NewBlock),
        (1..=i32::MAX, any::<bool>())
            .prop_map(|(max, include_data)| Message::TxPoolRequest { max, include_data }),
        submissions(),
        (hashes(), heights()).prop_map(|(hash, height)| Message::BlockAccepted { hash, height }),
    ]
}

/// Every message of a stream, read in pieces of these sizes.
fn read(stream: &[u8], cuts: &[Index]) -> Vec<Message> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    let (mut reader, mut messages) = (FrameReader::default(), Vec::new());
    for piece in places.windows(2) {
        reader.push(&stream[piece[0]..piece[1]]);
        while let Some(frame) = reader.next_frame().unwrap() {
            messages.push(Message::decode(frame.kind, &frame.payload).unwrap());
        }
    }
    assert_eq!(reader.end(), Ok(()));
    messages
}

/// How much memory a message's fields hold at least.
fn held(message: &Message) -> usize {
    let texts = |texts: &[String]| texts.iter().map(String::len).sum();
    match message {
        Message::Handshake(handshake) => handshake.node_id.len() + handshake.user_agent.len(),
        Message::GetPeers { exclude, .. } => texts(exclude),
        Message::Peers(peers) => peers.len() * 12,
        Message::Headers(headers) => headers.iter().map(|header| 4 + header.len()).sum(),
        Message::Block(data) | Message::NewBlock(data) | Message::Transaction(data) => data.len(),
        Message::ProofSubmission { proof, .. } => proof.len(),
        _ => 0,
    }
}

#[test]
fn every_kind_of_message_is_generated_and_has_a_type_of_its_own() {
    let bytes: std::collections::BTreeSet<u8> = Kind::ALL.map(Kind::byte).into();
    assert_eq!(bytes.len(), Kind::ALL.len());
    for byte in 0..=u8::MAX {
        assert_eq!(Kind::from_byte(byte).is_some(), bytes.contains(&byte));
    }
}

#[test]
fn a_huge_frame_in_small_pieces_costs_no_more_than_its_bytes() {
    let block = Message::Block(vec![7; (16 << 20) - 1]);
    let mut stream = block.to_frame().unwrap();
    stream.extend(Message::Heartbeat.to_frame().unwrap());
    let (mut reader, mut frames) = (FrameReader::default(), 0);
    // Were the rest of the buffer copied with each of these, this would take hours.
    for piece in stream.chunks(3) {
        reader.push(piece);
        while let Some(frame) = reader.next_frame().unwrap() {
            frames += 1;
            assert_eq!(frame.kind, [Kind::Block, Kind::Heartbeat][frames - 1]);
        }
    }
    assert_eq!(frames, 2);
}

#[test]
fn many_frames_in_one_piece_cost_no_more_than_their_bytes() {
    let stream = Message::Heartbeat.to_frame().unwrap().repeat(1 << 20);
    let mut reader = FrameReader::default();
    reader.push(&stream);
    let mut frames = 0;
    while reader.next_frame().unwrap().is_some() {
        frames += 1;
    }
    assert_eq!((frames, reader.end()), (1 << 20, Ok(())));
}

#[test]
fn a_made_up_length_allocates_nothing() {
    // A reader that reserved what each header announces would hold 20 GB here.
    let mut payload = 2000_i32.to_le_bytes().to_vec();
    payload.extend(10_485_760_i32.to_le_bytes());
    let error = Message::decode(Kind::Headers, &payload).unwrap_err();
    assert_eq!((error.error.field, error.error.offset), ("header length", 8));
    assert!(Message::Headers(vec![Vec::new(); MAX_HEADERS + 1]).encode().is_err());
}

proptest! {
    #[test]
    fn a_message_is_written_as_it_was_read(message in messages()) {
        let payload = message.encode().unwrap();
        let read = Message::decode(message.kind(), &payload);
        prop_assert_eq!(read.as_ref(), Ok(&message));
        prop_assert_eq!(read.unwrap().encode().unwrap(), payload);
    }

    #[test]
    fn a_stream_in_any_pieces_is_the_same_messages(
        messages in vec(messages(), 0..6),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let frames: Vec<Vec<u8>> = messages.iter().map(|message| message.to_frame().unwrap()).collect();
        prop_assert_eq!(read(&frames.concat(), &cuts), messages);
    }

    #[test]
    fn a_stream_that_is_cut_tells_whether_within_a_frame(
        messages in vec(messages(), 1..4),
        cut in any::<Index>(),
    ) {
        let frames: Vec<Vec<u8>> = messages.iter().map(|message| message.to_frame().unwrap()).collect();
        let stream = frames.concat();
        let cut = cut.index(stream.len() + 1);
        let mut reader = FrameReader::default();
        reader.push(&stream[..cut]);
        let mut whole = 0;
        while let Some(frame) = reader.next_frame().unwrap() {
            whole += 5 + frame.payload.len();
        }
        prop_assert_eq!(reader.end().is_ok(), whole == cut);
    }

    #[test]
    fn any_payload_is_refused_or_read_within_its_bounds(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        payload in vec(any::<u8>(), 0..400),
    ) {
        harmless(kind, &payload)?;
    }

    #[test]
    fn damaged_payloads_are_refused_or_read_within_their_bounds(
        message in messages(),
        place in any::<Index>(),
        bytes in vec(prop_oneof![any::<u8>(), Just(0xFF), Just(0x7F), Just(0)], 0..5),
        cut in any::<Index>(),
    ) {
        let mut payload = message.encode().unwrap();
        for (at, byte) in bytes.into_iter().enumerate() {
            let place = place.index(payload.len() + 1) + at;
            payload.get_mut(place).into_iter().for_each(|old| *old = byte);
        }
        payload.truncate(cut.index(2 * payload.len() + 1));
        harmless(message.kind(), &payload)?;
    }

    #[test]
    fn any_stream_ends_or_goes_on(stream in vec(any::<u8>(), 0..400)) {
        let mut reader = FrameReader::default();
        reader.push(&stream);
        let mut taken = 0;
        while let Ok(Some(frame)) = reader.next_frame() {
            taken += 5 + frame.payload.len();
            let _ = Message::decode(frame.kind, &frame.payload);
        }
        prop_assert!(taken <= stream.len());
    }
}

fn harmless(kind: Kind, payload: &[u8]) -> Result<(), TestCaseError> {
    match Message::decode(kind, payload) {
        Err(PayloadError { error, .. }) => prop_assert!(error.offset <= payload.len()),
        Ok(message) => {
            // An invalid byte of a text becomes the three of U+FFFD.
            prop_assert!(held(&message) <= 3 * payload.len());
            let again = message.encode().unwrap();
            prop_assert_eq!(Message::decode(kind, &again), Ok(message));
        }
    }
    Ok(())
}
