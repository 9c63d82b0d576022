//! Tests of `tensor_file`.

use std::{fs, io::Write as _, path::PathBuf};

use super::*;

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("src/tensor_file/samples")
        .join(name)
}

fn bytes_of<const N: usize, T>(
    values: impl IntoIterator<Item = T>,
    to_bytes: impl Fn(T) -> [u8; N],
) -> Vec<u8> {
    values.into_iter().flat_map(to_bytes).collect()
}

/// The arrays of the samples, which NumPy wrote: six elements of each dtype, a number and an empty array.
fn expected() -> Tensors {
    let two_by_three = |dtype, bytes: Vec<u8>| {
        let tensor = HostTensor::new(dtype, vec![2, 3], bytes).expect("six elements");
        (dtype.torch_name().to_owned(), tensor)
    };
    // -1, -0.5, 0, 0.5, 1, 1.5
    let halves = [0xbc00_u16, 0xb800, 0, 0x3800, 0x3c00, 0x3e00];
    let floats = || (0..6_u8).map(|i| f64::from(i) / 2.0 - 1.0);
    let complex = || (0..6_u8).flat_map(|i| [f64::from(i), 0.0 - 2.0 * f64::from(i)]);
    vec![
        two_by_three(ScalarType::Bool, vec![1, 0, 1, 0, 1, 0]),
        two_by_three(ScalarType::Int8, bytes_of(-3..3_i8, i8::to_le_bytes)),
        two_by_three(ScalarType::Int16, bytes_of(-3..3_i16, i16::to_le_bytes)),
        two_by_three(ScalarType::Int32, bytes_of(-3..3_i32, i32::to_le_bytes)),
        two_by_three(ScalarType::Int64, bytes_of(-3..3_i64, i64::to_le_bytes)),
        two_by_three(
            ScalarType::Uint8,
            bytes_of((0..6).map(|i| u8::MAX - i), u8::to_le_bytes),
        ),
        two_by_three(
            ScalarType::Uint16,
            bytes_of((0..6).map(|i| u16::MAX - i), u16::to_le_bytes),
        ),
        two_by_three(
            ScalarType::Uint32,
            bytes_of((0..6).map(|i| u32::MAX - i), u32::to_le_bytes),
        ),
        two_by_three(
            ScalarType::Uint64,
            bytes_of((0..6).map(|i| u64::MAX - i), u64::to_le_bytes),
        ),
        two_by_three(ScalarType::Float16, bytes_of(halves, u16::to_le_bytes)),
        two_by_three(
            ScalarType::Float32,
            bytes_of(floats(), |x| (x as f32).to_le_bytes()),
        ),
        two_by_three(ScalarType::Float64, bytes_of(floats(), f64::to_le_bytes)),
        two_by_three(
            ScalarType::Complex64,
            bytes_of(complex(), |x| (x as f32).to_le_bytes()),
        ),
        two_by_three(
            ScalarType::Complex128,
            bytes_of(complex(), f64::to_le_bytes),
        ),
        (
            "scalar".to_owned(),
            HostTensor::new(ScalarType::Int64, vec![], 7_i64.to_le_bytes().to_vec()).expect("one"),
        ),
        (
            "empty".to_owned(),
            HostTensor::new(ScalarType::Float32, vec![0, 3], vec![]).expect("none"),
        ),
    ]
}

#[test]
fn what_numpy_stored_is_read() {
    assert_eq!(read(&sample("stored.npz")).expect("read"), expected());
}

#[test]
fn big_endian_fortran_order_and_deflate_are_read() {
    let mut tensors = read(&sample("big_endian_fortran_deflated.npz")).expect("read");
    let three = tensors.pop();
    assert_eq!(tensors, expected());
    let numbers = bytes_of(0..24_i16, i16::to_le_bytes);
    let numbers = HostTensor::new(ScalarType::Int16, vec![2, 3, 4], numbers).expect("24 elements");
    assert_eq!(three, Some(("three".to_owned(), numbers)));
}

#[test]
fn npz_files_survive_a_round_trip() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.npz");
    write(&path, &expected()).expect("written");
    assert_eq!(read(&path).expect("read"), expected());
}

