//! The plugin as the miner sees it: its library, loaded through the boundary,
//! and a server that it connects with.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use spacetime_sdk_testing::{
    Plugin, TestedTransport,
    abi::{Event, Verdict},
    claim,
};

const NAME: &str = "my-plugin";

/// The server's side of a session.
struct Server(BufReader<TcpStream>);

impl Server {
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0
            .read_line(&mut line)
            .expect("the plugin says something");
        line
    }

    fn say(&mut self, line: &str) {
        // In one piece: the plugin may hang up as soon as it has seen too much.
        let line = format!("{line}\n");
        let stream = self.0.get_mut();
        stream
            .write_all(line.as_bytes())
            .expect("the plugin listens");
    }
}

/// A session, and the server that it is connected with.
fn session(plugin: &Plugin) -> (TestedTransport, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!("(server: {:?})", listener.local_addr().unwrap().to_string());
    let mut session = plugin.transport(NAME, &config).unwrap();
    session.wait_for("connection", |event| {
        matches!(event, Event::Online { .. }).then_some(())
    });
    let (stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut server = Server(BufReader::new(stream));
    assert!(server.hear().starts_with("hello "));
    (session, server)
}

#[test]
fn a_job_becomes_a_challenge_and_its_proof_is_sent() {
    let plugin = Plugin::build();
    let (mut session, mut server) = session(&plugin);
    server.say(&format!("job 8 {} {} 30", "ab".repeat(32), "0f".repeat(32)));
    let Event::Challenge { challenge } = session.next_event() else {
        panic!("no challenge")
    };
    assert_eq!((challenge.id, challenge.challenge), (8, [0xAB; 32]));
    assert_eq!(
        (challenge.share_target, challenge.block_target),
        ([0x0F; 32], [0; 32])
    );

    session.submit_proof(1, claim(8)).unwrap();
    assert_eq!(
        server.hear(),
        format!("proof 1 8 {} 010203\n", "05".repeat(32))
    );
    for (line, expected) in [
        ("accepted 1", Verdict::ACCEPTED),
        ("rejected 1 too late", Verdict::REJECTED),
    ] {
        server.say(line);
        let Event::Verdict {
            ticket, verdict, ..
        } = session.next_event()
        else {
            panic!("no verdict")
        };
        assert_eq!((ticket, verdict), (1, expected));
    }
    session.close();
}

#[test]
fn a_server_that_talks_nonsense_or_hangs_up_ends_the_session() {
    let plugin = Plugin::build();
    for line in [
        "job 8 ab 0f 30",
        "nonsense",
        "accepted",
        &format!("\u{1b}[2J{}", "x".repeat(4000)),
        &"x".repeat(10_000),
    ] {
        let (mut session, mut server) = session(&plugin);
        server.say(line);
        let Event::Offline { reason } = session.next_event() else {
            panic!("still online")
        };
        assert!(reason.contains("server"), "{reason}");
        assert!(reason.len() < 200 && !reason.contains('\u{1b}'), "{reason}");
        session.close();
    }
    let (mut session, server) = session(&plugin);
    drop(server);
    assert!(matches!(session.next_event(), Event::Offline { .. }));
}

#[test]
fn a_server_that_is_no_address_is_refused_by_name() {
    let plugin = Plugin::build();
    let refused = |config| plugin.transport(NAME, config).err().unwrap();
    assert_eq!(refused("(server: \"pool\")").field, "server");
    assert_eq!(refused("()").field, "server");
    let checked = |config| plugin.check_transport(NAME, config);
    assert_eq!(checked("(server: \"pool\")").unwrap_err().field, "server");
    assert!(checked("(server: \"pool:1\")").unwrap().contains("pool:1"));
}
