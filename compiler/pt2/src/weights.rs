//! Weights, constants and sample inputs: which tensor lies where in the archive.
//!
//! Building the index reads directories, pickles and configs; the storages' bytes stay untouched until somebody
//! asks for them, unless their entry is compressed.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::archive::{Archive, ArchiveLayout};
use crate::bytes::SharedBytes;
use crate::error::{Error, ErrorKind, LayoutError};
use crate::pickle::{self, CustomObject, Host, PickleError, PickleFault, Value};
use crate::schema::{PayloadConfig, PayloadMeta, ScalarType, Sym, TensorMeta};
use crate::tensor::{Storage, StorageId, TensorFault, TensorRecord, check_extent};
use crate::zip::Directory;

/// The storages of a set of tensors. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Storages {
    list: Vec<Storage>,
}

impl Storages {
    /// The storage of a tensor of the same [`Weights`] or [`SampleInputs`].
    pub fn get(&self, id: StorageId) -> Option<&Storage> {
        self.list.get(id.0)
    }

    /// All storages; [`StorageId::index`] is the position.
    pub fn as_slice(&self) -> &[Storage] {
        &self.list
    }

    /// The bytes of a storage; reading them reads the file's pages. Empty for an id of another set.
    pub fn bytes(&self, id: StorageId) -> &[u8] {
        self.get(id)
            .map(|storage| &*storage.bytes)
            .unwrap_or_default()
    }

    fn add(&mut self, bytes: SharedBytes, dtype: ScalarType) -> StorageId {
        self.list.push(Storage { bytes, dtype });
        StorageId(self.list.len() - 1)
    }

    fn len_of(&self, id: StorageId) -> u64 {
        self.get(id).map_or(0, |storage| storage.bytes.len() as u64)
    }
}

/// A constant of the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// A tensor constant or a buffer that is not persistent.
    Tensor(TensorRecord),
    /// A TorchBind object, and the entry that holds it alone; older archives keep all constants in one pickle.
    Object {
        object: CustomObject,
        entry: Option<String>,
    },
    /// An object that only Python can read (`opaque_obj_<n>` of PyTorch 2.13 and later), by its entry.
    Opaque { entry: String },
}

/// The index of the state dict and the constants, by FQN in the archive's order.
///
/// It owns what it needs of the file and outlives the [`Archive`].
#[derive(Clone, Debug, Default)]
pub struct Weights {
    state_dict: IndexMap<String, TensorRecord>,
    constants: IndexMap<String, Constant>,
    storages: Storages,
}

impl Weights {
    /// Parameters and persistent buffers.
    pub fn state_dict(&self) -> &IndexMap<String, TensorRecord> {
        &self.state_dict
    }

    /// Tensor constants, buffers that are not persistent, and objects.
    pub fn constants(&self) -> &IndexMap<String, Constant> {
        &self.constants
    }

    /// The tensor of the state dict, else of the constants, with that FQN.
    pub fn tensor(&self, fqn: &str) -> Option<&TensorRecord> {
        self.state_dict
            .get(fqn)
            .or_else(|| match self.constants.get(fqn)? {
                Constant::Tensor(record) => Some(record),
                Constant::Object { .. } | Constant::Opaque { .. } => None,
            })
    }

    /// The tensor of the constants, else of the state dict, with that FQN.
    pub fn constant_tensor(&self, fqn: &str) -> Option<&TensorRecord> {
        match self.constants.get(fqn) {
            Some(Constant::Tensor(record)) => Some(record),
            _ => self.state_dict.get(fqn),
        }
    }

    /// The storages of all tensors.
    pub fn storages(&self) -> &Storages {
        &self.storages
    }

    /// The bytes of a storage; reading them reads the file's pages.
    pub fn storage_bytes(&self, id: StorageId) -> &[u8] {
        self.storages.bytes(id)
    }
}

/// The inputs that the program was exported with.
#[derive(Clone, Debug)]
pub struct SampleInputs {
    pub args: Vec<Value>,
    pub kwargs: Vec<(String, Value)>,
    /// The storages of the tensors in it.
    pub storages: Storages,
}

