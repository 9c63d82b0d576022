// The C face of libtorch's dispatcher; `border.h` states the contract of each function.

#include "border.h"

#include "coerce.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/class_type.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/jit_type.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <dlfcn.h>

#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using c10::IValue;
using c10::TypeKind;
using expc::coerce;
using expc::coerce_list;
using expc::describe;
using expc::items_of;
using expc::kind_of;

struct expc_op {
  c10::OperatorHandle handle;
};

struct expc_value {
  IValue value;
};

struct expc_frame {
  std::vector<IValue> slots;
  std::vector<IValue> stack;
};

struct expc_guard {
  virtual ~expc_guard() = default;
};

namespace {

void write(expc_sink sink, std::string_view text) { sink.write(sink.context, text.data(), text.size()); }

std::string string(expc_text text) { return std::string(text.data, text.length); }

// Runs `body`; an exception becomes text in `error` and the answer false.
template <class Body>
bool caught(expc_sink error, Body&& body) noexcept {
  try {
    body();
    return true;
  } catch (const c10::Error& exception) {
    write(error, exception.what_without_backtrace());
  } catch (const std::exception& exception) {
    write(error, exception.what());
  } catch (...) {
    write(error, "a C++ exception of unknown type");
  }
  return false;
}

expc_value* boxed(IValue value) { return new expc_value{std::move(value)}; }

at::Tensor& unwrap(tensor pointer) { return *static_cast<at::Tensor*>(pointer); }

tensor wrap(at::Tensor value) { return new at::Tensor(std::move(value)); }

// Steps ------------------------------------------------------------------------------------------------------------

struct Item {
  int64_t slot;
  IValue constant;
};

struct Argument {
  enum class From : uint8_t { Unset, Constant, Slot, List };
  From from = From::Unset;
  bool takes = false;      // the slot dies here: move its value instead of copying it
  bool is_tensor = false;  // a tensor in the slot needs no conversion
  uint32_t slot = 0;
  c10::TypePtr type;
  c10::TypePtr element;  // of a list
  IValue constant;
  std::vector<Item> items;
};

struct Result {
  int64_t slot = EXPC_NO_SLOT;
  bool is_list = false;
  std::vector<int64_t> items;
};

const c10::Type& without_optional(const c10::Type& type) {
  const auto* optional = type.castRaw<c10::OptionalType>();
  return optional == nullptr ? type : *optional->getElementType();
}

// The type that `real_type` has where an int is allowed for a list of fixed length: `int[2]` given `3` means `[3, 3]`.
IValue spread(const IValue& value, const c10::Argument& argument) {
  const auto* list = without_optional(*argument.real_type()).castRaw<c10::ListType>();
  if (list == nullptr || !argument.N() || *argument.N() <= 0) return value;
  if (!value.isInt() && !value.isDouble() && !value.isBool()) return value;
  auto items = c10::impl::GenericList(c10::AnyType::get());
  for (int32_t index = 0; index < *argument.N(); ++index) items.push_back(value);
  return items;
}

}  // namespace

struct expc_step {
  c10::OperatorHandle op;
  std::vector<Argument> arguments;
  std::vector<Result> results;
  std::vector<uint32_t> frees;
  uint32_t slot_bound = 0;

  void names(int64_t slot) {
    if (slot >= slot_bound) slot_bound = static_cast<uint32_t>(slot) + 1;
  }

  const c10::Argument& schema(size_t index) const { return op.schema().arguments()[index]; }

  [[noreturn]] void wrong(size_t index, const std::string& what) const {
    throw std::invalid_argument("argument `" + schema(index).name() + "`: " + what);
  }

  Argument& argument(size_t index) {
    if (index >= arguments.size()) throw std::out_of_range("the schema has no such argument");
    return arguments[index];
  }

  // The value of an argument at run time, converted where its type asks for it.
  IValue convert(size_t index, const IValue& value) const {
    try {
      return coerce(spread(value, schema(index)), *arguments[index].type);
    } catch (const std::invalid_argument& problem) {
      wrong(index, problem.what());
    }
  }

  IValue gather(size_t index, const std::vector<IValue>& slots) const {
    const Argument& argument = arguments[index];
    std::vector<IValue> items;
    items.reserve(argument.items.size());
    for (const Item& item : argument.items) items.push_back(item.slot >= 0 ? slots[item.slot] : item.constant);
    try {
      return coerce_list(items, argument.element);
    } catch (const std::invalid_argument& problem) {
      wrong(index, problem.what());
    }
  }

