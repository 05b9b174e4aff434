//! A disk without room: a small file system of its own where the system lets a
//! test have one, a limit on the size of files otherwise.
#![cfg(target_os = "linux")]

use std::process::Command;

use spacetime_tests::{
    artifacts::program,
    home::Home,
    process::{Ended, Running},
};

/// Runs the miner in a home whose folder `small` has room for so many KiB.
fn with_little_room(home: &Home, kib: u32, arguments: &str) -> Ended {
    std::fs::create_dir_all(home.path("small")).unwrap();
    let miner = program("spacetime-miner");
    let own_mounts = ["--user", "--map-root-user", "--mount"];
    let can_mount = Command::new("unshare").args(own_mounts).arg("true").status();
    let mut command;
    if can_mount.is_ok_and(|status| status.success()) {
        command = Command::new("unshare");
        command.args(own_mounts).arg("sh").arg("-c");
        command.arg(format!(
            "mount -t tmpfs -o size={kib}k tmpfs small && {} {arguments}; \
             code=$?; ls small >&2; exit $code",
            miner.display()
        ));
    } else {
        command = Command::new("sh");
        command.arg("-c").arg(format!(
            "trap '' XFSZ; ulimit -f {kib}; {} {arguments}; code=$?; ls small >&2; exit $code",
            miner.display()
        ));
    }
    command.current_dir(home.path(""));
    Running::start(command).wait()
}

#[test]
fn a_plot_that_does_not_fit_is_refused() {
    let home = Home::new();
    home.command(&["key", "new", "--key", "key"]);
    let ended = with_little_room(&home, 600, "plot create --out small/x.plot --size 1MiB");
    assert!(matches!(ended.code, Some(10 | 5)), "{ended:#?}");
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(errors.len(), 1, "{ended:#?}");
    assert!(errors[0].contains("small"), "names the place: {ended:#?}");
    assert!(!ended.stderr.lines().any(|line| line == "x.plot"), "half a plot: {ended:#?}");
}

#[test]
fn a_chain_that_does_not_fit_is_named() {
    let home = Home::new().set("data_directory", "\"small\"");
    home.command(&["key", "new", "--key", "key"]);
    home.command(&["plot", "create", "--out", "plots/a.plot", "--leaves", "32768"]);
    // The store's first page does not fit already.
    let ended = with_little_room(&home, 64, "run --json --until-blocks 3 --for 5");
    assert!(matches!(ended.code, Some(7 | 9 | 10)), "{ended:#?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("small"), "names the place: {ended:#?}");
}
