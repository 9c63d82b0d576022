//! A zip archive as PyTorch writes it: entries stored, their content aligned, sizes known beforehand.
//!
//! Entries of 4 GiB and more, and such offsets, take the zip64 form. Nothing is ever sought, so that any stream
//! can be written to.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};

/// Content begins at a multiple of this, as in PyTorch's own archives, so that it can be used in place.
const ALIGNMENT: u64 = 64;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;

/// Extra fields: the sizes of zip64, and PyTorch's padding.
const EXTRA_64: u16 = 0x0001;
const EXTRA_PADDING: u16 = 0x4246;

/// What older fields hold where zip64 has the value.
const IN_64: u32 = u32::MAX;

/// The first of January 1980, the earliest date of the format.
const DATE: u16 = 0x0021;

/// Version 2.0, and 4.5 where zip64 is used.
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;

struct Written {
    name: String,
    crc: u32,
    size: u64,
    offset: u64,
}

/// Writes entries one after the other; [`ZipWriter::finish`] makes the archive whole.
pub struct ZipWriter<W> {
    out: W,
    position: u64,
    entries: Vec<Written>,
}

impl<W: Write> ZipWriter<W> {
    pub fn new(out: W) -> Self {
        ZipWriter {
            out,
            position: 0,
            entries: Vec::new(),
        }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// What the stream reports, and a name that the format cannot hold.
    pub fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(content);
        let entry = Written {
            name: name.to_owned(),
            crc: hasher.finalize(),
            size: content.len() as u64,
            offset: self.position,
        };
        let header = local_header(&entry)?;
        self.write(&header)?;
        self.write(content)?;
        self.entries.push(entry);
        Ok(())
    }

    /// 40 digits that tell archives apart: equal entries so far have equal ones.
    pub fn serialization_id(&self) -> String {
        let (mut names, mut contents) = (DefaultHasher::new(), DefaultHasher::new());
        for entry in &self.entries {
            entry.name.hash(&mut names);
            entry.crc.hash(&mut contents);
        }
        format!("{:020}{:020}", names.finish(), contents.finish())
    }

