//! The tensors and objects of an archive: those of the archive that the program was read from, word for word, and
//! those that were made since.

use expc_dialects::{Diagnostic, InputKind, InputSpec, Signature};
use expc_pt2::{
    Archive, Constant, Device, Layout, Payload, Payloads, SchemaVersion, SharedBytes, Sym,
    TensorMeta, TensorRecord, Weights as Index,
};
use expc_runtime::{
    torch::{StorageView, tensor_bytes},
    weights::{StoredBytes, Weight, Weights},
};
use rustc_hash::FxHashMap;

use super::argument;
use crate::frontend::pt2;

/// Where the weights of a program come from.
#[derive(Clone, Copy, Default)]
pub struct Source<'s> {
    /// The schema to write; where none is asked for, [`expc_pt2::SCHEMA`].
    pub schema: Option<SchemaVersion>,
    /// The archive that the program was read from; what it has is handed on, extra files and sample inputs too.
    pub archive: Option<&'s Archive>,
    /// Weights that the archive does not have, or that replace its own.
    pub weights: Option<&'s Weights>,
}

/// What was found, held while the archive is written.
#[derive(Default)]
pub struct Found {
    index: Index,
    /// The pickles of objects by FQN.
    objects: FxHashMap<String, SharedBytes>,
    made: FxHashMap<String, Made>,
    sample_inputs: Option<SharedBytes>,
    extra_files: Vec<(String, SharedBytes)>,
}

/// A weight from [`Source::weights`].
struct Made {
    bytes: MadeBytes,
    view: StorageView,
}

enum MadeBytes {
    Stored(std::sync::Arc<StoredBytes>),
    Copied(Vec<u8>),
}

impl MadeBytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Stored(stored) => {
                let bytes: &[u8] = (*stored.bytes).as_ref();
                bytes.get(stored.range.clone()).unwrap_or_default()
            }
            Self::Copied(bytes) => bytes,
        }
    }
}

impl Source<'_> {
    /// Finds what the signature and the archive name; nothing is read but pickles and configs.
    pub fn find(&self, signature: &Signature) -> Result<Found, Vec<Diagnostic>> {
        let mut found = Found::default();
        let mut faults = Vec::new();
        if let Some(archive) = self.archive {
            found.read(archive).map_err(|fault| vec![fault])?;
        }
        for input in &signature.inputs {
            let Some(target) = weight_of(input) else {
                continue;
            };
            match self.weights.and_then(|weights| weights.get(target)) {
                Some(weight) => match made(weight) {
                    Ok(Some(made)) => {
                        found.made.insert(target.to_owned(), made);
                    }
                    Ok(None) => {}
                    Err(error) => faults.push(Diagnostic::error(
                        "E0162",
                        format!("weight `{target}`: {error}"),
                    )),
                },
                None if found.has(target) => {}
                None => faults.push(
                    Diagnostic::error(
                        "E0163",
                        format!(
                            "the {} `{target}` of input `{}` has no weight",
                            input.kind.name(),
                            input.name
                        ),
                    )
                    .help("give a file that has it with `--weights`, or let it be made up with `--random-weights`"),
                ),
            }
        }
        if faults.is_empty() {
            Ok(found)
        } else {
            Err(faults)
        }
    }
}

/// What an input takes from the weights.
fn weight_of(input: &InputSpec) -> Option<&str> {
    match input.kind {
        InputKind::Parameter
        | InputKind::Buffer
        | InputKind::ConstantTensor
        | InputKind::CustomObj => input.target.as_deref(),
        InputKind::UserInput | InputKind::Token => None,
    }
}

/// The bytes of a weight; none of an object, which only its archive can hand on.
fn made(weight: &Weight) -> Result<Option<Made>, String> {
    Ok(match weight {
        Weight::Stored { storage, view } => Some(Made {
            bytes: MadeBytes::Stored(storage.clone()),
            view: view.clone(),
        }),
        Weight::Tensor(tensor) => {
            let info = tensor.info();
            let dtype = info.dtype.ok_or("the dtype is not known")?;
            let bytes = tensor_bytes(&tensor.handle()).map_err(|error| error.to_string())?;
            Some(Made {
                bytes: MadeBytes::Copied(bytes),
                view: StorageView {
                    dtype,
                    strides: contiguous(&info.sizes),
                    sizes: info.sizes,
                    offset: 0,
                },
            })
        }
        Weight::Object(_) | Weight::PickledObject { .. } => None,
    })
}

fn contiguous(sizes: &[i64]) -> Vec<i64> {
    let mut strides = Vec::with_capacity(sizes.len());
    let mut stride = 1_i64;
    for size in sizes.iter().rev() {
        strides.push(stride);
        stride = stride.saturating_mul((*size).max(1));
    }
    strides.reverse();
    strides
}

impl Found {
    fn read(&mut self, archive: &Archive) -> Result<(), Diagnostic> {
        let in_archive = |error: expc_pt2::Error| pt2::diagnostic(&error);
        self.index = archive.weights().map_err(in_archive)?;
        self.sample_inputs = archive.sample_inputs_pickle().map_err(in_archive)?;
        for name in archive.extra_files() {
            let content = archive.extra_file(name).map_err(in_archive)?;
            self.extra_files.push((name.to_owned(), content));
        }
        for (fqn, constant) in self.index.constants() {
            match constant {
                Constant::Tensor(_) => {}
                Constant::Object {
                    entry: Some(entry), ..
                } => {
                    let pickle = archive.content(entry).map_err(in_archive)?;
                    self.objects.insert(fqn.clone(), pickle);
                }
                Constant::Object { entry: None, .. } => {}
                Constant::Opaque { .. } => {
                    let message = format!(
                        "the object `{fqn}` can be read by Python only, which expc does not write"
                    );
                    return Err(Diagnostic::error("E0164", message).in_file(archive.file()));
                }
            }
        }
        Ok(())
    }

