//! The archive: which of the three layouts it has, and where its parts are.
//!
//! Opening reads the zip directory and the program's text; weights are found on request by
//! [`Archive::weights`] and their bytes are read by nobody here.

use std::path::Path;

use crate::bytes::SharedBytes;
use crate::error::{Error, ErrorKind, LayoutError};
use crate::json::Text;
use crate::limits::Limits;
use crate::schema::{ExportedProgram, SchemaVersion};
use crate::zip::{Directory, Entry};

/// How an archive is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveLayout {
    /// PyTorch 2.3 to 2.7: entries at the top, weights pickled.
    Flat,
    /// PyTorch 2.8 and later: entries below a root folder, weights pickled (2.8) or raw (2.9 and later).
    Rooted {
        /// With the slash at its end.
        root: String,
    },
}

/// An exported program's archive, open for reading.
#[derive(Debug)]
pub struct Archive {
    file: String,
    zip: Directory,
    layout: ArchiveLayout,
    programs: Vec<String>,
    program: String,
    text: Text,
    limits: Limits,
}

const FLAT_PROGRAM: &str = "serialized_exported_program.json";
const FLAT_VERSION: &str = "version";
const FLAT_NAME: &str = "model";

impl Archive {
    /// Opens the file at `path`, memory mapped.
    ///
    /// Of an archive with several programs it takes `model`, else the first; [`Archive::select`] takes another.
    ///
    /// # Errors
    /// If the file cannot be read, is no sound zip, is no PyTorch 2 archive, or has a schema other than 5, 7 or 8.
    pub fn open(path: impl AsRef<Path>, limits: &Limits) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let bytes = SharedBytes::map(path).map_err(|error| ErrorKind::Io(error).at(&file, None))?;
        Archive::from_shared(&file, bytes, limits)
    }

    /// Reads an archive that is in memory; `name` stands for its path in messages.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn from_bytes(name: &str, bytes: Vec<u8>, limits: &Limits) -> Result<Self, Error> {
        Archive::from_shared(name, SharedBytes::from(bytes), limits)
    }

    fn from_shared(file: &str, bytes: SharedBytes, limits: &Limits) -> Result<Self, Error> {
        let zip = Directory::read(bytes, limits)
            .map_err(|error| ErrorKind::from(error).at(file, None))?;
        let layout =
            find_layout(&zip).ok_or_else(|| ErrorKind::from(foreign(&zip)).at(file, None))?;
        let mut archive = Archive {
            file: file.to_owned(),
            programs: list_programs(&zip, &layout),
            zip,
            layout,
            program: String::new(),
            text: Text::default(),
            limits: limits.clone(),
        };
        archive.check_container()?;
        let first = archive
            .programs
            .iter()
            .find(|name| *name == FLAT_NAME)
            .or(archive.programs.first());
        let Some(program) = first.cloned() else {
            return Err(archive.no_program());
        };
        archive.select(&program)?;
        Ok(archive)
    }

    /// Switches to the program called `name`.
    ///
    /// # Errors
    /// If there is none, or its text is not UTF-8, too long or too deep.
    pub fn select(&mut self, name: &str) -> Result<(), Error> {
        if !self.programs.iter().any(|program| program == name) {
            let found = self.programs.join("`, `");
            let error = LayoutError::NoSuchProgram {
                name: name.to_owned(),
                found: format!("`{found}`"),
            };
            return Err(ErrorKind::from(error).at(&self.file, None));
        }
        let entry = program_entry(&self.layout, name);
        self.text = self.json_text(&entry)?;
        self.program = name.to_owned();
        Ok(())
    }

    /// The file's path, or the name given for bytes in memory.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The layout that was found.
    pub fn layout(&self) -> &ArchiveLayout {
        &self.layout
    }

    /// The bounds that this archive is read with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The names of all programs in the archive.
    pub fn programs(&self) -> &[String] {
        &self.programs
    }

    /// The name of the program that is being read.
    pub fn program_name(&self) -> &str {
        &self.program
    }

    /// The JSON of the program; bare `NaN` and infinities of older files are in quotes.
    pub fn program_text(&self) -> &str {
        self.text.as_str()
    }

    /// Reads the program; its strings borrow from [`Archive::program_text`].
    ///
    /// # Errors
    /// Where the JSON is cut, is not of the schema's shape, or has a tag that is not known, with line, column and
    /// path; and if the schema's major version is not supported.
    pub fn program(&self) -> Result<ExportedProgram<'_>, Error> {
        let parsed = self.text.parse::<ExportedProgram<'_>>();
        let version = match &parsed {
            Ok(program) => Some(program.schema_version),
            Err(_) => self
                .text
                .parse::<VersionOnly>()
                .ok()
                .map(|probe| probe.schema_version),
        };
        let located = |kind: ErrorKind| kind.at(&self.file, self.program_entry());
        if let Some(found) = version.filter(|version| !is_supported(*version)) {
            return Err(located(LayoutError::SchemaVersion { found }.into()));
        }
        parsed.map_err(|error| located(error.into()))
    }

    /// The names of the extra files, in the archive's order.
    pub fn extra_files(&self) -> impl Iterator<Item = &str> {
        let folder = self.extra_folder();
        self.zip
            .entries()
            .iter()
            .filter_map(move |entry| entry.name().strip_prefix(folder.as_str()))
    }

    /// The content of an extra file.
    ///
    /// # Errors
    /// If there is none of that name, or its checksum is wrong.
    pub fn extra_file(&self, name: &str) -> Result<SharedBytes, Error> {
        self.checked(&format!("{}{name}", self.extra_folder()))
    }

    /// The names and content lengths in bytes of all entries.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.zip
            .entries()
            .iter()
            .map(|entry| (entry.name(), entry.size()))
    }

    /// Reads every entry and compares its checksum; reads the weights' pages, so only for who asks.
    ///
    /// # Errors
    /// One for each entry that differs.
    pub fn verify_checksums(&self) -> Result<(), Vec<Error>> {
        let faults: Vec<Error> = self
            .zip
            .entries()
            .iter()
            .filter_map(|entry| self.zip.checked_content(entry).err())
            .map(|error| ErrorKind::from(error).at(&self.file, None))
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// The entry that the program is in.
    pub fn program_entry(&self) -> String {
        program_entry(&self.layout, &self.program)
    }

    pub(crate) fn zip(&self) -> &Directory {
        &self.zip
    }

    /// The entry of that full name.
    pub(crate) fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.zip.get(name).ok_or_else(|| {
            ErrorKind::from(LayoutError::MissingEntry).at(&self.file, name.to_owned())
        })
    }

    /// The content of the entry of that full name: a slice of the file, or inflated.
    ///
    /// # Errors
    /// If there is none, or its compressed data is damaged. A stored entry's checksum is not looked at.
    pub fn content(&self, name: &str) -> Result<SharedBytes, Error> {
        let entry = self.entry(name)?;
        self.zip
            .content(entry)
            .map_err(|error| ErrorKind::from(error).at(&self.file, None))
    }

    /// The content of an entry whose checksum is right.
    pub(crate) fn checked(&self, name: &str) -> Result<SharedBytes, Error> {
        let entry = self.entry(name)?;
        self.zip
            .checked_content(entry)
            .map_err(|error| ErrorKind::from(error).at(&self.file, None))
    }

    /// The JSON of an entry, bounded.
    pub(crate) fn json_text(&self, name: &str) -> Result<Text, Error> {
        let bytes = self.entry(name)?.size();
        let limit = self.limits.text_bytes;
        if bytes > limit {
            return Err(ErrorKind::from(LayoutError::TextTooLong { bytes, limit })
                .at(&self.file, name.to_owned()));
        }
        let content = self.checked(name)?;
        Text::new(&content, self.limits.json_depth)
            .map_err(|error| ErrorKind::from(error).at(&self.file, name.to_owned()))
    }

    fn extra_folder(&self) -> String {
        match &self.layout {
            ArchiveLayout::Flat => "extra_files/".to_owned(),
            ArchiveLayout::Rooted { root } => format!("{root}extra/"),
        }
    }

    /// What the container says of itself: its format, byte order, and in the old layout the schema version.
    fn check_container(&self) -> Result<(), Error> {
        let ArchiveLayout::Rooted { root } = &self.layout else {
            let found = self.short_text(FLAT_VERSION)?;
            let fault = match parse_version(&found) {
                None => LayoutError::SchemaVersionText { found },
                Some(found) if !is_supported(found) => LayoutError::SchemaVersion { found },
                Some(_) => return Ok(()),
            };
            return Err(ErrorKind::from(fault).at(&self.file, FLAT_VERSION.to_owned()));
        };
        let format_entry = format!("{root}archive_format");
        let found = self.short_text(&format_entry)?;
        if found != "pt2" {
            return Err(ErrorKind::from(LayoutError::Format { found }).at(&self.file, format_entry));
        }
        let order_entry = format!("{root}byteorder");
        if self.zip.get(&order_entry).is_some() {
            let found = self.short_text(&order_entry)?;
            if found != "little" {
                return Err(
                    ErrorKind::from(LayoutError::ByteOrder { found }).at(&self.file, order_entry)
                );
            }
        }
        Ok(())
    }

    /// A word or number that stands alone in an entry.
    fn short_text(&self, name: &str) -> Result<String, Error> {
        const LONGEST: usize = 64;
        let content = self.checked(name)?;
        let head = content
            .get(..content.len().min(LONGEST))
            .unwrap_or_default();
        Ok(String::from_utf8_lossy(head)
            .trim()
            .escape_debug()
            .to_string())
    }

    fn no_program(&self) -> Error {
        let (expected, compiled) = match &self.layout {
            ArchiveLayout::Flat => (FLAT_PROGRAM.to_owned(), None),
            ArchiveLayout::Rooted { root } => (
                format!("{root}models/*.json"),
                Some(format!("{root}data/aotinductor/")),
            ),
        };
        let is_compiled = compiled.is_some_and(|folder| {
            self.entries()
                .any(|(name, _)| name.starts_with(folder.as_str()))
        });
        let hint = if is_compiled {
            ", only libraries compiled by AOTInductor"
        } else {
            ""
        };
        ErrorKind::from(LayoutError::NoProgram { expected, hint }).at(&self.file, None)
    }
}