impl Archive {
    /// Builds the index of weights and constants.
    ///
    /// # Errors
    /// If a tensor is of a kind that is not supported (quantized, sparse, a subclass), its storage is missing or
    /// too short for its sizes and strides, or a pickle asks for anything but data; the FQN is named.
    pub fn weights(&self) -> Result<Weights, Error> {
        let mut index = Index {
            archive: self,
            weights: Weights::default(),
        };
        match self.layout() {
            ArchiveLayout::Flat => {
                index.pickled_state_dict("serialized_state_dict.pt")?;
                index.pickled_constants("serialized_constants.pt")?;
            }
            ArchiveLayout::Rooted { root } => {
                index.rooted_state_dict(&format!("{root}data/weights/"))?;
                index.rooted_constants(&format!("{root}data/constants/"))?;
            }
        }
        Ok(index.weights)
    }

    /// The sample inputs, if the archive has any (2.3 has none).
    ///
    /// # Errors
    /// If they hold anything but tensors and plain containers.
    pub fn sample_inputs(&self) -> Result<Option<SampleInputs>, Error> {
        let entry = match self.layout() {
            ArchiveLayout::Flat => "serialized_example_inputs.pt".to_owned(),
            ArchiveLayout::Rooted { root } => {
                format!("{root}data/sample_inputs/{}.pt", self.program_name())
            }
        };
        if self.zip().get(&entry).is_none_or(|entry| entry.size() == 0) {
            return Ok(None);
        }
        let mut storages = Storages::default();
        let value = Pickled::open(self, &entry)?.load(&mut storages)?;
        match split_sample(value) {
            Ok(None) => Ok(None),
            Ok(Some((args, kwargs))) => Ok(Some(SampleInputs {
                args,
                kwargs,
                storages,
            })),
            Err(found) => {
                Err(ErrorKind::from(LayoutError::NotSampleInputs { found }).at(self.file(), entry))
            }
        }
    }
}

type Sample = (Vec<Value>, Vec<(String, Value)>);

/// Takes `(args, kwargs)` apart; says what it found instead.
fn split_sample(value: Value) -> Result<Option<Sample>, String> {
    let mut parts = match value {
        Value::None => return Ok(None),
        Value::Tuple(parts) if parts.len() == 2 => parts.into_iter(),
        other => return Err(other.describe().to_owned()),
    };
    let args = match parts.next() {
        Some(Value::Tuple(args) | Value::List(args)) => args,
        Some(Value::None) => return Ok(None),
        other => {
            return Err(format!(
                "{} as arguments",
                other.map_or("nothing", |value| value.describe())
            ));
        }
    };
    let kwargs = match parts.next() {
        Some(Value::Dict(pairs)) => pairs,
        Some(Value::None) | None => Vec::new(),
        Some(other) => return Err(format!("{} as keyword arguments", other.describe())),
    };
    let named = kwargs.into_iter().map(|(key, value)| match key {
        Value::Str(name) => Ok((name, value)),
        other => Err(format!("{} as a keyword", other.describe())),
    });
    Ok(Some((args, named.collect::<Result<_, _>>()?)))
}

struct Index<'a> {
    archive: &'a Archive,
    weights: Weights,
}

