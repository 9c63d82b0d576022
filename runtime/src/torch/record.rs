//! Recording what a thread calls: every operator with its arguments, before autograd and before composite operators
//! are taken apart.
//!
//! A [`Recorder`] is told of the tensors that are no constants, runs a closure and gives a [`Recording`], plain data.
//! What the calls mean for a program is not decided here.

use std::{
    ffi::{CStr, c_void},
    fmt,
    marker::PhantomData,
    panic::{self, AssertUnwindSafe},
    ptr::NonNull,
};

use expc_dialects::ScalarType;

use super::{TensorInfo, ffi, slice_or_empty, text};

/// The number of a tensor in a recording; the same tensor under several handles has one.
pub type ValueNumber = u32;

/// A tensor as it was when a call took or gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedTensor {
    pub value: ValueNumber,
    pub info: TensorInfo,
    pub requires_grad: bool,
}

/// An argument or result of a recorded call.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordedValue {
    None,
    Tensor(RecordedTensor),
    /// Also what schemas call dtype, layout and memory format.
    Int(i64),
    Float(f64),
    Bool(bool),
    Complex(f64, f64),
    Str(String),
    Device(String),
    List(Vec<RecordedValue>),
    /// A generator or another object, by the name of its type.
    Opaque(String),
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Returned,
    /// With libtorch's message.
    Threw(String),
    /// A number was read from elements that are no constants.
    ReadData,
}

/// A call of an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedCall {
    /// `aten.add.Tensor`.
    pub op: String,
    pub outcome: Outcome,
    /// Whether gradients were recorded.
    pub grad_mode: bool,
    /// What [`set_scope`] said last, at first 0.
    pub scope: u32,
    /// One for each argument of the schema, defaults filled in.
    pub arguments: Vec<RecordedValue>,
    /// One for each return of the schema; none if it did not return, unless others took the place of its results.
    pub results: Vec<RecordedValue>,
    /// Addresses in the code of the callers, innermost first.
    pub frames: Vec<usize>,
}

/// Where a tensor of a recording comes from.
#[derive(Debug)]
pub enum Origin {
    /// [`Recorder::know`] was told of it.
    Given,
    /// It was first seen as an argument.
    Captured(tch::Tensor),
    /// The result of a call.
    Result,
    /// The result of a call without tensors, whose elements were then written past the dispatcher, as
    /// `Tensor::from_slice` does; what it held.
    Data(tch::Tensor),
}

/// What was called.
#[derive(Debug)]
pub struct Recording {
    pub calls: Vec<RecordedCall>,
    /// By [`ValueNumber`].
    pub origins: Vec<Origin>,
}

/// A tensor that a call on tensors without elements returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultForm {
    pub dtype: ScalarType,
    pub sizes: Vec<i64>,
    /// In elements, one for each size.
    pub strides: Vec<i64>,
}

/// Says what a call, which is the last of so many before it, returns: a tensor for each return of its schema; none where
/// it does not know.
pub type Shapes = dyn Fn(usize, &RecordedCall) -> Option<Vec<ResultForm>>;

/// What the border asks for the results of calls that did not give any.
struct Asked {
    raw: NonNull<ffi::CxxRecorder>,
    shapes: Box<Shapes>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl Asked {
    fn answer(&self, call: usize) -> bool {
        let Some(forms) = (self.shapes)(call, &Reader::new(self.raw).call(call)) else {
            return false;
        };
        for form in forms {
            let rank = form.sizes.len();
            if form.strides.len() != rank {
                return false;
            }
            let Ok(dtype) = i32::try_from(form.dtype.c10()) else {
                return false;
            };
            let (sizes, strides) = (form.sizes.as_ptr(), form.strides.as_ptr());
            // SAFETY: the recorder is alive while it asks; both arrays have `rank` numbers, which the border copies.
            unsafe {
                ffi::expc_recorder_answer(self.raw.as_ptr(), dtype, sizes, strides, rank);
            }
        }
        true
    }
}

/// # Safety
///
/// `context` must point to an [`Asked`] that is alive, and the call must be one of its recorder.
unsafe extern "C" fn answer(context: *mut c_void, call: usize) -> bool {
    // SAFETY: the caller vouches for it.
    let asked = unsafe { &*context.cast::<Asked>() };
    panic::catch_unwind(AssertUnwindSafe(|| asked.answer(call))).unwrap_or(false)
}

/// Records one thread while a closure runs.
#[derive(Debug)]
pub struct Recorder {
    raw: NonNull<ffi::CxxRecorder>,
    /// The border has the addresses of both.
    shapes: Option<Box<Asked>>,
    rescue: Option<Box<Asked>>,
    /// A recorder changes the state of its thread.
    thread: PhantomData<*mut ()>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // SAFETY: this is the only owner, on the thread that it records.
        unsafe { ffi::expc_recorder_free(self.raw.as_ptr()) }
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(false)
    }
}

/// Switches the recording off, also when the closure panics.
struct Started<'a>(&'a Recorder);

