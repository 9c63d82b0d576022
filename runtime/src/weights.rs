//! The tensors and objects that a signature names: parameters, buffers, constants.
//!
//! A weight is bytes in memory (usually a mapped file) with sizes and strides over them, a tensor, or an object.
//! Nothing is read or copied before a program is loaded. Tied weights name one [`StoredBytes`].

use std::{ops::Range, sync::Arc};

use rustc_hash::FxHashMap;

use crate::torch::{Opaque, SharedTensor, StorageView, TensorInfo};

/// Memory that tensors lie in, shared by all that it is cloned to.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// One storage of an archive.
///
/// The bytes must be writable memory of this process: a file is mapped privately (copy on write).
pub struct StoredBytes {
    pub bytes: Bytes,
    pub range: Range<usize>,
}

impl std::fmt::Debug for StoredBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredBytes({:?})", self.range)
    }
}

impl StoredBytes {
    /// The bytes of the range; none if the memory is shorter.
    pub(crate) fn as_slice(&self) -> Option<&[u8]> {
        let bytes: &[u8] = (*self.bytes).as_ref();
        bytes.get(self.range.clone())
    }
}

/// Where a weight comes from.
#[derive(Clone, Debug)]
pub enum Weight {
    /// Elements in stored bytes; tied weights share the `Arc`.
    Stored {
        storage: Arc<StoredBytes>,
        view: StorageView,
    },
    /// A tensor that exists already.
    Tensor(Arc<SharedTensor>),
    /// A TorchBind object.
    Object(Opaque),
    /// A TorchBind object as `torch._C._pickle_save` wrote it; its class must be registered when it is bound.
    PickledObject {
        class_name: String,
        bytes: Arc<StoredBytes>,
    },
}

/// Weights by their fully qualified names.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    by_name: FxHashMap<String, Weight>,
}

impl Weights {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a weight; one of the same name is replaced.
    pub fn insert(&mut self, name: impl Into<String>, weight: Weight) {
        self.by_name.insert(name.into(), weight);
    }

    /// Adds a tensor under a name.
    pub fn insert_tensor(&mut self, name: impl Into<String>, tensor: tch::Tensor) {
        self.insert(name, Weight::Tensor(Arc::new(SharedTensor::new(tensor))));
    }

    /// Adds all of `other`; those of the same names are replaced.
    pub fn extend(&mut self, other: Self) {
        self.by_name.extend(other.by_name);
    }

    pub fn get(&self, name: &str) -> Option<&Weight> {
        self.by_name.get(name)
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.by_name.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// What makes two weights share memory: the same storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StorageKey {
    Bytes(usize),
    Tensor(usize),
}

impl Weight {
    /// None for objects and for tensors without a storage.
    pub(crate) fn storage_key(&self) -> Option<StorageKey> {
        match self {
            Self::Stored { storage, .. } => Some(StorageKey::Bytes(Arc::as_ptr(storage).addr())),
            Self::Tensor(tensor) => tensor.info().storage.map(StorageKey::Tensor),
            Self::Object(_) | Self::PickledObject { .. } => None,
        }
    }

    /// Where the weight lies in its storage, for weights that have one.
    pub fn storage_view(&self) -> Option<StorageView> {
        match self {
            Self::Stored { view, .. } => Some(view.clone()),
            Self::Tensor(tensor) => {
                let TensorInfo {
                    dtype,
                    sizes,
                    strides,
                    storage_offset,
                    ..
                } = tensor.info();
                Some(StorageView {
                    dtype: dtype?,
                    sizes,
                    strides: strides?,
                    offset: storage_offset,
                })
            }
            Self::Object(_) | Self::PickledObject { .. } => None,
        }
    }
}
