//! The archive's weights for the runtime: names bound to mapped bytes, nothing read.

use std::sync::Arc;

use expc_dialects::{Diagnostic, ScalarType};
use expc_pt2::{Archive, Constant, SharedBytes, TensorRecord};
use expc_runtime::{
    torch::StorageView,
    weights::{StoredBytes, Weight, Weights},
};

/// The parameters, buffers and constants of an archive.
///
/// # Errors
/// What the index of the archive reports: damaged configs and pickles, storages that are too short.
pub fn weights(archive: &Archive) -> Result<Weights, Diagnostic> {
    let index = archive
        .weights()
        .map_err(|error| super::diagnostic(&error))?;
    let storages: Vec<Arc<StoredBytes>> = index
        .storages()
        .as_slice()
        .iter()
        .map(|storage| stored(storage.bytes.clone()))
        .collect();
    let weight = |fqn: &str, record: &TensorRecord| -> Result<Weight, Diagnostic> {
        let unusable = |what: String| {
            Diagnostic::error("E0102", format!("tensor `{fqn}` {what}")).in_file(archive.file())
        };
        let storage = storages
            .get(record.storage.index())
            .ok_or_else(|| unusable("has no storage".to_owned()))?;
        let dtype = ScalarType::from_torch_name(record.dtype.name())
            .ok_or_else(|| unusable(format!("has the dtype `{}`", record.dtype.name())))?;
        Ok(Weight::Stored {
            storage: Arc::clone(storage),
            view: StorageView {
                dtype,
                sizes: record.sizes.clone(),
                strides: record.strides.clone(),
                offset: record.storage_offset,
            },
        })
    };
    let mut weights = Weights::new();
    for (fqn, constant) in index.constants() {
        match constant {
            Constant::Tensor(record) => weights.insert(fqn, weight(fqn, record)?),
            Constant::Object {
                object,
                entry: Some(entry),
            } => {
                let bytes = archive.content(entry);
                let bytes = stored(bytes.map_err(|error| super::diagnostic(&error))?);
                let class_name = object.class_name.clone();
                weights.insert(fqn, Weight::PickledObject { class_name, bytes });
            }
            // Archives before PyTorch 2.9 have all constants in one pickle.
            Constant::Object {
                object,
                entry: None,
            } => {
                let bytes = index.pickled_object(object).map_err(|what| {
                    let what =
                        format!("the object `{fqn}` holds {what}, which cannot be handed on");
                    Diagnostic::error("E0104", what).in_file(archive.file())
                })?;
                let class_name = object.class_name.clone();
                let bytes = Arc::new(StoredBytes {
                    range: 0..bytes.len(),
                    bytes: Arc::new(bytes),
                });
                weights.insert(fqn, Weight::PickledObject { class_name, bytes });
            }
            // Only Python reads them; a program that uses one is told that its weight is missing.
            Constant::Opaque { .. } => {}
        }
    }
    for (fqn, record) in index.state_dict() {
        weights.insert(fqn, weight(fqn, record)?);
    }
    Ok(weights)
}

fn stored(bytes: SharedBytes) -> Arc<StoredBytes> {
    Arc::new(StoredBytes {
        range: 0..bytes.len(),
        bytes: Arc::new(Bytes(bytes)),
    })
}

/// Mapped bytes as the runtime takes them.
struct Bytes(SharedBytes);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