impl Drop for Started<'_> {
    fn drop(&mut self) {
        // SAFETY: the recorder is alive, on the thread that it records.
        unsafe { ffi::expc_recorder_stop(self.0.raw.as_ptr()) }
    }
}

impl Recorder {
    /// An abstract recorder runs what takes a tensor of the meta device there, whatever the other tensors are on, so
    /// that nothing is computed; calls without such a tensor run on the CPU.
    pub fn new(is_abstract: bool) -> Self {
        // SAFETY: no preconditions.
        let raw = unsafe { ffi::expc_recorder_new(is_abstract) };
        Self {
            raw: NonNull::new(raw).expect("the border never returns null here"),
            shapes: None,
            rescue: None,
            thread: PhantomData,
        }
    }

    /// With an answer for calls of an abstract recorder that the meta device has no kernel for, which are run on zeros
    /// otherwise; asked for operators that return nothing but new tensors.
    #[must_use]
    pub fn with_shapes(mut self, shapes: Box<Shapes>) -> Self {
        let raw = self.raw;
        let asked = self.shapes.insert(Box::new(Asked { raw, shapes }));
        let context = (&raw mut **asked).cast::<c_void>();
        // SAFETY: the box keeps what `context` points to in its place until the recorder is freed, which calls nothing.
        unsafe { ffi::expc_recorder_set_shapes(raw.as_ptr(), answer, context) };
        self
    }

    /// With an answer for calls that throw: where there is one the code goes on with zeros of that form, and the call has
    /// them for results besides its error. Asked for operators that return nothing but tensors.
    #[must_use]
    pub fn with_rescue(mut self, rescue: Box<Shapes>) -> Self {
        let raw = self.raw;
        let asked = self.rescue.insert(Box::new(Asked {
            raw,
            shapes: rescue,
        }));
        let context = (&raw mut **asked).cast::<c_void>();
        // SAFETY: as in `with_shapes`.
        unsafe { ffi::expc_recorder_set_rescue(raw.as_ptr(), answer, context) };
        self
    }

    /// Tells of a tensor whose elements are no constants: an input, a parameter.
    ///
    /// With `protect` only kernels reach its elements while the recording runs; whoever reads them otherwise is told
    /// so by an error that [`is_data_read`] knows.
    pub fn know(&mut self, tensor: &tch::Tensor, protect: bool) -> ValueNumber {
        // SAFETY: recorder and tensor are alive.
        unsafe { ffi::expc_recorder_know(self.raw.as_ptr(), tensor.as_ptr().cast_mut(), protect) }
    }

    /// Runs `body` and records what this thread calls meanwhile. Tensors from outside that an operator says it writes
    /// to get their elements back afterwards. None if the thread is being recorded already.
    pub fn record<T>(&mut self, body: impl FnOnce() -> T) -> Option<T> {
        // SAFETY: the recorder is alive and stays on this thread.
        if !unsafe { ffi::expc_recorder_start(self.raw.as_ptr()) } {
            return None;
        }
        let _started = Started(self);
        Some(body())
    }

    /// The number of a tensor after the recording; one that no call gave is captured now.
    pub fn value_of(&mut self, tensor: &tch::Tensor) -> ValueNumber {
        // SAFETY: recorder and tensor are alive.
        unsafe { ffi::expc_recorder_value_of(self.raw.as_ptr(), tensor.as_ptr().cast_mut()) }
    }

    /// Everything that was recorded.
    pub fn finish(self) -> Recording {
        let reader = Reader::new(self.raw);
        Recording {
            calls: reader.calls(),
            origins: reader.origins(),
        }
    }
}

/// The number that the following calls of this thread carry; does nothing where the thread is not recorded.
pub fn set_scope(scope: u32) {
    // SAFETY: no preconditions.
    unsafe { ffi::expc_recorder_scope(scope) }
}

/// Whether this thread's recording refuses the elements of protected tensors, as it does at first; does nothing where
/// the thread is not recorded.
pub fn set_protection(on: bool) {
    // SAFETY: no preconditions.
    unsafe { ffi::expc_recorder_protection(on) }
}

/// Whether a message of libtorch says that protected elements were read.
pub fn is_data_read(message: &str) -> bool {
    // SAFETY: the marker is a static text that ends in zero.
    let marker = unsafe { CStr::from_ptr(ffi::expc_recorder_read_marker()) };
    message.contains(&*marker.to_string_lossy())
}

/// Reads a recorder that records no more, or that waits for an answer.
struct Reader<'a> {
    raw: NonNull<ffi::CxxRecorder>,
    nodes: &'a [ffi::CxxNode],
    frames: &'a [*mut std::ffi::c_void],
}

