//! PE, of which only what is needed of the imports is read: they may lie in a
//! section with anything else.

use object::{
    LittleEndian as LE, ReadRef,
    pe::{
        IMAGE_DIRECTORY_ENTRY_IMPORT, IMAGE_FILE_DLL, IMAGE_FILE_MACHINE_AMD64,
        IMAGE_FILE_MACHINE_ARM64, IMAGE_FILE_MACHINE_ARMNT, IMAGE_FILE_MACHINE_I386,
        ImageDosHeader, ImageImportDescriptor, Machine,
    },
    read::{coff::SectionTable, pe::ImageNtHeaders},
};
use spacetime_sdk::descriptor::SECTIONS;

use super::{Damaged, ENTRIES, Format, LibraryFile, section, source::Source, text};

pub(super) fn read<'data, Pe, R>(data: Source<'_, R>) -> Result<LibraryFile, Damaged>
where
    Pe: ImageNtHeaders,
    R: ReadRef<'data>,
{
    let dos = ImageDosHeader::parse(data)?;
    let mut offset = dos.nt_headers_offset().into();
    let (headers, directories) = Pe::parse(data, &mut offset)?;
    let file = headers.file_header();
    if !file.characteristics.get(LE).contains(IMAGE_FILE_DLL) {
        return Err(Damaged);
    }
    let sections = headers.sections(data, offset)?;
    // With the padding behind it, which the system maps, too.
    for section in sections.iter() {
        let (offset, size) =
            (section.pointer_to_raw_data.get(LE), section.size_of_raw_data.get(LE));
        data.holds(offset.into(), size.into())?;
    }
    let imports = directories.get(IMAGE_DIRECTORY_ENTRY_IMPORT);
    let imports = imports.map_or(0, |directory| directory.virtual_address.get(LE));
    let described =
        sections.iter().find(|section| name(section.raw_name()) == SECTIONS[2].as_bytes());
    let description = match described {
        None => None,
        Some(described) => {
            let (offset, size) = described.pe_file_range();
            section(data, (offset.into(), size.into()))?
        }
    };
    Ok(LibraryFile {
        format: Format::Pe,
        architecture: architecture(file.machine.get(LE)),
        needed: needed(imports, &sections, data)?,
        search: Vec::new(),
        section: description,
    })
}

/// The names of the libraries that are imported from.
fn needed<'data, R: ReadRef<'data>>(
    address: u32,
    sections: &SectionTable<'data>,
    data: Source<'_, R>,
) -> Result<Vec<String>, Damaged> {
    let mut needed = Vec::new();
    let Some((table, len)) = sections.pe_file_range_at(address).filter(|_| address != 0) else {
        return Ok(needed);
    };
    let mut offset = u64::from(table);
    while needed.len() < ENTRIES {
        let entry: &ImageImportDescriptor = data.read(&mut offset)?;
        if entry.is_null() || offset > u64::from(table) + u64::from(len) {
            break;
        }
        let (start, len) = sections.pe_file_range_at(entry.name.get(LE)).ok_or(Damaged)?;
        needed.push(text(data, start.into()..u64::from(start) + u64::from(len))?);
    }
    Ok(needed)
}

fn name(raw: &[u8]) -> &[u8] {
    raw.split(|byte| *byte == 0).next().unwrap_or(raw)
}

fn architecture(machine: Machine) -> &'static str {
    match machine {
        IMAGE_FILE_MACHINE_AMD64 => "x86_64",
        IMAGE_FILE_MACHINE_ARM64 => "aarch64",
        IMAGE_FILE_MACHINE_I386 => "x86",
        IMAGE_FILE_MACHINE_ARMNT => "arm",
        _ => "",
    }
}
