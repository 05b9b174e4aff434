//! The example `transport-pool` at work.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    artifacts::Artifacts,
    home::Home,
    process::{PATIENCE, Running},
};

/// Mines with the transport, as it was built, at the server that was built with
/// it, until that has got a share for each of two jobs.
///
/// # Panics
///
/// If that does not happen, or with a fault.
pub fn share_twice(built: &Artifacts) {
    let mut server = Command::new(built.file("job-server"));
    // Jobs of five seconds; of 256 leaves, one is good enough.
    server.args(["127.0.0.1:0", "5", "8"]);
    let mut server = Running::start(server);
    let deadline = Instant::now() + PATIENCE;
    let listening = server.line(deadline).unwrap();
    let address = listening.strip_prefix("listening on ").unwrap();
    let transport = format!("[(name: \"pool\", config: (server: {address:?}, worker: \"rig\"))]");
    let home =
        Home::new().outside_plugin(&built.file("transport-pool")).set("transports", &transport);
    let mut miner = home.run(&[]);
    let online = miner.event("challenge");
    assert_eq!(online["transport"], "pool", "{online:#}");
    // A share for this job, and one for the next.
    for number in 1..=2 {
        let share = server.line(deadline + Duration::from_secs(30)).unwrap();
        assert!(share.starts_with("share of rig for job "), "{share}");
        assert!(share.ends_with(&format!(": number {number}")), "{share}");
    }
    let ended = miner.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.events("fault").len(), 0, "{ended:#?}");
}