  void push(size_t index, std::vector<IValue>& slots, std::vector<IValue>& stack) const {
    const Argument& argument = arguments[index];
    switch (argument.from) {
      case Argument::From::Constant: stack.push_back(argument.constant); return;
      case Argument::From::List: stack.push_back(gather(index, slots)); return;
      case Argument::From::Slot: {
        IValue& value = slots[argument.slot];
        if (!(argument.is_tensor && value.isTensor())) {
          stack.push_back(convert(index, value));
        } else if (argument.takes) {
          stack.push_back(std::move(value));
        } else {
          stack.push_back(value);
        }
        return;
      }
      case Argument::From::Unset: wrong(index, "not given and without a default");
    }
  }

  void store(std::vector<IValue>& slots, std::vector<IValue>& stack) const {
    if (stack.size() < results.size()) throw std::runtime_error("the operator returned too few values");
    for (size_t index = 0; index < results.size(); ++index) {
      const Result& result = results[index];
      if (!result.is_list) {
        if (result.slot >= 0) slots[result.slot] = std::move(stack[index]);
        continue;
      }
      if (kind_of(stack[index]) != EXPC_LIST) throw std::runtime_error("the operator did not return a list");
      auto items = items_of(stack[index]);
      if (items.size() != result.items.size()) {
        throw std::runtime_error("the operator returned a list of " + std::to_string(items.size()) +
                                 " where the program has " + std::to_string(result.items.size()));
      }
      for (size_t item = 0; item < items.size(); ++item) {
        if (result.items[item] >= 0) slots[result.items[item]] = items[item];
      }
    }
  }

  void run(expc_frame& frame) const {
    frame.stack.clear();
    for (size_t index = 0; index < arguments.size(); ++index) push(index, frame.slots, frame.stack);
    op.callBoxed(&frame.stack);
    for (uint32_t slot : frees) frame.slots[slot] = IValue();
    store(frame.slots, frame.stack);
  }

  // A freed slot that one argument alone reads is moved out by that argument, but not what the operator writes to:
  // kernels with several results return references to those arguments, which boxing copies only after it dropped the
  // arguments.
  void find_takes() {
    for (uint32_t slot : frees) {
      Argument* reader = nullptr;
      size_t readers = 0;
      bool is_written = false;
      for (size_t index = 0; index < arguments.size(); ++index) {
        Argument& argument = arguments[index];
        if (argument.from == Argument::From::Slot && argument.slot == slot) {
          const auto* alias = schema(index).alias_info();
          is_written = is_written || (alias != nullptr && alias->isWrite());
          reader = &argument;
          ++readers;
        }
        for (const Item& item : argument.items) readers += item.slot == slot ? 1 : 0;
      }
      if (!is_written && readers == 1 && reader != nullptr && reader->is_tensor) reader->takes = true;
    }
  }
};

// Values -----------------------------------------------------------------------------------------------------------

expc_value* expc_value_none() { return boxed(IValue()); }
expc_value* expc_value_tensor(tensor source) { return boxed(unwrap(source)); }
expc_value* expc_value_int(int64_t value) { return boxed(value); }
expc_value* expc_value_float(double value) { return boxed(value); }
expc_value* expc_value_bool(bool value) { return boxed(value); }
expc_value* expc_value_complex(double real, double imaginary) { return boxed(c10::complex<double>(real, imaginary)); }
expc_value* expc_value_str(expc_text text) { return boxed(string(text)); }

expc_value* expc_value_device(expc_text name, expc_sink error) {
  expc_value* result = nullptr;
  caught(error, [&] { result = boxed(c10::Device(string(name))); });
  return result;
}

expc_value* expc_value_list(const expc_value* const* items, size_t count) {
  auto list = c10::impl::GenericList(c10::AnyType::get());
  list.reserve(count);
  for (size_t index = 0; index < count; ++index) list.push_back(items[index]->value);
  return boxed(std::move(list));
}

expc_value* expc_value_dict(const expc_text* keys, const expc_value* const* items, size_t count) {
  auto dict = c10::impl::GenericDict(c10::StringType::get(), c10::AnyType::get());
  for (size_t index = 0; index < count; ++index) dict.insert_or_assign(string(keys[index]), items[index]->value);
  return boxed(std::move(dict));
}

expc_value* expc_value_clone(const expc_value* value) { return boxed(value->value); }
void expc_value_free(expc_value* value) { delete value; }

