//! Which plugin files may be loaded, and who says so: where they lie, who
//! signed them, what the manifest and the lock file pin. Reads files, and runs
//! nothing of them.

mod gate;
mod installed;
mod lock;
mod place;
mod signing;

pub use gate::{Admitted, Gate, Permission};
pub use installed::{InstallError, Installed, Installer, Uninstalled};
pub use lock::{Lock, LockFileError, Locked, LockedFile};
pub use signing::{SigningKeyError, create as create_signing_key, load as load_signing_key};
