// The C face of the recorder: every operator that a thread calls while one is switched on. Used by `ffi/record.rs`
// only; the rules of `border.h` hold here too.

#pragma once

#include "border.h"

extern "C" {

typedef struct expc_recorder expc_recorder;

// What a node is; the numbers are those of `NodeKind` in record.rs.
enum expc_node_kind {
  EXPC_NODE_NONE = 0,
  EXPC_NODE_TENSOR = 1,   // `number` is the value, `snapshot` what it was then
  EXPC_NODE_INT = 2,      // `number`
  EXPC_NODE_FLOAT = 3,    // `real`
  EXPC_NODE_BOOL = 4,     // `number`
  EXPC_NODE_COMPLEX = 5,  // `real`, `imaginary`
  EXPC_NODE_STR = 6,      // `number` is the text
  EXPC_NODE_DEVICE = 7,   // `number` is the text
  EXPC_NODE_LIST = 8,     // its `length` children follow, each with all below it
  EXPC_NODE_OPAQUE = 9,   // `number` is a text that names its type
};

// A value in an argument or result, in preorder.
typedef struct {
  int32_t kind;
  uint32_t length;
  int64_t number;
  double real;
  double imaginary;
} expc_node;

// What became of a call.
enum expc_outcome {
  EXPC_RETURNED = 0,
  EXPC_THREW = 1,
  // A number was read from a tensor that depends on the inputs.
  EXPC_READ_DATA = 2,
};

typedef struct {
  int32_t outcome;
  // Whether it ran with gradients recorded.
  bool grad_mode;
  // What `expc_recorder_scope` said last, at first 0.
  uint32_t scope;
  size_t arguments;  // position of its first node; one tree per argument of the schema
  size_t results;    // one tree per return
  size_t end;
  // Addresses in the code of the callers, innermost first.
  size_t frames;
  size_t frame_count;
} expc_call;

// Where a tensor comes from.
enum expc_origin {
  EXPC_GIVEN = 0,     // `expc_recorder_know`
  EXPC_CAPTURED = 1,  // first seen as an argument
  EXPC_RESULT = 2,    // of a call
  // The result of a call without tensors whose elements were then written past the dispatcher: what it holds is data.
  EXPC_DATA = 3,
};

// What tells one tensor from another, whatever its handle.
const void* expc_tensor_identity(tensor source);

// One recorder records one thread at a time, and a thread is recorded by one at a time. An abstract one runs calls that
// take a tensor of the meta device on that device, whatever the other tensors are on, and others on the CPU.
expc_recorder* expc_recorder_new(bool is_abstract);
void expc_recorder_free(expc_recorder* recorder);
// Says what a call returns that the meta device has no kernel for: `call` can be read up to its results, and the answer
// goes through `expc_recorder_answer`, a tensor for each return of the schema; false where it is not known. It must not
// throw or unwind.
typedef bool (*expc_shapes)(void* context, size_t call);
void expc_recorder_set_shapes(expc_recorder* recorder, expc_shapes shapes, void* context);
// Says what a call that threw should have returned, so that the code goes on with zeros in its place. An operator that
// returns anything but tensors is not asked for.
void expc_recorder_set_rescue(expc_recorder* recorder, expc_shapes rescue, void* context);
void expc_recorder_answer(expc_recorder* recorder, int32_t dtype, const int64_t* sizes, const int64_t* strides, size_t rank);
// Tells of a tensor before the recording starts whose elements are no constants of the program; gives the number of its
// value. `protect` lets nobody but kernels reach the elements meanwhile.
uint32_t expc_recorder_know(expc_recorder* recorder, tensor source, bool protect);
// False when the thread is recorded already.
bool expc_recorder_start(expc_recorder* recorder);
// Tensors from outside that calls wrote to get their elements back.
void expc_recorder_stop(expc_recorder* recorder);
// The number that following calls of this thread carry; does nothing where none is recorded.
void expc_recorder_scope(uint32_t scope);
// Whether the thread's recording lets nobody but kernels reach the elements of protected tensors; at first it does so.
void expc_recorder_protection(bool on);

// After the recording. The value of a tensor, captured now if no call gave it.
uint32_t expc_recorder_value_of(expc_recorder* recorder, tensor source);
size_t expc_recorder_value_count(const expc_recorder* recorder);
int32_t expc_recorder_value_origin(const expc_recorder* recorder, uint32_t value);
// The tensor of a value that is no result, null for others.
tensor expc_recorder_value_tensor(const expc_recorder* recorder, uint32_t value);

size_t expc_recorder_call_count(const expc_recorder* recorder);
expc_call expc_recorder_call(const expc_recorder* recorder, size_t call);
void expc_recorder_call_name(const expc_recorder* recorder, size_t call, expc_sink name);
// What a call that threw said.
void expc_recorder_call_error(const expc_recorder* recorder, size_t call, expc_sink text);
const expc_node* expc_recorder_nodes(const expc_recorder* recorder, size_t* count);
void* const* expc_recorder_frames(const expc_recorder* recorder, size_t* count);
void expc_recorder_text(const expc_recorder* recorder, size_t number, expc_sink text);
// What the tensor of a node was; sizes and strides are valid as long as the recorder.
void expc_recorder_describe(const expc_recorder* recorder, size_t node, expc_tensor_info* info, bool* requires_grad);
// What the error says when protected elements are asked for past the dispatcher.
const char* expc_recorder_read_marker();
}