expc_value* expc_value_unpickle_object(const char* data, size_t length, expc_sink error) {
  expc_value* result = nullptr;
  caught(error, [&] { result = boxed(torch::jit::pickle_load_obj(std::string_view(data, length))); });
  return result;
}

int32_t expc_value_kind(const expc_value* value) { return kind_of(value->value); }

tensor expc_value_as_tensor(const expc_value* value) {
  return value->value.isTensor() ? wrap(value->value.toTensor()) : nullptr;
}

int64_t expc_value_as_int(const expc_value* value) { return value->value.isInt() ? value->value.toInt() : 0; }
double expc_value_as_float(const expc_value* value) { return value->value.isDouble() ? value->value.toDouble() : 0; }
bool expc_value_as_bool(const expc_value* value) { return value->value.isBool() && value->value.toBool(); }

void expc_value_as_complex(const expc_value* value, double* real, double* imaginary) {
  auto number = value->value.isComplexDouble() ? value->value.toComplexDouble() : c10::complex<double>();
  *real = number.real();
  *imaginary = number.imag();
}

void expc_value_as_text(const expc_value* value, expc_sink text) {
  if (value->value.isString()) write(text, value->value.toStringRef());
  if (value->value.isDevice()) write(text, value->value.toDevice().str());
}

size_t expc_value_length(const expc_value* value) {
  if (kind_of(value->value) == EXPC_LIST) return items_of(value->value).size();
  return value->value.isGenericDict() ? value->value.toGenericDict().size() : 0;
}

expc_value* expc_value_item(const expc_value* value, size_t index) {
  if (index >= expc_value_length(value) || kind_of(value->value) != EXPC_LIST) return nullptr;
  return boxed(items_of(value->value)[index]);
}

expc_value* expc_value_entry(const expc_value* value, size_t index, expc_sink key) {
  if (!value->value.isGenericDict()) return nullptr;
  size_t position = 0;
  for (const auto& entry : value->value.toGenericDict()) {
    if (position++ != index) continue;
    if (entry.key().isString()) write(key, entry.key().toStringRef());
    return boxed(entry.value());
  }
  return nullptr;
}

void expc_value_type_name(const expc_value* value, expc_sink text) { write(text, value->value.type()->str()); }

expc_value* expc_object_call(const expc_value* object, expc_text name, const expc_value* const* arguments,
                             size_t count, expc_sink error) {
  expc_value* result = nullptr;
  caught(error, [&] {
    if (!object->value.isObject()) throw std::invalid_argument("expected an object, found " + describe(object->value));
    auto receiver = object->value.toObject();
    auto* method = receiver->type()->findMethod(string(name));
    if (method == nullptr) {
      throw std::invalid_argument("`" + receiver->type()->str() + "` has no method `" + string(name) + "`");
    }
    const auto& schema = method->getSchema();
    std::vector<IValue> stack{object->value};
    for (size_t index = 0; index < count; ++index) {
      if (index + 1 >= schema.arguments().size()) throw std::invalid_argument("too many arguments for `" + string(name) + "`");
      stack.push_back(coerce(arguments[index]->value, *schema.arguments()[index + 1].real_type()));
    }
    result = boxed((*method)(std::move(stack)));
  });
  return result;
}

// Operators --------------------------------------------------------------------------------------------------------

expc_op* expc_op_find(expc_text name, expc_text overload) {
  auto found = c10::Dispatcher::singleton().findSchema({string(name), string(overload)});
  return found ? new expc_op{*found} : nullptr;
}

void expc_op_free(expc_op* op) { delete op; }
void expc_op_schema(const expc_op* op, expc_sink text) { write(text, c10::toString(op->handle.schema())); }
size_t expc_op_argument_count(const expc_op* op) { return op->handle.schema().arguments().size(); }

void expc_op_argument_name(const expc_op* op, size_t index, expc_sink text) {
  if (index < expc_op_argument_count(op)) write(text, op->handle.schema().arguments()[index].name());
}

bool expc_op_argument_keyword_only(const expc_op* op, size_t index) {
  return index < expc_op_argument_count(op) && op->handle.schema().arguments()[index].kwarg_only();
}

bool expc_op_argument_written(const expc_op* op, size_t index) {
  if (index >= expc_op_argument_count(op)) return false;
  const auto* alias = op->handle.schema().arguments()[index].alias_info();
  return alias != nullptr && alias->isWrite();
}

