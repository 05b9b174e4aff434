//! What lies with the miner is trusted as the miner is: whoever can change
//! such a plugin could have changed the miner.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use spacetime_sdk_loader::{FileOwner, PluginFile};

use super::super::folders::own_folders;

/// The folders with the miner's own plugins, and who may change the miner.
#[derive(Clone, Debug)]
pub(super) struct Place {
    folders: Vec<PathBuf>,
    /// `None`: not known; then nothing is trusted for where it lies.
    miner: Option<FileOwner>,
}

/// How a file lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// With the miner, and as well guarded.
    WithTheMiner,
    /// With the miner, but others may change it: it, and the miner.
    Exposed(FileOwner, FileOwner),
    /// Anywhere else.
    Elsewhere,
}

impl Place {
    pub(super) fn of_this_process() -> Self {
        let miner = env::current_exe().ok().and_then(|file| fs::metadata(file).ok());
        Self {
            folders: own_folders()
                .into_iter()
                .filter_map(|path| path.canonicalize().ok())
                .collect(),
            miner: miner.as_ref().and_then(FileOwner::of),
        }
    }

    pub(super) fn stand(&self, file: &PluginFile) -> Stand {
        let folder = file.real_path().parent().unwrap_or(Path::new(""));
        if !self.folders.iter().any(|own| own == folder) {
            return Stand::Elsewhere;
        }
        match (file.owner(), self.miner) {
            (Some(file), Some(miner)) if is_as_guarded(file, miner) => Stand::WithTheMiner,
            (Some(file), Some(miner)) => Stand::Exposed(file, miner),
            // Systems without owners guard folders.
            _ if cfg!(not(unix)) => Stand::WithTheMiner,
            _ => Stand::Elsewhere,
        }
    }
}

/// Whether nobody may change a file who may not change the miner's.
fn is_as_guarded(file: FileOwner, miner: FileOwner) -> bool {
    let by_group = |owner: FileOwner| owner.mode & 0o020 != 0;
    let by_all = |owner: FileOwner| owner.mode & 0o002 != 0;
    let group_may_anyway = by_group(miner) && file.group == miner.group;
    file.user == miner.user && !by_all(file) && (!by_group(file) || group_may_anyway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_guarded_as_the_miner_is() {
        let owner = |user, group, mode| FileOwner { user, group, mode };
        let miner = owner(1000, 1000, 0o755);
        assert!(is_as_guarded(owner(1000, 1000, 0o755), miner));
        assert!(is_as_guarded(owner(1000, 5, 0o644), miner));
        assert!(!is_as_guarded(owner(1000, 1000, 0o775), miner), "the group may write");
        assert!(!is_as_guarded(owner(1000, 1000, 0o757), miner), "all may write");
        assert!(!is_as_guarded(owner(1001, 1000, 0o755), miner), "another's");
        assert!(!is_as_guarded(owner(0, 0, 0o755), miner), "another's");
        // Where the umask is 002, the group may write both.
        let shared = owner(1000, 1000, 0o775);
        assert!(is_as_guarded(shared, shared));
        assert!(!is_as_guarded(owner(1000, 100, 0o775), shared), "another group");
        assert!(!is_as_guarded(owner(1000, 1000, 0o777), owner(1000, 1000, 0o777)));
    }
}