#[derive(serde::Deserialize)]
struct VersionOnly {
    schema_version: SchemaVersion,
}

fn is_supported(version: SchemaVersion) -> bool {
    matches!(version.major, 5 | 7 | 8)
}

fn parse_version(text: &str) -> Option<SchemaVersion> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some(SchemaVersion {
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
    })
}

fn find_layout(zip: &Directory) -> Option<ArchiveLayout> {
    if zip.get(FLAT_VERSION).is_some() {
        return Some(ArchiveLayout::Flat);
    }
    let is_root = |root: &str| !root.is_empty() && !root.contains('/');
    let root = zip
        .entries()
        .iter()
        .filter_map(|entry| entry.name().strip_suffix("/archive_format"))
        .find(|root| is_root(root))?;
    Some(ArchiveLayout::Rooted {
        root: format!("{root}/"),
    })
}

/// Zips that are handed over in place of an exported program: what an entry's name, or its end, tells of them.
///
/// The first row that fits counts: a TorchScript archive has the entries of `torch.save` as well.
const FOREIGN: [(&str, &str, &str); 4] = [
    ("/constants.pkl", "a TorchScript archive", EXPORT_IT),
    (
        "/data.pkl",
        "a file of `torch.save`",
        "weights or a pickled module are no program, write one with `torch.export.save`",
    ),
    (
        ".npy",
        "an `.npz` file of arrays",
        "inputs are given with `--inputs`",
    ),
    ("model.weights.h5", "a Keras model", EXPORT_IT),
];
const EXPORT_IT: &str =
    "trace the model with `torch.export.export` and write it with `torch.export.save`";

