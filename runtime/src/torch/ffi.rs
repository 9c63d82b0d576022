//! The declarations of `border.h` and `record.h`, one to one; the contract of each function is written there.

use std::ffi::{c_char, c_void};

use torch_sys::C_tensor;

macro_rules! opaque {
    ($($name:ident)*) => {$(
        /// A C++ object behind a pointer.
        #[repr(C)]
        pub(super) struct $name {
            private: [u8; 0],
        }
    )*};
}

opaque! { CxxOp CxxValue CxxFrame CxxStep CxxGuard CxxRecorder }

/// Where C++ writes a text or bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Sink {
    pub context: *mut c_void,
    pub write: extern "C" fn(*mut c_void, *const c_char, usize),
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub data: *const c_char,
    pub length: usize,
}

impl Text {
    /// A view of `text`, valid as long as that is.
    pub(super) fn new(text: &str) -> Self {
        Self {
            data: text.as_ptr().cast(),
            length: text.len(),
        }
    }
}

#[repr(C)]
pub(super) struct CxxTensorInfo {
    pub dtype: i32,
    pub layout: i32,
    pub device_type: i32,
    pub device_index: i32,
    pub storage_offset: i64,
    pub rank: usize,
    pub sizes: *const i64,
    pub strides: *const i64,
    pub storage: *const c_void,
    pub defined: bool,
}

impl CxxTensorInfo {
    pub(super) const UNDEFINED: Self = Self {
        dtype: -1,
        layout: 0,
        device_type: 0,
        device_index: -1,
        storage_offset: 0,
        rank: 0,
        sizes: std::ptr::null(),
        strides: std::ptr::null(),
        storage: std::ptr::null(),
        defined: false,
    };
}

/// A value in an argument or result of a recorded call.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct CxxNode {
    pub kind: i32,
    pub length: u32,
    pub number: i64,
    pub real: f64,
    pub imaginary: f64,
}

/// A recorded call.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct CxxCall {
    pub outcome: i32,
    pub grad_mode: bool,
    pub scope: u32,
    pub arguments: usize,
    pub results: usize,
    pub end: usize,
    pub frames: usize,
    pub frame_count: usize,
}

pub(super) const NO_SLOT: i64 = -1;

