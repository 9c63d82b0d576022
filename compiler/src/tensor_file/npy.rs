//! One array in NumPy's format, versions 1.0 to 3.0.
//!
//! The header is parsed here: the crates that do it recurse as deep as the header nests, ask for as much memory as
//! it claims, and multiply its sizes unchecked.

use std::{
    io::{self, Read, Write},
    path::Path,
};

use expc_dialects::ScalarType;

use super::{Error, ErrorKind, HostTensor, MAX_RANK, byte_length, write_atomically};

/// The first bytes of every `.npy` file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Bytes of a header's text; a header of 64 dimensions has fewer than 2,000.
const MAX_HEADER: u64 = 1 << 16;

/// Where the text of headers that expc writes ends, so that the data is aligned.
const ALIGNMENT: usize = 64;

/// NumPy's letter and size for each dtype that it has.
const TYPES: &[(&str, ScalarType)] = &[
    ("b1", ScalarType::Bool),
    ("i1", ScalarType::Int8),
    ("i2", ScalarType::Int16),
    ("i4", ScalarType::Int32),
    ("i8", ScalarType::Int64),
    ("u1", ScalarType::Uint8),
    ("u2", ScalarType::Uint16),
    ("u4", ScalarType::Uint32),
    ("u8", ScalarType::Uint64),
    ("f2", ScalarType::Float16),
    ("f4", ScalarType::Float32),
    ("f8", ScalarType::Float64),
    ("c8", ScalarType::Complex64),
    ("c16", ScalarType::Complex128),
];

/// `<f4`, or none if NumPy has no such dtype.
pub(super) fn type_string(dtype: ScalarType) -> Option<String> {
    let (name, _) = TYPES.iter().find(|(_, known)| *known == dtype)?;
    let order = if dtype.size() == 1 { '|' } else { '<' };
    Some(format!("{order}{name}"))
}

/// Reads an array that takes exactly `length` bytes of the reader.
pub(super) fn read(reader: &mut dyn Read, length: u64) -> Result<HostTensor, ErrorKind> {
    let (text, header_length) = read_header_text(reader, length)?;
    let header = Header::parse(&text)?;
    let expected = byte_length(header.dtype, &header.shape)
        .ok_or_else(|| ErrorKind::Overflow(header.shape.clone()))?;
    let found = length.saturating_sub(header_length);
    if expected as u64 != found {
        let dtype = header.dtype.torch_name();
        return Err(ErrorKind::Length {
            expected: expected as u64,
            found,
            shape: header.shape,
            dtype,
        });
    }
    let mut bytes = read_exactly(reader, expected)?;
    if header.big_endian {
        reverse_components(&mut bytes, header.dtype);
    }
    if header.fortran_order {
        bytes = to_row_major(&bytes, &header.shape, header.dtype.size());
    }
    if header.dtype == ScalarType::Bool {
        normalize_bools(&mut bytes);
    }
    let shape = header.shape.clone();
    HostTensor::new(header.dtype, header.shape, bytes).ok_or(ErrorKind::Overflow(shape))
}

/// Writes an array, version 1.0, row-major, little-endian.
pub(super) fn write(
    target: &mut (impl Write + ?Sized),
    tensor: &HostTensor,
) -> Result<(), ErrorKind> {
    let unsupported = ErrorKind::DtypeOfFormat(tensor.dtype.torch_name());
    let descr = type_string(tensor.dtype).ok_or(unsupported)?;
    let text = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': {}, }}",
        tuple(&tensor.shape)
    );
    let prefix = MAGIC.len() + 4;
    let padded = (prefix + text.len() + 1).next_multiple_of(ALIGNMENT) - prefix - 1;
    let length = u16::try_from(padded + 1).map_err(|_| ErrorKind::Rank {
        found: tensor.shape.len(),
    })?;
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend(length.to_le_bytes());
    header.extend(format!("{text:padded$}\n").into_bytes());
    let written = target
        .write_all(&header)
        .and_then(|()| target.write_all(tensor.bytes()));
    written.map_err(ErrorKind::Write)
}

/// Writes an `.npy` file.
pub(super) fn write_file(path: &Path, tensor: &HostTensor) -> Result<(), Error> {
    write_atomically(path, |file| write(file, tensor)).map_err(|kind| kind.in_file(path))
}

