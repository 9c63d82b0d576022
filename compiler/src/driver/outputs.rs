//! What a case gave, for people and for programs.

use std::io::{self, Write};

use expc_dialects::ScalarType;
use expc_runtime::torch::{TensorInfo, Value};
use serde_json::json;

use crate::tensor_file::{HostTensor, Tensors};

/// One output, or one thing that the call changed.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key in output files: `0`, `buffer:running_mean`, `input:1`.
    pub key: String,
    /// How Python reaches it from what the call returned; empty for a bare value.
    path: String,
    /// The program's own dtype; none of what is no tensor.
    pub dtype: Option<ScalarType>,
    /// What a file holds of it; none for `None` and strings.
    pub host: Option<HostTensor>,
    /// The text of a value that no file holds.
    text: String,
}

impl Entry {
    pub fn new(key: String, path: String, value: &Value, host: Option<HostTensor>) -> Self {
        let text = match value {
            Value::None => "None".to_owned(),
            Value::Str(text) => format!("'{text}'"),
            other => other.kind().name().to_owned(),
        };
        let dtype = value
            .as_tensor()
            .and_then(|tensor| TensorInfo::of(tensor).dtype);
        Self {
            key,
            path,
            dtype,
            host,
            text,
        }
    }

    /// How people call it: `output['logits']`, `buffer:running_mean`.
    pub fn label(&self) -> String {
        if self.key.contains(':') {
            self.key.clone()
        } else {
            format!("output{}", self.path)
        }
    }

    /// One line: what it is called, its dtype and sizes, and its first values.
    pub fn write_summary(&self, target: &mut dyn Write) -> io::Result<()> {
        let label = self.label();
        let Some(host) = &self.host else {
            return writeln!(target, "{label}: {}", self.text);
        };
        match self.dtype {
            Some(dtype) => {
                writeln!(
                    target,
                    "{label}: {}{:?} = {}",
                    dtype.torch_name(),
                    host.shape(),
                    first_values(host)
                )
            }
            None => writeln!(target, "{label}: {}", first_values(host)),
        }
    }

    /// What programs read of it.
    pub fn to_json(&self) -> serde_json::Value {
        let dtype = self
            .dtype
            .or(self.host.as_ref().map(HostTensor::dtype))
            .map(ScalarType::torch_name);
        let shape = self.host.as_ref().map(HostTensor::shape);
        json!({ "key": self.key, "path": self.label(), "dtype": dtype, "shape": shape })
    }
}

/// What goes to a file.
pub fn tensors(entries: &[Entry]) -> Tensors {
    entries
        .iter()
        .filter_map(|entry| Some((entry.key.clone(), entry.host.clone()?)))
        .collect()
}

/// The first elements, as PyTorch prints them.
fn first_values(host: &HostTensor) -> String {
    const MOST: usize = 6;
    let size = host.dtype().size();
    let count = host.bytes().len() / size;
    let shown = host
        .bytes()
        .chunks_exact(size)
        .take(MOST)
        .map(|bytes| element(host.dtype(), bytes));
    let mut shown: Vec<_> = shown.collect();
    match (host.shape().is_empty(), shown.pop()) {
        (true, Some(only)) => only,
        (false, Some(last)) => {
            shown.push(last);
            shown.extend((count > MOST).then(|| "...".to_owned()));
            format!("[{}]", shown.join(", "))
        }
        (_, None) => "[]".to_owned(),
    }
}

/// The text of one element.
fn element(dtype: ScalarType, bytes: &[u8]) -> String {
    match elements_as_f64(dtype, bytes).as_slice() {
        [real] if dtype == ScalarType::Bool => {
            if *real != 0.0 { "True" } else { "False" }.to_owned()
        }
        [_] if dtype.is_integer() => integer(dtype, bytes),
        [real] => float(*real),
        [real, imaginary] => {
            let sign = if imaginary.is_sign_negative() {
                '-'
            } else {
                '+'
            };
            format!("{}{sign}{}j", float(*real), float(imaginary.abs()))
        }
        _ => "?".to_owned(),
    }
}