impl Index<'_> {
    fn at(&self, kind: impl Into<ErrorKind>, entry: &str) -> Error {
        kind.into().at(self.archive.file(), entry.to_owned())
    }

    /// The dictionary that a pickled entry holds; none if the entry is empty.
    fn pickled_dict(&mut self, entry: &str) -> Result<Vec<(String, Value)>, Error> {
        if self.archive.entry(entry)?.size() == 0 {
            return Ok(Vec::new());
        }
        let value = Pickled::open(self.archive, entry)?.load(&mut self.weights.storages)?;
        let not_a_dict = |found: String| self.at(LayoutError::NotAStateDict { found }, entry);
        let Value::Dict(pairs) = value else {
            return Err(not_a_dict(value.describe().to_owned()));
        };
        pairs
            .into_iter()
            .map(|(key, value)| match key {
                Value::Str(fqn) => Ok((fqn, value)),
                other => Err(not_a_dict(format!("{} as a key", other.describe()))),
            })
            .collect()
    }

    fn pickled_state_dict(&mut self, entry: &str) -> Result<(), Error> {
        for (fqn, value) in self.pickled_dict(entry)? {
            let Value::Tensor(record) = value else {
                let found = format!("{} at `{fqn}`", value.describe());
                return Err(self.at(LayoutError::NotAStateDict { found }, entry));
            };
            self.weights.state_dict.insert(fqn, record);
        }
        Ok(())
    }

    fn pickled_constants(&mut self, entry: &str) -> Result<(), Error> {
        for (fqn, value) in self.pickled_dict(entry)? {
            let constant = match value {
                Value::Tensor(record) => Constant::Tensor(record),
                Value::Object(object) => Constant::Object {
                    object: *object,
                    entry: None,
                },
                other => {
                    let found = format!("{} at `{fqn}`", other.describe());
                    return Err(self.at(LayoutError::NotAStateDict { found }, entry));
                }
            };
            self.weights.constants.insert(fqn, constant);
        }
        Ok(())
    }

    fn rooted_state_dict(&mut self, folder: &str) -> Result<(), Error> {
        let name = self.archive.program_name();
        let pickled = format!("{folder}{name}.pt");
        if self.archive.zip().get(&pickled).is_some() {
            return self.pickled_state_dict(&pickled);
        }
        self.payloads(
            folder,
            &format!("{folder}{name}_weights_config.json"),
            Self::weight,
        )
    }

    fn rooted_constants(&mut self, folder: &str) -> Result<(), Error> {
        let name = self.archive.program_name();
        let pickled = format!("{folder}{name}.pt");
        if self.archive.zip().get(&pickled).is_some() {
            return self.pickled_constants(&pickled);
        }
        self.payloads(
            folder,
            &format!("{folder}{name}_constants_config.json"),
            Self::constant,
        )
    }

    /// Calls `add` for each payload of a config.
    fn payloads(
        &mut self,
        folder: &str,
        config: &str,
        add: fn(&mut Self, &mut Folder<'_>, &str, &PayloadMeta<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let text = self.archive.json_text(config)?;
        let payloads: PayloadConfig<'_> = text.parse().map_err(|error| self.at(error, config))?;
        let mut folder = Folder {
            path: folder,
            config,
            by_path: HashMap::new(),
            pickled: HashSet::new(),
        };
        for (fqn, payload) in &payloads.config {
            add(self, &mut folder, fqn, payload)?;
        }
        Ok(())
    }

    fn weight(
        &mut self,
        folder: &mut Folder<'_>,
        fqn: &str,
        payload: &PayloadMeta<'_>,
    ) -> Result<(), Error> {
        let record = self.payload_tensor(folder, fqn, payload)?;
        self.weights.state_dict.insert(fqn.to_owned(), record);
        Ok(())
    }

    fn constant(
        &mut self,
        folder: &mut Folder<'_>,
        fqn: &str,
        payload: &PayloadMeta<'_>,
    ) -> Result<(), Error> {
        let path = payload.path_name.as_str();
        let entry = format!("{}{path}", folder.path);
        let constant = if path.starts_with("custom_obj_") {
            self.own(folder, fqn, path)?;
            let object = Pickled::open(self.archive, &entry)?.load(&mut self.weights.storages)?;
            let Value::Object(object) = object else {
                return Err(self.unsupported_payload(folder, fqn, path, object.describe()));
            };
            Constant::Object {
                object: *object,
                entry: Some(entry),
            }
        } else if path.starts_with("opaque_obj_") {
            self.require(folder, fqn, path)?;
            Constant::Opaque { entry }
        } else {
            Constant::Tensor(self.payload_tensor(folder, fqn, payload)?)
        };
        self.weights.constants.insert(fqn.to_owned(), constant);
        Ok(())
    }

    /// Takes note of a pickled payload, of which each has one owner: reading one again for every name would let
    /// a small file ask for much memory.
    fn own(&self, folder: &mut Folder<'_>, fqn: &str, path: &str) -> Result<(), Error> {
        self.require(folder, fqn, path)?;
        if folder.pickled.insert(path.to_owned()) {
            return Ok(());
        }
        Err(self.unsupported_payload(folder, fqn, path, "a pickle that another name has already"))
    }

    fn require(&self, folder: &Folder<'_>, fqn: &str, path: &str) -> Result<(), Error> {
        if self
            .archive
            .zip()
            .get(&format!("{}{path}", folder.path))
            .is_some()
        {
            return Ok(());
        }
        let error = LayoutError::MissingPayload {
            fqn: fqn.to_owned(),
            path: path.to_owned(),
        };
        Err(self.at(error, folder.config))
    }

    fn unsupported_payload(
        &self,
        folder: &Folder<'_>,
        fqn: &str,
        path: &str,
        found: &str,
    ) -> Error {
        let error = LayoutError::UnsupportedPayload {
            fqn: fqn.to_owned(),
            path: path.to_owned(),
            found: found.to_owned(),
        };
        self.at(error, folder.config)
    }

    fn payload_tensor(
        &mut self,
        folder: &mut Folder<'_>,
        fqn: &str,
        payload: &PayloadMeta<'_>,
    ) -> Result<TensorRecord, Error> {
        let path = payload.path_name.as_str();
        if payload.use_pickle {
            self.own(folder, fqn, path)?;
            return self.pickled_tensor(folder, fqn, payload);
        }
        self.require(folder, fqn, path)?;
        let Some(meta) = &payload.tensor_meta else {
            return Err(self.unsupported_payload(folder, fqn, path, "no tensor"));
        };
        let storage = self.payload_storage(folder, path, meta.dtype)?;
        let tensor_fault = |fault: TensorFault| self.at(fault.of(fqn), folder.config);
        let record = record_of(meta, payload.is_param, storage).map_err(tensor_fault)?;
        let bytes = self.weights.storages.len_of(storage);
        check_extent(&record, bytes, self.archive.limits()).map_err(tensor_fault)?;
        let saved = self
            .weights
            .storages
            .get(storage)
            .map_or(meta.dtype, |storage| storage.dtype);
        if saved != meta.dtype && bytes > 0 {
            return Err(tensor_fault(TensorFault::DtypeMismatch {
                saved,
                other: meta.dtype,
            }));
        }
        Ok(record)
    }

    /// The storage of an entry, one for all tensors that name it.
    fn payload_storage(
        &mut self,
        folder: &mut Folder<'_>,
        path: &str,
        dtype: ScalarType,
    ) -> Result<StorageId, Error> {
        if let Some(&id) = folder.by_path.get(path) {
            return Ok(id);
        }
        let bytes = self.archive.content(&format!("{}{path}", folder.path))?;
        let id = self.weights.storages.add(bytes, dtype);
        folder.by_path.insert(path.to_owned(), id);
        Ok(id)
    }

    /// A tensor of a class of its own, saved as a pickle: read if it is a plain tensor after all.
    fn pickled_tensor(
        &mut self,
        folder: &Folder<'_>,
        fqn: &str,
        payload: &PayloadMeta<'_>,
    ) -> Result<TensorRecord, Error> {
        let path = payload.path_name.as_str();
        let value = Pickled::open(self.archive, &format!("{}{path}", folder.path))?
            .load(&mut self.weights.storages);
        match value {
            Ok(Value::Tensor(record)) => Ok(record),
            Ok(other) => Err(self.unsupported_payload(folder, fqn, path, other.describe())),
            Err(error) => {
                let saved = match *error.kind {
                    ErrorKind::Pickle(PickleError::Refused { global, .. }) => {
                        format!("a tensor of a class of its own (`{global}`)")
                    }
                    other => format!("a pickle that cannot be read ({other})"),
                };
                Err(self.at(TensorFault::Unsupported { saved }.of(fqn), folder.config))
            }
        }
    }
}

