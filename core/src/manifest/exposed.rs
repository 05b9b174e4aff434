//! What says which plugins run, and may be changed by anybody.

use std::{fs, path::Path};

use spacetime_sdk_loader::FileOwner;

use super::Manifest;

impl Manifest {
    /// A sentence for the manifest, its lock file and their folder, where every
    /// user of this machine may change them, and so have their code run here.
    pub fn exposed(&self) -> Vec<String> {
        let lock = self.lock_file();
        let files = self.file.as_deref().into_iter().chain([&*lock, &*self.folder]);
        let exposed = files.filter(|path| is_anybodys(path)).map(|path| {
            let path = path.display();
            format!(
                "every user of this machine may change {path}, and so which plugins run here: \
                 `chmod o-w {path}`"
            )
        });
        exposed.collect()
    }
}

/// In a folder with the sticky bit, others can only add files.
fn is_anybodys(path: &Path) -> bool {
    let owner = fs::metadata(path).ok().as_ref().and_then(FileOwner::of);
    owner.is_some_and(|owner| owner.mode & 0o1002 == 0o002)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_anybody_may_change_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (file, lock) = (folder.path().join("miner.ron"), folder.path().join("plugins.lock"));
        let text = r#"(plot_directory: "plots", plot_metadata_path: "plots.json",
            private_key_path: "key.json", network_id: "local")"#;
        fs::write(&file, text).unwrap();
        let manifest = Manifest::load(&file, &[]).unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(&file, 0o664);
        assert_eq!(manifest.exposed(), [""; 0], "nor is a lock file that is not there");
        fs::write(&lock, "").unwrap();
        let exposed = |path: &Path| {
            let told = format!("may change {},", path.display());
            matches!(&*manifest.exposed(), [one] if one.contains(&told))
        };
        for (path, before) in [(&*file, 0o644), (&lock, 0o644), (folder.path(), 0o755)] {
            mode(path, before);
            assert_eq!(manifest.exposed(), [""; 0]);
            mode(path, before | 0o002);
            assert!(exposed(path), "{:?}", manifest.exposed());
            mode(path, before);
        }
        mode(folder.path(), 0o1777);
        assert_eq!(manifest.exposed(), [""; 0]);
    }
}
