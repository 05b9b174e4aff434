//! Mach-O, also several of them in one file.

use object::{
    Endianness, ReadRef,
    macho::{
        CPU_TYPE_ARM, CPU_TYPE_ARM64, CPU_TYPE_X86, CPU_TYPE_X86_64, CpuType, MH_BUNDLE, MH_DYLIB,
        MachHeader32, MachHeader64,
    },
    read::macho::{FatArch, LoadCommandVariant, MachHeader, MachOFatFile, Section, Segment},
};
use spacetime_sdk::descriptor::SECTIONS;

use super::{Damaged, ENTRIES, Format, LibraryFile, section, source::Source};

/// Of several libraries in one file: this host's, or else the first.
pub(super) fn read_fat<'data, Fat: FatArch, R: ReadRef<'data>>(
    data: Source<'_, R>,
) -> Result<LibraryFile, Damaged> {
    let fat = MachOFatFile::<Fat>::parse(data)?;
    for part in fat.arches() {
        let (offset, size) = part.file_range();
        data.holds(offset, size)?;
    }
    let ours =
        fat.arches().iter().find(|one| architecture(one.cputype()) == std::env::consts::ARCH);
    let chosen = ours.or(fat.arches().first()).ok_or(Damaged)?;
    let (offset, size) = chosen.file_range();
    let part = data.part(offset, size)?;
    match object::FileKind::parse(part)? {
        object::FileKind::MachO32 => read::<MachHeader32<Endianness>, _>(part),
        object::FileKind::MachO64 => read::<MachHeader64<Endianness>, _>(part),
        _ => Err(Damaged),
    }
}

pub(super) fn read<'data, Mach, R>(data: Source<'_, R>) -> Result<LibraryFile, Damaged>
where
    Mach: MachHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Mach::parse(data, 0)?;
    let endian = header.endian()?;
    if ![MH_DYLIB, MH_BUNDLE].contains(&header.filetype(endian)) {
        return Err(Damaged);
    }
    let (mut needed, mut search, mut description) = (Vec::new(), Vec::new(), None);
    let lossy = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let mut commands = header.load_commands(endian, data, 0)?;
    while let Some(command) = commands.next()? {
        if let Some((segment, sections)) = Mach::Segment::from_command(command)? {
            let (offset, size) = segment.file_range(endian);
            data.holds(offset, size)?;
            let mut sections = segment.sections(endian, sections)?.iter();
            let found = sections.find(|section| section.name() == SECTIONS[1].as_bytes());
            if let (None, Some(found)) = (&description, found) {
                let range = (found.offset(endian).into(), found.size(endian).into());
                description = section(data, range)?;
            }
            continue;
        }
        match command.variant()? {
            LoadCommandVariant::Dylib(dylib) if needed.len() < ENTRIES => {
                needed.push(lossy(command.string(endian, dylib.dylib.name)?));
            }
            LoadCommandVariant::Rpath(rpath) if search.len() < ENTRIES => {
                search.push(lossy(command.string(endian, rpath.path)?));
            }
            _ => {}
        }
    }
    Ok(LibraryFile {
        format: Format::MachO,
        architecture: architecture(header.cputype(endian)),
        needed,
        search,
        section: description,
    })
}

fn architecture(cpu: CpuType) -> &'static str {
    match cpu {
        CPU_TYPE_X86_64 => "x86_64",
        CPU_TYPE_ARM64 => "aarch64",
        CPU_TYPE_X86 => "x86",
        CPU_TYPE_ARM => "arm",
        _ => "",
    }
}
