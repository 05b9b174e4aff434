//! Three nodes in a line; one of them is killed and comes back.

use spacetime_protocol::BlockHash;
use spacetime_protocol::network::development_key;

use crate::common::{Miner, key, transfer};
use crate::process::Node;
use crate::raw::{Chain, Client};

#[test]
fn three_in_a_line_agree_also_after_the_middle_one_was_killed() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let peer = |node: &Node| node.address.to_string();
    let a = Node::start(folders[0].path(), &[]);
    // The ends shall not find each other.
    let alone = "--no-discovery";
    let b = Node::start(folders[1].path(), &[alone, "--peer", &peer(&a)]);
    let c = Node::start(folders[2].path(), &[alone, "--peer", &peer(&b)]);
    let [mut at_a, mut at_c] = [&a, &c].map(|node| Client::connect(node.address));
    let (near, far, rich) = (Miner::new(3), Miner::new(4), development_key());
    let mut chain = Chain::local();
    // Both ends mine in turn.
    for nonce in 0..4 {
        let paid = [transfer(&rich, &key(9), 5, nonce, 1)];
        let (miner, here, there) = if nonce % 2 == 0 {
            (&near, &mut at_a, &mut at_c)
        } else {
            (&far, &mut at_c, &mut at_a)
        };
        let block = chain.extend(miner, &paid);
        here.send_block(&block);
        there.is_told(&block);
    }

    // While the middle one is dead, each end goes its own way.
    let peers = [alone, "--peer", &peer(&a)];
    let mut other = Chain { headers: chain.headers.clone(), network: chain.network.clone() };
    let b = b.kill();
    let shorter = chain.extend(&near, &[transfer(&rich, &key(9), 7, 4, 1)]);
    at_a.send_block(&shorter);
    for nonce in 4..7 {
        let block = other.extend(&far, &[transfer(&rich, &key(8), 6, nonce, 1)]);
        at_c.send_block(&block);
        at_c.is_told(&block);
    }
    let b = b.restart(&peers);
    // All have the heavier chain then, the one of the killed node's disk, too.
    for node in [&a, &b, &c] {
        let mut client = Client::connect(node.address);
        while client.notice().1 < other.tip().height {}
        assert_eq!(client.headers(&BlockHash::ZERO, 2000), other.headers[1..]);
    }
}
