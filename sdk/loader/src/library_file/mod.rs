//! A library's file, of any platform, read as little as will do: its headers,
//! the plugin's description, and which libraries it needs. Files may be damaged
//! or made to harm; reading one takes a bounded amount of memory, whatever its
//! headers claim.

mod elf;
mod macho;
mod pe;
mod source;

use std::{cell::Cell, fmt, fs::File, io, path::Path};

use object::{
    Endianness, FileKind,
    macho::{FatArch32, FatArch64, MachHeader32, MachHeader64},
    pe::{ImageNtHeaders32, ImageNtHeaders64},
    read::ReadCache,
};
use serde::Serialize;
use source::Source;
use spacetime_sdk::descriptor::{FRAME, MAGIC, crc32};

/// Bytes of a file that are read at the most, each time they are.
const BUDGET: u64 = 16 << 20;

/// Bytes of a description at the most.
const LIMIT: u64 = 1 << 20;

/// Libraries that a file may need, and folders that it may name.
const ENTRIES: usize = 4096;

/// The processors that have a name here: Rust's.
pub(crate) const ARCHITECTURES: [&str; 9] =
    ["x86_64", "aarch64", "x86", "arm", "riscv64", "riscv32", "powerpc64", "s390x", "loongarch64"];

/// The format of a library's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Of Linux, the BSDs and most others.
    Elf,
    /// Of Apple's systems.
    MachO,
    /// Of Windows.
    Pe,
}

impl Format {
    /// Of libraries that this host can load.
    pub(crate) const OURS: Self = if cfg!(windows) {
        Self::Pe
    } else if cfg!(target_vendor = "apple") {
        Self::MachO
    } else {
        Self::Elf
    };
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elf => "ELF",
            Self::MachO => "Mach-O",
            Self::Pe => "PE",
        })
    }
}

/// What was read of a file.
#[derive(Clone, Debug)]
pub(crate) struct LibraryFile {
    pub(crate) format: Format,
    /// As Rust names it; empty: one that has no name here.
    pub(crate) architecture: &'static str,
    /// The libraries that it names, in order.
    pub(crate) needed: Vec<String>,
    /// The folders in which it wants them looked for.
    pub(crate) search: Vec<String>,
    /// The section made for the plugin's description.
    section: Option<Vec<u8>>,
}

/// Why a file is no library.
#[derive(Debug)]
pub(crate) enum FileError {
    /// The system does not let it be read.
    Unreadable(io::Error),
    /// It is not one, or not a whole one.
    NoLibrary,
}

/// What headers say that cannot be.
#[derive(Debug)]
struct Damaged;

impl From<object::read::Error> for Damaged {
    fn from(_: object::read::Error) -> Self {
        Self
    }
}

impl From<()> for Damaged {
    fn from((): ()) -> Self {
        Self
    }
}

impl LibraryFile {
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let unreadable = |error| FileError::Unreadable(error);
        // A pipe would be waited for, a device has no end.
        if !path.metadata().map_err(unreadable)?.is_file() {
            return Err(unreadable(io::Error::other("it is not a file")));
        }
        let file = File::open(path).map_err(unreadable)?;
        let cache = ReadCache::new(file);
        Self::read(&cache).map_err(|Damaged| FileError::NoLibrary)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, FileError> {
        Self::read(bytes).map_err(|Damaged| FileError::NoLibrary)
    }

    fn read<'data, R: object::ReadRef<'data>>(data: R) -> Result<Self, Damaged> {
        let budget = Cell::new(BUDGET);
        let data = Source::new(data, &budget)?;
        match FileKind::parse(data)? {
            FileKind::Elf32 => elf::read::<object::elf::FileHeader32<Endianness>, _>(data),
            FileKind::Elf64 => elf::read::<object::elf::FileHeader64<Endianness>, _>(data),
            FileKind::MachO32 => macho::read::<MachHeader32<Endianness>, _>(data),
            FileKind::MachO64 => macho::read::<MachHeader64<Endianness>, _>(data),
            FileKind::MachOFat32 => macho::read_fat::<FatArch32, _>(data),
            FileKind::MachOFat64 => macho::read_fat::<FatArch64, _>(data),
            FileKind::Pe32 => pe::read::<ImageNtHeaders32, _>(data),
            FileKind::Pe64 => pe::read::<ImageNtHeaders64, _>(data),
            _ => Err(Damaged),
        }
    }

    /// The text of the first whole description in the section made for it.
    pub(crate) fn description(&self) -> Option<&str> {
        let section = self.section.as_deref()?;
        let start = section.windows(MAGIC.len()).position(|window| window == MAGIC)?;
        let frame = section.get(start..start + FRAME)?;
        let word = |at: usize| frame[at..at + 4].try_into().ok().map(u32::from_le_bytes);
        let (len, crc) = (usize::try_from(word(16)?).ok()?, word(20)?);
        let text = section.get(start + FRAME..(start + FRAME).checked_add(len)?)?;
        (crc32(text, 0) == crc).then(|| std::str::from_utf8(text).ok())?
    }
}

/// The bytes of the description's section; one that is too large has none.
fn section<'data, R: object::ReadRef<'data>>(
    data: Source<'_, R>,
    (offset, size): (u64, u64),
) -> Result<Option<Vec<u8>>, Damaged> {
    use object::ReadRef;
    if size > LIMIT {
        return Ok(None);
    }
    Ok(Some(data.read_bytes_at(offset, size)?.to_vec()))
}

/// A text that ends with a zero byte.
fn text<'data, R: object::ReadRef<'data>>(
    data: Source<'_, R>,
    range: std::ops::Range<u64>,
) -> Result<String, Damaged> {
    use object::ReadRef;
    Ok(String::from_utf8_lossy(data.read_bytes_at_until(range, 0)?).into_owned())
}
