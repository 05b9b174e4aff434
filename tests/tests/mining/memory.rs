//! What a miner takes of the machine's memory does not depend on its plots.

#![cfg(target_os = "linux")]

use spacetime_tests::home::Home;

/// What a miner may take, plugins and program included, KiB.
const MOST: u64 = 96 << 10;

/// Five times as much is read as may be taken; and no more is taken while its
/// plugins are read and loaded.
#[test]
fn a_miner_takes_no_more_than_its_buffers() {
    let home = Home::new().set("first_run", "(create_key: true, plot_size: \"256MiB\")");
    // Making the plot has memory of its own.
    assert_eq!(home.run_to_end(&["--for", "1"]).code, Some(0));
    let mut home = home.misbehaving();
    for io in ["buffered", "direct", "mmap"] {
        home = home.set("io", io);
        let mut miner = home.run(&[]);
        for _ in 0..2 {
            miner.event("proof");
        }
        let most = miner.most_memory().unwrap();
        println!("{io}: {most} KiB");
        assert!(most < MOST, "{io}: {most} KiB");
        assert!(miner.stop().events("fault").is_empty());
    }
}
