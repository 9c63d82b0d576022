//! Libraries that register operators of their own.

use std::{ffi::CString, path::Path};

use super::{TorchError, check, ffi};

/// Loads a shared library, whose static initializers register its operators, for the rest of the process.
///
/// This runs code of that library: only the user may name it, never a program file. A name without a folder is a file
/// of the working folder, or else one that the system knows.
///
/// # Errors
/// The file is missing, is no library, depends on one that is missing, or fails to register.
pub fn load_library(path: &Path) -> Result<(), TorchError> {
    let file = std::path::absolute(path).ok().filter(|file| file.exists());
    let file = file.as_deref().unwrap_or(path);
    let Ok(name) = CString::new(file.as_os_str().as_encoded_bytes()) else {
        return Err(TorchError::new(
            "the path of the library contains a zero byte",
        ));
    };
    // SAFETY: the path is a terminated string. Loading runs foreign code, which is what the user asked for.
    check(|error| unsafe { ffi::expc_load_library(name.as_ptr(), error) }).map_err(|error| {
        TorchError::new(format!("library `{}`: {}", path.display(), error.message()))
    })
}
