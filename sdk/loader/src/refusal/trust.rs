//! Refusals of files that are what they say, but that nobody vouches for.

use std::path::Path;

use super::{Code, Refusal};
use crate::{
    cache::CacheError,
    file::{FileHash, FileOwner},
    signature::{PublicKey, Signature},
};

impl Refusal {
    /// Neither its place nor a key, a pin or a lock speaks for it. `line` is
    /// the entry of the manifest's `plugins` that allows exactly this file.
    pub fn not_allowed(path: &Path, line: &str) -> Self {
        Self::new(
            path,
            Code::NotAllowed,
            "is not signed, and nothing in the manifest allows it",
            format!(
                "If you trust where it comes from, let its entry in `plugins` be {line}, which \
                 `spacetime-miner plugin trust` writes for you and which allows this very file; of a \
                 plugin that you are writing yourself, trust: any in place of the hash allows every \
                 build"
            ),
        )
    }

    /// Its entry asks for a signature, and there is none beside it.
    pub fn not_signed(path: &Path) -> Self {
        let place = Signature::path_of(path);
        Self::new(
            path,
            Code::NotSigned,
            format!("must be signed, and there is no signature {}", place.display()),
            "Get it from where the plugin came from, or sign it with `spacetime-miner plugin sign`",
        )
    }

    pub(crate) fn signature_damaged(path: &Path, place: &Path, detail: &str) -> Self {
        Self::new(
            path,
            Code::SignatureDamaged,
            format!("has a signature {} that cannot be read: {detail}", place.display()),
            "Copy both files again, as they are",
        )
    }

    pub(crate) fn signature_of_another(path: &Path, signature: &Signature, ours: FileHash) -> Self {
        let Signature { plugin, version, target, sha256, .. } = signature;
        Self::new(
            path,
            Code::SignatureOfAnother,
            format!(
                "is not the file that was signed: its signature is of {plugin} {version} for \
                 {target} with the SHA-256 {sha256}, and the file's is {ours}"
            ),
            "One of the two was changed or replaced: copy both again from where they came from, or, if \
             you built it anew, sign it again with `spacetime-miner plugin sign`",
        )
    }

    pub(crate) fn signature_forged(path: &Path, signer: PublicKey) -> Self {
        Self::new(
            path,
            Code::SignatureForged,
            format!("has a signature that the key {signer} did not make"),
            "Do not use it: it was tampered with, or damaged; get both files again",
        )
    }

    /// It is signed by somebody who is none of the trusted keys.
    pub fn untrusted_signer(path: &Path, signer: PublicKey) -> Self {
        Self::new(
            path,
            Code::OtherSigner,
            format!("is signed by the key {signer}, which is none of `trusted_keys`"),
            format!(
                "If you trust whose it is, write trusted_keys: {{\"NAME\": \"{signer}\"}}, into the \
                 manifest, which `spacetime-miner plugin trust {signer} --name NAME` does for you"
            ),
        )
    }

    /// It is signed by somebody else than its entry asks for: `wanted`, in
    /// words.
    pub fn other_signer(path: &Path, signer: PublicKey, wanted: &str) -> Self {
        Self::new(
            path,
            Code::OtherSigner,
            format!("is signed by the key {signer}, and must be by {wanted}"),
            format!(
                "If you trust that key with it, let its entry say trust: signed(by: \"{signer}\")"
            ),
        )
    }

    /// Its entry names a signer that is not among the trusted keys.
    pub fn unknown_signer(path: &Path, name: &str) -> Self {
        Self::new(
            path,
            Code::UnknownSigner,
            format!("must be signed by `{name}`, and `trusted_keys` has no key of that name"),
            "Add that key again, or correct the entry: a key that was taken away is trusted no more",
        )
    }

    /// It is not the file that its entry pins.
    pub fn not_the_pinned(path: &Path, pinned: FileHash, ours: FileHash) -> Self {
        Self::new(
            path,
            Code::NotThePinned,
            format!("has the SHA-256 {ours}, and its entry in the manifest pins {pinned}"),
            format!(
                "It was changed or replaced. If you wanted that, let the entry say sha256: \
                 \"{ours}\""
            ),
        )
    }

    /// Its entry says `locked`, and the lock file `lock` does not have it, for
    /// this platform.
    pub fn not_locked(path: &Path, lock: &Path, target: &str) -> Self {
        Self::new(
            path,
            Code::NotLocked,
            format!("must be locked, and {} does not have it for {target}", lock.display()),
            format!("Run `spacetime-miner plugin install {}`", path.display()),
        )
    }

    /// The lock file `lock` has another hash for it.
    pub fn not_the_locked(path: &Path, lock: &Path, locked: FileHash, ours: FileHash) -> Self {
        Self::new(
            path,
            Code::NotTheLocked,
            format!("has the SHA-256 {ours}, and {} has {locked} for it", lock.display()),
            format!(
                "It was changed or replaced. If you wanted that, run `spacetime-miner plugin \
                 install {}`",
                path.display()
            ),
        )
    }

    /// The lock file cannot be read, so that nobody knows what it says.
    pub fn lock_damaged(path: &Path, detail: &str) -> Self {
        Self::new(
            path,
            Code::LockDamaged,
            format!("may be locked, but {detail}"),
            "Mend the lock file, or remove it and run `spacetime-miner plugin install` again",
        )
    }

    /// Its private copy cannot be written.
    pub fn no_copy(path: &Path, error: &CacheError) -> Self {
        Self::new(
            path,
            Code::NoCopy,
            format!("cannot be copied to where it is loaded from: {error}"),
            "Make room or give access there, or name another folder with `plugin_cache` in the \
             manifest",
        )
    }

    /// There is no folder for its private copy.
    pub fn nowhere_to_copy(path: &Path) -> Self {
        Self::new(
            path,
            Code::NoCopy,
            "cannot be copied to where it is loaded from: there is no manifest, and the \
             environment has no HOME",
            "Name a manifest with --manifest, or set HOME",
        )
    }

    pub(crate) fn no_programs(path: &Path, folder: &Path) -> Self {
        Self::new(
            path,
            Code::NoPrograms,
            format!(
                "is loaded from {}, a file system that is mounted with `noexec`",
                folder.display()
            ),
            "Name a folder elsewhere with `plugin_cache` in the manifest",
        )
    }

    /// It lies where the miner's own plugins lie, but is not as well guarded as
    /// the miner. `line` as for [`not_allowed`](Self::not_allowed).
    pub fn exposed(path: &Path, owner: FileOwner, miners: FileOwner, line: &str) -> Self {
        let FileOwner { user, group, mode } = owner;
        let mode = mode & 0o777;
        Self::new(
            path,
            Code::Exposed,
            format!(
                "lies with the miner, but others may change it (user {user}, group {group}, mode \
                 {mode:03o}; the miner is user {}'s)",
                miners.user
            ),
            format!(
                "Give it the miner's owner and run `chmod go-w {}`, or let its entry in `plugins` \
                 be {line}",
                path.display()
            ),
        )
    }
}
