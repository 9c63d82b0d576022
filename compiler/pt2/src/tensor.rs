//! Tensors of a file: where their storage is, and whether it is long enough for what they claim.

use crate::bytes::SharedBytes;
use crate::limits::Limits;
use crate::schema::{Layout, ScalarType};

/// A storage in [`crate::Weights`] or [`crate::SampleInputs`]; tensors with equal ids share memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorageId(pub(crate) usize);

impl StorageId {
    /// The position among the storages.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A tensor as a view of a storage that is long enough for it, except on the device `meta`, where there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorRecord {
    pub dtype: ScalarType,
    pub sizes: Vec<i64>,
    /// In elements, one per size.
    pub strides: Vec<i64>,
    /// In elements.
    pub storage_offset: i64,
    pub requires_grad: bool,
    /// The device on which it was saved: `cpu`, `cuda:0`.
    pub device: String,
    pub layout: Layout,
    /// Whether it is a `torch.nn.Parameter`.
    pub is_parameter: bool,
    pub storage: StorageId,
}

impl TensorRecord {
    /// Elements of the tensor; its sizes were checked to multiply without overflow.
    pub fn numel(&self) -> u64 {
        self.sizes.iter().map(|&size| size.unsigned_abs()).product()
    }

    /// Whether the elements lie row by row without gaps.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1_i64;
        self.numel() == 0
            || self
                .sizes
                .iter()
                .zip(&self.strides)
                .rev()
                .all(|(&size, &stride)| {
                    let fits = size == 1 || stride == expected;
                    expected = expected.saturating_mul(size);
                    fits
                })
    }
}

/// The bytes of one storage, little-endian.
#[derive(Clone, Debug)]
pub struct Storage {
    /// A slice of the mapped file, or a buffer if the entry was compressed.
    pub bytes: SharedBytes,
    /// The element type that it was saved with; tensors on it may differ in an untyped storage.
    pub dtype: ScalarType,
}

impl Storage {
    /// Whether the first byte is aligned for elements of `dtype`, so that the bytes can be used in place.
    ///
    /// An empty storage is aligned.
    pub fn is_aligned(&self) -> bool {
        let align = self.dtype.unit_size().unwrap_or(1);
        self.bytes.is_empty() || (self.bytes.as_ptr() as u64).is_multiple_of(align)
    }
}

/// What is wrong with a tensor of the file.
#[derive(Debug, thiserror::Error)]
#[error("tensor `{name}`: {fault}")]
pub struct TensorError {
    /// The FQN, or a description where it has none.
    pub name: String,
    pub fault: TensorFault,
}

/// The cause of a [`TensorError`].
#[derive(Debug, thiserror::Error)]
pub enum TensorFault {
    #[error("the dtype is not known")]
    UnknownDtype,
    #[error("{what} is symbolic (`{expr}`), expected a number")]
    Symbolic { what: &'static str, expr: String },
    #[error("{sizes} sizes but {strides} strides")]
    RankMismatch { sizes: usize, strides: usize },
    #[error("has {rank} dimensions, and the limit is {limit}")]
    Rank { rank: usize, limit: usize },
    #[error("{what} is {value}, expected no negative number")]
    Negative { what: &'static str, value: i64 },
    #[error("sizes {sizes:?} with strides {strides:?} and offset {offset} overflow")]
    Overflow {
        sizes: Vec<i64>,
        strides: Vec<i64>,
        offset: i64,
    },
    #[error(
        "the storage has {found} bytes, and sizes {sizes:?} with strides {strides:?} and offset {offset} of `{dtype}` need {needed}"
    )]
    ShortStorage {
        found: u64,
        needed: u64,
        sizes: Vec<i64>,
        strides: Vec<i64>,
        offset: i64,
        dtype: ScalarType,
    },
    #[error("the layout `{layout}` is not supported, expected `strided`")]
    Layout { layout: Layout },
    #[error("saved as {saved}, which is not supported")]
    Unsupported { saved: String },
    #[error("the storage was saved as `{saved}`, and another tensor of it is `{other}`")]
    DtypeMismatch {
        saved: ScalarType,
        other: ScalarType,
    },
}

impl TensorFault {
    /// The fault of the tensor called `name`.
    pub(crate) fn of(self, name: impl Into<String>) -> TensorError {
        TensorError {
            name: name.into(),
            fault: self,
        }
    }
}

