//! Reads the files of the op table (`ops/`), checks them, and writes them as one postcard blob for
//! `src/table.rs`: the pairs of op name and encoded entry, in order of the names.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use expc_schema::{
    Family,
    table::{self, File},
};

const FOLDER: &str = "ops";

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed={FOLDER}");
    compile_border();
    match write_table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The C++ file of the MLIR border. MLIR is built without RTTI and exceptions, and so is what links to it.
fn compile_border() {
    const BORDER: &str = "src/border.cpp";
    const PREFIX: &str = "MLIR_SYS_220_PREFIX";
    println!("cargo:rerun-if-changed={BORDER}");
    println!("cargo:rerun-if-env-changed={PREFIX}");
    let prefix =
        env::var_os(PREFIX).map_or_else(|| PathBuf::from("/usr/lib/llvm-22"), PathBuf::from);
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .flag("-fno-rtti")
        .flag("-fno-exceptions")
        .warnings(false)
        .include(prefix.join("include"))
        .file(BORDER)
        .compile("expc_mlir_border");
}

fn write_table() -> Result<(), String> {
    let folder = Path::new(FOLDER);
    let schemas: Vec<File> = read_folder(&folder.join("torch"), "schemas")?
        .into_iter()
        .map(|(_, file)| file)
        .collect();
    let mut rows = Vec::new();
    for (stem, file) in read_folder(folder, "ops")? {
        let family: Family = stem
            .parse()
            .map_err(|error| format!("{}: {error}", file.path))?;
        rows.push((family, file));
    }
    let table = table::build(&schemas, &rows).map_err(|error| format!("dialects/{error}"))?;

    let mut entries: Vec<(&str, Vec<u8>)> = Vec::new();
    for (name, entry) in &table {
        entries.push((name, encode(entry)?));
    }
    let folder = env::var_os("OUT_DIR").ok_or("cargo gave no OUT_DIR")?;
    let path = PathBuf::from(folder).join("table.bin");
    fs::write(&path, encode(&entries)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, String> {
    postcard::to_allocvec(value).map_err(|error| format!("op table: {error}"))
}

/// The files with that extension, by name, with the name's stem.
fn read_folder(folder: &Path, extension: &str) -> Result<Vec<(String, File)>, String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut files = Vec::new();
    for item in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let path = item.map_err(|error| failed(folder, error))?.path();
        if path.extension().is_some_and(|found| found == extension) {
            let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            let stem = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            files.push((
                stem,
                File {
                    path: path.display().to_string(),
                    text,
                },
            ));
        }
    }
    files.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(files)
}