impl From<io::Error> for ErrorKind {
    /// Only writers use `?` on I/O; readers say what they were reading.
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// A Python tuple of sizes.
fn tuple(shape: &[usize]) -> String {
    match shape {
        [only] => format!("({only},)"),
        _ => format!(
            "({})",
            shape
                .iter()
                .map(usize::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// The header's text, and where the data begins.
fn read_header_text(reader: &mut dyn Read, length: u64) -> Result<(String, u64), ErrorKind> {
    let cut = |_| ErrorKind::Header("the file ends within it".to_owned());
    let mut start = [0; 8];
    reader.read_exact(&mut start).map_err(cut)?;
    let [magic @ .., major, minor] = &start;
    if magic != MAGIC {
        return Err(ErrorKind::Header(
            "it does not begin as NumPy's arrays do".to_owned(),
        ));
    }
    let (text_length, before) = match (major, minor) {
        (1, 0) => {
            let mut bytes = [0; 2];
            reader.read_exact(&mut bytes).map_err(cut)?;
            (u64::from(u16::from_le_bytes(bytes)), 10)
        }
        (2 | 3, 0) => {
            let mut bytes = [0; 4];
            reader.read_exact(&mut bytes).map_err(cut)?;
            (u64::from(u32::from_le_bytes(bytes)), 12)
        }
        _ => {
            let what = format!("expected the version 1.0, 2.0 or 3.0, found {major}.{minor}");
            return Err(ErrorKind::Header(what));
        }
    };
    if text_length > MAX_HEADER || text_length + before > length {
        return Err(ErrorKind::Header(format!(
            "it claims to have {text_length} bytes"
        )));
    }
    let mut text = vec![0; usize::try_from(text_length).unwrap_or_default()];
    reader.read_exact(&mut text).map_err(cut)?;
    let text =
        String::from_utf8(text).map_err(|_| ErrorKind::Header("it is not UTF-8".to_owned()))?;
    Ok((text, text_length + before))
}

/// What a header says.
#[derive(Debug, PartialEq)]
struct Header {
    dtype: ScalarType,
    big_endian: bool,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads the Python dictionary, which has three keys in any order.
    fn parse(text: &str) -> Result<Self, ErrorKind> {
        let mut cursor = Cursor { rest: text };
        let (mut dtype, mut order, mut shape) = (None, None, None);
        cursor.expect("{")?;
        while !cursor.eat("}") {
            let key = cursor.string()?;
            cursor.expect(":")?;
            match key {
                "descr" => dtype = Some(cursor.dtype()?),
                "fortran_order" => order = Some(cursor.boolean()?),
                "shape" => shape = Some(cursor.shape()?),
                _ => {
                    return Err(ErrorKind::Header(format!(
                        "it has the unknown key `{}`",
                        key.escape_debug()
                    )));
                }
            }
            if !cursor.eat(",") {
                cursor.expect("}")?;
                break;
            }
        }
        if !cursor.rest.trim().is_empty() {
            return Err(cursor.fault("its end"));
        }
        let missing = |key: &str| ErrorKind::Header(format!("it has no `{key}`"));
        let (dtype, big_endian) = dtype.ok_or_else(|| missing("descr"))?;
        let fortran_order = order.ok_or_else(|| missing("fortran_order"))?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        Ok(Self {
            dtype,
            big_endian,
            fortran_order,
            shape,
        })
    }
}

/// The rest of a header's text.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        let stripped = rest.strip_prefix(token);
        self.rest = stripped.unwrap_or(rest);
        stripped.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), ErrorKind> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.fault(&format!("`{token}`")))
        }
    }

    fn fault(&self, expected: &str) -> ErrorKind {
        const SHOWN: usize = 20;
        let found: String = self.rest.trim().chars().take(SHOWN).collect();
        ErrorKind::Header(format!(
            "expected {expected}, found `{}`",
            found.escape_debug()
        ))
    }

