//! Plugin files loaded through the loader.

use std::{fs, path::Path};

use spacetime_sdk::descriptor::{FRAME, MAGIC, crc32};
use spacetime_sdk_loader::{Fault, Library, Strategy};
pub use spacetime_sdk_testing::{Recorder, Told, job, leaves, lowest, plot, request, spans};

/// Loads a plugin file, with a recorder for a host.
///
/// # Panics
///
/// If it is refused.
pub fn load(path: &Path) -> Library {
    Library::load(path, Recorder::new(5)).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// Opens a strategy under its own name.
///
/// # Errors
///
/// The component's or its config's.
pub fn open_strategy(library: &Library, name: &str, config: &str) -> Result<Strategy, Fault> {
    Strategy::open(library, &request(name, config))
}

/// Writes a copy of a plugin file that describes itself in other words, with
/// the right checksum: one text of its descriptor is replaced by one of the
/// same length.
///
/// # Panics
///
/// If the text is not there.
pub fn redescribe(file: &Path, copy: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(file).unwrap();
    // The magic stands in the SDK's code as well, so the frame must fit too.
    let start = (0..bytes.len() - FRAME)
        .filter(|at| bytes[*at..].starts_with(&MAGIC))
        .find(|at| bytes[at + FRAME..].starts_with(b"{\"format\""))
        .expect("it is a plugin");
    let len = u32::from_le_bytes(bytes[start + 16..start + 20].try_into().unwrap()) as usize;
    let text = &mut bytes[start + FRAME..start + FRAME + len];
    let at = text.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.expect("the descriptor says so");
    text[at..at + to.len()].copy_from_slice(to.as_bytes());
    let crc = crc32(text, 0);
    bytes[start + 20..start + 24].copy_from_slice(&crc.to_le_bytes());
    fs::write(copy, bytes).unwrap();
}
