//! What happens to a store when its process dies, shares it, or finds the
//! disk full. Each needs a process of its own, so this program starts itself
//! again as one, and is its own test harness.

#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(unix)]
mod common;

#[cfg(unix)]
fn main() {
    let mut arguments = std::env::args().skip(1);
    if let (Some(role), Some(directory)) = (arguments.next(), arguments.next())
        && role.starts_with("--as-")
    {
        return child::run(&role, directory.as_ref());
    }
    for (name, test) in [
        ("a_store_opens_after_sigkill_at_any_moment", parent::kill as fn()),
        ("a_second_process_is_told_who_has_the_store", parent::share),
        ("a_full_disk_costs_no_block_and_no_process", parent::fill),
    ] {
        test();
        println!("test {name} ... ok");
    }
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod child {
    //! The process under test; it says what it has done on its output.

    use std::io::{Read, Write};
    use std::path::Path;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use spacetime_node::local::Server;
    use spacetime_node::store::{FILE_NAME, StoreError};
    use spacetime_node::{Service, Submitted};

    use super::common::{LATER, Miner, Wish, key, mine, network, tip, transfer};

    pub(super) fn run(role: &str, directory: &Path) {
        match role {
            "--as-writer" => write(directory),
            "--as-holder" => hold(directory),
            "--as-full" => fill(directory),
            _ => panic!("no such role: {role}"),
        }
    }

    fn say(line: impl std::fmt::Display) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    }

    /// Mines until it is killed, with a reorganisation at every third block,
    /// and says each tip once the chain has it.
    fn write(directory: &Path) {
        let (alice, bob) = (key(1), key(2));
        let (ours, theirs) = (Miner::new(3), Miner::new(4));
        let service = Service::open(directory, network(1, &[&alice])).unwrap();
        loop {
            let fork = tip(&service);
            let nonce = service.account(&alice.identity()).unwrap().nonce;
            let transactions = vec![transfer(&alice, &bob, 1, nonce, 1)];
            let one = mine(&service, &ours, Wish { transactions, rank: 1, ..Wish::default() });
            say(one.hash());
            let wish = |rank| Wish { rank, ..Wish::default() };
            let side = theirs.block(service.network(), &fork, wish(1000));
            assert_eq!(service.submit_block(&side, LATER).unwrap(), Submitted::SideBranch);
            let next = theirs.block(service.network(), &side.header, wish(0));
            assert_eq!(service.submit_block(&next, LATER).unwrap(), Submitted::NewTip);
            say(next.hash());
        }
    }

    /// Holds the store until its input ends.
    fn hold(directory: &Path) {
        let service = Service::open(directory, network(1, &[])).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let entered = runtime.enter();
        let _server = Server::start(service, directory).unwrap();
        drop(entered);
        say("open");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }

    /// Mines until the file may not grow, and on once it may.
    fn fill(directory: &Path) {
        let miner = Miner::new(3);
        let service = Service::open(directory, network(1, &[&key(1)])).unwrap();
        let size = std::fs::metadata(directory.join(FILE_NAME)).unwrap().len();
        let before = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(size), ..before }).unwrap();
        let (block, error) = mine_until_full(&service, &miner);
        assert!(matches!(error, StoreError::Database { .. }), "{error}");
        assert!(error.to_string().contains(FILE_NAME), "{error}");
        // Reading goes on, the block is not half there, and writing still fails.
        assert_eq!(tip(&service).hash(), block.header.parent);
        assert_eq!(service.header(&block.hash()).unwrap(), None);
        service.submit_block(&block, LATER).unwrap_err();
        assert_eq!(tip(&service).hash(), block.header.parent);

        setrlimit(Resource::Fsize, before).unwrap();
        assert_eq!(service.submit_block(&block, LATER).unwrap(), Submitted::NewTip);
        mine(&service, &miner, Wish::default());
        say(tip(&service).hash());
    }

    fn mine_until_full(
        service: &Service,
        miner: &Miner,
    ) -> (spacetime_protocol::block::Block, StoreError) {
        let (alice, bob) = (key(1), key(2));
        for round in 0..1000 {
            // Large blocks: few of them fill the file.
            let transactions =
                (0..200).map(|n| transfer(&alice, &bob, 1, round * 200 + n, 1)).collect();
            let wish = Wish { transactions, ..Wish::default() };
            let block = miner.block(service.network(), &tip(service), wish);
            match service.submit_block(&block, LATER) {
                Ok(submitted) => assert_eq!(submitted, Submitted::NewTip),
                Err(error) => return (block, error),
            }
        }
        panic!("the store never grew");
    }
}