unsafe extern "C" {
    pub(super) fn expc_value_none() -> *mut CxxValue;
    pub(super) fn expc_value_tensor(source: *mut C_tensor) -> *mut CxxValue;
    pub(super) fn expc_value_int(value: i64) -> *mut CxxValue;
    pub(super) fn expc_value_float(value: f64) -> *mut CxxValue;
    pub(super) fn expc_value_bool(value: bool) -> *mut CxxValue;
    pub(super) fn expc_value_complex(real: f64, imaginary: f64) -> *mut CxxValue;
    pub(super) fn expc_value_str(text: Text) -> *mut CxxValue;
    pub(super) fn expc_value_device(name: Text, error: Sink) -> *mut CxxValue;
    pub(super) fn expc_value_list(items: *const *const CxxValue, count: usize) -> *mut CxxValue;
    pub(super) fn expc_value_dict(
        keys: *const Text,
        items: *const *const CxxValue,
        count: usize,
    ) -> *mut CxxValue;
    pub(super) fn expc_value_clone(value: *const CxxValue) -> *mut CxxValue;
    pub(super) fn expc_value_free(value: *mut CxxValue);
    pub(super) fn expc_value_unpickle_object(
        data: *const c_char,
        length: usize,
        error: Sink,
    ) -> *mut CxxValue;

    pub(super) fn expc_value_kind(value: *const CxxValue) -> i32;
    pub(super) fn expc_value_as_tensor(value: *const CxxValue) -> *mut C_tensor;
    pub(super) fn expc_value_as_int(value: *const CxxValue) -> i64;
    pub(super) fn expc_value_as_float(value: *const CxxValue) -> f64;
    pub(super) fn expc_value_as_bool(value: *const CxxValue) -> bool;
    pub(super) fn expc_value_as_complex(
        value: *const CxxValue,
        real: *mut f64,
        imaginary: *mut f64,
    );
    pub(super) fn expc_value_as_text(value: *const CxxValue, text: Sink);
    pub(super) fn expc_value_length(value: *const CxxValue) -> usize;
    pub(super) fn expc_value_item(value: *const CxxValue, index: usize) -> *mut CxxValue;
    pub(super) fn expc_value_entry(
        value: *const CxxValue,
        index: usize,
        key: Sink,
    ) -> *mut CxxValue;
    pub(super) fn expc_value_type_name(value: *const CxxValue, text: Sink);
    pub(super) fn expc_object_call(
        object: *const CxxValue,
        name: Text,
        arguments: *const *const CxxValue,
        count: usize,
        error: Sink,
    ) -> *mut CxxValue;

    pub(super) fn expc_op_find(name: Text, overload: Text) -> *mut CxxOp;
    pub(super) fn expc_op_free(op: *mut CxxOp);
    pub(super) fn expc_op_schema(op: *const CxxOp, text: Sink);
    pub(super) fn expc_op_argument_count(op: *const CxxOp) -> usize;
    pub(super) fn expc_op_argument_name(op: *const CxxOp, index: usize, text: Sink);
    pub(super) fn expc_op_argument_keyword_only(op: *const CxxOp, index: usize) -> bool;
    pub(super) fn expc_op_argument_written(op: *const CxxOp, index: usize) -> bool;
    pub(super) fn expc_op_argument_may_alias_result(op: *const CxxOp, index: usize) -> bool;
    pub(super) fn expc_op_argument_has_default(op: *const CxxOp, index: usize) -> bool;
    pub(super) fn expc_op_return_count(op: *const CxxOp) -> usize;
    pub(super) fn expc_op_return_is_list(op: *const CxxOp, index: usize) -> bool;
    pub(super) fn expc_op_return_aliases(op: *const CxxOp, index: usize) -> bool;
    pub(super) fn expc_python_op_register(name: Text, schema: Text, error: Sink) -> bool;
    pub(super) fn expc_all_schemas(text: Sink);

    pub(super) fn expc_step_new(op: *const CxxOp) -> *mut CxxStep;
    pub(super) fn expc_step_free(step: *mut CxxStep);
    pub(super) fn expc_step_constant(
        step: *mut CxxStep,
        argument: usize,
        value: *const CxxValue,
        error: Sink,
    ) -> bool;
    pub(super) fn expc_step_slot(
        step: *mut CxxStep,
        argument: usize,
        slot: u32,
        error: Sink,
    ) -> bool;
    pub(super) fn expc_step_list(
        step: *mut CxxStep,
        argument: usize,
        slots: *const i64,
        values: *const *const CxxValue,
        count: usize,
        error: Sink,
    ) -> bool;
    pub(super) fn expc_step_result(step: *mut CxxStep, slot: i64);
    pub(super) fn expc_step_result_list(step: *mut CxxStep, slots: *const i64, count: usize);
    pub(super) fn expc_step_frees(step: *mut CxxStep, slots: *const u32, count: usize);
    pub(super) fn expc_step_finish(step: *mut CxxStep, error: Sink) -> bool;
    pub(super) fn expc_step_slot_bound(step: *const CxxStep) -> u32;
    pub(super) fn expc_step_run(step: *const CxxStep, frame: *mut CxxFrame, error: Sink) -> bool;

    pub(super) fn expc_frame_new(slots: usize) -> *mut CxxFrame;
    pub(super) fn expc_frame_free(frame: *mut CxxFrame);
    pub(super) fn expc_frame_set(frame: *mut CxxFrame, slot: u32, value: *const CxxValue);
    pub(super) fn expc_frame_set_tensor(frame: *mut CxxFrame, slot: u32, source: *mut C_tensor);
    pub(super) fn expc_frame_set_int(frame: *mut CxxFrame, slot: u32, value: i64);
    pub(super) fn expc_frame_set_float(frame: *mut CxxFrame, slot: u32, value: f64);
    pub(super) fn expc_frame_set_bool(frame: *mut CxxFrame, slot: u32, value: bool);
    pub(super) fn expc_frame_clear(frame: *mut CxxFrame, slot: u32);
    pub(super) fn expc_frame_kind(frame: *const CxxFrame, slot: u32) -> i32;
    pub(super) fn expc_frame_int(frame: *const CxxFrame, slot: u32) -> i64;
    pub(super) fn expc_frame_float(frame: *const CxxFrame, slot: u32) -> f64;
    pub(super) fn expc_frame_bool(frame: *const CxxFrame, slot: u32) -> bool;
    pub(super) fn expc_frame_tensor(frame: *const CxxFrame, slot: u32) -> *mut C_tensor;
    pub(super) fn expc_frame_get(frame: *const CxxFrame, slot: u32) -> *mut CxxValue;

    pub(super) fn expc_tensor_describe(source: *mut C_tensor, info: *mut CxxTensorInfo);
    pub(super) fn expc_tensor_from_memory(
        data: *mut c_void,
        length: usize,
        context: *mut c_void,
        drop: extern "C" fn(*mut c_void),
        error: Sink,
    ) -> *mut C_tensor;
    pub(super) fn expc_tensor_over_storage(
        base: *mut C_tensor,
        dtype: i32,
        sizes: *const i64,
        strides: *const i64,
        rank: usize,
        offset: i64,
        error: Sink,
    ) -> *mut C_tensor;
    pub(super) fn expc_tensor_storage_bytes(source: *mut C_tensor) -> usize;
    pub(super) fn expc_tensor_storage_address(source: *mut C_tensor) -> *const c_void;
    pub(super) fn expc_tensor_copy_storage(
        source: *mut C_tensor,
        device: Text,
        error: Sink,
    ) -> *mut C_tensor;
    pub(super) fn expc_tensor_bytes(source: *mut C_tensor, bytes: Sink, error: Sink) -> bool;

    pub(super) fn expc_guard_no_grad() -> *mut CxxGuard;
    pub(super) fn expc_guard_autocast(
        device_type: Text,
        dtype: i32,
        enabled: bool,
        cache_enabled: bool,
        error: Sink,
    ) -> *mut CxxGuard;
    pub(super) fn expc_guard_free(guard: *mut CxxGuard);

    pub(super) fn expc_set_num_threads(count: i32, error: Sink) -> bool;
    pub(super) fn expc_num_threads() -> i32;
    pub(super) fn expc_manual_seed(seed: u64, with_cuda: bool, error: Sink) -> bool;
    pub(super) fn expc_load_library(path: *const c_char, error: Sink) -> bool;
    pub(super) fn expc_libtorch_path(text: Sink);
    pub(super) fn expc_cuda_device_count() -> i32;
    pub(super) fn expc_cuda_synchronize(device: i32, error: Sink) -> bool;

    pub(super) fn expc_tensor_identity(source: *mut C_tensor) -> *const c_void;

    pub(super) fn expc_recorder_new(is_abstract: bool) -> *mut CxxRecorder;
    pub(super) fn expc_recorder_free(recorder: *mut CxxRecorder);
    pub(super) fn expc_recorder_set_shapes(
        recorder: *mut CxxRecorder,
        shapes: unsafe extern "C" fn(context: *mut c_void, call: usize) -> bool,
        context: *mut c_void,
    );
    pub(super) fn expc_recorder_set_rescue(
        recorder: *mut CxxRecorder,
        rescue: unsafe extern "C" fn(context: *mut c_void, call: usize) -> bool,
        context: *mut c_void,
    );
    pub(super) fn expc_recorder_answer(
        recorder: *mut CxxRecorder,
        dtype: i32,
        sizes: *const i64,
        strides: *const i64,
        rank: usize,
    );
    pub(super) fn expc_recorder_know(
        recorder: *mut CxxRecorder,
        source: *mut C_tensor,
        protect: bool,
    ) -> u32;
    pub(super) fn expc_recorder_start(recorder: *mut CxxRecorder) -> bool;
    pub(super) fn expc_recorder_stop(recorder: *mut CxxRecorder);
    pub(super) fn expc_recorder_scope(scope: u32);
    pub(super) fn expc_recorder_protection(on: bool);
    pub(super) fn expc_recorder_value_of(recorder: *mut CxxRecorder, source: *mut C_tensor) -> u32;
    pub(super) fn expc_recorder_value_count(recorder: *const CxxRecorder) -> usize;
    pub(super) fn expc_recorder_value_origin(recorder: *const CxxRecorder, value: u32) -> i32;
    pub(super) fn expc_recorder_value_tensor(
        recorder: *const CxxRecorder,
        value: u32,
    ) -> *mut C_tensor;
    pub(super) fn expc_recorder_call_count(recorder: *const CxxRecorder) -> usize;
    pub(super) fn expc_recorder_call(recorder: *const CxxRecorder, call: usize) -> CxxCall;
    pub(super) fn expc_recorder_call_name(recorder: *const CxxRecorder, call: usize, name: Sink);
    pub(super) fn expc_recorder_call_error(recorder: *const CxxRecorder, call: usize, text: Sink);
    pub(super) fn expc_recorder_nodes(
        recorder: *const CxxRecorder,
        count: *mut usize,
    ) -> *const CxxNode;
    pub(super) fn expc_recorder_frames(
        recorder: *const CxxRecorder,
        count: *mut usize,
    ) -> *const *mut c_void;
    pub(super) fn expc_recorder_text(recorder: *const CxxRecorder, number: usize, text: Sink);
    pub(super) fn expc_recorder_describe(
        recorder: *const CxxRecorder,
        node: usize,
        info: *mut CxxTensorInfo,
        requires_grad: *mut bool,
    );
    pub(super) fn expc_recorder_read_marker() -> *const c_char;
}
