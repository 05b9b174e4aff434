//! What only time shows: peers that stop within a message or say nothing at
//! all, and bans that end.

use std::net::SocketAddr;
use std::time::Duration;

use spacetime_node::net::{Event, Lost, Options};
use spacetime_protocol::wire::{End, FrameReader, Message, PingPong};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::bench::{Hands, Node, PATIENCE, clock};
use crate::common::{Miner, Wish, mine, network, tip};

/// A node whose clock can be put forward.
async fn node(change: impl FnOnce(Options) -> Options) -> (Node, Hands) {
    let (hands, clock) = clock();
    let node = Node::with(&network(1, &[]), |options| change(Options { clock, ..options })).await;
    (node, hands)
}

fn ping(nonce: i64) -> Vec<u8> {
    Message::Ping(PingPong { nonce, timestamp: 0 }).to_frame().unwrap()
}

/// Reads until the answer to a ping, or the end: whether it was answered.
async fn is_answered(stream: &mut TcpStream, nonce: i64) -> bool {
    let mut came = Vec::new();
    let answer = Message::Pong(PingPong { nonce, timestamp: 0 }).to_frame().unwrap();
    let all = async {
        while !came.windows(13).any(|window| *window == answer[..13]) {
            match stream.read_buf(&mut came).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        true
    };
    timeout(PATIENCE, all).await.unwrap()
}

/// Whether a new connection to a node is served.
async fn is_served(address: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&ping(1)).await.is_ok() && is_answered(&mut stream, 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn part_of_a_message_and_then_nothing_for_a_minute_ends_the_connection() {
    let (mut node, hands) = node(|options| options).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let mut whole_and_half = ping(1);
    whole_and_half.extend_from_slice(&ping(2)[..9]);
    stream.write_all(&whole_and_half).await.unwrap();
    assert!(is_answered(&mut stream, 1).await);
    hands.pass(Duration::from_secs(50));
    // More of it within the minute, to its end: the connection is as before.
    stream.write_all(&ping(2)[9..]).await.unwrap();
    assert!(is_answered(&mut stream, 2).await);
    hands.pass(Duration::from_secs(100));
    stream.write_all(&whole_and_half).await.unwrap();
    assert!(is_answered(&mut stream, 1).await, "silence between messages is no fault");
    hands.pass(Duration::from_secs(60));
    assert!(matches!(node.lost().await, Lost::End(End::HalfMessage(60..))));
    assert!(!is_answered(&mut stream, 2).await, "it is closed");
    assert_eq!(node.hub().peers(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_ends_no_connection() {
    let (node, hands) = node(|options| options).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    // Its timer and the rest of a message are ready at once: either comes first.
    for nonce in 0..20 {
        let (begin, rest) = (&ping(nonce)[..9], &ping(nonce)[9..]);
        stream.write_all(&[&ping(-1), begin].concat()).await.unwrap();
        assert!(is_answered(&mut stream, -1).await);
        hands.set(Duration::from_secs(3600));
        stream.write_all(rest).await.unwrap();
        assert!(is_answered(&mut stream, nonce).await, "{nonce}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_a_byte_now_and_then_is_given_up_after_a_minute_too() {
    let (mut node, hands) = node(|options| options).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let mut whole_and_half = ping(1);
    whole_and_half.extend_from_slice(&ping(2)[..6]);
    stream.write_all(&whole_and_half).await.unwrap();
    assert!(is_answered(&mut stream, 1).await);
    let mut is_closed = false;
    for byte in &ping(2)[6..18] {
        // It may be closed already.
        let _ = stream.write_all(&[*byte]).await;
        // A moment for the node to read it, or to close.
        let closed = async { while stream.read(&mut [0; 100]).await.is_ok_and(|read| read > 0) {} };
        is_closed |= timeout(Duration::from_millis(100), closed).await.is_ok();
        hands.pass(Duration::from_secs(10));
    }
    assert!(is_closed, "two minutes have passed");
    assert!(matches!(node.lost().await, Lost::End(End::HalfMessage(60..))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialled_peer_that_says_nothing_is_left_and_others_are_followed_meanwhile() {
    let (mut node, hands) = node(|options| options).await;
    let honest = Node::start(node.service.network()).await;
    mine(&honest.service, &Miner::new(3), Wish::default());
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    node.dial(silent.local_addr().unwrap());
    // Its socket takes all that is sent to it.
    let (mut stream, _) = silent.accept().await.unwrap();
    let taken = tokio::spawn(async move { stream.read_to_end(&mut Vec::new()).await });
    node.dial(honest.address);
    node.reaches(tip(&honest.service).hash()).await;
    assert_eq!(node.hub().peers().len(), 2);
    hands.pass(Duration::from_secs(30));
    let reason = node.lie().await;
    assert!(reason.contains("did not answer a question for headers within 30 s"), "{reason}");
    timeout(PATIENCE, taken).await.unwrap().unwrap().unwrap();
    // And dialled again; the other one is still followed.
    timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
    let block = mine(&honest.service, &Miner::new(3), Wish::default());
    node.reaches(block.hash()).await;
}

/// Of a block that the node knows it looks at nothing but that it came.
#[tokio::test(flavor = "multi_thread")]
async fn a_dialled_peer_that_sends_a_known_block_for_another_is_left_with_both_named() {
    let (mut node, hands) = node(|options| options).await;
    let (chain, miner) = (network(1, &[]), Miner::new(3));
    let first = miner.block(&chain, &chain.genesis.header, Wish::default());
    let second = miner.block(&chain, &first.header, Wish::default());
    let liar = TcpListener::bind("127.0.0.1:0").await.unwrap();
    node.dial(liar.local_addr().unwrap());
    let (mut stream, _) = liar.accept().await.unwrap();
    let mut reader = FrameReader::default();
    let say = |message: &Message| message.to_frame().unwrap();
    let all = Message::GetHeaders { locator: [0; 32].into(), stop: None, max: 2000 };
    for block in [&first, &second] {
        let notice = Message::BlockAccepted { hash: block.hash(), height: block.header.height };
        stream.write_all(&say(&notice)).await.unwrap();
        hear(&mut stream, &mut reader, |message| *message == Message::GetBlock(block.hash())).await;
        stream.write_all(&say(&Message::Block(first.encode().unwrap()))).await.unwrap();
        // Its answer shows that what came before was looked at.
        stream.write_all(&say(&all)).await.unwrap();
        hear(&mut stream, &mut reader, |message| matches!(message, Message::Headers(_))).await;
    }
    assert_eq!(tip(&node.service), first.header);
    hands.pass(Duration::from_secs(30));
    let reason = node.lie().await;
    let (asked, came) = (second.hash(), first.hash());
    assert!(reason.contains(&format!("asked for block {asked} and sent block {came}")), "{reason}");
}

/// Reads until a node says this; its questions for headers are answered with
/// none, those that came with it included.
async fn hear(stream: &mut TcpStream, reader: &mut FrameReader, wanted: impl Fn(&Message) -> bool) {
    let mut buffer = vec![0; 4096];
    let all = async {
        let mut is_said = false;
        while !is_said {
            let read = stream.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "the node has left");
            reader.push(&buffer[..read]);
            while let Some(frame) = reader.next_frame().unwrap() {
                let message = Message::decode(frame.kind, &frame.payload).unwrap();
                if matches!(message, Message::GetHeaders { .. }) {
                    let none = Message::Headers(Vec::new()).to_frame().unwrap();
                    stream.write_all(&none).await.unwrap();
                }
                is_said |= wanted(&message);
            }
        }
    };
    timeout(PATIENCE, all).await.expect("the node never says it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_ends_after_ten_minutes() {
    let (node, hands) = node(|options| Options { forgives_loopback: false, ..options }).await;
    let liar = || async {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        let genesis = &node.service.network().genesis.header;
        let mut block = Miner::new(3).block(node.service.network(), genesis, Wish::default());
        block.header.height = 7;
        let block = Message::Block(block.encode().unwrap()).to_frame().unwrap();
        stream.write_all(&block).await.unwrap();
        assert!(!is_answered(&mut stream, 1).await, "it is closed");
    };
    assert!(is_served(node.address).await);
    for _ in 0..2 {
        liar().await;
        assert!(!is_served(node.address).await);
        hands.pass(Duration::from_secs(590));
        hands.set(Duration::from_secs(3600));
        assert!(!is_served(node.address).await, "it is not over");
        hands.pass(Duration::from_secs(10));
        assert!(is_served(node.address).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_are_told_of_others_every_ten_minutes() {
    let (mut node, hands) = node(|options| options).await;
    let other = Node::start(node.service.network()).await;
    node.dial(other.address);
    node.event(|event| matches!(event, Event::Synced { .. }).then_some(())).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(&ping(1)).await.unwrap();
    assert!(is_answered(&mut stream, 1).await);
    hands.pass(Duration::from_secs(600));
    let told = Message::Peers(vec![other.address.into()]).to_frame().unwrap();
    let mut came = Vec::new();
    let all = async {
        while !came.windows(told.len()).any(|window| *window == told) {
            assert_ne!(stream.read_buf(&mut came).await.unwrap(), 0, "it is closed");
        }
    };
    timeout(PATIENCE, all).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialled_peer_that_lies_is_dialled_again_after_the_longest_wait() {
    let (mut node, hands) = node(|options| Options { forgives_loopback: false, ..options }).await;
    let honest = Node::start(node.service.network()).await;
    let liar = TcpListener::bind("127.0.0.1:0").await.unwrap();
    node.dial_patiently(liar.local_addr().unwrap());
    let (mut stream, _) = liar.accept().await.unwrap();
    let lie = Message::Headers(vec![vec![0; 10]]).to_frame().unwrap();
    stream.write_all(&lie).await.unwrap();
    let (address, retry_in) = node
        .event(|event| match event {
            Event::Unreachable { address, retry_in, .. } => Some((address, retry_in)),
            _ => None,
        })
        .await;
    assert_eq!((address.port(), retry_in), (liar.local_addr().unwrap().port(), LONGEST));
    // Its host's other ports are dialled, and others of its address let in.
    node.dial(honest.address);
    let block = mine(&honest.service, &Miner::new(3), Wish::default());
    node.reaches(block.hash()).await;
    assert!(is_served(node.address).await);
    hands.pass(LONGEST);
    timeout(PATIENCE, liar.accept()).await.unwrap().unwrap();
}

/// The longest wait of a node that dials patiently.
const LONGEST: Duration = Duration::from_secs(3600);
