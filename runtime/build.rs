//! Compiles the C++ border to libtorch and says where the libtorch of this build lies.
//!
//! Binaries must start without `LD_LIBRARY_PATH`, so each package that links this crate emits the run path from
//! `DEP_EXPC_TORCH_LIBDIR` (see `compiler/build.rs`). The path is that of the real files behind the links in
//! `LIBTORCH`: libtorch finds its own dependencies relative to where it was loaded from.

use std::{env, path::PathBuf};

const SOURCES: &[&str] = &[
    "src/torch/border.cpp",
    "src/torch/coerce.cpp",
    "src/torch/python_ops.cpp",
    "src/torch/record.cpp",
];
const HEADERS: &[&str] = &[
    "src/torch/border.h",
    "src/torch/coerce.h",
    "src/torch/record.h",
];

fn main() {
    for file in SOURCES.iter().chain(HEADERS) {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let libtorch =
        PathBuf::from(env::var_os("LIBTORCH").expect("LIBTORCH is not set: run tools/setup"));
    let include = libtorch.join("include");
    let library = libtorch.join("lib/libtorch_cpu.so").canonicalize();
    let library =
        library.unwrap_or_else(|error| panic!("{}: {error}: run tools/setup", libtorch.display()));
    let folder = library.parent().expect("a file has a folder");

    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(3)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .flag("-isystem")
        .flag(&include)
        .flag("-isystem")
        .flag(include.join("torch/csrc/api/include"))
        // A false alarm of GCC 12 inside libtorch's headers.
        .flag_if_supported("-Wno-stringop-overflow")
        .files(SOURCES)
        .compile("expc_torch_border");

    println!("cargo:libdir={}", folder.display());
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
}