    fn string(&mut self) -> Result<&'a str, ErrorKind> {
        for quote in ["'", "\""] {
            if self.eat(quote) {
                let (text, rest) = self
                    .rest
                    .split_once(quote)
                    .ok_or_else(|| self.fault("the end of a string"))?;
                self.rest = rest;
                return Ok(text);
            }
        }
        Err(self.fault("a string"))
    }

    fn boolean(&mut self) -> Result<bool, ErrorKind> {
        match (self.eat("True"), self.eat("False")) {
            (true, _) => Ok(true),
            (_, true) => Ok(false),
            _ => Err(self.fault("`True` or `False`")),
        }
    }

    /// The dtype, and whether it is big-endian.
    fn dtype(&mut self) -> Result<(ScalarType, bool), ErrorKind> {
        if self.rest.trim_start().starts_with('[') {
            return Err(ErrorKind::UnsupportedDtype("record".to_owned()));
        }
        let text = self.string()?;
        let name = text.trim_start_matches(['<', '>', '=', '|']);
        let dtype = TYPES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, dtype)| *dtype);
        let unsupported = || ErrorKind::UnsupportedDtype(text.escape_debug().to_string());
        dtype
            .map(|dtype| (dtype, text.starts_with('>')))
            .ok_or_else(unsupported)
    }

    fn shape(&mut self) -> Result<Vec<usize>, ErrorKind> {
        let mut shape = Vec::new();
        self.expect("(")?;
        while !self.eat(")") {
            shape.push(self.size()?);
            if !self.eat(",") {
                self.expect(")")?;
                break;
            }
        }
        if shape.len() > MAX_RANK {
            return Err(ErrorKind::Rank { found: shape.len() });
        }
        Ok(shape)
    }

    fn size(&mut self) -> Result<usize, ErrorKind> {
        let rest = self.rest.trim_start();
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        // PyTorch's sizes are signed.
        let size = number
            .parse::<i64>()
            .ok()
            .and_then(|size| usize::try_from(size).ok());
        let size = size.ok_or_else(|| self.fault("a size"))?;
        // Python 2 marked long integers.
        self.rest = after.strip_prefix('L').unwrap_or(after);
        Ok(size)
    }
}

/// Reads `length` bytes, which the caller found plausible.
fn read_exactly(reader: &mut dyn Read, length: usize) -> Result<Vec<u8>, ErrorKind> {
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length)
        .map_err(|_| ErrorKind::NoMemory(length as u64))?;
    let read = reader
        .take(length as u64)
        .read_to_end(&mut bytes)
        .map_err(ErrorKind::Read)?;
    if read == length {
        Ok(bytes)
    } else {
        Err(ErrorKind::Archive(format!(
            "the data ends after {read} bytes"
        )))
    }
}

/// Swaps the byte order of all numbers; a complex number is two.
fn reverse_components(bytes: &mut [u8], dtype: ScalarType) {
    let size = if dtype.is_complex() {
        dtype.size() / 2
    } else {
        dtype.size()
    };
    bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
}

/// Any byte but zero is true in NumPy; in PyTorch only one is.
pub(super) fn normalize_bools(bytes: &mut [u8]) {
    bytes
        .iter_mut()
        .for_each(|byte| *byte = u8::from(*byte != 0));
}

