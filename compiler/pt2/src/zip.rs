//! Zip directories, read for what a hostile file may do to them.
//!
//! Not the `zip` crate, because entries must be found without copying (the data of a stored entry is a slice of
//! the memory map, also inside an archive inside the archive), duplicates and overlaps must be seen rather than
//! resolved, and PyTorch's local headers hold zeros. The central directory is the authority; what a local header
//! does say must agree with it.

use std::collections::HashMap;
use std::fmt;

use crate::bytes::SharedBytes;
use crate::limits::Limits;

const END_SIGNATURE: u32 = 0x0605_4b50;
const END_SIZE: usize = 22;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const END64_SIZE: usize = 56;
const LOCATOR64_SIGNATURE: u32 = 0x0706_4b50;
const LOCATOR64_SIZE: usize = 20;
const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
const CENTRAL_SIZE: usize = 46;
const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
const LOCAL_SIZE: usize = 30;
const ZIP64_EXTRA: u16 = 1;
/// Encrypted, strong encryption, masked headers.
const ENCRYPTED_FLAGS: u16 = 1 | 1 << 6 | 1 << 13;
const DESCRIPTOR_FLAG: u16 = 1 << 3;

/// What is wrong with a zip.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    #[error("the file is empty")]
    Empty,
    #[error("not a zip archive, or cut short: no end of central directory in {bytes} bytes")]
    NoEnd { bytes: usize },
    #[error("{bytes} bytes follow the end of the zip archive")]
    Trailing { bytes: usize },
    #[error("{record} at byte {offset} is cut short or does not begin with its signature")]
    BadRecord { record: &'static str, offset: u64 },
    #[error(
        "the central directory should end at byte {expected}, where its end record is, but ends at {found}"
    )]
    DirectoryPlace { expected: u64, found: u64 },
    #[error("the central directory announces {announced} entries and has room for {found}")]
    EntryCount { announced: u64, found: u64 },
    #[error("the archive announces {announced} entries, and the limit is {limit}")]
    TooManyEntries { announced: u64, limit: u64 },
    #[error("archives of several disks are not supported")]
    SeveralDisks,
    #[error("entry {}: {fault}", name.escape_debug())]
    Entry { name: String, fault: EntryFault },
}

/// What is wrong with one entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryFault {
    #[error("the name is {0}")]
    Name(NameFault),
    #[error("the name occurs twice")]
    Duplicate,
    #[error("the entry is encrypted")]
    Encrypted,
    #[error("compression method {0} is not supported, expected 0 (stored) or 8 (deflated)")]
    Method(u16),
    #[error("stored with {stored} bytes but declared with {declared}")]
    StoredSize { stored: u64, declared: u64 },
    #[error("a 64-bit size or offset is announced and missing")]
    MissingZip64,
    #[error(
        "the header at byte {offset} is outside of the archive or does not begin with its signature"
    )]
    BadHeader { offset: u64 },
    #[error("the header at byte {offset} has another {field} than the central directory")]
    HeaderDiffers { offset: u64, field: &'static str },
    #[error("the data ends at byte {end}, past byte {limit} where the central directory begins")]
    PastEnd { end: u64, limit: u64 },
    #[error("overlaps the entry {}", other.escape_debug())]
    Overlap { other: String },
    #[error(
        "deflated entries declare {declared} bytes in {compressed} together, and the limit is a ratio of {limit}"
    )]
    Ratio {
        declared: u64,
        compressed: u64,
        limit: u64,
    },
    #[error("deflated entries declare {declared} bytes together, and the limit is {limit}")]
    Inflated { declared: u64, limit: u64 },
    #[error("the deflated data is damaged or does not have the declared {declared} bytes")]
    Inflate { declared: u64 },
    #[error("the checksum is {found:08x}, expected {expected:08x}")]
    Checksum { expected: u32, found: u32 },
}

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    Empty,
    TooLong,
    NotUtf8,
    Absolute,
    Parent,
    Backslash,
    Control,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameFault::Empty => "empty",
            NameFault::TooLong => "too long",
            NameFault::NotUtf8 => "not UTF-8",
            NameFault::Absolute => "absolute",
            NameFault::Parent => "a path with `..`",
            NameFault::Backslash => "a path with a backslash",
            NameFault::Control => "one with a NUL or control character",
        })
    }
}

/// One entry of a directory.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    name: String,
    crc: u32,
    header: u64,
    /// Where the data is, compressed or not.
    data: std::ops::Range<usize>,
    /// Bytes when inflated; of a stored entry the length of `data`.
    size: u64,
    deflated: bool,
}

