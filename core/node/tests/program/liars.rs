//! Peers that the program dials and that lie: it leaves each, says why in its
//! log, and goes on with those that do not.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use spacetime_protocol::block::Block;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::{BlockHash, NodeHash, Signature};

use crate::common::Miner;
use crate::process::Node;
use crate::raw::{Chain, Client, frame};

/// Serves these answers to whoever comes, for ever: to the first question for
/// headers after the genesis block, and to any for a block.
fn serve(headers: Vec<u8>, block: Vec<u8>, notice: Option<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (headers, block, notice) = (headers.clone(), block.clone(), notice.clone());
            thread::spawn(move || {
                let mut client = Client::over(stream);
                if let Some(notice) = notice {
                    client.try_bytes(&frame(0x41, &notice));
                }
                while let Some((kind, _)) = client.receive() {
                    match kind {
                        0x20 => client.try_bytes(&frame(0x21, &headers)),
                        0x22 => client.try_bytes(&frame(0x23, &block)),
                        _ => {}
                    }
                }
            });
        }
    });
    address
}

/// A page of headers.
fn page(headers: &[&BlockHeader]) -> Vec<u8> {
    let mut page = i32::try_from(headers.len()).unwrap().to_le_bytes().to_vec();
    for header in headers {
        page.extend(290_i32.to_le_bytes());
        page.extend(header.encode().unwrap());
    }
    page
}

fn notice(hash: BlockHash, height: u64) -> Vec<u8> {
    [hash.as_bytes().as_slice(), &height.to_le_bytes()].concat()
}

/// What each liar is and what must be said of it.
fn liars(chain: &Chain, miner: &Miner) -> Vec<(&'static str, SocketAddr, String)> {
    let good = chain.mine(miner, 1, &[]);
    let consistent = |block: &Block| serve(page(&[&block.header]), block.encode().unwrap(), None);
    let change = |change: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        change(&mut block);
        block.header = block.header.sign(&miner.key);
        block
    };
    let height = change(&|block| block.header.height = 2);
    let parent = change(&|block| block.header.parent = BlockHash::new([7; 32]));
    let mut unsigned = good.clone();
    unsigned.header.signature = Some(Signature::new([1; 64]));
    let proof = change(&|block| block.proof.path.siblings[0] = NodeHash::ZERO);
    let difficulty = change(&|block| block.header.difficulty += 1);
    let (genesis, other) = (chain.tip().hash(), chain.network.genesis.encode().unwrap());
    let hash = serve(page(&[&good.header]), other, None);
    let asked = good.hash();
    vec![
        ("hash", hash, format!("asked for block {asked} and sent block {genesis}")),
        ("height", consistent(&height), "the height 2; it has the height 1".to_owned()),
        (
            "height of a notice",
            serve(page(&[]), good.encode().unwrap(), Some(notice(genesis, 5))),
            format!("it gave block {genesis} the height 5; it has the height 0"),
        ),
        (
            "parent",
            consistent(&parent),
            format!("asked for what follows block {genesis} and sent header {}", parent.hash()),
        ),
        ("signature", consistent(&unsigned), "is not signed by its miner".to_owned()),
        ("proof", consistent(&proof), "does not lead to the plot root".to_owned()),
        (
            "difficulty",
            consistent(&difficulty),
            format!("difficulty is {}, not {}", chain.difficulty() + 1, chain.difficulty()),
        ),
    ]
}

#[test]
fn dialled_liars_are_left_with_the_reason_in_the_log() {
    let (chain, miner) = (Chain::local(), Miner::new(3));
    let liars = liars(&chain, &miner);
    let honest = tempfile::tempdir().unwrap();
    let honest = Node::start(honest.path(), &[]);
    let mut arguments: Vec<String> = vec!["--peer".to_owned(), honest.address.to_string()];
    for (_, address, _) in &liars {
        arguments.extend(["--peer".to_owned(), address.to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let folder = tempfile::tempdir().unwrap();
    let (node, mut log) = Node::logging(folder.path(), &arguments);
    // The honest one is followed while the others are found out.
    let mut next = Chain::local();
    let block = next.extend(&Miner::new(4), &[]);
    Client::connect(honest.address).send_block(&block);
    Client::connect(node.address).is_told(&block);
    // Those that are found out by what they do not send come last.
    for (what, address, reason) in liars.iter().rev() {
        let address = address.to_string();
        let line = log.line(&["this peer lies", &address, reason]);
        assert!(line.contains("WARN"), "{what}: {line}");
        // It is said truly when it is dialled again: 15 s is the longest wait.
        let wait = if *what == "hash" { "next try in" } else { "next try in 15.0 s" };
        log.line(&["no connection", &address, reason, wait]);
    }
    let mut client = Client::connect(node.address);
    let block = next.extend(&Miner::new(4), &[]);
    client.send_block(&block);
    client.is_told(&block);
}
