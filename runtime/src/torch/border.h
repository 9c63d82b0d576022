// The C face of libtorch's dispatcher, used by `ffi.rs` only.
//
// Rules that hold for every function here:
// - No C++ exception leaves; what throws is caught and its text is written to the `error` sink.
//   Functions with an `error` sink return false or null in that case.
// - Pointers returned as `expc_op*`, `expc_value*`, `expc_frame*`, `expc_step*`, `expc_guard*` are owned by the
//   caller and freed with the function of that name. A `tensor` is a heap allocated `at::Tensor`, as torch-sys has it.
// - Texts are UTF-8 as pointer and length, without a terminating zero.

#pragma once

#include <stddef.h>
#include <stdint.h>

extern "C" {

typedef struct expc_op expc_op;
typedef struct expc_value expc_value;
typedef struct expc_frame expc_frame;
typedef struct expc_step expc_step;
typedef struct expc_guard expc_guard;
typedef void* tensor;

// Where a text goes.
typedef struct {
  void* context;
  void (*write)(void* context, const char* data, size_t length);
} expc_sink;

typedef struct {
  const char* data;
  size_t length;
} expc_text;

// What a value is; the numbers are those of `ValueKind` in ffi.rs.
enum expc_kind {
  EXPC_NONE = 0,
  EXPC_TENSOR = 1,
  EXPC_INT = 2,
  EXPC_FLOAT = 3,
  EXPC_BOOL = 4,
  EXPC_COMPLEX = 5,
  EXPC_STR = 6,
  EXPC_DEVICE = 7,
  EXPC_LIST = 8,
  EXPC_DICT = 9,
  EXPC_OPAQUE = 10,
};

// Values ---------------------------------------------------------------------------------------------------------

expc_value* expc_value_none();
expc_value* expc_value_tensor(tensor source);
expc_value* expc_value_int(int64_t value);
expc_value* expc_value_float(double value);
expc_value* expc_value_bool(bool value);
expc_value* expc_value_complex(double real, double imaginary);
expc_value* expc_value_str(expc_text text);
expc_value* expc_value_device(expc_text name, expc_sink error);
expc_value* expc_value_list(const expc_value* const* items, size_t count);
expc_value* expc_value_dict(const expc_text* keys, const expc_value* const* items, size_t count);
expc_value* expc_value_clone(const expc_value* value);
void expc_value_free(expc_value* value);

// Reads an object that `torch._C._pickle_save` wrote; its class must be registered.
expc_value* expc_value_unpickle_object(const char* data, size_t length, expc_sink error);

int32_t expc_value_kind(const expc_value* value);
// Each is defined for a value of its kind only; others give zero or null.
tensor expc_value_as_tensor(const expc_value* value);
int64_t expc_value_as_int(const expc_value* value);
double expc_value_as_float(const expc_value* value);
bool expc_value_as_bool(const expc_value* value);
void expc_value_as_complex(const expc_value* value, double* real, double* imaginary);
void expc_value_as_text(const expc_value* value, expc_sink text);
size_t expc_value_length(const expc_value* value);
// Item of a list, or value of a dictionary; `key` receives the key's text.
expc_value* expc_value_item(const expc_value* value, size_t index);
expc_value* expc_value_entry(const expc_value* value, size_t index, expc_sink key);
void expc_value_type_name(const expc_value* value, expc_sink text);
// Calls method `name` of a TorchBind object; `arguments` do not include the object.
expc_value* expc_object_call(const expc_value* object, expc_text name, const expc_value* const* arguments,
                             size_t count, expc_sink error);

// Operators ------------------------------------------------------------------------------------------------------

// Null without an error when no such operator is registered.
expc_op* expc_op_find(expc_text name, expc_text overload);
void expc_op_free(expc_op* op);
void expc_op_schema(const expc_op* op, expc_sink text);
size_t expc_op_argument_count(const expc_op* op);
void expc_op_argument_name(const expc_op* op, size_t index, expc_sink text);
bool expc_op_argument_keyword_only(const expc_op* op, size_t index);
// Whether the schema says that the argument is written to.
bool expc_op_argument_written(const expc_op* op, size_t index);
// Whether a result may be the argument itself or a view of it: the schema says so, or the operator is a composite
// whose schema need not say.
bool expc_op_argument_may_alias_result(const expc_op* op, size_t index);
bool expc_op_argument_has_default(const expc_op* op, size_t index);
size_t expc_op_return_count(const expc_op* op);
bool expc_op_return_is_list(const expc_op* op, size_t index);
// Whether the schema says that the result may share memory with an argument.
bool expc_op_return_aliases(const expc_op* op, size_t index);
// Registers the kernel of an operator that PyTorch defines in Python, if there is one here and it is not registered.
// False without an error when there is none.
bool expc_python_op_register(expc_text name, expc_text schema, expc_sink error);
// One line per registered schema: the schema, a tab, its tags separated by blanks.
void expc_all_schemas(expc_sink text);

// Steps: one operator call with its constants boxed ------------------------------------------------------------------

// A frame slot as an argument, or (negative) the next one of a list's values.
#define EXPC_NO_SLOT (-1)

expc_step* expc_step_new(const expc_op* op);
void expc_step_free(expc_step* step);
bool expc_step_constant(expc_step* step, size_t argument, const expc_value* value, expc_sink error);
bool expc_step_slot(expc_step* step, size_t argument, uint32_t slot, expc_sink error);
// A list: `slots[i]` is a frame slot, or EXPC_NO_SLOT and `values[i]` a constant.
bool expc_step_list(expc_step* step, size_t argument, const int64_t* slots, const expc_value* const* values,
                    size_t count, expc_sink error);
// The next schema return goes to `slot`, or nowhere if EXPC_NO_SLOT.
void expc_step_result(expc_step* step, int64_t slot);
// The next schema return is a list whose items go to `slots`.
void expc_step_result_list(expc_step* step, const int64_t* slots, size_t count);
// After the call, and before its results are stored, these slots are emptied.
void expc_step_frees(expc_step* step, const uint32_t* slots, size_t count);
// Fills in defaults; must be called once, after the above and before the first run.
bool expc_step_finish(expc_step* step, expc_sink error);
// One more than the highest slot that the step names.
uint32_t expc_step_slot_bound(const expc_step* step);
bool expc_step_run(const expc_step* step, expc_frame* frame, expc_sink error);

// Frames: the values of one call -----------------------------------------------------------------------------------

expc_frame* expc_frame_new(size_t slots);
void expc_frame_free(expc_frame* frame);
void expc_frame_set(expc_frame* frame, uint32_t slot, const expc_value* value);
void expc_frame_set_tensor(expc_frame* frame, uint32_t slot, tensor source);
void expc_frame_set_int(expc_frame* frame, uint32_t slot, int64_t value);
void expc_frame_set_float(expc_frame* frame, uint32_t slot, double value);
void expc_frame_set_bool(expc_frame* frame, uint32_t slot, bool value);
void expc_frame_clear(expc_frame* frame, uint32_t slot);
int32_t expc_frame_kind(const expc_frame* frame, uint32_t slot);
int64_t expc_frame_int(const expc_frame* frame, uint32_t slot);
double expc_frame_float(const expc_frame* frame, uint32_t slot);
bool expc_frame_bool(const expc_frame* frame, uint32_t slot);
tensor expc_frame_tensor(const expc_frame* frame, uint32_t slot);
expc_value* expc_frame_get(const expc_frame* frame, uint32_t slot);

// Tensors ----------------------------------------------------------------------------------------------------------

typedef struct {
  int32_t dtype;         // c10::ScalarType
  int32_t layout;        // c10::Layout
  int32_t device_type;   // c10::DeviceType
  int32_t device_index;  // -1 when it has none
  int64_t storage_offset;
  size_t rank;
  const int64_t* sizes;    // valid as long as the tensor is neither freed nor resized
  const int64_t* strides;  // null when the layout has none
  const void* storage;     // identity of the storage, null when the layout has none
  bool defined;
} expc_tensor_info;

void expc_tensor_describe(tensor source, expc_tensor_info* info);
// A one-dimensional uint8 tensor over memory of the caller; `drop(context)` is called when its storage dies.
tensor expc_tensor_from_memory(void* data, size_t length, void* context, void (*drop)(void*), expc_sink error);
// A tensor over the storage of `base`; the caller has checked that it lies inside.
tensor expc_tensor_over_storage(tensor base, int32_t dtype, const int64_t* sizes, const int64_t* strides, size_t rank,
                                int64_t offset, expc_sink error);
// The bytes of the tensor's storage, 0 where it has none.
size_t expc_tensor_storage_bytes(tensor source);
// The address of the first byte of the tensor's storage, null where there is none.
const void* expc_tensor_storage_address(tensor source);
// A copy of the whole storage of `source` as uint8, on `device`.
tensor expc_tensor_copy_storage(tensor source, expc_text device, expc_sink error);
// The elements in row-major order, with lazy conjugation and negation carried out.
bool expc_tensor_bytes(tensor source, expc_sink bytes, expc_sink error);

// The process and the thread -----------------------------------------------------------------------------------------

// No gradients, and dispatch below autograd and its in-place and view bookkeeping. Freed on the same thread, last
// made first freed.
expc_guard* expc_guard_no_grad();
// The state that `torch.autocast(device, dtype, enabled, cache_enabled)` sets; `dtype` -1 keeps the device's own.
expc_guard* expc_guard_autocast(expc_text device_type, int32_t dtype, bool enabled, bool cache_enabled,
                                expc_sink error);
void expc_guard_free(expc_guard* guard);

bool expc_set_num_threads(int32_t count, expc_sink error);
int32_t expc_num_threads();
bool expc_manual_seed(uint64_t seed, bool with_cuda, expc_sink error);
// Loads a shared library that registers operators.
bool expc_load_library(const char* path, expc_sink error);
// The path of the loaded libtorch_cpu, empty if unknown.
void expc_libtorch_path(expc_sink text);
// Number of CUDA devices. Must not be called before the CUDA part of libtorch is loaded: libtorch caches the answer.
int32_t expc_cuda_device_count();
bool expc_cuda_synchronize(int32_t device, expc_sink error);
}