impl Reader<'_> {
    fn new(raw: NonNull<ffi::CxxRecorder>) -> Self {
        let (mut n_nodes, mut n_frames) = (0, 0);
        // SAFETY: the recorder is alive and records nothing as long as the reader is used, for which the two callers in
        // this file see; the border gives whole ranges.
        unsafe {
            let nodes = ffi::expc_recorder_nodes(raw.as_ptr(), &mut n_nodes);
            let frames = ffi::expc_recorder_frames(raw.as_ptr(), &mut n_frames);
            Self {
                raw,
                nodes: slice_or_empty(nodes, n_nodes),
                frames: slice_or_empty(frames, n_frames),
            }
        }
    }

    fn calls(&self) -> Vec<RecordedCall> {
        // SAFETY: the recorder is alive.
        let count = unsafe { ffi::expc_recorder_call_count(self.raw()) };
        (0..count).map(|call| self.call(call)).collect()
    }

    fn call(&self, number: usize) -> RecordedCall {
        // SAFETY: the number is below the count.
        let call = unsafe { ffi::expc_recorder_call(self.raw(), number) };
        // SAFETY: as above.
        let name = text(|sink| unsafe { ffi::expc_recorder_call_name(self.raw(), number, sink) });
        let outcome = match call.outcome {
            0 => Outcome::Returned,
            1 => Outcome::Threw(text(|sink| {
                // SAFETY: as above.
                unsafe { ffi::expc_recorder_call_error(self.raw(), number, sink) }
            })),
            _ => Outcome::ReadData,
        };
        let frames = call.frames..call.frames.saturating_add(call.frame_count);
        let frames = self.frames.get(frames).unwrap_or_default();
        RecordedCall {
            op: ir_name(&name),
            outcome,
            grad_mode: call.grad_mode,
            scope: call.scope,
            arguments: self.trees(call.arguments, call.results),
            results: self.trees(call.results, call.end),
            frames: frames.iter().map(|frame| frame.addr()).collect(),
        }
    }

    /// The trees whose nodes lie in a range.
    fn trees(&self, start: usize, end: usize) -> Vec<RecordedValue> {
        let mut position = start;
        let mut trees = Vec::new();
        while position < end {
            trees.push(self.tree(&mut position));
        }
        trees
    }

    /// The tree at `position`, which moves behind it. Trees are as deep as the types of schemas, at most three.
    fn tree(&self, position: &mut usize) -> RecordedValue {
        let at = *position;
        *position += 1;
        let Some(node) = self.nodes.get(at) else {
            return RecordedValue::None;
        };
        match node.kind {
            1 => self.tensor(at, node),
            2 => RecordedValue::Int(node.number),
            3 => RecordedValue::Float(node.real),
            4 => RecordedValue::Bool(node.number != 0),
            5 => RecordedValue::Complex(node.real, node.imaginary),
            6 => RecordedValue::Str(self.text(node)),
            7 => RecordedValue::Device(self.text(node)),
            8 => RecordedValue::List((0..node.length).map(|_| self.tree(position)).collect()),
            9 => RecordedValue::Opaque(self.text(node)),
            _ => RecordedValue::None,
        }
    }

    fn tensor(&self, at: usize, node: &ffi::CxxNode) -> RecordedValue {
        let mut info = ffi::CxxTensorInfo::UNDEFINED;
        let mut requires_grad = false;
        // SAFETY: the position is that of a node; what `info` points to lives as long as the recorder.
        let info = unsafe {
            ffi::expc_recorder_describe(self.raw(), at, &mut info, &mut requires_grad);
            TensorInfo::read(&info)
        };
        RecordedValue::Tensor(RecordedTensor {
            value: u32::try_from(node.number).unwrap_or(u32::MAX),
            info,
            requires_grad,
        })
    }

    fn text(&self, node: &ffi::CxxNode) -> String {
        let number = usize::try_from(node.number).unwrap_or(usize::MAX);
        // SAFETY: nodes of these kinds hold the number of a text.
        text(|sink| unsafe { ffi::expc_recorder_text(self.raw(), number, sink) })
    }

    fn origins(&self) -> Vec<Origin> {
        // SAFETY: the recorder is alive.
        let count = unsafe { ffi::expc_recorder_value_count(self.raw()) };
        (0..u32::try_from(count).unwrap_or(u32::MAX))
            .map(|value| self.origin(value))
            .collect()
    }

    fn origin(&self, value: ValueNumber) -> Origin {
        // SAFETY: the number is below the count; the border gives a new handle or null.
        let (origin, tensor) = unsafe {
            let tensor = ffi::expc_recorder_value_tensor(self.raw(), value);
            let tensor = NonNull::new(tensor).map(|tensor| tch::Tensor::from_ptr(tensor.as_ptr()));
            (ffi::expc_recorder_value_origin(self.raw(), value), tensor)
        };
        match (origin, tensor) {
            (0, _) => Origin::Given,
            (1, Some(tensor)) => Origin::Captured(tensor),
            (3, Some(tensor)) => Origin::Data(tensor),
            _ => Origin::Result,
        }
    }

    fn raw(&self) -> *const ffi::CxxRecorder {
        self.raw.as_ptr()
    }
}

/// `aten::add.Tensor` or `aten::relu.` as the dialect has it.
fn ir_name(name: &str) -> String {
    let name = name.replacen("::", ".", 1);
    match name.strip_suffix('.') {
        Some(base) => format!("{base}.default"),
        None => name,
    }
}

#[cfg(test)]
mod tests;
