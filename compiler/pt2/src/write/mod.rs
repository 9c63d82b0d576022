//! Writing `.pt2` archives as the releases of PyTorch read them: the layout, the JSON and the form of the weights follow
//! from the schema that the program names.
//!
//! Start with [`Contents`]; [`Contents::write`] streams the archive. What the program means is the caller's
//! business: nothing here looks into the graph, and what a schema cannot say ([`Since`]) is to be refused before.

mod form;
mod json;
mod pickle;
mod source;
mod zip;

use std::io::{self, Write};

use indexmap::IndexMap;

use self::zip::ZipWriter;
use crate::pickle::CustomObject;
use crate::schema::{
    ExportedProgram, Map, PayloadConfig, PayloadMeta, ScalarType, SchemaVersion, Str, TensorMeta,
};
use crate::weights::Weights;

pub use form::{SCHEMA, Since};

/// The folder that all entries are in, and the name of the program.
const ROOT: &str = "model";

/// The version of the container that `PyTorchFileReader` looks for.
const CONTAINER_VERSION: &str = "6\n";

/// Everything that an archive holds.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Its schema version is that of the archive.
    pub program: ExportedProgram<'a>,
    /// Parameters and persistent buffers.
    pub state_dict: Payloads<'a>,
    /// Tensor constants, buffers that are not persistent, and objects.
    pub constants: Payloads<'a>,
    /// The pickled sample inputs, empty if there are none.
    pub sample_inputs: &'a [u8],
    pub extra_files: Vec<(&'a str, &'a [u8])>,
}

/// Payloads by FQN, in the order of the config.
pub type Payloads<'a> = IndexMap<String, Payload<'a>>;

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
    /// A TorchBind object.
    Object {
        object: &'a CustomObject,
        /// Where the tensors of its state are.
        index: &'a Weights,
        /// How an archive had it on its own.
        pickle: Option<&'a [u8]>,
    },
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
    /// What the stream reports, or that an object holds what has no pickle.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let schema = self.program.schema_version;
        let program = json::json(&self.program, schema);
        match schema.is_flat() {
            true => self.write_flat(out, schema, &program),
            false => self.write_rooted(out, schema, &program),
        }
    }

    /// The layout of PyTorch 2.8 and later.
    fn write_rooted(
        &self,
        out: impl Write,
        schema: SchemaVersion,
        program: &[u8],
    ) -> io::Result<()> {
        let mut archive = ArchiveWriter {
            zip: ZipWriter::new(out),
            schema,
        };
        for (folder, payloads) in [(&WEIGHTS, &self.state_dict), (&CONSTANTS, &self.constants)] {
            match schema.pickles_tensors() {
                true => archive.add(&format!("{}{ROOT}.pt", folder.path), &pickled(payloads)?)?,
                false => archive.payloads(folder, payloads)?,
            }
        }
        archive.add(&format!("models/{ROOT}.json"), program)?;
        archive.add(&format!("data/sample_inputs/{ROOT}.pt"), self.sample_inputs)?;
        for (name, content) in &self.extra_files {
            archive.add(&format!("extra/{name}"), content)?;
        }
        archive.finish()
    }

    /// The layout up to PyTorch 2.7: entries without a folder.
    fn write_flat(&self, out: impl Write, schema: SchemaVersion, program: &[u8]) -> io::Result<()> {
        let mut zip = ZipWriter::new(out);
        zip.add("serialized_exported_program.json", program)?;
        zip.add("serialized_state_dict.pt", &pickled(&self.state_dict)?)?;
        zip.add("serialized_constants.pt", &pickled(&self.constants)?)?;
        if schema.has_sample_inputs() {
            zip.add("serialized_example_inputs.pt", self.sample_inputs)?;
        }
        zip.add("version", schema.to_string().as_bytes())?;
        for (name, content) in &self.extra_files {
            zip.add(&format!("extra_files/{name}"), content)?;
        }
        zip.finish().map(drop)
    }
}

fn pickled(payloads: &Payloads<'_>) -> io::Result<Vec<u8>> {
    pickle::dictionary(payloads).map_err(|(fqn, what)| unpicklable(&fqn, what))
}

fn unpicklable(fqn: &str, what: &str) -> io::Error {
    io::Error::other(format!(
        "the object `{fqn}` holds {what}, which cannot be pickled"
    ))
}

impl Weights {
    /// A TorchBind object of these constants alone, pickled as PyTorch 2.9 and later have it in an entry of its own.
    ///
    /// # Errors
    /// If its state holds what has no pickle; what that is.
    pub fn pickled_object(&self, object: &CustomObject) -> Result<Vec<u8>, &'static str> {
        pickle::object(object, self)
    }
}

struct ArchiveWriter<W> {
    zip: ZipWriter<W>,
    schema: SchemaVersion,
}

impl<W: Write> ArchiveWriter<W> {
    fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.zip.add(&format!("{ROOT}/{name}"), content)
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
                Payload::Object {
                    object,
                    index,
                    pickle,
                } => {
                    let path = format!("custom_obj_{n_objects}");
                    n_objects += 1;
                    let name = format!("{}{path}", folder.path);
                    match pickle {
                        Some(pickle) => self.add(&name, pickle)?,
                        None => {
                            let pickle = pickle::object(object, index);
                            self.add(&name, &pickle.map_err(|what| unpicklable(fqn, what))?)?;
                        }
                    }
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
        let config = json::json(&PayloadConfig { config }, self.schema);
        self.add(&format!("{}{}", folder.path, folder.config), &config)
    }

    /// The entries by which PyTorch recognizes the archive, and the directory.
    fn finish(mut self) -> io::Result<()> {
        self.add("archive_format", b"pt2")?;
        self.add("archive_version", b"0")?;
        self.add(".data/version", CONTAINER_VERSION.as_bytes())?;
        self.add("byteorder", b"little")?;
        let id = self.zip.serialization_id();
        self.add(".data/serialization_id", id.as_bytes())?;
        self.zip.finish().map(drop)
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