impl Entry {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// The entries of a zip in the order of its central directory.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    bytes: SharedBytes,
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
}

impl Directory {
    /// Reads the directory of the zip that `bytes` is from its first to its last byte.
    ///
    /// # Errors
    /// A [`ZipError`] for the first thing that is wrong; no data is read.
    pub fn read(bytes: SharedBytes, limits: &Limits) -> Result<Self, ZipError> {
        let end = EndRecord::find(&bytes)?;
        if end.entries > limits.entries {
            return Err(ZipError::TooManyEntries {
                announced: end.entries,
                limit: limits.entries,
            });
        }
        let mut entries = read_entries(&bytes, &end, limits)?;
        let by_name = index_names(&entries)?;
        place_entries(&bytes, &mut entries, end.directory_start)?;
        check_overlap(&entries)?;
        check_inflation(&entries, limits)?;
        Ok(Directory {
            bytes,
            entries,
            by_name,
        })
    }

    /// The entry of that name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(*self.by_name.get(name)?)
    }

    /// All entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The content of an entry: a slice of the archive if stored, else inflated into a buffer of its own.
    ///
    /// # Errors
    /// If deflated data is damaged. A stored entry's checksum is not looked at, as that would read its pages.
    pub fn content(&self, entry: &Entry) -> Result<SharedBytes, ZipError> {
        let data = self
            .bytes
            .slice(entry.data.clone())
            .unwrap_or_else(|| SharedBytes::from(Vec::new()));
        if !entry.deflated {
            return Ok(data);
        }
        let fault = || {
            fault(
                entry,
                EntryFault::Inflate {
                    declared: entry.size,
                },
            )
        };
        let declared = usize::try_from(entry.size).map_err(|_| fault())?;
        let content = miniz_oxide::inflate::decompress_to_vec_with_limit(&data, declared)
            .map_err(|_| fault())?;
        if content.len() != declared {
            return Err(fault());
        }
        check_crc(entry, &content)?;
        Ok(SharedBytes::from(content))
    }

    /// The content of an entry whose checksum is right.
    ///
    /// # Errors
    /// As [`Directory::content`], and if the checksum differs.
    pub fn checked_content(&self, entry: &Entry) -> Result<SharedBytes, ZipError> {
        let content = self.content(entry)?;
        if !entry.deflated {
            check_crc(entry, &content)?;
        }
        Ok(content)
    }
}

fn fault(entry: &Entry, fault: EntryFault) -> ZipError {
    ZipError::Entry {
        name: entry.name.clone(),
        fault,
    }
}

fn check_crc(entry: &Entry, content: &[u8]) -> Result<(), ZipError> {
    let found = crc32fast::hash(content);
    if found == entry.crc {
        return Ok(());
    }
    Err(fault(
        entry,
        EntryFault::Checksum {
            expected: entry.crc,
            found,
        },
    ))
}

/// Reads little-endian fields one after another; `None` past the end.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    fn at(bytes: &'a [u8], offset: usize, len: usize) -> Option<Self> {
        let bytes = bytes.get(offset..offset.checked_add(len)?)?;
        Some(Fields { bytes })
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// Where the central directory is and how many entries it has.
struct EndRecord {
    entries: u64,
    directory_start: u64,
    directory_end: u64,
}

impl EndRecord {
    fn find(bytes: &[u8]) -> Result<Self, ZipError> {
        if bytes.is_empty() {
            return Err(ZipError::Empty);
        }
        let at = find_end(bytes)?;
        let bad = || ZipError::BadRecord {
            record: "the end of central directory",
            offset: at as u64,
        };
        let (disks, mut record, needs64) = parse_end(bytes, at).ok_or_else(bad)?;
        let mut directory_must_end = at as u64;
        match parse_end64(bytes, at)? {
            Some((record64, start64)) => {
                directory_must_end = start64;
                record = record64;
            }
            None if needs64 || disks != 0 => {
                return Err(if disks != 0 && !needs64 {
                    ZipError::SeveralDisks
                } else {
                    bad()
                });
            }
            None => {}
        }
        if record.directory_end != directory_must_end {
            return Err(ZipError::DirectoryPlace {
                expected: directory_must_end,
                found: record.directory_end,
            });
        }
        let room = (record.directory_end - record.directory_start) / CENTRAL_SIZE as u64;
        if record.entries > room {
            return Err(ZipError::EntryCount {
                announced: record.entries,
                found: room,
            });
        }
        Ok(record)
    }
}

