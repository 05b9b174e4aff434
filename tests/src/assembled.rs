//! Plugin files of other platforms, put together without their compilers and
//! linkers: whole libraries as far as their headers go, with a description and
//! the names of libraries, and without code.

use object::{
    Endianness,
    elf::{
        DT_NEEDED, DT_NULL, DT_RUNPATH, DT_STRSZ, DT_STRTAB, ET_DYN, FileFlags, Machine, OsAbi,
        PF_R, PT_DYNAMIC, PT_LOAD, SHF_ALLOC, SHT_PROGBITS,
    },
    macho::{
        CPU_SUBTYPE_ARM64_ALL, CPU_TYPE_ARM64, CPU_TYPE_X86_64, CpuSubtype, CpuType, FAT_MAGIC,
        LC_LOAD_DYLIB, MH_DYLIB, SectionFlags, SegmentFlags, VM_PROT_READ, Version,
    },
    pe::{
        IMAGE_FILE_DLL, IMAGE_FILE_EXECUTABLE_IMAGE, IMAGE_SCN_CNT_INITIALIZED_DATA,
        IMAGE_SCN_MEM_READ, IMAGE_SUBSYSTEM_WINDOWS_GUI,
    },
    write::{elf, macho, pe},
};
use spacetime_sdk::descriptor::{FRAME, MAGIC, crc32};

/// A description with its frame.
pub fn framed(text: &str) -> Vec<u8> {
    let mut framed = MAGIC.to_vec();
    framed.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    framed.extend(crc32(text.as_bytes(), 0).to_le_bytes());
    assert_eq!(framed.len(), FRAME);
    framed.extend(text.as_bytes());
    framed
}

/// What a plugin for another platform says of itself; `more` are further
/// members of the JSON object, each ended by a comma.
pub fn description(target: &str, more: &str) -> String {
    format!(
        r#"{{"format":1,"plugin":"far-away","version":"1.2.3","about":"","license":"MIT",
        "abi":"{}","sdk":"0.1.0","rustc":"rustc 1.95.0","target":"{target}","panic":"unwind",{more}
        "components":[{{"kind":"strategy","name":"far","about":"From elsewhere","config":
        {{"type":"struct","name":"Config","fields":[{{"name":"step","required":true,"min":1,
        "of":{{"type":"number","as":"u64"}}}}]}}}},null]}}"#,
        spacetime_sdk_loader::abi::ABI_VERSION
    )
}