    /// Writes the directory and gives the stream back.
    ///
    /// # Errors
    /// What the stream reports.
    pub fn finish(mut self) -> io::Result<W> {
        let start = self.position;
        for entry in std::mem::take(&mut self.entries) {
            let header = central_header(&entry)?;
            self.write(&header)?;
            self.entries.push(entry);
        }
        let end = end_records(self.entries.len() as u64, start, self.position);
        self.write(&end)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn local_header(entry: &Written) -> io::Result<Vec<u8>> {
    let is_large = entry.size >= u64::from(IN_64);
    let mut extra = Vec::new();
    if is_large {
        put16(&mut extra, EXTRA_64);
        put16(&mut extra, 16);
        put64(&mut extra, entry.size);
        put64(&mut extra, entry.size);
    }
    const FIXED: u64 = 30;
    const EXTRA_HEADER: u64 = 4;
    let unpadded =
        entry.offset + FIXED + entry.name.len() as u64 + extra.len() as u64 + EXTRA_HEADER;
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
    put16(&mut extra, EXTRA_PADDING);
    put16(&mut extra, small(padding)?);
    extra.extend((0..padding).map(|_| b'Z'));
    let mut header = Vec::new();
    put32(&mut header, LOCAL_HEADER);
    common_fields(&mut header, entry, is_large, entry.size);
    put16(&mut header, name_length(&entry.name)?);
    put16(&mut header, small(extra.len() as u64)?);
    header.extend_from_slice(entry.name.as_bytes());
    header.extend(extra);
    Ok(header)
}

fn central_header(entry: &Written) -> io::Result<Vec<u8>> {
    let (is_large, is_far) = (
        entry.size >= u64::from(IN_64),
        entry.offset >= u64::from(IN_64),
    );
    let mut values = Vec::new();
    if is_large {
        put64(&mut values, entry.size);
        put64(&mut values, entry.size);
    }
    if is_far {
        put64(&mut values, entry.offset);
    }
    let mut extra = Vec::new();
    if !values.is_empty() {
        put16(&mut extra, EXTRA_64);
        put16(&mut extra, small(values.len() as u64)?);
        extra.extend(values);
    }
    let mut header = Vec::new();
    put32(&mut header, CENTRAL_HEADER);
    put16(&mut header, version(is_large || is_far));
    common_fields(&mut header, entry, is_large || is_far, entry.size);
    put16(&mut header, name_length(&entry.name)?);
    put16(&mut header, small(extra.len() as u64)?);
    // No comment, the first disk, no attributes.
    header.extend([0; 10]);
    put32(&mut header, or_in_64(entry.offset));
    header.extend_from_slice(entry.name.as_bytes());
    header.extend(extra);
    Ok(header)
}

/// The fields that both headers have: version, flags (names are UTF-8), method, time, checksum, sizes.
fn common_fields(header: &mut Vec<u8>, entry: &Written, is_64: bool, size: u64) {
    const UTF_8: u16 = 1 << 11;
    const STORED: u16 = 0;
    put16(header, version(is_64));
    put16(header, UTF_8);
    put16(header, STORED);
    put16(header, 0);
    put16(header, DATE);
    put32(header, entry.crc);
    put32(header, or_in_64(size));
    put32(header, or_in_64(size));
}

fn end_records(n_entries: u64, start: u64, end: u64) -> Vec<u8> {
    let mut records = Vec::new();
    let size = end - start;
    let is_64 = n_entries >= u64::from(u16::MAX) || end >= u64::from(IN_64);
    if is_64 {
        put32(&mut records, END_64);
        // The rest of this record.
        put64(&mut records, 44);
        put16(&mut records, VERSION_64);
        put16(&mut records, VERSION_64);
        put32(&mut records, 0);
        put32(&mut records, 0);
        put64(&mut records, n_entries);
        put64(&mut records, n_entries);
        put64(&mut records, size);
        put64(&mut records, start);
        put32(&mut records, LOCATOR_64);
        put32(&mut records, 0);
        put64(&mut records, end);
        put32(&mut records, 1);
    }
    let short = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
    put32(&mut records, END);
    put32(&mut records, 0);
    put16(&mut records, short(n_entries));
    put16(&mut records, short(n_entries));
    put32(&mut records, or_in_64(size));
    put32(&mut records, or_in_64(start));
    put16(&mut records, 0);
    records
}

fn version(is_64: bool) -> u16 {
    if is_64 { VERSION_64 } else { VERSION }
}

fn or_in_64(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(IN_64)
}

fn name_length(name: &str) -> io::Result<u16> {
    u16::try_from(name.len()).map_err(|_| {
        let head: String = name.chars().take(40).collect();
        let message = format!(
            "the name of the entry `{head}…` has {} bytes, expected at most {}",
            name.len(),
            u16::MAX
        );
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

/// A length of ours, which is always small.
fn small(value: u64) -> io::Result<u16> {
    u16::try_from(value)
        .map_err(|_| io::Error::other(format!("internal error: a field of {value} bytes")))
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend(value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::SharedBytes;
    use crate::limits::Limits;
    use crate::zip::Directory;

    #[test]
    fn entries_are_read_back_aligned() {
        let mut writer = ZipWriter::new(Vec::new());
        let contents: [(&str, &[u8]); 4] = [
            ("m/a", b"first"),
            ("m/empty", b""),
            ("m/b/long name é", &[7; 1000]),
            ("m/c", b"x"),
        ];
        for (name, content) in contents {
            writer.add(name, content).expect("written");
        }
        let bytes = writer.finish().expect("written");
        let directory =
            Directory::read(SharedBytes::from(bytes), &Limits::default()).expect("a zip");
        assert_eq!(directory.entries().len(), 4);
        for (name, content) in contents {
            let entry = directory.get(name).expect("there");
            let found = directory.checked_content(entry).expect("sound");
            assert_eq!(&found[..], content);
            assert!(
                content.is_empty() || found.offset().is_multiple_of(64),
                "{name}"
            );
        }
    }

    #[test]
    fn large_values_take_the_form_of_zip64() {
        let entry = Written {
            name: "m/w".to_owned(),
            crc: 1,
            size: 1 << 33,
            offset: 1 << 34,
        };
        let local = local_header(&entry).expect("a header");
        assert_eq!(local[18..26], [0xff; 8]);
        assert_eq!(local[33..37], [1, 0, 16, 0]);
        assert_eq!(local[37..45], (1_u64 << 33).to_le_bytes());
        assert!((entry.offset + local.len() as u64).is_multiple_of(64));
        let central = central_header(&entry).expect("a header");
        assert!(central.ends_with(&(1_u64 << 34).to_le_bytes()));
        let end = end_records(3, 1 << 34, (1 << 34) + 100);
        assert_eq!(end[..4], END_64.to_le_bytes());
        assert_eq!(end_records(3, 10, 100).len(), 22);
    }

    #[test]
    fn a_name_that_is_too_long_is_refused() {
        let mut writer = ZipWriter::new(Vec::new());
        let error = writer.add(&"n".repeat(70_000), b"").expect_err("refused");
        assert!(error.to_string().contains("70000 bytes"), "{error}");
    }
}
