//! The border to libtorch: every registered operator, called boxed through the dispatcher.
//!
//! The C++ beside it is all C++ that knows libtorch, and this folder the only place of the crate with `unsafe`.
//! Start at [`Op::find`], [`StepBuilder`] and [`Frame`]; [`Op::call`] is the short way for a single call.
//! Nothing here knows of programs or plans.

mod ffi;
mod frame;
mod library;
mod op;
mod process;
pub mod record;
mod step;
mod tensor;
mod value;

use std::ffi::{c_char, c_void};

pub use self::{
    frame::Frame,
    library::load_library,
    op::{Op, RegisteredSchema, all_schemas},
    process::{
        AutocastGuard, NoGradGuard, cuda_device_count, exit_at_once, load_cuda, manual_seed,
        num_threads, set_num_threads, survive_file_size_limit, synchronize,
    },
    step::{ListItem, Step, StepBuilder},
    tensor::{
        Device, DeviceKind, Layout, SharedTensor, Storage, StorageView, TensorInfo, clone_tensor,
        memory_format_c10, memory_format_name, tensor_bytes, tensor_identity,
    },
    value::{Opaque, SharedValue, Value, ValueKind},
};

/// What libtorch said was wrong, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TorchError {
    message: String,
}

impl TorchError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }

    /// The text, which may have several lines.
    pub fn message(&self) -> &str {
        &self.message
    }
}

extern "C" fn append(context: *mut c_void, data: *const c_char, length: usize) {
    // SAFETY: `context` is the `Vec<u8>` that `sink` was made from, alive and not otherwise used during the call;
    // the border passes a valid range.
    let (buffer, bytes) = unsafe {
        (
            &mut *context.cast::<Vec<u8>>(),
            slice_or_empty(data.cast::<u8>(), length),
        )
    };
    buffer.extend_from_slice(bytes);
}

/// A slice that may be given as a null pointer when it is empty.
///
/// # Safety
/// As for `std::slice::from_raw_parts` when `length` is not zero.
unsafe fn slice_or_empty<'a, T>(data: *const T, length: usize) -> &'a [T] {
    if length == 0 || data.is_null() {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(data, length) }
}

fn sink(buffer: &mut Vec<u8>) -> ffi::Sink {
    ffi::Sink {
        context: std::ptr::from_mut(buffer).cast(),
        write: append,
    }
}

/// Collects the text that `write` sends to its sink.
fn text(write: impl FnOnce(ffi::Sink)) -> String {
    let mut buffer = Vec::new();
    write(sink(&mut buffer));
    String::from_utf8_lossy(&buffer).into_owned()
}

fn error_from(buffer: &[u8]) -> TorchError {
    TorchError::new(String::from_utf8_lossy(buffer).trim_end())
}

/// Runs a function of the border that answers false when it failed.
#[inline]
fn check(call: impl FnOnce(ffi::Sink) -> bool) -> Result<(), TorchError> {
    let mut buffer = Vec::new();
    if call(sink(&mut buffer)) {
        Ok(())
    } else {
        Err(error_from(&buffer))
    }
}

/// Runs a function of the border that answers null when it failed.
fn check_pointer<T>(
    call: impl FnOnce(ffi::Sink) -> *mut T,
) -> Result<std::ptr::NonNull<T>, TorchError> {
    let mut buffer = Vec::new();
    std::ptr::NonNull::new(call(sink(&mut buffer))).ok_or_else(|| error_from(&buffer))
}

#[cfg(test)]
mod tests;