/// A file of each format, with a component that has a config.
pub fn samples() -> Vec<Vec<u8>> {
    let section = framed(&description("somewhere-unknown-else", r#""cpu":["fma"],"#));
    let needed = ["first.library", "second.library"];
    vec![
        elf(object::elf::EM_AARCH64, true, &section, &needed, "$ORIGIN:/there"),
        elf(object::elf::EM_ARM, false, &section, &needed, ""),
        pe(object::pe::IMAGE_FILE_MACHINE_AMD64, &section, &needed),
        macho(CPU_TYPE_ARM64, &section, &needed),
        universal(&section, &needed),
    ]
}

/// An ELF library: one segment, mapped where it stands.
pub fn elf(
    machine: Machine,
    is_64: bool,
    section: &[u8],
    needed: &[&str],
    search: &str,
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = elf::Writer::new(Endianness::Little, is_64, &mut file);
    let strings: Vec<_> =
        needed.iter().map(|name| writer.add_dynamic_string(name.as_bytes())).collect();
    let search = (!search.is_empty()).then(|| writer.add_dynamic_string(search.as_bytes()));
    writer.reserve_file_header();
    writer.reserve_program_headers(2);
    let description = writer.reserve(section.len() as u64, 8);
    let texts = writer.reserve_dynstr().unwrap();
    let count = strings.len() + usize::from(search.is_some()) + 3;
    let dynamic = writer.reserve_dynamic(count);
    let name = writer.add_section_name(b".stplugin");
    writer.reserve_null_section_index();
    writer.reserve_section_index();
    writer.reserve_dynstr_section_index();
    writer.reserve_dynamic_section_index();
    writer.reserve_shstrtab_section_index();
    writer.reserve_shstrtab().unwrap();
    writer.reserve_section_headers();

    let header = elf::FileHeader {
        os_abi: OsAbi(0),
        abi_version: 0,
        e_type: ET_DYN,
        e_machine: machine,
        e_entry: 0,
        e_flags: FileFlags(0),
    };
    writer.write_file_header(&header).unwrap();
    writer.write_align_program_headers();
    let len = writer.reserved_len();
    let dynamic_len = (count * if is_64 { 16 } else { 8 }) as u64;
    for (p_type, offset, size) in [(PT_LOAD, 0, len), (PT_DYNAMIC, dynamic, dynamic_len)] {
        writer.write_program_header(&elf::ProgramHeader {
            p_type,
            p_flags: PF_R,
            p_offset: offset,
            p_vaddr: offset,
            p_paddr: offset,
            p_filesz: size,
            p_memsz: size,
            p_align: 8,
        });
    }
    writer.pad_until(description);
    writer.write(section);
    writer.write_dynstr();
    writer.write_align_dynamic();
    for id in strings {
        writer.write_dynamic_string(DT_NEEDED, id).unwrap();
    }
    if let Some(id) = search {
        writer.write_dynamic_string(DT_RUNPATH, id).unwrap();
    }
    writer.write_dynamic(DT_STRTAB, texts).unwrap();
    let texts_len = writer.dynstr_len();
    writer.write_dynamic(DT_STRSZ, texts_len.into()).unwrap();
    writer.write_dynamic(DT_NULL, 0).unwrap();
    writer.write_shstrtab();
    let name = writer.section_name_offset(Some(name));
    writer.write_null_section_header();
    writer.write_section_header(&elf::SectionHeader {
        sh_name: name,
        sh_type: SHT_PROGBITS,
        sh_flags: SHF_ALLOC,
        sh_addr: description,
        sh_offset: description,
        sh_size: section.len() as u64,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 8,
        sh_entsize: 0,
    });
    writer.write_dynstr_section_header(texts);
    writer.write_dynamic_section_header(dynamic);
    writer.write_shstrtab_section_header();
    file
}

/// A PE library that imports nothing but names from libraries.
pub fn pe(machine: object::pe::Machine, section: &[u8], needed: &[&str]) -> Vec<u8> {
    // A table entry of 20 bytes for each, one of zeros, then the names.
    let names: usize = needed.iter().map(|name| name.len() + 1).sum();
    let imports_len = u32::try_from(20 * (needed.len() + 1) + names).unwrap();
    let section_len = u32::try_from(section.len()).unwrap();
    let mut file = Vec::new();
    let mut writer = pe::Writer::new(true, 0x1000, 0x200, &mut file);
    writer.reserve_dos_header_and_stub();
    writer.reserve_nt_headers(16);
    writer.reserve_section_headers(2);
    let flags = IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ;
    let described = writer.reserve_section(*b".stplg\0\0", flags, section_len, section_len);
    let imports = writer.reserve_idata_section(imports_len);
    writer.write_dos_header_and_stub().unwrap();
    writer.write_nt_headers(pe::NtHeaders {
        machine,
        time_date_stamp: 0,
        characteristics: IMAGE_FILE_EXECUTABLE_IMAGE | IMAGE_FILE_DLL,
        major_linker_version: 0,
        minor_linker_version: 0,
        address_of_entry_point: 0,
        image_base: 0x1_8000_0000,
        major_operating_system_version: 6,
        minor_operating_system_version: 0,
        major_image_version: 0,
        minor_image_version: 0,
        major_subsystem_version: 6,
        minor_subsystem_version: 0,
        subsystem: IMAGE_SUBSYSTEM_WINDOWS_GUI,
        dll_characteristics: object::pe::DllFlags(0),
        size_of_stack_reserve: 0,
        size_of_stack_commit: 0,
        size_of_heap_reserve: 0,
        size_of_heap_commit: 0,
    });
    writer.write_section_headers();
    writer.write_section(described.file_offset, section);
    let (mut table, mut texts) = (Vec::new(), Vec::new());
    for name in needed {
        let text = imports.virtual_address as usize + 20 * (needed.len() + 1) + texts.len();
        table.extend(
            [0, 0, 0, u32::try_from(text).unwrap(), 0].map(u32::to_le_bytes).as_flattened(),
        );
        texts.extend(name.as_bytes());
        texts.push(0);
    }
    table.extend([0; 20]);
    table.extend(texts);
    writer.write_section(imports.file_offset, &table);
    file
}

/// A Mach-O library for one processor.
pub fn macho(cpu: CpuType, section: &[u8], needed: &[&str]) -> Vec<u8> {
    let encoder = macho::Encoder::new(Endianness::Little, true);
    let dylibs: u64 = needed.iter().map(|name| encoder.dylib_command_size(name.len())).sum();
    let commands = encoder.segment_command_size(1) + dylibs;
    let offset = encoder.mach_header_size() + commands;
    let (segname, size) = (*b"__DATA\0\0\0\0\0\0\0\0\0\0", section.len() as u64);
    let mut file = Vec::new();
    encoder.mach_header(
        &mut file,
        &macho::MachHeader {
            cputype: cpu,
            cpusubtype: CpuSubtype(0),
            filetype: MH_DYLIB,
            ncmds: u32::try_from(needed.len()).unwrap() + 1,
            sizeofcmds: u32::try_from(commands).unwrap(),
            flags: object::macho::FileFlags(0),
        },
    );
    encoder.segment_command(
        &mut file,
        &macho::SegmentCommand {
            segname,
            vmaddr: offset,
            vmsize: size,
            fileoff: offset,
            filesize: size,
            maxprot: VM_PROT_READ,
            initprot: VM_PROT_READ,
            nsects: 1,
            flags: SegmentFlags(0),
        },
    );
    encoder.section_header(
        &mut file,
        &macho::SectionHeader {
            sectname: *b"__stplugin\0\0\0\0\0\0",
            segname,
            addr: offset,
            size,
            offset: u32::try_from(offset).unwrap(),
            align: 0,
            reloff: 0,
            nreloc: 0,
            flags: SectionFlags(0),
            reserved1: 0,
            reserved2: 0,
            reserved3: 0,
        },
    );
    for name in needed {
        let dylib = macho::DylibCommand {
            cmd: LC_LOAD_DYLIB,
            name: name.as_bytes(),
            timestamp: 0,
            current_version: Version(0),
            compatibility_version: Version(0),
        };
        encoder.dylib_command(&mut file, &dylib);
    }
    file.extend(section);
    file
}

/// A file with a library for each of Apple's processors.
pub fn universal(section: &[u8], needed: &[&str]) -> Vec<u8> {
    let parts = [CPU_TYPE_X86_64, CPU_TYPE_ARM64].map(|cpu| (cpu, macho(cpu, section, needed)));
    let mut offset = 8 + 20 * parts.len();
    let mut file = [FAT_MAGIC, 2].map(u32::to_be_bytes).as_flattened().to_vec();
    for (cpu, part) in &parts {
        let words = [cpu.0, CPU_SUBTYPE_ARM64_ALL.0, offset as u32, part.len() as u32, 0];
        file.extend(words.map(u32::to_be_bytes).as_flattened());
        offset += part.len();
    }
    parts.iter().for_each(|(_, part)| file.extend(part));
    file
}