/// Checks that sizes and strides are sound and that `storage_bytes` hold every element.
pub(crate) fn check_extent(
    record: &TensorRecord,
    storage_bytes: u64,
    limits: &Limits,
) -> Result<(), TensorFault> {
    if record.sizes.len() != record.strides.len() {
        return Err(TensorFault::RankMismatch {
            sizes: record.sizes.len(),
            strides: record.strides.len(),
        });
    }
    if record.sizes.len() > limits.tensor_rank {
        return Err(TensorFault::Rank {
            rank: record.sizes.len(),
            limit: limits.tensor_rank,
        });
    }
    if record.layout != Layout::Strided {
        return Err(TensorFault::Layout {
            layout: record.layout,
        });
    }
    let size = record.dtype.size().ok_or(TensorFault::UnknownDtype)?;
    not_negative("a size", &record.sizes)?;
    not_negative("a stride", &record.strides)?;
    not_negative("the storage offset", &[record.storage_offset])?;
    let overflow = || TensorFault::Overflow {
        sizes: record.sizes.clone(),
        strides: record.strides.clone(),
        offset: record.storage_offset,
    };
    let needed = elements_needed(record)
        .and_then(|elements| elements.checked_mul(size))
        .ok_or_else(overflow)?;
    // Tensors of the meta device have sizes and no storage.
    if needed > storage_bytes && record.device != "meta" {
        return Err(TensorFault::ShortStorage {
            found: storage_bytes,
            needed,
            sizes: record.sizes.clone(),
            strides: record.strides.clone(),
            offset: record.storage_offset,
            dtype: record.dtype,
        });
    }
    Ok(())
}

fn not_negative(what: &'static str, values: &[i64]) -> Result<(), TensorFault> {
    match values.iter().find(|&&value| value < 0) {
        Some(&value) => Err(TensorFault::Negative { what, value }),
        None => Ok(()),
    }
}

/// The elements of the storage up to the last one that the tensor touches; `None` on overflow.
///
/// A tensor without elements needs none, whatever its offset.
fn elements_needed(record: &TensorRecord) -> Option<u64> {
    let empty = record.sizes.contains(&0);
    let mut numel = 1_i64;
    let mut last = record.storage_offset;
    for (&size, &stride) in record.sizes.iter().zip(&record.strides) {
        numel = if empty { 0 } else { numel.checked_mul(size)? };
        if !empty {
            last = last.checked_add(size.checked_sub(1)?.checked_mul(stride)?)?;
        }
    }
    if empty {
        return Some(0);
    }
    u64::try_from(last.checked_add(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sizes: &[i64], strides: &[i64], offset: i64) -> TensorRecord {
        TensorRecord {
            dtype: ScalarType::F32,
            sizes: sizes.to_vec(),
            strides: strides.to_vec(),
            storage_offset: offset,
            requires_grad: false,
            device: "cpu".to_owned(),
            layout: Layout::Strided,
            is_parameter: false,
            storage: StorageId(0),
        }
    }

    #[track_caller]
    fn check(sizes: &[i64], strides: &[i64], offset: i64, bytes: u64, expected: Option<&str>) {
        let found = check_extent(&record(sizes, strides, offset), bytes, &Limits::default());
        assert_eq!(
            found.err().map(|fault| fault.to_string()).as_deref(),
            expected
        );
    }

    #[test]
    fn a_storage_that_fits_is_accepted() {
        check(&[2, 3], &[3, 1], 0, 24, None);
        check(&[3, 2], &[1, 3], 0, 24, None);
        check(&[100, 2], &[0, 1], 4, 24, None);
        check(&[], &[], 5, 24, None);
        check(&[0, 1 << 62], &[1 << 62, 1], 7, 0, None);
    }

    #[test]
    fn a_meta_tensor_needs_no_storage() {
        let meta = TensorRecord {
            device: "meta".to_owned(),
            ..record(&[2, 3], &[3, 1], 0)
        };
        assert!(check_extent(&meta, 0, &Limits::default()).is_ok());
    }

    #[test]
    fn a_short_storage_is_refused_with_numbers() {
        check(
            &[2, 3],
            &[3, 1],
            1,
            24,
            Some(
                "the storage has 24 bytes, and sizes [2, 3] with strides [3, 1] and offset 1 of `float32` need 28",
            ),
        );
        check(
            &[],
            &[],
            6,
            24,
            Some(
                "the storage has 24 bytes, and sizes [] with strides [] and offset 6 of `float32` need 28",
            ),
        );
    }

    #[test]
    fn nonsense_is_refused() {
        check(
            &[2, -3],
            &[3, 1],
            0,
            24,
            Some("a size is -3, expected no negative number"),
        );
        check(
            &[2],
            &[-1],
            0,
            24,
            Some("a stride is -1, expected no negative number"),
        );
        check(
            &[2],
            &[1],
            -1,
            24,
            Some("the storage offset is -1, expected no negative number"),
        );
        check(&[2], &[1, 1], 0, 24, Some("1 sizes but 2 strides"));
        let big = i64::MAX;
        let overflow =
            format!("sizes [{big}, {big}] with strides [{big}, 1] and offset 0 overflow");
        check(&[big, big], &[big, 1], 0, 24, Some(&overflow));
    }

    #[test]
    fn contiguity_ignores_dimensions_of_one() {
        assert!(record(&[2, 1, 3], &[3, 77, 1], 0).is_contiguous());
        assert!(!record(&[2, 3], &[1, 2], 0).is_contiguous());
        assert!(record(&[0, 3], &[1, 2], 0).is_contiguous());
        assert_eq!(record(&[2, 1, 3], &[3, 77, 1], 0).numel(), 6);
    }
}