/// A folder of payloads while its config is read.
struct Folder<'a> {
    /// With the slash at its end.
    path: &'a str,
    config: &'a str,
    by_path: HashMap<String, StorageId>,
    pickled: HashSet<String>,
}

/// The record of a tensor by its metadata, which must be numbers.
fn record_of(
    meta: &TensorMeta<'_>,
    is_parameter: bool,
    storage: StorageId,
) -> Result<TensorRecord, TensorFault> {
    let number = |what: &'static str, value: &Sym<'_, i64>| match value {
        Sym::Value(value) => Ok(*value),
        Sym::Expr(expr) => Err(TensorFault::Symbolic {
            what,
            expr: expr.expr_str.to_string(),
        }),
    };
    Ok(TensorRecord {
        dtype: meta.dtype,
        sizes: meta
            .sizes
            .iter()
            .map(|size| number("a size", size))
            .collect::<Result<_, _>>()?,
        strides: meta
            .strides
            .iter()
            .map(|stride| number("a stride", stride))
            .collect::<Result<_, _>>()?,
        storage_offset: number("the storage offset", &meta.storage_offset)?,
        requires_grad: meta.requires_grad,
        device: meta.device.to_string(),
        layout: meta.layout,
        is_parameter,
        storage,
    })
}

/// A zip that `torch.save` wrote, as an entry of the archive.
struct Pickled<'a> {
    archive: &'a Archive,
    entry: &'a str,
    zip: Directory,
    /// `archive/` in all archives that PyTorch wrote.
    root: String,
}