bool expc_op_argument_may_alias_result(const expc_op* op, size_t index) {
  if (index >= expc_op_argument_count(op)) return false;
  return op->handle.schema().arguments()[index].alias_info() != nullptr ||
         op->handle.hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd);
}

bool expc_op_argument_has_default(const expc_op* op, size_t index) {
  return index < expc_op_argument_count(op) && op->handle.schema().arguments()[index].default_value().has_value();
}

size_t expc_op_return_count(const expc_op* op) { return op->handle.schema().returns().size(); }

bool expc_op_return_is_list(const expc_op* op, size_t index) {
  if (index >= expc_op_return_count(op)) return false;
  return op->handle.schema().returns()[index].real_type()->kind() == TypeKind::ListType;
}

bool expc_op_return_aliases(const expc_op* op, size_t index) {
  if (index >= expc_op_return_count(op)) return false;
  return op->handle.schema().returns()[index].alias_info() != nullptr;
}

void expc_all_schemas(expc_sink text) {
  auto& dispatcher = c10::Dispatcher::singleton();
  for (const auto& name : dispatcher.getAllOpNames()) {
    auto op = dispatcher.findSchema(name);
    if (!op) continue;
    std::ostringstream line;
    line << op->schema() << '\t';
    const char* separator = "";
    for (at::Tag tag : op->getTags()) {
      line << separator << static_cast<int>(tag);
      separator = " ";
    }
    line << '\n';
    write(text, line.str());
  }
}

// Steps ------------------------------------------------------------------------------------------------------------

expc_step* expc_step_new(const expc_op* op) {
  auto* step = new expc_step{op->handle, {}, {}, {}, 0};
  for (const c10::Argument& schema : op->handle.schema().arguments()) {
    Argument argument;
    argument.type = schema.real_type();
    const c10::Type& base = without_optional(*argument.type);
    argument.is_tensor = base.kind() == TypeKind::TensorType;
    if (const auto* list = base.castRaw<c10::ListType>()) argument.element = list->getElementType();
    step->arguments.push_back(std::move(argument));
  }
  return step;
}

void expc_step_free(expc_step* step) { delete step; }

bool expc_step_constant(expc_step* step, size_t argument, const expc_value* value, expc_sink error) {
  return caught(error, [&] {
    Argument& target = step->argument(argument);
    target.constant = step->convert(argument, value->value);
    target.from = Argument::From::Constant;
  });
}

bool expc_step_slot(expc_step* step, size_t argument, uint32_t slot, expc_sink error) {
  return caught(error, [&] {
    Argument& target = step->argument(argument);
    target.slot = slot;
    target.from = Argument::From::Slot;
    step->names(slot);
  });
}

bool expc_step_list(expc_step* step, size_t argument, const int64_t* slots, const expc_value* const* values,
                    size_t count, expc_sink error) {
  return caught(error, [&] {
    Argument& target = step->argument(argument);
    if (!target.element) step->wrong(argument, "expected `" + target.type->str() + "`, found a list");
    for (size_t index = 0; index < count; ++index) {
      target.items.push_back({slots[index], slots[index] >= 0 ? IValue() : values[index]->value});
      step->names(slots[index]);
    }
    target.from = Argument::From::List;
  });
}

void expc_step_result(expc_step* step, int64_t slot) {
  step->results.push_back({slot, false, {}});
  step->names(slot);
}

void expc_step_result_list(expc_step* step, const int64_t* slots, size_t count) {
  step->results.push_back({EXPC_NO_SLOT, true, std::vector<int64_t>(slots, slots + count)});
  for (size_t index = 0; index < count; ++index) step->names(slots[index]);
}

void expc_step_frees(expc_step* step, const uint32_t* slots, size_t count) {
  step->frees.assign(slots, slots + count);
  for (uint32_t slot : step->frees) step->names(slot);
}

bool expc_step_finish(expc_step* step, expc_sink error) {
  return caught(error, [&] {
    if (step->op.schema().is_vararg()) throw std::invalid_argument("operators with variable arguments cannot be called");
    for (size_t index = 0; index < step->arguments.size(); ++index) {
      Argument& argument = step->arguments[index];
      if (argument.from != Argument::From::Unset) continue;
      const auto& fallback = step->schema(index).default_value();
      if (!fallback) step->wrong(index, "not given, and it has no default");
      argument.constant = step->convert(index, *fallback);
      argument.from = Argument::From::Constant;
    }
    step->find_takes();
  });
}

