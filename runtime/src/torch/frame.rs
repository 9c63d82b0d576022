//! The slots that hold the values of one call of a graph.

use std::ptr::NonNull;

use super::{TorchError, Value, ValueKind, ffi, value::RawValue};

/// A fixed number of slots, each with a value. Slots past the end read as `None`, and setting one does nothing.
#[derive(Debug)]
pub struct Frame {
    raw: NonNull<ffi::CxxFrame>,
    slots: u32,
}

// SAFETY: a frame is a vector of IValues, which may be used and dropped on any thread (see `RawValue`); all changes go
// through `&mut`.
unsafe impl Send for Frame {}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: this is the only owner.
        unsafe { ffi::expc_frame_free(self.raw.as_ptr()) }
    }
}

impl Frame {
    pub fn new(slots: u32) -> Self {
        // SAFETY: no preconditions.
        let raw = unsafe { ffi::expc_frame_new(slots as usize) };
        Self {
            raw: NonNull::new(raw).expect("the border never returns null here"),
            slots,
        }
    }

    /// The number of slots.
    pub fn len(&self) -> u32 {
        self.slots
    }

    pub fn is_empty(&self) -> bool {
        self.slots == 0
    }

    /// Puts `value` into `slot`.
    ///
    /// # Errors
    /// `value` holds a device whose name libtorch does not know.
    pub fn set(&mut self, slot: u32, value: &Value) -> Result<(), TorchError> {
        if slot >= self.slots {
            return Ok(());
        }
        let raw = self.raw.as_ptr();
        // SAFETY: the slot exists and the frame is alive; values are copied in.
        unsafe {
            match value {
                Value::Tensor(tensor) => {
                    ffi::expc_frame_set_tensor(raw, slot, tensor.as_ptr().cast_mut())
                }
                Value::Int(value) => ffi::expc_frame_set_int(raw, slot, *value),
                Value::Float(value) => ffi::expc_frame_set_float(raw, slot, *value),
                Value::Bool(value) => ffi::expc_frame_set_bool(raw, slot, *value),
                Value::None => ffi::expc_frame_clear(raw, slot),
                _ => ffi::expc_frame_set(raw, slot, RawValue::new(value)?.as_ptr()),
            }
        }
        Ok(())
    }

    pub fn clear(&mut self, slot: u32) {
        if slot < self.slots {
            // SAFETY: the slot exists and the frame is alive.
            unsafe { ffi::expc_frame_clear(self.raw.as_ptr(), slot) }
        }
    }

    pub fn kind(&self, slot: u32) -> ValueKind {
        if slot >= self.slots {
            return ValueKind::None;
        }
        // SAFETY: the slot exists and the frame is alive.
        ValueKind::from_border(unsafe { ffi::expc_frame_kind(self.raw.as_ptr(), slot) })
    }

    /// The value of `slot`; a tensor is the same tensor under another handle.
    pub fn get(&self, slot: u32) -> Value {
        let raw = self.raw.as_ptr();
        // SAFETY: `kind` is `None` for slots that do not exist; each reader is used for its own kind.
        unsafe {
            match self.kind(slot) {
                ValueKind::None => Value::None,
                ValueKind::Int => Value::Int(ffi::expc_frame_int(raw, slot)),
                ValueKind::Float => Value::Float(ffi::expc_frame_float(raw, slot)),
                ValueKind::Bool => Value::Bool(ffi::expc_frame_bool(raw, slot)),
                ValueKind::Tensor => {
                    Value::Tensor(tch::Tensor::from_ptr(ffi::expc_frame_tensor(raw, slot)))
                }
                _ => RawValue::from_new(ffi::expc_frame_get(raw, slot)).read(),
            }
        }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::CxxFrame {
        self.raw.as_ptr()
    }
}