impl<'a> Pickled<'a> {
    fn open(archive: &'a Archive, entry: &'a str) -> Result<Self, Error> {
        let at = |kind: ErrorKind| kind.at(archive.file(), entry.to_owned());
        let content = archive.content(entry)?;
        let zip = Directory::read(content, archive.limits()).map_err(|error| at(error.into()))?;
        let roots = zip
            .entries()
            .iter()
            .filter_map(|entry| entry.name().strip_suffix("data.pkl"));
        let root = roots
            .filter(|root| root.matches('/').count() <= 1)
            .map(str::to_owned)
            .next();
        let Some(root) = root else {
            let entry = format!("{entry}!archive/data.pkl");
            return Err(ErrorKind::from(LayoutError::MissingEntry).at(archive.file(), entry));
        };
        Ok(Pickled {
            archive,
            entry,
            zip,
            root,
        })
    }

    fn at(&self, kind: impl Into<ErrorKind>, inner: &str) -> Error {
        kind.into().at(
            self.archive.file(),
            format!("{}!{}{inner}", self.entry, self.root),
        )
    }

    fn load(&self, storages: &mut Storages) -> Result<Value, Error> {
        self.check_byte_order()?;
        let pickle = self.inner("data.pkl")?;
        let limits = self.archive.limits();
        let limit = limits.text_bytes;
        if pickle.len() as u64 > limit {
            return Err(self.at(
                LayoutError::TextTooLong {
                    bytes: pickle.len() as u64,
                    limit,
                },
                "data.pkl",
            ));
        }
        let mut host = ZipHost {
            zip: &self.zip,
            root: &self.root,
            storages,
            by_key: HashMap::new(),
            untyped: HashSet::new(),
        };
        pickle::load(&pickle, limits, &mut host).map_err(|error| self.at(error, "data.pkl"))
    }

    fn inner(&self, name: &str) -> Result<SharedBytes, Error> {
        let entry = self.zip.get(&format!("{}{name}", self.root));
        let entry = entry.ok_or_else(|| self.at(LayoutError::MissingEntry, name))?;
        self.zip
            .content(entry)
            .map_err(|error| error.into())
            .map_err(|kind: ErrorKind| kind.at(self.archive.file(), self.entry.to_owned()))
    }

    fn check_byte_order(&self) -> Result<(), Error> {
        if self.zip.get(&format!("{}byteorder", self.root)).is_none() {
            return Ok(());
        }
        let content = self.inner("byteorder")?;
        let found =
            String::from_utf8_lossy(content.get(..content.len().min(64)).unwrap_or_default())
                .into_owned();
        if found.trim() == "little" {
            return Ok(());
        }
        Err(self.at(
            LayoutError::ByteOrder {
                found: found.escape_debug().to_string(),
            },
            "byteorder",
        ))
    }
}

/// Finds the storages of a pickle beside it in its zip.
struct ZipHost<'z> {
    zip: &'z Directory,
    root: &'z str,
    storages: &'z mut Storages,
    by_key: HashMap<String, StorageId>,
    /// Untyped storages whose element type no tensor told yet.
    untyped: HashSet<StorageId>,
}

impl Host for ZipHost<'_> {
    fn storage(
        &mut self,
        key: &str,
        dtype: Option<ScalarType>,
        declared: u64,
    ) -> Result<StorageId, PickleFault> {
        let id = match self.by_key.get(key) {
            Some(&id) => id,
            None => self.open(key, dtype)?,
        };
        let found = self.storages.len_of(id);
        if found < declared {
            return Err(PickleFault::ShortStorage {
                key: key.to_owned(),
                declared,
                found,
            });
        }
        Ok(id)
    }

    fn storage_len(&self, id: StorageId) -> u64 {
        self.storages.len_of(id)
    }

    fn typed(&mut self, id: StorageId, dtype: ScalarType) {
        if self.untyped.remove(&id)
            && let Some(storage) = self.storages.list.get_mut(id.0)
        {
            storage.dtype = dtype;
        }
    }
}

impl ZipHost<'_> {
    fn open(&mut self, key: &str, dtype: Option<ScalarType>) -> Result<StorageId, PickleFault> {
        let missing = || PickleFault::MissingStorage {
            key: key.to_owned(),
        };
        let entry = self
            .zip
            .get(&format!("{}data/{key}", self.root))
            .ok_or_else(missing)?;
        let content = self.zip.content(entry).map_err(|_| missing())?;
        let id = self.storages.add(content, dtype.unwrap_or(ScalarType::U8));
        if dtype.is_none() {
            self.untyped.insert(id);
        }
        self.by_key.insert(key.to_owned(), id);
        Ok(id)
    }
}