/// What a zip is that is no PyTorch 2 archive.
fn foreign(zip: &Directory) -> LayoutError {
    let holds = |end: &str| {
        let mut entries = zip.entries().iter();
        entries.any(|entry| entry.name().ends_with(end))
    };
    FOREIGN
        .iter()
        .find(|(end, ..)| holds(end))
        .map_or(LayoutError::NotPt2, |(_, found, advice)| {
            LayoutError::Foreign { found, advice }
        })
}

fn list_programs(zip: &Directory, layout: &ArchiveLayout) -> Vec<String> {
    match layout {
        ArchiveLayout::Flat => zip
            .get(FLAT_PROGRAM)
            .map(|_| FLAT_NAME.to_owned())
            .into_iter()
            .collect(),
        ArchiveLayout::Rooted { root } => {
            let folder = format!("{root}models/");
            let names = zip.entries().iter().map(Entry::name);
            names
                .filter_map(|name| name.strip_prefix(folder.as_str())?.strip_suffix(".json"))
                .map(str::to_owned)
                .collect()
        }
    }
}

fn program_entry(layout: &ArchiveLayout, name: &str) -> String {
    match layout {
        ArchiveLayout::Flat => FLAT_PROGRAM.to_owned(),
        ArchiveLayout::Rooted { root } => format!("{root}models/{name}.json"),
    }
}
