//! ELF, by its program headers, as the system's loader goes, and by its
//! sections for the description.

use std::ops::Range;

use object::{
    Endianness, ReadRef,
    elf::{
        DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_STRSZ, DT_STRTAB, EM_386, EM_AARCH64, EM_ARM,
        EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64, ET_DYN, Machine, PT_DYNAMIC, PT_LOAD,
    },
    read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader},
};
use spacetime_sdk::descriptor::SECTIONS;

use super::{Damaged, ENTRIES, Format, LibraryFile, section, source::Source, text};

pub(super) fn read<'data, Elf, R>(data: Source<'_, R>) -> Result<LibraryFile, Damaged>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    if header.e_type(endian) != ET_DYN {
        return Err(Damaged);
    }
    let segments = header.program_headers(endian, data)?;
    // What the system maps must be there: beyond the file's end, a look at it
    // ends the process.
    for segment in segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD) {
        let (offset, size) = segment.file_range(endian);
        data.holds(offset, size)?;
    }
    let (needed, search) = dynamic::<Elf, R>(endian, segments, data)?;
    Ok(LibraryFile {
        format: Format::Elf,
        architecture: architecture(header.e_machine(endian), header.is_class_64()),
        needed,
        search,
        section: description::<Elf, R>(endian, header, data)?,
    })
}

fn description<'data, Elf, R>(
    endian: Endianness,
    header: &'data Elf,
    data: Source<'_, R>,
) -> Result<Option<Vec<u8>>, Damaged>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let sections = header.sections(endian, data)?;
    match sections.section_by_name(endian, SECTIONS[0].as_bytes()) {
        None => Ok(None),
        Some((_, found)) => match found.file_range(endian) {
            Some(range) => section(data, range),
            None => Ok(None),
        },
    }
}

/// The libraries that are needed, and the folders in which they are looked for.
fn dynamic<'data, Elf, R>(
    endian: Endianness,
    segments: &'data [Elf::ProgramHeader],
    data: Source<'_, R>,
) -> Result<(Vec<String>, Vec<String>), Damaged>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let Some(segment) = segments.iter().find(|segment| segment.p_type(endian) == PT_DYNAMIC) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let entries: &[Elf::Dyn] = segment.data_as_array(endian, data)?;
    let entries = || entries.iter().take_while(|entry| entry.tag(endian) != DT_NULL);
    let value = |tag| {
        let entry = entries().find(|entry| entry.tag(endian) == tag);
        entry.map(|entry| entry.val(endian))
    };
    let texts = value(DT_STRTAB).zip(value(DT_STRSZ));
    let texts = texts.and_then(|(address, len)| file_range::<Elf>(endian, segments, address, len));
    let read = |wanted: fn(object::elf::DynamicTag) -> bool| {
        let wanted = entries().filter(|entry| wanted(entry.tag(endian))).take(ENTRIES);
        let read = |entry: &Elf::Dyn| {
            let Range { start, end } = texts.clone().ok_or(Damaged)?;
            let start = start.checked_add(entry.val(endian)).filter(|start| *start < end);
            text(data, start.ok_or(Damaged)?..end)
        };
        wanted.map(read).collect::<Result<Vec<String>, Damaged>>()
    };
    let needed = read(|tag| tag == DT_NEEDED)?;
    let search = read(|tag| tag == DT_RPATH || tag == DT_RUNPATH)?;
    let search = search.iter().flat_map(|list| list.split(':')).map(str::to_owned).collect();
    Ok((needed, search))
}

/// Where something in memory stands in the file.
fn file_range<Elf: FileHeader<Endian = Endianness>>(
    endian: Endianness,
    segments: &[Elf::ProgramHeader],
    address: u64,
    len: u64,
) -> Option<Range<u64>> {
    segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD).find_map(|segment| {
        let (offset, size) = segment.file_range(endian);
        let within = address.checked_sub(segment.p_vaddr(endian).into())?;
        let fits = within.checked_add(len)? <= size;
        let start = offset.checked_add(within)?;
        fits.then_some(start..start.checked_add(len)?)
    })
}

fn architecture(machine: Machine, is_64: bool) -> &'static str {
    match machine {
        EM_X86_64 => "x86_64",
        EM_AARCH64 => "aarch64",
        EM_386 => "x86",
        EM_ARM => "arm",
        EM_RISCV if is_64 => "riscv64",
        EM_RISCV => "riscv32",
        EM_PPC64 => "powerpc64",
        EM_S390 => "s390x",
        EM_LOONGARCH => "loongarch64",
        _ => "",
    }
}
