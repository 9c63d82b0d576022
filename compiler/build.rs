//! Emits the run path to libtorch, which cargo does not hand on from `expc-runtime`, and writes the methods of traced
//! tensors: one for each op of `aten` that returns tensors, made from its schema.

#[path = "build/methods.rs"]
mod methods;

use std::{env, fs, path::PathBuf, process::ExitCode};

const SCHEMAS: &str = "../dialects/ops/torch/aten.schemas";

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed={SCHEMAS}");
    if let Ok(folder) = env::var("DEP_EXPC_TORCH_LIBDIR") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
    match write_methods() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn write_methods() -> Result<(), String> {
    let schemas = fs::read_to_string(SCHEMAS).map_err(|error| format!("{SCHEMAS}: {error}"))?;
    let source = methods::source(&schemas).map_err(|error| format!("{SCHEMAS}: {error}"))?;
    let folder = env::var_os("OUT_DIR").ok_or("cargo gave no OUT_DIR")?;
    let path = PathBuf::from(folder).join("trace_methods.rs");
    fs::write(&path, source).map_err(|error| format!("{}: {error}", path.display()))
}