/// The offset of the end record whose comment reaches the end of the bytes.
fn find_end(bytes: &[u8]) -> Result<usize, ZipError> {
    let first = bytes.len().saturating_sub(END_SIZE + usize::from(u16::MAX));
    let mut trailing = None;
    for at in (first..bytes.len()).rev() {
        let Some(mut fields) = Fields::at(bytes, at, END_SIZE) else {
            continue;
        };
        if fields.u32() != Some(END_SIGNATURE) {
            continue;
        }
        let comment = fields
            .take(16)
            .and_then(|_| fields.u16())
            .map_or(0, usize::from);
        let rest = bytes.len() - at - END_SIZE;
        if comment == rest {
            return Ok(at);
        }
        if comment < rest && trailing.is_none() && speaks_of_file(bytes, at) {
            trailing = Some(rest - comment);
        }
    }
    Err(match trailing {
        Some(bytes) => ZipError::Trailing { bytes },
        None => ZipError::NoEnd { bytes: bytes.len() },
    })
}

/// Whether the end record at `at` is that of an archive from the first byte on, and not of an entry of this one.
fn speaks_of_file(bytes: &[u8], at: usize) -> bool {
    match (parse_end64(bytes, at), parse_end(bytes, at)) {
        (Ok(Some((record, start))), _) => record.directory_end == start,
        (Ok(None), Some((_, record, _))) => record.directory_end == at as u64,
        _ => false,
    }
}

/// The disk number, the record, and whether its numbers are in a 64-bit record.
fn parse_end(bytes: &[u8], at: usize) -> Option<(u16, EndRecord, bool)> {
    let mut fields = Fields::at(bytes, at, END_SIZE)?;
    fields.u32()?;
    let disk = fields.u16()?;
    let directory_disk = fields.u16()?;
    fields.u16()?;
    let entries = fields.u16()?;
    let size = fields.u32()?;
    let start = fields.u32()?;
    let needs64 = entries == u16::MAX || size == u32::MAX || start == u32::MAX;
    let record = EndRecord {
        entries: u64::from(entries),
        directory_start: u64::from(start),
        directory_end: u64::from(start).checked_add(u64::from(size))?,
    };
    Some((disk | directory_disk, record, needs64))
}

/// The 64-bit end record that a locator before the end record at `end` names, and its offset.
fn parse_end64(bytes: &[u8], end: usize) -> Result<Option<(EndRecord, u64)>, ZipError> {
    let Some(mut locator) = end
        .checked_sub(LOCATOR64_SIZE)
        .and_then(|at| Fields::at(bytes, at, LOCATOR64_SIZE))
    else {
        return Ok(None);
    };
    if locator.u32() != Some(LOCATOR64_SIGNATURE) {
        return Ok(None);
    }
    let offset = locator
        .u32()
        .and_then(|_| locator.u64())
        .unwrap_or(u64::MAX);
    let bad = || ZipError::BadRecord {
        record: "the 64-bit end of central directory",
        offset,
    };
    let record = usize::try_from(offset).ok().and_then(|at| {
        let mut fields = Fields::at(bytes, at, END64_SIZE)?;
        if fields.u32()? != END64_SIGNATURE {
            return None;
        }
        let size = fields.u64()?;
        // The record, without the 12 bytes up to its size field, must reach the locator.
        if offset.checked_add(12)?.checked_add(size)? != (end - LOCATOR64_SIZE) as u64 {
            return None;
        }
        fields.take(4)?;
        if fields.u64()? != 0 {
            return None;
        }
        fields.u64()?;
        let entries = fields.u64()?;
        let size = fields.u64()?;
        let start = fields.u64()?;
        Some(EndRecord {
            entries,
            directory_start: start,
            directory_end: start.checked_add(size)?,
        })
    });
    record.map(|record| Some((record, offset))).ok_or_else(bad)
}

fn read_entries(bytes: &[u8], end: &EndRecord, limits: &Limits) -> Result<Vec<Entry>, ZipError> {
    let mut entries = Vec::new();
    let mut at = end.directory_start;
    for _ in 0..end.entries {
        let bad = || ZipError::BadRecord {
            record: "a central directory header",
            offset: at,
        };
        let start = usize::try_from(at).map_err(|_| bad())?;
        let (entry, next) = read_entry(bytes, start, limits).ok_or_else(bad)??;
        if next as u64 > end.directory_end {
            return Err(bad());
        }
        entries.push(entry);
        at = next as u64;
    }
    if at != end.directory_end {
        return Err(ZipError::DirectoryPlace {
            expected: end.directory_end,
            found: at,
        });
    }
    Ok(entries)
}