#[cfg(unix)]
mod parent {
    //! Starts the process, and looks at what it leaves.

    use std::io::{BufRead, BufReader, Lines};
    use std::path::Path;
    use std::process::{Child, ChildStdout, Command, Stdio};
    use std::time::{Duration, Instant};

    use spacetime_node::Service;
    use spacetime_node::local;
    use spacetime_node::store::StoreError;
    use spacetime_protocol::BlockHash;

    use super::common::{extend, key, network, tip};

    const LIVES: u64 = 40;

    type Says = Lines<BufReader<ChildStdout>>;

    fn start(role: &str, directory: &Path) -> (Child, Says) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        watch(command.arg(role).arg(directory))
    }

    fn watch(command: &mut Command) -> (Child, Says) {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, says)
    }

    pub(super) fn kill() {
        let network = network(1, &[&key(1)]);
        let directory = tempfile::tempdir().unwrap();
        let spared = tempfile::tempdir().unwrap();
        let spared = Service::open(spared.path(), network.clone()).unwrap();
        for round in 0..LIVES {
            let (mut child, mut says) = start("--as-writer", directory.path());
            // Somewhere else in its life every time, its start included.
            let seen = (0..round % 7).filter_map(|_| says.next()).last();
            let (moment, begun) = (Duration::from_micros(round * 389 % 5000), Instant::now());
            while begun.elapsed() < moment {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let told = says.map_while(Result::ok).last().or(seen.map(Result::unwrap));
            look(directory.path(), told, &spared);
        }
        let height = tip(&spared).height;
        assert!(height > LIVES, "only {height} blocks in {LIVES} lives");
    }

    /// Everything that was announced is there, nothing else lies around, and
    /// the accounts are those of a chain that was never killed.
    fn look(directory: &Path, told: Option<String>, spared: &Service) {
        let left = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.collect();
        let service = Service::open(directory, spared.network().clone()).unwrap();
        if let Some(told) = told {
            let told: BlockHash = told.parse().unwrap();
            assert!(service.header(&told).unwrap().is_some(), "{told} was announced, and is gone");
        }
        let new = service.headers_after(&[tip(spared).hash()], u64::MAX).unwrap();
        for header in new.expect("the chain went back") {
            extend(spared, &service.block(&header.hash()).unwrap().unwrap());
        }
        assert_eq!(service.accounts().unwrap(), spared.accounts().unwrap());
        let files = std::fs::read_dir(directory).unwrap();
        let files: Vec<_> = files.map(|entry| entry.unwrap().file_name()).collect();
        // What left the chain with its block is pending.
        let known = files.iter().all(|file| file == "chain.redb" || file == "pending.bin");
        assert!(known, "{files:?} lie there, after the kill {left:?}");
    }

    pub(super) fn share() {
        let network = network(1, &[]);
        let directory = tempfile::tempdir().unwrap();
        let (mut child, mut says) = start("--as-holder", directory.path());
        assert_eq!(says.next().unwrap().unwrap(), "open");
        match Service::open(directory.path(), network.clone()).map(|_| ()).unwrap_err() {
            StoreError::InUse { holder, .. } => assert_eq!(holder.pid, Some(child.id())),
            other => panic!("{other}"),
        }
        let status = local::status(directory.path(), &network).unwrap().unwrap();
        assert_eq!(status.pid, Some(child.id()));

        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(local::status(directory.path(), &network).unwrap().unwrap().pid, None);
        let service = Service::open(directory.path(), network.clone()).unwrap();
        let error = Service::open(directory.path(), network).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("this process"), "{error}");
        drop(service);
    }

    pub(super) fn fill() {
        let network = network(1, &[&key(1)]);
        let directory = tempfile::tempdir().unwrap();
        // A process that ignores the signal gets the error.
        let mut shell = Command::new("sh");
        let exe = std::env::current_exe().unwrap();
        let script = "trap '' XFSZ; exec \"$0\" --as-full \"$1\"";
        let (mut child, mut says) =
            watch(shell.arg("-c").arg(script).arg(exe).arg(directory.path()));
        let told: BlockHash = says.next().expect("the child failed").unwrap().parse().unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(tip(&Service::open(directory.path(), network).unwrap()).hash(), told);
    }
}
