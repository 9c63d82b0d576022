//! State of the process and of the thread: threads, random seed, CUDA, gradient and autocast mode.

use std::{
    ffi::c_int,
    marker::PhantomData,
    path::PathBuf,
    ptr::NonNull,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{TorchError, check, check_pointer, ffi, library::load_library, text};

/// The shared library with libtorch's CUDA kernels, which lies beside `libtorch_cpu.so`.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

static CUDA_LOADED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    // SAFETY: of the C library; any status will do.
    safe fn _exit(status: c_int) -> !;
    // SAFETY: of the C library; `handler` must be one that ignores or a function, as below.
    #[cfg(target_os = "linux")]
    fn signal(number: c_int, handler: usize) -> usize;
}

/// Lets a write beyond the limit of file sizes fail with an error, in place of ending the process.
pub fn survive_file_size_limit() {
    #[cfg(target_os = "linux")]
    {
        const SIGXFSZ: c_int = 25;
        const SIG_IGN: usize = 1;
        // SAFETY: to ignore a signal runs no code of ours.
        unsafe { signal(SIGXFSZ, SIG_IGN) };
    }
}

/// Ends the process without taking libtorch down: its registries of operators undo their registrations one by one
/// as the process ends, for nobody, which takes as long as many a program runs.
///
/// Nothing that waits in a buffer is written, and no destructor runs.
pub fn exit_at_once(status: u8) -> ! {
    _exit(c_int::from(status))
}

/// Sets how many threads one operator uses.
///
/// # Errors
/// `count` is not positive.
pub fn set_num_threads(count: i32) -> Result<(), TorchError> {
    // SAFETY: no preconditions.
    check(|error| unsafe { ffi::expc_set_num_threads(count, error) })
}

/// How many threads one operator uses.
pub fn num_threads() -> i32 {
    // SAFETY: no preconditions.
    unsafe { ffi::expc_num_threads() }
}

/// Seeds the default random generators, as `torch.manual_seed` does.
///
/// # Errors
/// A CUDA device refused.
pub fn manual_seed(seed: u64) -> Result<(), TorchError> {
    let with_cuda = CUDA_LOADED.load(Ordering::Acquire);
    // SAFETY: no preconditions.
    check(|error| unsafe { ffi::expc_manual_seed(seed, with_cuda, error) })
}

/// Loads the CUDA half of libtorch, which the CPU start-up leaves on disk.
///
/// Must come before anything else asks libtorch about CUDA, because libtorch remembers the first answer.
///
/// # Errors
/// The library is not installed or cannot be loaded, or the machine has no usable device.
pub fn load_cuda() -> Result<(), TorchError> {
    static LOADING: Mutex<()> = Mutex::new(());
    let _loading = LOADING
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if !CUDA_LOADED.load(Ordering::Acquire) {
        load_library(&cuda_library()?)?;
        CUDA_LOADED.store(true, Ordering::Release);
    }
    if cuda_device_count() == 0 {
        return Err(TorchError::new(
            "libtorch finds no usable CUDA device on this machine",
        ));
    }
    Ok(())
}

fn cuda_library() -> Result<PathBuf, TorchError> {
    // SAFETY: no preconditions.
    let loaded = text(|sink| unsafe { ffi::expc_libtorch_path(sink) });
    let library = PathBuf::from(&loaded)
        .canonicalize()
        .ok()
        .and_then(|path| Some(path.parent()?.join(CUDA_LIBRARY)));
    match library {
        Some(library) if library.is_file() => Ok(library),
        _ => Err(TorchError::new(format!(
            "the installed libtorch has no CUDA support: no `{CUDA_LIBRARY}` beside `{loaded}`"
        ))),
    }
}

/// The number of CUDA devices that libtorch can use; zero before [`load_cuda`].
pub fn cuda_device_count() -> usize {
    if !CUDA_LOADED.load(Ordering::Acquire) {
        return 0;
    }
    // SAFETY: the CUDA library is loaded.
    usize::try_from(unsafe { ffi::expc_cuda_device_count() }).unwrap_or(0)
}

/// Waits until everything that was queued on a CUDA device is done; does nothing before [`load_cuda`].
///
/// # Errors
/// A kernel that was queued before failed.
pub fn synchronize(device: usize) -> Result<(), TorchError> {
    if !CUDA_LOADED.load(Ordering::Acquire) {
        return Ok(());
    }
    let device = i32::try_from(device)
        .map_err(|_| TorchError::new(format!("there is no CUDA device {device}")))?;
    // SAFETY: the CUDA library is loaded.
    check(|error| unsafe { ffi::expc_cuda_synchronize(device, error) })
}

/// While this lives, operators of the thread record no gradients and skip autograd's layers of dispatch.
///
/// Results are ordinary tensors without gradient history. Guards end in the reverse order of their making.
#[derive(Debug)]
pub struct NoGradGuard(#[expect(dead_code, reason = "held for its drop")] RawGuard);

impl NoGradGuard {
    pub fn new() -> Self {
        // SAFETY: no preconditions.
        let raw = unsafe { ffi::expc_guard_no_grad() };
        Self(RawGuard::from_pointer(
            NonNull::new(raw).expect("the border never returns null here"),
        ))
    }
}

impl Default for NoGradGuard {
    fn default() -> Self {
        Self::new()
    }
}

/// While this lives, the thread is in the state of `torch.autocast(device_type, dtype, enabled, cache_enabled)`.
#[derive(Debug)]
pub struct AutocastGuard(#[expect(dead_code, reason = "held for its drop")] RawGuard);

impl AutocastGuard {
    /// `dtype` is the number of c10 (`torch/headeronly`'s `ScalarType`); none keeps the device's own.
    ///
    /// # Errors
    /// `device_type` has no autocast.
    pub fn new(
        device_type: &str,
        dtype: Option<i32>,
        enabled: bool,
        cache_enabled: bool,
    ) -> Result<Self, TorchError> {
        // SAFETY: the text is alive during the call.
        let raw = check_pointer(|error| unsafe {
            ffi::expc_guard_autocast(
                ffi::Text::new(device_type),
                dtype.unwrap_or(-1),
                enabled,
                cache_enabled,
                error,
            )
        })?;
        Ok(Self(RawGuard::from_pointer(raw)))
    }
}

/// A guard changes thread-local state, so it stays on its thread.
#[derive(Debug)]
struct RawGuard(NonNull<ffi::CxxGuard>, PhantomData<*mut ()>);

impl RawGuard {
    fn from_pointer(pointer: NonNull<ffi::CxxGuard>) -> Self {
        Self(pointer, PhantomData)
    }
}

impl Drop for RawGuard {
    fn drop(&mut self) {
        // SAFETY: this is the only owner, and the type cannot leave its thread.
        unsafe { ffi::expc_guard_free(self.0.as_ptr()) }
    }
}
