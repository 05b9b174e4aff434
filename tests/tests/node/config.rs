//! What the transport's config may say, and how it is refused.

use spacetime_tests::{address, scripted::Scripted};

use crate::home;

const ADDRESS: &str = "address: \"127.0.0.1:1\"";

#[test]
fn a_config_that_makes_no_sense_is_refused_with_what_does() {
    for (config, told) in [
        ("follow: notices, difficulty: 0", "difficulty must be between 1 and 9223372036854775807"),
        (
            "folow: notices",
            "Unexpected field named `folow`; did you mean `follow`? Known are `address`, `peers`, \
             `follow`, `difficulty`, `tls`, `longest_pause_seconds`",
        ),
        (
            "tls: (ca_fil: \"a.pem\")",
            "Unexpected field named `ca_fil`; did you mean `ca_file`? Known are `ca_file`, \
             `server_name`",
        ),
        ("follow: \"rumours\"", "Unexpected choice `rumours`; known are `verified`, `notices`"),
        ("longest_pause_seconds: 3601", "must be between 1 and 3600"),
    ] {
        let home = home(&format!("{ADDRESS}, {config}"));
        // By its file, and by itself.
        home.command(&["check"]).assert_refused(6, told);
        home.command(&["check", "--load"]).assert_refused(6, told);
    }
    // What only its code knows.
    let home = home(&format!("{ADDRESS}, difficulty: 7"));
    assert_eq!(home.command(&["check"]).code, Some(0));
    home.command(&["check", "--load"])
        .assert_refused(6, "difficulty is only for `follow: notices`");
}

#[test]
fn a_choice_may_be_quoted() {
    let mut node = Scripted::listen(address::own());
    let home = home(&format!("address: \"{}\", follow: \"notices\"", node.address()));
    let _miner = home.run(&[]);
    node.wait_until("a handshake", |node| {
        node.connections.first().is_some_and(|first| !first.frames.is_empty())
    });
}
