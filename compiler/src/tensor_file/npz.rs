//! Named arrays in a zip archive, as `numpy.savez` and `numpy.savez_compressed` write them.

use std::{
    collections::HashSet,
    io::{self, Cursor},
    path::Path,
};

use expc_pt2::Limits;
use zip::{CompressionMethod, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{Error, ErrorKind, HostTensor, Tensors, npy, write_atomically};

const EXTENSION: &str = ".npy";

/// Reads all arrays. Checksums are verified; what all arrays together unpack to is bounded before any is read.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Tensors, Error> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| fault(error).in_file(path))?;
    check_unpacked_size(&mut archive).map_err(|kind| kind.in_file(path))?;
    let mut names = HashSet::new();
    let mut tensors = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive
            .by_index(index)
            .map_err(|error| fault(error).in_file(path))?;
        let Some(name) = entry.name().strip_suffix(EXTENSION).map(str::to_owned) else {
            return Err(ErrorKind::NotAnArray.at(path, entry.name()));
        };
        if !names.insert(name.clone()) {
            return Err(ErrorKind::Duplicate.at(path, &name));
        }
        let length = entry.size();
        let tensor = npy::read(&mut entry, length).map_err(|kind| kind.at(path, &name))?;
        // The checksum is verified by whoever reads past the last byte.
        io::copy(&mut entry, &mut io::sink())
            .map_err(|error| ErrorKind::Read(error).at(path, &name))?;
        tensors.push((name, tensor));
    }
    Ok(tensors)
}

/// Refuses an archive whose entries claim more bytes than its compressed ones can hold.
fn check_unpacked_size(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<(), ErrorKind> {
    let limits = Limits::default();
    let mut unpacked = 0_u64;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(fault)?;
        let bytes = entry.size();
        let is_stored = entry.compression() == CompressionMethod::Stored;
        let limit = if is_stored {
            entry.compressed_size()
        } else {
            unpacked = unpacked.saturating_add(bytes);
            entry.compressed_size().saturating_mul(limits.inflate_ratio)
        };
        if bytes > limit {
            return Err(ErrorKind::TooLarge { bytes, limit });
        }
    }
    if unpacked > limits.inflated_bytes {
        return Err(ErrorKind::TooLarge {
            bytes: unpacked,
            limit: limits.inflated_bytes,
        });
    }
    Ok(())
}

/// Writes all arrays, uncompressed and in the given order; equal tensors give equal files.
pub(super) fn write(path: &Path, tensors: &[(String, HostTensor)]) -> Result<(), Error> {
    write_atomically(path, |file| {
        let mut archive = ZipWriter::new(file);
        for (name, tensor) in tensors {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .large_file(true);
            archive
                .start_file(format!("{name}{EXTENSION}"), options)
                .map_err(write_fault)?;
            npy::write(&mut archive, tensor)?;
        }
        archive.finish().map(drop).map_err(write_fault)
    })
    .map_err(|kind| kind.in_file(path))
}

fn fault(error: ZipError) -> ErrorKind {
    match error {
        ZipError::Io(error) => ErrorKind::Read(error),
        other => ErrorKind::Archive(other.to_string()),
    }
}

fn write_fault(error: ZipError) -> ErrorKind {
    match error {
        ZipError::Io(error) => ErrorKind::Write(error),
        other => ErrorKind::Archive(other.to_string()),
    }
}
