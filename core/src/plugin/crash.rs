//! The crash journal of a run: what the last run's says, and a new one.

use std::{fs, io, path::Path};

use spacetime_sdk_loader::{
    Library, Method,
    journal::{Crash, Journal, LastRun},
};

use super::{
    problem::RegistryProblem,
    quarantine::{Entry, Quarantine, QuarantineError, TRANSPORT_CRASHES},
};

/// The journal's name in the data directory.
const FILE: &str = "journal";

/// Reads how the last run with this data directory ended, quarantines whoever
/// brought it down, and begins a new journal. What there is to tell.
///
/// Without a journal the miner mines as well; only, nobody will know who
/// brought it down.
pub fn keep_journal(data_directory: &Path) -> Vec<RegistryProblem> {
    let mut told = Vec::new();
    if let Err(error) = begin(data_directory, &mut told) {
        let path = data_directory.join(FILE);
        told.push(
            RegistryProblem::lasting(format_args!(
                "no crash journal can be kept in {}: {error}",
                path.display()
            ))
            .about(
                "crash journal",
                "if a plugin brings the miner down, the next run will not know",
            ),
        );
    }
    told
}

fn begin(data_directory: &Path, told: &mut Vec<RegistryProblem>) -> io::Result<()> {
    fs::create_dir_all(data_directory)?;
    let Some(journal) = Journal::open(&data_directory.join(FILE))? else {
        return Err(io::Error::other("another miner that runs has it"));
    };
    match journal.last_run() {
        LastRun::Unknown | LastRun::Ended => {}
        LastRun::Killed => {
            tracing::info!("the last run was killed, or lost its power; no plugin is to blame");
        }
        LastRun::Crashed(crash) => {
            let (problem, written) = judge(crash, data_directory);
            told.push(problem);
            // The journal stays what is known of it.
            written.map_err(io::Error::other)?;
        }
    }
    // Only now, as the quarantine is on disk.
    journal.begin()
}

fn judge(crash: &Crash, data_directory: &Path) -> (RegistryProblem, Result<(), QuarantineError>) {
    let Some(culprit) = &crash.culprit else {
        let cause = crash.cause.name();
        let problem = RegistryProblem::lasting(format_args!(
            "the last run was ended by a crash ({cause}) outside of all plugins"
        ));
        return (problem.about("the miner", "please report it if it happens again"), Ok(()));
    };
    let method = crash.method.unwrap_or(Method::Thread);
    let mut quarantine =
        Quarantine::read(data_directory).unwrap_or_else(|_| Quarantine::empty(data_directory));
    let entry = quarantine.add(culprit, method, crash.cause, crash.unix_seconds);
    let next = match entry.is_held() {
        true => format!(
            "it is not used until its file changes or `spacetime-miner plugin release {}`",
            name(&culprit.component, &culprit.plugin)
        ),
        false => format!(
            "it is used again, as nothing can take its place; after {TRANSPORT_CRASHES} such ends \
             within an hour it is not"
        ),
    };
    let message = format!("it ended the last run in `{}`: {}", method.name(), crash.cause);
    (RegistryProblem::lasting(message).about(culprit, &next), quarantine.write())
}

/// A data directory's quarantine, with what the journal says of a run that
/// crashed after it was last written; and why the list cannot be read: then
/// nobody is quarantined but whom the journal names.
pub fn quarantine(data_directory: &Path) -> (Quarantine, Result<(), QuarantineError>) {
    let (mut quarantine, read) = match Quarantine::read(data_directory) {
        Ok(quarantine) => (quarantine, Ok(())),
        Err(error) => (Quarantine::empty(data_directory), Err(error)),
    };
    // Without the journal, what is on the list counts.
    if let Ok(LastRun::Crashed(Crash { culprit: Some(culprit), method, cause, unix_seconds })) =
        Journal::look(&data_directory.join(FILE))
        && !quarantine.has(&culprit, unix_seconds)
    {
        quarantine.add(&culprit, method.unwrap_or(Method::Thread), cause, unix_seconds);
    }
    (quarantine, read)
}

