//! Reads and writes at a position, without a shared file cursor: several
//! threads use one file at once.

use std::{fs::File, io};

/// Reads from `offset` on until `out` is full or the file ends; how many
/// bytes that gave.
pub(super) fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < out.len() {
        match read_some(file, &mut out[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// As [`read_at`], but a file that ends early is an error.
pub(super) fn read_exact_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    let got = read_at(file, out, offset)?;
    if got == out.len() {
        return Ok(());
    }
    let text = format!(
        "it ends at byte {}, before byte {}",
        offset + got as u64,
        offset + out.len() as u64
    );
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, text))
}

/// Writes all of `bytes` at `offset`.
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match write_some(file, &bytes[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads what the system has in its memory, without waiting for a drive; how
/// many bytes that gave. Systems and file systems without such reads say that
/// they are not supported.
#[cfg(target_os = "linux")]
pub(super) fn read_in_memory(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    let mut out = [io::IoSliceMut::new(out)];
    match preadv2(file, &mut out, offset, ReadWriteFlags::NOWAIT) {
        Err(Errno::AGAIN) => Ok(0),
        got => Ok(got?),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read_in_memory(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
use std::os::unix::fs::FileExt;
#[cfg(windows)]
use std::os::windows::fs::FileExt;

/// Reads once; how many bytes that gave.
#[cfg(unix)]
pub(super) fn read_some(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(out, offset)
}

#[cfg(unix)]
fn write_some(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

#[cfg(windows)]
pub(super) fn read_some(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(out, offset)
}

#[cfg(windows)]
fn write_some(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}
