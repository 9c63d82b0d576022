//! Bytes of a file that many owners can hold at once: a private memory map, or a buffer.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use memmap2::{MmapMut, MmapOptions};

enum Owner {
    Mapped(MmapMut),
    Buffer(Vec<u8>),
}

impl Owner {
    fn bytes(&self) -> &[u8] {
        match self {
            Owner::Mapped(map) => map,
            Owner::Buffer(buffer) => buffer,
        }
    }
}

/// A part of a file or buffer; clones share it and keep it alive.
///
/// A mapped file is mapped private and copy-on-write: who writes through [`SharedBytes::as_ptr`] changes this
/// process's pages and never the file. As with every memory map, the file must not be truncated while it is held.
#[derive(Clone)]
pub struct SharedBytes {
    owner: Arc<Owner>,
    start: usize,
    len: usize,
}

impl SharedBytes {
    /// Maps the whole of `path`; no page is read yet.
    ///
    /// # Errors
    /// What opening or mapping the file reports.
    pub fn map(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "is a directory",
            ));
        }
        if !metadata.is_file() {
            // A pipe or device has no length to map.
            let mut buffer = Vec::new();
            io::Read::read_to_end(&mut &file, &mut buffer)?;
            return Ok(SharedBytes::from(buffer));
        }
        if metadata.len() == 0 {
            return Ok(SharedBytes::from(Vec::new()));
        }
        // SAFETY: the map is private and copy-on-write, so nothing in this process aliases it, and every value
        // read from it is checked each time; that nobody truncates the file meanwhile is the documented condition.
        let map = unsafe { MmapOptions::new().map_copy(&file)? };
        let len = map.len();
        Ok(SharedBytes {
            owner: Arc::new(Owner::Mapped(map)),
            start: 0,
            len,
        })
    }

    /// The bytes from `range.start` to `range.end`, counted from the start of these; `None` past the end.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        if range.start > range.end || range.end > self.len {
            return None;
        }
        let start = self.start.checked_add(range.start)?;
        Some(SharedBytes {
            owner: Arc::clone(&self.owner),
            start,
            len: range.end - range.start,
        })
    }

    /// The first byte's address, valid as long as a clone of these bytes lives.
    pub fn as_ptr(&self) -> *const u8 {
        self.deref().as_ptr()
    }

    /// Whether these bytes are a part of a mapped file rather than of a buffer.
    pub fn is_mapped(&self) -> bool {
        matches!(*self.owner, Owner::Mapped(_))
    }

    /// Where these bytes begin in the file or buffer that they are a part of.
    pub fn offset(&self) -> usize {
        self.start
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(buffer: Vec<u8>) -> Self {
        let len = buffer.len();
        SharedBytes {
            owner: Arc::new(Owner::Buffer(buffer)),
            start: 0,
            len,
        }
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let end = self.start.saturating_add(self.len);
        self.owner.bytes().get(self.start..end).unwrap_or_default()
    }
}

impl std::fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes at {}", self.len, self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_stay_inside() {
        let bytes = SharedBytes::from(vec![1, 2, 3, 4]);
        let part = bytes.slice(1..3).expect("inside");
        assert_eq!(&part[..], [2, 3]);
        assert_eq!(part.offset(), 1);
        assert!(part.slice(0..3).is_none());
        assert_eq!(part.slice(2..2).expect("empty").len(), 0);
    }

    #[test]
    fn a_missing_file_and_a_folder_are_errors() {
        assert!(SharedBytes::map(Path::new("no/such/file.pt2")).is_err());
        assert!(SharedBytes::map(Path::new(".")).is_err());
    }
}