#[test]
fn safetensors_files_survive_a_round_trip() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.safetensors");
    let mut tensors: Tensors = expected()
        .into_iter()
        .filter(|(_, tensor)| can_hold(Format::Safetensors, tensor.dtype()))
        .collect();
    for dtype in ScalarType::all().filter(|dtype| can_hold(Format::Safetensors, *dtype)) {
        let bytes = (0..dtype.size())
            .map(|byte| u8::from(byte == 0))
            .collect::<Vec<_>>();
        tensors.push((
            format!("one {dtype:?}"),
            HostTensor::new(dtype, vec![1], bytes).expect("one element"),
        ));
    }
    write(&path, &tensors).expect("written");
    let mut found = read(&path).expect("read");
    for list in [&mut found, &mut tensors] {
        list.sort_by(|(left, _), (right, _)| left.cmp(right));
    }
    assert_eq!(found, tensors);
}

#[test]
fn a_dtype_that_the_format_lacks_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, dtype) in [
        ("a.npz", ScalarType::BFloat16),
        ("a.safetensors", ScalarType::Complex64),
    ] {
        let tensor = HostTensor::new(dtype, vec![1], vec![0; dtype.size()]).expect("one element");
        let fault =
            write(&folder.path().join(name), &[("x".to_owned(), tensor)]).expect_err("refused");
        assert!(fault.to_string().ends_with(&format!(
            "the format cannot hold the dtype `{}`",
            dtype.torch_name()
        )));
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn the_content_decides_and_not_the_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("really_npz.safetensors");
    fs::copy(sample("stored.npz"), &path).expect("copied");
    assert_eq!(read(&path).expect("read"), expected());
}

/// Writes bytes to a file and gives what reading says.
fn fault(bytes: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    read(file.path()).expect_err("refused").to_string()
}

#[test]
fn what_is_no_tensor_file_is_refused() {
    let unknown = "not a tensor file: found neither an `.npy` or `.npz` nor a `.safetensors` file";
    assert_eq!(fault(b""), unknown);
    assert_eq!(fault(b"hello"), unknown);
    let objects = read(&sample("objects.npy")).expect_err("refused");
    assert_eq!(
        objects.to_string(),
        "arrays of the dtype `|O` are not supported, expected booleans, integers, floats or complex numbers"
    );
    assert!(
        read(&sample("no such file"))
            .expect_err("refused")
            .to_string()
            .starts_with("cannot read the file")
    );
    assert!(
        read(&sample(""))
            .expect_err("refused")
            .to_string()
            .starts_with("cannot read the file")
    );
}

#[test]
fn cut_files_are_refused_at_every_length() {
    let whole = fs::read(sample("stored.npz")).expect("read");
    for length in (0..whole.len()).step_by(37) {
        assert!(!fault(&whole[..length]).is_empty());
    }
    let mut whole = 8_u64.to_le_bytes().to_vec();
    whole.extend(b"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}ab");
    whole[0] = u8::try_from(whole.len() - 10).expect("short");
    for length in 0..whole.len() {
        assert!(!fault(&whole[..length]).is_empty());
    }
}

#[test]
fn a_changed_byte_is_found() {
    let mut bytes = fs::read(sample("stored.npz")).expect("read");
    // A byte of the first array's data, behind the local header and the array's own.
    let data = bytes
        .windows(6)
        .position(|window| window == [1, 0, 1, 0, 1, 0])
        .expect("there");
    bytes[data] = 0;
    assert_eq!(
        fault(&bytes),
        "array `bool`: cannot read the file: Invalid checksum"
    );
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("x.npy", options).expect("started");
    let size = 8 << 20;
    let tensor = HostTensor::new(ScalarType::Uint8, vec![size], vec![0; size]).expect("zeros");
    npy::write(&mut archive, &tensor).expect("written");
    let mut bytes = archive.finish().expect("finished").into_inner();
    // The central directory claims four gigabytes.
    let record = bytes
        .windows(4)
        .rposition(|window| window == b"PK\x01\x02")
        .expect("there");
    bytes[record + 24..record + 28].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    let text = fault(&bytes);
    assert!(
        text.starts_with("unpacks to 4294967280 bytes, and the limit is "),
        "{text}"
    );
}

#[test]
fn bools_other_than_zero_and_one_are_true() {
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    let text = "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }";
    file.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
    file.extend(text.bytes().chain([0, 1, 255]));
    let tensor = npy::read(&mut &file[..], file.len() as u64).expect("read");
    assert_eq!(tensor.bytes()[..], [0, 1, 1]);
}

#[test]
fn a_single_array_is_read_by_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    let (_, tensor) = expected().pop().expect("some");
    write(&path, &[("ignored".to_owned(), tensor.clone())]).expect("written");
    assert_eq!(read_one(&path).expect("read"), tensor);
    let several = read_one(&sample("stored.npz")).expect_err("refused");
    assert_eq!(
        several.to_string(),
        "an `.npy` file holds one array, and there are 16"
    );
}