/// The entry of the central header at `at`, and the offset of the next; `None` if the header is cut short.
///
/// The entry's `data` holds only the length; where it begins, the local header says.
fn read_entry(
    bytes: &[u8],
    at: usize,
    limits: &Limits,
) -> Option<Result<(Entry, usize), ZipError>> {
    let mut fields = Fields::at(bytes, at, CENTRAL_SIZE)?;
    if fields.u32()? != CENTRAL_SIGNATURE {
        return None;
    }
    fields.take(4)?;
    let flags = fields.u16()?;
    let method = fields.u16()?;
    fields.take(4)?;
    let crc = fields.u32()?;
    let compressed = fields.u32()?;
    let declared = fields.u32()?;
    let name_len = usize::from(fields.u16()?);
    let extra_len = usize::from(fields.u16()?);
    let comment_len = usize::from(fields.u16()?);
    let disk = fields.u16()?;
    fields.take(6)?;
    let header = fields.u32()?;
    let tail = name_len.checked_add(extra_len)?.checked_add(comment_len)?;
    let mut variable = Fields::at(bytes, at.checked_add(CENTRAL_SIZE)?, tail)?;
    let name_bytes = variable.take(name_len)?;
    let extra = variable.take(extra_len)?;
    let next = at.checked_add(CENTRAL_SIZE)?.checked_add(tail)?;

    let name = String::from_utf8_lossy(name_bytes).into_owned();
    let entry_fault = |fault| ZipError::Entry {
        name: name.clone(),
        fault,
    };
    if let Err(name_fault) = check_name(name_bytes, limits) {
        return Some(Err(entry_fault(EntryFault::Name(name_fault))));
    }
    if flags & ENCRYPTED_FLAGS != 0 {
        return Some(Err(entry_fault(EntryFault::Encrypted)));
    }
    if !matches!(method, 0 | 8) {
        return Some(Err(entry_fault(EntryFault::Method(method))));
    }
    if !matches!(disk, 0 | u16::MAX) {
        return Some(Err(ZipError::SeveralDisks));
    }
    let Some([declared, compressed, header]) = widen(extra, [declared, compressed, header]) else {
        return Some(Err(entry_fault(EntryFault::MissingZip64)));
    };
    let deflated = method == 8;
    if !deflated && compressed != declared {
        return Some(Err(entry_fault(EntryFault::StoredSize {
            stored: compressed,
            declared,
        })));
    }
    let Ok(data_len) = usize::try_from(compressed) else {
        return Some(Err(entry_fault(EntryFault::PastEnd {
            end: compressed,
            limit: bytes.len() as u64,
        })));
    };
    let entry = Entry {
        name,
        crc,
        header,
        data: 0..data_len,
        size: declared,
        deflated,
    };
    Some(Ok((entry, next)))
}

/// Replaces the values that are all ones by those of the 64-bit extra field, in its order.
fn widen(extra: &[u8], narrow: [u32; 3]) -> Option<[u64; 3]> {
    let mut wide = narrow.map(u64::from);
    if !narrow.contains(&u32::MAX) {
        return Some(wide);
    }
    let mut extra = Fields { bytes: extra };
    while let Some(id) = extra.u16() {
        let len = usize::from(extra.u16()?);
        let mut body = Fields {
            bytes: extra.take(len)?,
        };
        if id != ZIP64_EXTRA {
            continue;
        }
        for (value, narrow) in wide.iter_mut().zip(narrow) {
            if narrow == u32::MAX {
                *value = body.u64()?;
            }
        }
        return Some(wide);
    }
    None
}

fn check_name(name: &[u8], limits: &Limits) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > limits.name_bytes {
        return Err(NameFault::TooLong);
    }
    let name = std::str::from_utf8(name).map_err(|_| NameFault::NotUtf8)?;
    let mut start = name.chars();
    let drive = start.next().is_some_and(|c| c.is_ascii_alphabetic()) && start.next() == Some(':');
    if name.starts_with('/') || drive {
        return Err(NameFault::Absolute);
    }
    if name.contains('\\') {
        return Err(NameFault::Backslash);
    }
    if name.chars().any(char::is_control) {
        return Err(NameFault::Control);
    }
    if name.split('/').any(|part| part == "..") {
        return Err(NameFault::Parent);
    }
    Ok(())
}

fn index_names(entries: &[Entry]) -> Result<HashMap<String, usize>, ZipError> {
    let mut by_name = HashMap::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        if by_name.insert(entry.name.clone(), position).is_some() {
            return Err(fault(entry, EntryFault::Duplicate));
        }
    }
    Ok(by_name)
}