/// The numbers in some bytes; a complex number is two. Empty for dtypes that no file holds.
pub fn elements_as_f64(dtype: ScalarType, bytes: &[u8]) -> Vec<f64> {
    use ScalarType::*;
    fn read<const N: usize>(bytes: &[u8], to_f64: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        let (chunks, _) = bytes.as_chunks::<N>();
        chunks.iter().map(|chunk| to_f64(*chunk)).collect()
    }
    match dtype {
        Bool | Uint8 => read(bytes, |[byte]| f64::from(byte)),
        Int8 => read(bytes, |chunk| f64::from(i8::from_ne_bytes(chunk))),
        Int16 => read(bytes, |chunk| f64::from(i16::from_ne_bytes(chunk))),
        Uint16 => read(bytes, |chunk| f64::from(u16::from_ne_bytes(chunk))),
        Int32 => read(bytes, |chunk| f64::from(i32::from_ne_bytes(chunk))),
        Uint32 => read(bytes, |chunk| f64::from(u32::from_ne_bytes(chunk))),
        Int64 => read(bytes, |chunk| i64::from_ne_bytes(chunk) as f64),
        Uint64 => read(bytes, |chunk| u64::from_ne_bytes(chunk) as f64),
        Float16 | Complex32 => read(bytes, |chunk| half(u16::from_ne_bytes(chunk))),
        BFloat16 => read(bytes, |chunk| {
            f64::from(f32::from_bits(u32::from(u16::from_ne_bytes(chunk)) << 16))
        }),
        Float32 | Complex64 => read(bytes, |chunk| f64::from(f32::from_ne_bytes(chunk))),
        Float64 | Complex128 => read(bytes, f64::from_ne_bytes),
        Float8E4M3Fn | Float8E5M2 | Float8E4M3FnUz | Float8E5M2FnUz | Float8E8M0Fnu => Vec::new(),
    }
}

/// The value of a binary16 number.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let fraction = f64::from(bits & 0x3ff);
    match (bits >> 10) & 0x1f {
        0 => sign * fraction * 2.0_f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        exponent => sign * (1024.0 + fraction) * 2.0_f64.powi(i32::from(exponent) - 25),
    }
}

/// 64 bits do not fit a float.
fn integer(dtype: ScalarType, bytes: &[u8]) -> String {
    match (dtype, bytes.first_chunk()) {
        (ScalarType::Int64, Some(chunk)) => i64::from_ne_bytes(*chunk).to_string(),
        (ScalarType::Uint64, Some(chunk)) => u64::from_ne_bytes(*chunk).to_string(),
        _ => elements_as_f64(dtype, bytes)
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

/// Four digits, as PyTorch; very large and very small numbers with an exponent.
fn float(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() || value == 0.0 || (1e-4..1e8).contains(&magnitude) {
        format!("{value:.4}")
    } else {
        format!("{value:.4e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(host: HostTensor) -> String {
        let dtype = Some(host.dtype());
        let entry = Entry {
            key: "0".to_owned(),
            path: "['x']".to_owned(),
            dtype,
            host: Some(host),
            text: String::new(),
        };
        let mut text = Vec::new();
        entry.write_summary(&mut text).expect("written");
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn values_are_shown_as_pytorch_shows_them() {
        let floats: Vec<u8> = [
            0.123_456_f32,
            -1.0,
            1e-9,
            f32::NAN,
            f32::NEG_INFINITY,
            0.0,
            7.0,
        ]
        .into_iter()
        .flat_map(f32::to_ne_bytes)
        .collect();
        let host = HostTensor::new(ScalarType::Float32, vec![7], floats).expect("seven");
        assert_eq!(
            summary(host),
            "output['x']: float32[7] = [0.1235, -1.0000, 1.0000e-9, nan, -inf, 0.0000, ...]\n"
        );
        let big = HostTensor::new(ScalarType::Int64, vec![], i64::MAX.to_ne_bytes().to_vec())
            .expect("one");
        assert_eq!(summary(big), "output['x']: int64[] = 9223372036854775807\n");
        let truth = HostTensor::new(ScalarType::Bool, vec![2], vec![1, 0]).expect("two");
        assert_eq!(summary(truth), "output['x']: bool[2] = [True, False]\n");
        let complex: Vec<u8> = [1.0_f64, -2.0]
            .into_iter()
            .flat_map(f64::to_ne_bytes)
            .collect();
        let complex = HostTensor::new(ScalarType::Complex128, vec![1], complex).expect("one");
        assert_eq!(
            summary(complex),
            "output['x']: complex128[1] = [1.0000-2.0000j]\n"
        );
        let empty = HostTensor::new(ScalarType::Float16, vec![0], vec![]).expect("none");
        assert_eq!(summary(empty), "output['x']: float16[0] = []\n");
        let half = HostTensor::new(ScalarType::Float16, vec![1], vec![0x00, 0x3c]).expect("one");
        assert_eq!(summary(half), "output['x']: float16[1] = [1.0000]\n");
    }

    #[test]
    fn what_no_file_holds_is_shown_and_not_written() {
        let entry = Entry::new(
            "1".to_owned(),
            "[1]".to_owned(),
            &Value::Str("sum".to_owned()),
            None,
        );
        let mut text = Vec::new();
        entry.write_summary(&mut text).expect("written");
        assert_eq!(text, b"output[1]: 'sum'\n");
        assert!(tensors(&[entry]).is_empty());
    }
}