    fn has(&self, fqn: &str) -> bool {
        self.index.tensor(fqn).is_some() || self.index.constants().contains_key(fqn)
    }

    /// The sample inputs, empty if there are none.
    pub fn sample_inputs(&self) -> &[u8] {
        self.sample_inputs.as_deref().unwrap_or_default()
    }

    pub fn extra_files(&self) -> Vec<(&str, &[u8])> {
        self.extra_files
            .iter()
            .map(|(name, content)| (name.as_str(), &**content))
            .collect()
    }

    /// Parameters and persistent buffers: all that the archive had, then those that were made.
    pub fn state_dict(
        &self,
        signature: &Signature,
        schema: SchemaVersion,
    ) -> Result<Payloads<'_>, Diagnostic> {
        let mut payloads = Payloads::new();
        for (fqn, record) in self.index.state_dict() {
            payloads.insert(fqn.clone(), self.record(fqn, record)?);
        }
        self.add_made(signature, &mut payloads, |input| {
            input.kind == InputKind::Parameter
                || (input.kind == InputKind::Buffer && input.persistent == Some(true))
        })?;
        check(&payloads, schema)?;
        Ok(payloads)
    }

    /// Tensor constants, buffers that are not persistent, and objects.
    pub fn constants(
        &self,
        signature: &Signature,
        schema: SchemaVersion,
    ) -> Result<Payloads<'_>, Diagnostic> {
        let mut payloads = Payloads::new();
        for (fqn, constant) in self.index.constants() {
            let payload = match constant {
                Constant::Tensor(record) => Some(self.record(fqn, record)?),
                Constant::Object { object, .. } => Some(Payload::Object {
                    object,
                    index: &self.index,
                    pickle: self.objects.get(fqn).map(|pickle| &**pickle),
                }),
                Constant::Opaque { .. } => None,
            };
            if let Some(payload) = payload {
                payloads.insert(fqn.clone(), payload);
            }
        }
        self.add_made(signature, &mut payloads, |input| match input.kind {
            InputKind::ConstantTensor => true,
            InputKind::Buffer => input.persistent != Some(true),
            _ => false,
        })?;
        check(&payloads, schema)?;
        Ok(payloads)
    }

    fn record<'f>(&'f self, fqn: &str, record: &TensorRecord) -> Result<Payload<'f>, Diagnostic> {
        let numbers = |values: &[i64]| values.iter().copied().map(Sym::Value).collect();
        Ok(Payload::Tensor {
            storage: self.index.storage_bytes(record.storage),
            meta: TensorMeta {
                dtype: record.dtype,
                sizes: numbers(&record.sizes),
                requires_grad: record.requires_grad,
                device: device(fqn, &record.device)?,
                strides: numbers(&record.strides),
                storage_offset: Sym::Value(record.storage_offset),
                layout: record.layout,
            },
            is_parameter: record.is_parameter,
        })
    }

    fn add_made<'f>(
        &'f self,
        signature: &Signature,
        payloads: &mut Payloads<'f>,
        is_here: impl Fn(&InputSpec) -> bool,
    ) -> Result<(), Diagnostic> {
        for input in signature.inputs.iter().filter(|input| is_here(input)) {
            let target = input.target.as_deref().unwrap_or_default();
            let Some(made) = self.made.get(target) else {
                continue;
            };
            let replaced = match payloads.get(target) {
                Some(Payload::Tensor { meta, .. }) => Some(meta),
                _ => None,
            };
            let numbers = |values: &[i64]| values.iter().copied().map(Sym::Value).collect();
            let dtype = argument::scalar_type(made.view.dtype).map_err(|refusal| {
                Diagnostic::error("E0162", format!("weight `{target}`: {refusal}"))
            })?;
            let is_parameter = input.kind == InputKind::Parameter;
            let payload = Payload::Tensor {
                storage: made.bytes.as_slice(),
                meta: TensorMeta {
                    dtype,
                    sizes: numbers(&made.view.sizes),
                    requires_grad: match replaced {
                        Some(meta) => meta.requires_grad,
                        None => is_parameter && made.view.dtype.is_floating_point(),
                    },
                    device: match replaced {
                        Some(meta) => meta.device.clone(),
                        None => device(target, "cpu")?,
                    },
                    strides: numbers(&made.view.strides),
                    storage_offset: Sym::Value(made.view.offset),
                    layout: Layout::Strided,
                },
                is_parameter,
            };
            payloads.insert(target.to_owned(), payload);
        }
        Ok(())
    }
}

/// Refuses tensors that the schema has no form for.
fn check(payloads: &Payloads<'_>, schema: SchemaVersion) -> Result<(), Diagnostic> {
    for (fqn, payload) in payloads {
        let Payload::Tensor { meta, .. } = payload else {
            continue;
        };
        let fitted = argument::fitted_dtype(meta.dtype, schema).and_then(|_| {
            match meta.layout == Layout::Strided || !schema.pickles_tensors() {
                true => Ok(()),
                false => Err(format!(
                    "expc writes no tensors of layout `{}` in the schema {schema}",
                    meta.layout
                )),
            }
        });
        fitted
            .map_err(|refusal| Diagnostic::error("E0162", format!("weight `{fqn}`: {refusal}")))?;
    }
    Ok(())
}

fn device(fqn: &str, text: &str) -> Result<Device<'static>, Diagnostic> {
    argument::device(text)
        .map_err(|refusal| Diagnostic::error("E0162", format!("weight `{fqn}`: {refusal}")))
}