uint32_t expc_step_slot_bound(const expc_step* step) { return step->slot_bound; }

bool expc_step_run(const expc_step* step, expc_frame* frame, expc_sink error) {
  bool done = caught(error, [&] { step->run(*frame); });
  if (!done) frame->stack.clear();
  return done;
}

// Frames -----------------------------------------------------------------------------------------------------------

expc_frame* expc_frame_new(size_t slots) {
  auto* frame = new expc_frame{};
  frame->slots.resize(slots);
  return frame;
}

void expc_frame_free(expc_frame* frame) { delete frame; }
void expc_frame_set(expc_frame* frame, uint32_t slot, const expc_value* value) { frame->slots[slot] = value->value; }
void expc_frame_set_tensor(expc_frame* frame, uint32_t slot, tensor source) { frame->slots[slot] = unwrap(source); }
void expc_frame_set_int(expc_frame* frame, uint32_t slot, int64_t value) { frame->slots[slot] = value; }
void expc_frame_set_float(expc_frame* frame, uint32_t slot, double value) { frame->slots[slot] = value; }
void expc_frame_set_bool(expc_frame* frame, uint32_t slot, bool value) { frame->slots[slot] = value; }
void expc_frame_clear(expc_frame* frame, uint32_t slot) { frame->slots[slot] = IValue(); }
int32_t expc_frame_kind(const expc_frame* frame, uint32_t slot) { return kind_of(frame->slots[slot]); }

int64_t expc_frame_int(const expc_frame* frame, uint32_t slot) {
  return frame->slots[slot].isInt() ? frame->slots[slot].toInt() : 0;
}

double expc_frame_float(const expc_frame* frame, uint32_t slot) {
  return frame->slots[slot].isDouble() ? frame->slots[slot].toDouble() : 0;
}

bool expc_frame_bool(const expc_frame* frame, uint32_t slot) {
  return frame->slots[slot].isBool() && frame->slots[slot].toBool();
}

tensor expc_frame_tensor(const expc_frame* frame, uint32_t slot) {
  return frame->slots[slot].isTensor() ? wrap(frame->slots[slot].toTensor()) : nullptr;
}

expc_value* expc_frame_get(const expc_frame* frame, uint32_t slot) { return boxed(frame->slots[slot]); }

// Tensors ----------------------------------------------------------------------------------------------------------

void expc_tensor_describe(tensor source, expc_tensor_info* info) {
  const at::Tensor& value = unwrap(source);
  *info = {};
  info->defined = value.defined();
  if (!value.defined()) return;
  info->dtype = static_cast<int32_t>(value.scalar_type());
  info->layout = static_cast<int32_t>(value.layout());
  info->device_type = static_cast<int32_t>(value.device().type());
  info->device_index = value.device().index();
  if (value.is_nested()) return;
  info->rank = static_cast<size_t>(value.dim());
  info->sizes = value.sizes().data();
  if (value.layout() != c10::kStrided) return;
  info->strides = value.strides().data();
  info->storage_offset = value.storage_offset();
  if (value.has_storage()) info->storage = value.storage().unsafeGetStorageImpl();
}

tensor expc_tensor_from_memory(void* data, size_t length, void* context, void (*drop)(void*), expc_sink error) {
  tensor result = nullptr;
  // Once this exists, the memory is released exactly once on every way out.
  std::shared_ptr<void> owner(context, drop);
  caught(error, [&] {
    if (length > static_cast<size_t>(std::numeric_limits<int64_t>::max())) throw std::length_error("memory too large");
    result = wrap(at::from_blob(
        data, {static_cast<int64_t>(length)}, [owner](void*) mutable { owner.reset(); }, at::kByte));
  });
  return result;
}

tensor expc_tensor_over_storage(tensor base, int32_t dtype, const int64_t* sizes, const int64_t* strides, size_t rank,
                                int64_t offset, expc_sink error) {
  tensor result = nullptr;
  caught(error, [&] {
    const at::Tensor& source = unwrap(base);
    auto options = at::TensorOptions().dtype(static_cast<c10::ScalarType>(dtype)).device(source.device());
    at::Tensor value = at::empty({0}, options);
    value.set_(source.storage(), offset, {sizes, rank}, {strides, rank});
    result = wrap(std::move(value));
  });
  return result;
}