/// From the order in which the first index runs fastest to the one in which the last does.
fn to_row_major(bytes: &[u8], shape: &[usize], size: usize) -> Vec<u8> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = size;
    for extent in shape {
        strides.push(stride);
        stride = stride.saturating_mul(*extent);
    }
    let mut sorted = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    let mut offset = 0;
    while sorted.len() < bytes.len() {
        let Some(element) = bytes.get(offset..offset + size) else {
            break;
        };
        sorted.extend_from_slice(element);
        for ((position, extent), stride) in index.iter_mut().zip(shape).zip(&strides).rev() {
            *position += 1;
            offset += stride;
            if *position < *extent {
                break;
            }
            offset -= stride * *extent;
            *position = 0;
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, String> {
        Header::parse(text).map_err(|kind| kind.to_string())
    }

    fn header(dtype: ScalarType, big_endian: bool, fortran_order: bool, shape: &[usize]) -> Header {
        Header {
            dtype,
            big_endian,
            fortran_order,
            shape: shape.to_vec(),
        }
    }

    #[test]
    fn headers_of_every_writer_are_read() {
        let numpy = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n";
        assert_eq!(
            parse(numpy),
            Ok(header(ScalarType::Float32, false, false, &[3, 4]))
        );
        let other_order = "{\"shape\":(),\"fortran_order\":True,\"descr\":\">c16\"}";
        assert_eq!(
            parse(other_order),
            Ok(header(ScalarType::Complex128, true, true, &[]))
        );
        let python_2 = "{'descr': '|u1', 'fortran_order': False, 'shape': (5L,), }\n";
        assert_eq!(
            parse(python_2),
            Ok(header(ScalarType::Uint8, false, false, &[5]))
        );
    }

    #[track_caller]
    fn refuse(text: &str, expected: &str) {
        assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
    }

    #[test]
    fn damaged_headers_are_refused() {
        refuse("", "the header is damaged: expected `{`, found ``");
        refuse(
            "{'descr': '<f4'",
            "the header is damaged: expected `}`, found ``",
        );
        refuse(
            "{'descr': '<f4}",
            "the header is damaged: expected the end of a string, found `<f4}`",
        );
        refuse(
            "{'a': 3}",
            "the header is damaged: it has the unknown key `a`",
        );
        refuse(
            "{'descr': '<f4', 'shape': ()}",
            "the header is damaged: it has no `fortran_order`",
        );
        refuse(
            "{'shape': (-1,)}",
            "the header is damaged: expected a size, found `-1,)}`",
        );
        refuse(
            "{'shape': (9223372036854775808,)}",
            "the header is damaged: expected a size, found `9223372036854775808,`",
        );
        refuse(
            "{'shape': (1, 2}",
            "the header is damaged: expected `)`, found `}`",
        );
        refuse(
            "{'fortran_order': 1}",
            "the header is damaged: expected `True` or `False`, found `1}`",
        );
        refuse("{} x", "the header is damaged: expected its end, found `x`");
        let deep = format!("{{'shape': ({}", "(".repeat(60_000));
        assert!(parse(&deep).is_err());
        let ranks = format!("{{'shape': ({})", "1, ".repeat(65));
        refuse(&ranks, "has 65 dimensions, and the limit is 64");
    }

    #[test]
    fn dtypes_that_pytorch_lacks_are_refused_by_name() {
        for (descr, name) in [
            ("'|O'", "|O"),
            ("'<U7'", "<U7"),
            ("'<f16'", "<f16"),
            ("'<M8[ns]'", "<M8[ns]"),
            ("[('a', '<i4')]", "record"),
        ] {
            let expected = format!(
                "arrays of the dtype `{name}` are not supported, expected booleans, integers, floats or complex numbers"
            );
            refuse(&format!("{{'descr': {descr}}}"), &expected);
        }
    }

    #[test]
    fn fortran_order_is_transposed() {
        assert_eq!(
            to_row_major(&[1, 4, 2, 5, 3, 6], &[2, 3], 1),
            [1, 2, 3, 4, 5, 6]
        );
        assert_eq!(
            to_row_major(&[0, 1, 4, 5, 2, 3, 6, 7], &[2, 2], 2),
            [0, 1, 2, 3, 4, 5, 6, 7]
        );
        assert_eq!(to_row_major(&[7], &[], 1), [7]);
        assert_eq!(to_row_major(&[], &[3, 0], 4), Vec::<u8>::new());
        let three: Vec<u8> = (0..24).collect();
        let sorted = to_row_major(&three, &[2, 3, 4], 1);
        // Element (i, j, k) lies at i + 2 j + 6 k in Fortran's order.
        assert_eq!(sorted.get(..5), Some(&[0, 6, 12, 18, 2][..]));
        assert_eq!(sorted.last(), Some(&23));
    }

    #[test]
    fn written_data_is_aligned() {
        for rank in 0..20 {
            let tensor =
                HostTensor::new(ScalarType::Uint8, vec![1; rank], vec![9]).expect("one element");
            let mut file = Vec::new();
            write(&mut file, &tensor).expect("written");
            assert_eq!((file.len() - 1) % ALIGNMENT, 0);
            assert_eq!(
                read(&mut &file[..], file.len() as u64).expect("read"),
                tensor
            );
        }
    }

    #[test]
    fn sizes_are_checked_before_memory_is_asked_for() {
        let file = |text: &str| {
            let mut file = b"\x93NUMPY\x01\x00".to_vec();
            file.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
            file.extend(text.bytes());
            read(&mut &file[..], file.len() as u64)
                .expect_err("refused")
                .to_string()
        };
        assert_eq!(
            file("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4), }"),
            "the shape [4611686018427387904, 4] is larger than the memory of any machine"
        );
        assert_eq!(
            file("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"),
            "expected 4000000000000 bytes for the shape [1000000, 1000000] of `float32`, found 0"
        );
        let long = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{";
        let fault = read(&mut &long[..], long.len() as u64).expect_err("refused");
        assert_eq!(
            fault.to_string(),
            "the header is damaged: it claims to have 4294967295 bytes"
        );
    }
}
