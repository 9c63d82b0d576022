//! One operator call, prepared: constants boxed and converted, defaults filled in, slots named.

use std::ptr::NonNull;

use super::{Frame, Op, TorchError, Value, check, ffi, value::RawValue};

/// An element of a list argument.
#[derive(Clone, Debug)]
pub enum ListItem {
    Slot(u32),
    Constant(Value),
}

/// Builds a [`Step`]. Arguments are set by position in the schema and results in the order of the schema's returns.
#[derive(Debug)]
pub struct StepBuilder {
    raw: RawStep,
    arguments: usize,
}

impl StepBuilder {
    pub fn new(op: &Op) -> Self {
        // SAFETY: the handle is alive.
        let raw = unsafe { ffi::expc_step_new(op.as_ptr()) };
        let raw = RawStep(NonNull::new(raw).expect("the border never returns null here"));
        Self {
            raw,
            arguments: op.argument_count(),
        }
    }

    /// Sets an argument to a constant, converted as Python's call of an operator converts it: a number for a tensor
    /// becomes a wrapped number, an int for a float a float, an int for `int[2]` a list.
    ///
    /// # Errors
    /// The schema's type does not take the value; the message names the argument, the type and the value.
    pub fn constant(&mut self, argument: usize, value: &Value) -> Result<(), TorchError> {
        self.require(argument)?;
        let value = RawValue::new(value)?;
        // SAFETY: step and value are alive.
        check(|error| unsafe {
            ffi::expc_step_constant(self.raw.as_ptr(), argument, value.as_ptr(), error)
        })
    }

    /// Sets an argument to the value that a slot has at run time, converted in the same way then.
    ///
    /// # Errors
    /// There is no such argument.
    pub fn slot(&mut self, argument: usize, slot: u32) -> Result<(), TorchError> {
        self.require(argument)?;
        // SAFETY: the step is alive.
        check(|error| unsafe { ffi::expc_step_slot(self.raw.as_ptr(), argument, slot, error) })
    }

    /// Sets a list argument whose elements are slots and constants.
    ///
    /// # Errors
    /// The schema has no list there.
    pub fn list(&mut self, argument: usize, items: &[ListItem]) -> Result<(), TorchError> {
        self.require(argument)?;
        let none = RawValue::new(&Value::None)?;
        let mut constants = Vec::new();
        let mut slots = Vec::with_capacity(items.len());
        for item in items {
            match item {
                ListItem::Slot(slot) => slots.push(i64::from(*slot)),
                ListItem::Constant(value) => {
                    slots.push(ffi::NO_SLOT);
                    constants.push(RawValue::new(value)?);
                }
            }
        }
        let mut constants_left = constants.iter();
        let values: Vec<_> = slots
            .iter()
            .map(|slot| {
                if *slot == ffi::NO_SLOT {
                    constants_left.next().unwrap_or(&none)
                } else {
                    &none
                }
            })
            .map(RawValue::as_ptr)
            .collect();
        // SAFETY: both arrays have the same length and are alive during the call, which copies them.
        check(|error| unsafe {
            ffi::expc_step_list(
                self.raw.as_ptr(),
                argument,
                slots.as_ptr(),
                values.as_ptr(),
                slots.len(),
                error,
            )
        })
    }

    /// Sends the next result of the schema to a slot, or drops it.
    pub fn result(&mut self, slot: Option<u32>) {
        // SAFETY: the step is alive.
        unsafe { ffi::expc_step_result(self.raw.as_ptr(), border_slot(slot)) }
    }

    /// Sends the items of the next result, which is a list, to slots. At run time the list must have as many.
    pub fn result_list(&mut self, slots: &[Option<u32>]) {
        let slots: Vec<i64> = slots.iter().copied().map(border_slot).collect();
        // SAFETY: the step is alive; the array is copied.
        unsafe { ffi::expc_step_result_list(self.raw.as_ptr(), slots.as_ptr(), slots.len()) }
    }

    /// Completes the step; `frees` are the slots whose values end with it.
    ///
    /// # Errors
    /// An argument without a default was not set, or the operator cannot be called at all.
    pub fn finish(self, frees: &[u32]) -> Result<Step, TorchError> {
        // SAFETY: the step is alive; the array is copied.
        unsafe { ffi::expc_step_frees(self.raw.as_ptr(), frees.as_ptr(), frees.len()) }
        // SAFETY: the step is alive.
        check(|error| unsafe { ffi::expc_step_finish(self.raw.as_ptr(), error) })?;
        // SAFETY: the step is alive.
        let slot_bound = unsafe { ffi::expc_step_slot_bound(self.raw.as_ptr()) };
        Ok(Step {
            raw: self.raw,
            slot_bound,
        })
    }

    fn require(&self, argument: usize) -> Result<(), TorchError> {
        if argument < self.arguments {
            return Ok(());
        }
        Err(TorchError::new(format!(
            "takes {} arguments, found one more",
            self.arguments
        )))
    }
}

fn border_slot(slot: Option<u32>) -> i64 {
    slot.map_or(ffi::NO_SLOT, i64::from)
}

/// A call that can be run on any frame with enough slots, by many threads at once.
#[derive(Debug)]
pub struct Step {
    raw: RawStep,
    slot_bound: u32,
}

impl Step {
    /// One more than the highest slot that the step names.
    pub fn slot_bound(&self) -> u32 {
        self.slot_bound
    }

    /// Runs the operator on the slots of `frame`.
    ///
    /// # Errors
    /// What the kernel says, or the mismatch between a slot's value and the schema. Slots may have been freed.
    #[inline]
    pub fn run(&self, frame: &mut Frame) -> Result<(), TorchError> {
        if self.slot_bound > frame.len() {
            return Err(TorchError::new(
                "internal error: the frame has fewer slots than the step names",
            ));
        }
        let frame = frame.as_mut_ptr();
        // SAFETY: the step is complete and all slots that it names exist, as just checked.
        check(|error| unsafe { ffi::expc_step_run(self.raw.as_ptr(), frame, error) })
    }
}

#[derive(Debug)]
struct RawStep(NonNull<ffi::CxxStep>);

// SAFETY: see `Op` for the handle and `RawValue` for the constants.
unsafe impl Send for RawStep {}
// SAFETY: a complete step is only read; running it copies constants, which are atomically counted, and calls the
// dispatcher, which is made for many threads.
unsafe impl Sync for RawStep {}

impl RawStep {
    fn as_ptr(&self) -> *mut ffi::CxxStep {
        self.0.as_ptr()
    }
}

impl Drop for RawStep {
    fn drop(&mut self) {
        // SAFETY: this is the only owner.
        unsafe { ffi::expc_step_free(self.0.as_ptr()) }
    }
}