/// Finds each entry's data behind its local header.
fn place_entries(
    bytes: &[u8],
    entries: &mut [Entry],
    directory_start: u64,
) -> Result<(), ZipError> {
    for entry in entries {
        let data = data_range(bytes, entry).map_err(|kind| fault(entry, kind))?;
        if data.end as u64 > directory_start {
            let kind = EntryFault::PastEnd {
                end: data.end as u64,
                limit: directory_start,
            };
            return Err(fault(entry, kind));
        }
        entry.data = data;
    }
    Ok(())
}

fn data_range(bytes: &[u8], entry: &Entry) -> Result<std::ops::Range<usize>, EntryFault> {
    let offset = entry.header;
    let bad = || EntryFault::BadHeader { offset };
    let at = usize::try_from(offset).map_err(|_| bad())?;
    let header = LocalHeader::read(bytes, at).ok_or_else(bad)?;
    let differs = |field| Err(EntryFault::HeaderDiffers { offset, field });
    if header.name != entry.name.as_bytes() {
        return differs("name");
    }
    if header.method != if entry.deflated { 8 } else { 0 } {
        return differs("compression method");
    }
    if header.flags & ENCRYPTED_FLAGS != 0 {
        return Err(EntryFault::Encrypted);
    }
    let compressed = entry.data.len() as u64;
    let agrees = |local: u32, central: u64| local == u32::MAX || u64::from(local) == central;
    // Without a data descriptor the header itself must hold the sizes; PyTorch's writer leaves them 0 even for
    // entries without one, but these are empty.
    let known = header.flags & DESCRIPTOR_FLAG == 0;
    if known && !(agrees(header.compressed, compressed) && agrees(header.declared, entry.size)) {
        return differs("size");
    }
    let end = header
        .data_start
        .checked_add(entry.data.len())
        .filter(|&end| end <= bytes.len());
    match end {
        Some(end) => Ok(header.data_start..end),
        None => Err(EntryFault::PastEnd {
            end: (header.data_start as u64).saturating_add(compressed),
            limit: bytes.len() as u64,
        }),
    }
}

struct LocalHeader<'a> {
    flags: u16,
    method: u16,
    compressed: u32,
    declared: u32,
    name: &'a [u8],
    data_start: usize,
}

impl<'a> LocalHeader<'a> {
    fn read(bytes: &'a [u8], at: usize) -> Option<Self> {
        let mut fields = Fields::at(bytes, at, LOCAL_SIZE)?;
        if fields.u32()? != LOCAL_SIGNATURE {
            return None;
        }
        fields.take(2)?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        fields.take(8)?;
        let compressed = fields.u32()?;
        let declared = fields.u32()?;
        let name_len = usize::from(fields.u16()?);
        let extra_len = usize::from(fields.u16()?);
        let name_start = at.checked_add(LOCAL_SIZE)?;
        let data_start = name_start.checked_add(name_len)?.checked_add(extra_len)?;
        let name = bytes.get(name_start..name_start.checked_add(name_len)?)?;
        Some(LocalHeader {
            flags,
            method,
            compressed,
            declared,
            name,
            data_start,
        })
    }
}

fn check_overlap(entries: &[Entry]) -> Result<(), ZipError> {
    let mut by_place: Vec<&Entry> = entries.iter().collect();
    by_place.sort_by_key(|entry| entry.header);
    for pair in by_place.windows(2) {
        let [first, second] = pair else { continue };
        if first.data.end as u64 > second.header {
            return Err(fault(
                second,
                EntryFault::Overlap {
                    other: first.name.clone(),
                },
            ));
        }
    }
    Ok(())
}

fn check_inflation(entries: &[Entry], limits: &Limits) -> Result<(), ZipError> {
    let (mut declared, mut compressed) = (0_u64, 0_u64);
    for entry in entries.iter().filter(|entry| entry.deflated) {
        declared = declared.saturating_add(entry.size);
        compressed = compressed.saturating_add(entry.data.len() as u64);
        if declared > limits.inflated_bytes {
            return Err(fault(
                entry,
                EntryFault::Inflated {
                    declared,
                    limit: limits.inflated_bytes,
                },
            ));
        }
        if declared > limits.inflate_free_bytes
            && declared > compressed.saturating_mul(limits.inflate_ratio)
        {
            return Err(fault(
                entry,
                EntryFault::Ratio {
                    declared,
                    compressed,
                    limit: limits.inflate_ratio,
                },
            ));
        }
    }
    Ok(())
}
