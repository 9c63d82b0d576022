//! Writing `.pt2` archives in the layout of PyTorch 2.11: JSON of the schema 8.17, weights as raw storages.
//!
//! Start with [`Contents`]; [`Contents::write`] streams the archive. What the program means is the caller's
//! business: nothing here looks into the graph.

mod json;
mod source;
mod zip;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};

use indexmap::IndexMap;

use self::zip::ZipWriter;
use crate::schema::{
    ExportedProgram, Map, PayloadConfig, PayloadMeta, ScalarType, SchemaVersion, Str, TensorMeta,
};

/// The schema that is written: that of PyTorch 2.11.
pub const SCHEMA: SchemaVersion = SchemaVersion {
    major: 8,
    minor: 17,
};

/// The folder that all entries are in, and the name of the program.
const ROOT: &str = "model";

/// The version of the container that `PyTorchFileReader` looks for.
const CONTAINER_VERSION: &str = "6\n";

/// Everything that an archive holds.
#[derive(Debug)]
pub struct Contents<'a> {
    pub program: ExportedProgram<'a>,
    /// Parameters and persistent buffers.
    pub state_dict: Payloads<'a>,
    pub constants: Constants<'a>,
    /// The pickled sample inputs, empty if there are none.
    pub sample_inputs: &'a [u8],
    pub extra_files: Vec<(&'a str, &'a [u8])>,
}

/// Payloads by FQN, in the order of the config.
pub type Payloads<'a> = IndexMap<String, Payload<'a>>;

/// The constants of a program.
#[derive(Debug)]
pub enum Constants<'a> {
    /// Each on its own.
    Payloads(Payloads<'a>),
    /// All in the pickle that versions before 2.9 wrote; only so can their objects be handed on.
    Pickle(&'a [u8]),
}

/// A weight or constant.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// A view of a storage. Tensors whose bytes are the same memory share the entry.
    Tensor {
        /// The whole storage, little-endian.
        storage: &'a [u8],
        meta: TensorMeta<'a>,
        is_parameter: bool,
    },
    /// A TorchBind object, pickled.
    Object(&'a [u8]),
}

/// Names of the entries of weights or of constants.
struct Folder {
    path: &'static str,
    config: &'static str,
    tensor_prefix: &'static str,
}

const WEIGHTS: Folder = Folder {
    path: "data/weights/",
    config: "model_weights_config.json",
    tensor_prefix: "weight_",
};

const CONSTANTS: Folder = Folder {
    path: "data/constants/",
    config: "model_constants_config.json",
    tensor_prefix: "tensor_",
};

impl Contents<'_> {
    /// Writes the archive.
    ///
    /// # Errors
    /// What the stream reports.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let mut archive = ArchiveWriter {
            zip: ZipWriter::new(out),
        };
        archive.payloads(&WEIGHTS, &self.state_dict)?;
        match &self.constants {
            Constants::Payloads(payloads) => archive.payloads(&CONSTANTS, payloads)?,
            Constants::Pickle(pickle) => {
                archive.add(&format!("{}{ROOT}.pt", CONSTANTS.path), pickle)?;
            }
        }
        archive.json(&format!("models/{ROOT}.json"), &self.program)?;
        archive.add(&format!("data/sample_inputs/{ROOT}.pt"), self.sample_inputs)?;
        for (name, content) in &self.extra_files {
            archive.add(&format!("extra/{name}"), content)?;
        }
        archive.finish()
    }
}

struct ArchiveWriter<W> {
    zip: ZipWriter<W>,
}

impl<W: Write> ArchiveWriter<W> {
    fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.zip.add(&format!("{ROOT}/{name}"), content)
    }

    fn json(&mut self, name: &str, value: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_vec(value).map_err(io::Error::other)?;
        self.add(name, &text)
    }

    /// Writes each storage and object once, then the config that says which name has which.
    fn payloads(&mut self, folder: &Folder, payloads: &Payloads<'_>) -> io::Result<()> {
        let mut config = Map::new();
        let mut entries: IndexMap<StorageKey, String> = IndexMap::new();
        let mut n_objects = 0_usize;
        for (fqn, payload) in payloads {
            let meta = match payload {
                Payload::Tensor {
                    storage,
                    meta,
                    is_parameter,
                } => {
                    let key = StorageKey::of(storage, meta.dtype, entries.len());
                    let path = match entries.get(&key) {
                        Some(path) => path.clone(),
                        None => {
                            let path = format!("{}{}", folder.tensor_prefix, entries.len());
                            self.add(&format!("{}{path}", folder.path), storage)?;
                            entries.insert(key, path.clone());
                            path
                        }
                    };
                    PayloadMeta {
                        path_name: path.into(),
                        is_param: *is_parameter,
                        use_pickle: false,
                        tensor_meta: Some(meta.clone()),
                    }
                }
                Payload::Object(pickle) => {
                    let path = format!("custom_obj_{n_objects}");
                    n_objects += 1;
                    self.add(&format!("{}{path}", folder.path), pickle)?;
                    PayloadMeta {
                        path_name: path.into(),
                        is_param: false,
                        use_pickle: true,
                        tensor_meta: None,
                    }
                }
            };
            config.insert(Str::from(fqn.as_str()), meta);
        }
        self.json(
            &format!("{}{}", folder.path, folder.config),
            &PayloadConfig { config },
        )
    }

    /// The entries by which PyTorch recognizes the archive, and the directory.
    fn finish(mut self) -> io::Result<()> {
        self.add("archive_format", b"pt2")?;
        self.add("archive_version", b"0")?;
        self.add(".data/version", CONTAINER_VERSION.as_bytes())?;
        self.add("byteorder", b"little")?;
        let id = self.serialization_id();
        self.add(".data/serialization_id", id.as_bytes())?;
        self.zip.finish().map(drop)
    }

    /// 40 digits that tell archives apart: equal content has equal ones.
    fn serialization_id(&self) -> String {
        let (mut names, mut contents) = (DefaultHasher::new(), DefaultHasher::new());
        for (name, checksum) in self.zip.checksums() {
            name.hash(&mut names);
            checksum.hash(&mut contents);
        }
        format!("{:020}{:020}", names.finish(), contents.finish())
    }
}

/// Which entry a tensor is in. PyTorch gives an entry the dtype of its first tensor, so that tensors of other
/// dtypes on the same storage must have entries of their own.
#[derive(PartialEq, Eq, Hash)]
enum StorageKey {
    Memory {
        address: usize,
        length: usize,
        dtype: ScalarType,
    },
    /// Storages without bytes are never the same.
    Empty(usize),
}

impl StorageKey {
    fn of(storage: &[u8], dtype: ScalarType, position: usize) -> Self {
        if storage.is_empty() {
            return StorageKey::Empty(position);
        }
        StorageKey::Memory {
            address: storage.as_ptr().addr(),
            length: storage.len(),
            dtype,
        }
    }
}