/// Takes what a name means out of a data directory's quarantine. What was
/// there, and what of it was taken out.
///
/// # Errors
///
/// The list cannot be read or written.
pub fn release(
    data_directory: &Path,
    name: &str,
) -> Result<(Quarantine, Vec<Entry>), QuarantineError> {
    let (mut quarantine, read) = quarantine(data_directory);
    read?;
    let released = quarantine.release(name);
    if !released.is_empty() {
        quarantine.write()?;
        forget_crash(data_directory)?;
    }
    Ok((quarantine, released))
}

/// Once the quarantine is on disk with what the journal says of the last run.
fn forget_crash(data_directory: &Path) -> Result<(), QuarantineError> {
    let path = data_directory.join(FILE);
    let forget = || match Journal::look(&path)? {
        // A run that has the journal has judged it.
        LastRun::Crashed(_) => Journal::open(&path)?.map_or(Ok(()), Journal::forget),
        _ => Ok(()),
    };
    forget().map_err(|source| QuarantineError::Io { path: path.clone(), source })
}

/// Takes those out of the quarantine whose files have been replaced since. A
/// sentence on each.
pub fn forget_replaced(data_directory: &Path, loaded: &[Library]) -> Vec<String> {
    // What cannot be read has been told of when the plugins were loaded.
    let Ok(mut quarantine) = Quarantine::read(data_directory) else { return Vec::new() };
    let struck = quarantine.strike_replaced(loaded);
    if struck.is_empty() {
        return Vec::new();
    }
    if let Err(error) = quarantine.write() {
        tracing::warn!("a quarantine that is over cannot be written down: {error}");
    }
    let words = |entry: &Entry| format!("{} is used again: its file has changed", entry.culprit);
    struck.iter().filter(|entry| entry.is_held()).map(words).collect()
}

/// What a user calls it by.
pub(super) fn name<'a>(component: &'a str, plugin: &'a str) -> &'a str {
    if component.is_empty() { plugin } else { component }
}

#[cfg(test)]
mod tests {
    use spacetime_sdk_loader::{
        FileHash, Kind,
        journal::{Cause, Culprit},
    };

    use super::*;

    fn crash(kind: Option<Kind>) -> Crash {
        let culprit = kind.map(|kind| Culprit {
            kind: Some(kind),
            component: "mine".into(),
            plugin: "my-plugin".into(),
            version: "1.0.0".into(),
            path: "/plugin.so".into(),
            sha256: FileHash::of(b"a"),
            transport: kind == Kind::Transport,
        });
        let method = culprit.as_ref().map(|_| Method::Plan);
        Crash { culprit, method, cause: Cause::Segv, unix_seconds: 7 }
    }

    #[test]
    fn whoever_can_be_replaced_is_quarantined_and_the_host_blames_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let entries = || Quarantine::read(folder.path()).unwrap().entries().len();
        let (problem, _) = judge(&crash(None), folder.path());
        assert_eq!((problem.culprit(), entries()), ("the miner", 0));
        let (problem, _) = judge(&crash(Some(Kind::Transport)), folder.path());
        assert!(problem.next().contains("used again") && entries() == 1, "{problem:?}");
        let (problem, _) = judge(&crash(Some(Kind::Strategy)), folder.path());
        assert_eq!(problem.culprit(), "strategy `mine` (plugin my-plugin 1.0.0)");
        assert!(problem.next().contains("plugin release mine") && entries() == 2, "{problem:?}");
        assert!(problem.message().contains("in `plan`"), "{problem}");
    }

    /// A file that is no list is in the way of nobody's quarantine.
    #[test]
    fn a_damaged_list_is_replaced_when_somebody_crashes() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("quarantine.json"), "rubbish").unwrap();
        judge(&crash(Some(Kind::Engine)), folder.path()).1.unwrap();
        assert_eq!(Quarantine::read(folder.path()).unwrap().entries().len(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let told = keep_journal(&file.join("data"));
        assert_eq!(told.len(), 1);
        assert!(told[0].message().contains("no crash journal"), "{told:?}");
    }
}
