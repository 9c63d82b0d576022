//! Archives made in memory: a plain zip writer whose entries can lie, and fixtures with parts replaced.

use expc_pt2::{Archive, Limits, TreeSpec};

/// A zip entry; what the headers say can differ from what is there.
#[derive(Clone, Debug)]
pub struct ZipEntry {
    pub name: Vec<u8>,
    pub data: Vec<u8>,
    /// 0 stored, 8 deflated (`data` is then compressed already).
    pub method: u16,
    pub flags: u16,
    /// The uncompressed size in the headers.
    pub declared: u32,
    pub crc: u32,
    /// The name in the local header.
    pub local_name: Vec<u8>,
}

impl ZipEntry {
    pub fn stored(name: &str, data: &[u8]) -> Self {
        ZipEntry {
            name: name.as_bytes().to_vec(),
            data: data.to_vec(),
            method: 0,
            flags: 0,
            declared: data.len() as u32,
            crc: crc32fast::hash(data),
            local_name: name.as_bytes().to_vec(),
        }
    }

    pub fn deflated(name: &str, data: &[u8]) -> Self {
        ZipEntry {
            data: miniz_oxide::deflate::compress_to_vec(data, 6),
            method: 8,
            ..ZipEntry::stored(name, data)
        }
    }
}

/// The bytes of a zip with these entries.
pub fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = bytes.len() as u32;
        bytes.extend_from_slice(b"PK\x03\x04\x14\0");
        bytes.extend_from_slice(&shared_fields(entry, entry.local_name.len()));
        bytes.extend_from_slice(&entry.local_name);
        bytes.extend_from_slice(&entry.data);
        directory.extend_from_slice(b"PK\x01\x02\x14\0\x14\0");
        directory.extend_from_slice(&shared_fields(entry, entry.name.len()));
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(&entry.name);
    }
    let start = bytes.len() as u32;
    bytes.extend_from_slice(&directory);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

/// From the flags to the length of the extra field, as both headers have them.
fn shared_fields(entry: &ZipEntry, name_len: usize) -> Vec<u8> {
    let mut fields = Vec::new();
    fields.extend_from_slice(&entry.flags.to_le_bytes());
    fields.extend_from_slice(&entry.method.to_le_bytes());
    fields.extend_from_slice(&[0; 4]);
    fields.extend_from_slice(&entry.crc.to_le_bytes());
    fields.extend_from_slice(&(entry.data.len() as u32).to_le_bytes());
    fields.extend_from_slice(&entry.declared.to_le_bytes());
    fields.extend_from_slice(&(name_len as u16).to_le_bytes());
    fields.extend_from_slice(&[0; 2]);
    fields
}

/// The entries of a fixture, stored.
pub fn entries_of(torch: &str, name: &str) -> Vec<ZipEntry> {
    let archive = Archive::open(expc_fixtures::case(torch, name).model(), &Limits::default())
        .expect("a fixture");
    let names: Vec<String> = archive.entries().map(|(name, _)| name.to_owned()).collect();
    names
        .iter()
        .map(|name| ZipEntry::stored(name, &archive.content(name).expect("an entry")))
        .collect()
}

/// Everything that the reader can find wrong, first things first.
pub fn faults(bytes: Vec<u8>, limits: &Limits) -> Vec<String> {
    let archive = match Archive::from_bytes("model.pt2", bytes, limits) {
        Ok(archive) => archive,
        Err(error) => return vec![error.to_string()],
    };
    let program = match archive.program() {
        Ok(program) => program,
        Err(error) => return vec![error.to_string()],
    };
    let weights = archive.weights();
    let mut faults: Vec<String> = weights
        .as_ref()
        .err()
        .map(ToString::to_string)
        .into_iter()
        .collect();
    faults.extend(
        archive
            .validate(&program, weights.as_ref().ok())
            .iter()
            .map(ToString::to_string),
    );
    faults.extend(archive.sample_inputs().err().map(|error| error.to_string()));
    let namedtuples = &program.graph_module.treespec_namedtuple_fields;
    for call in program
        .graph_module
        .module_call_graph
        .iter()
        .filter_map(|entry| entry.signature.as_ref())
    {
        for spec in [&call.in_spec, &call.out_spec] {
            faults.extend(
                TreeSpec::parse(spec, namedtuples, limits)
                    .err()
                    .map(|error| error.to_string()),
            );
        }
    }
    faults
}

/// Limits under which damage that asks for much is refused quickly.
pub fn tight_limits() -> Limits {
    Limits {
        inflated_bytes: 1 << 24,
        pickle_objects: 1 << 16,
        ..Limits::default()
    }
}