size_t expc_tensor_storage_bytes(tensor source) {
  const at::Tensor& value = unwrap(source);
  return value.defined() && value.has_storage() ? value.storage().nbytes() : 0;
}

const void* expc_tensor_storage_address(tensor source) {
  const at::Tensor& value = unwrap(source);
  return value.defined() && value.has_storage() ? value.storage().data() : nullptr;
}

tensor expc_tensor_copy_storage(tensor source, expc_text device, expc_sink error) {
  tensor result = nullptr;
  caught(error, [&] {
    const at::Tensor& value = unwrap(source);
    auto length = static_cast<int64_t>(value.storage().nbytes());
    at::Tensor bytes = at::empty({0}, value.options().dtype(at::kByte));
    bytes.set_(value.storage(), 0, {length}, {1});
    result = wrap(bytes.to(c10::Device(string(device)), at::kByte, /*non_blocking=*/false, /*copy=*/true));
  });
  return result;
}

bool expc_tensor_bytes(tensor source, expc_sink bytes, expc_sink error) {
  return caught(error, [&] {
    at::Tensor value = unwrap(source).detach().resolve_conj().resolve_neg().cpu().contiguous();
    bytes.write(bytes.context, static_cast<const char*>(value.const_data_ptr()), value.nbytes());
  });
}

// The process and the thread -----------------------------------------------------------------------------------------

namespace {

struct NoGrad final : expc_guard {
  c10::AutoGradMode mode{false};
  at::AutoDispatchBelowADInplaceOrView below;
};

struct Autocast final : expc_guard {
  c10::DeviceType device;
  bool enabled;
  bool cache;
  at::ScalarType dtype;

  Autocast(c10::DeviceType device_type, int32_t fast_dtype, bool enable, bool cache_enable)
      : device(device_type),
        enabled(at::autocast::is_autocast_enabled(device_type)),
        cache(at::autocast::is_autocast_cache_enabled()),
        dtype(at::autocast::get_autocast_dtype(device_type)) {
    at::autocast::set_autocast_enabled(device, enable);
    if (fast_dtype >= 0) at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(fast_dtype));
    at::autocast::increment_nesting();
    at::autocast::set_autocast_cache_enabled(cache_enable);
  }

  ~Autocast() override {
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::set_autocast_dtype(device, dtype);
    at::autocast::set_autocast_cache_enabled(cache);
  }
};

}  // namespace

expc_guard* expc_guard_no_grad() { return new NoGrad(); }

expc_guard* expc_guard_autocast(expc_text device_type, int32_t dtype, bool enabled, bool cache_enabled,
                                expc_sink error) {
  expc_guard* result = nullptr;
  caught(error, [&] { result = new Autocast(c10::Device(string(device_type)).type(), dtype, enabled, cache_enabled); });
  return result;
}

void expc_guard_free(expc_guard* guard) { delete guard; }

bool expc_set_num_threads(int32_t count, expc_sink error) {
  return caught(error, [&] { at::set_num_threads(count); });
}

int32_t expc_num_threads() { return at::get_num_threads(); }

// at::manual_seed asks for CUDA, and libtorch would remember the answer from before its CUDA part was loaded.
bool expc_manual_seed(uint64_t seed, bool with_cuda, expc_sink error) {
  return caught(error, [&] {
    if (with_cuda) {
      at::manual_seed(seed);
      return;
    }
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(seed);
  });
}

bool expc_load_library(const char* path, expc_sink error) {
  return caught(error, [&] {
    if (dlopen(path, RTLD_NOW | RTLD_GLOBAL) != nullptr) return;
    const char* reason = dlerror();
    throw std::runtime_error(reason == nullptr ? "the library cannot be loaded" : reason);
  });
}

void expc_libtorch_path(expc_sink text) {
  Dl_info info;
  auto symbol = reinterpret_cast<void*>(&at::detail::getDefaultCPUGenerator);
  if (dladdr(symbol, &info) != 0 && info.dli_fname != nullptr) write(text, info.dli_fname);
}

int32_t expc_cuda_device_count() {
  int32_t count = 0;
  std::string ignored;
  expc_sink sink{&ignored, [](void*, const char*, size_t) {}};
  caught(sink, [&] { count = at::detail::getCUDAHooks().deviceCount(); });
  return count;
}

bool expc_cuda_synchronize(int32_t device, expc_sink error) {
  return caught(error, [&] { at::detail::getCUDAHooks().deviceSynchronize(static_cast<c10::DeviceIndex>(device)); });
}
