// Records what a thread calls: a boxed fallback of the dispatcher's generic mode, which sees every call before autograd
// and before composite operators are taken apart. `record.h` states the contract of each function.
//
// A tensor is known by the address of its TensorImpl. The recorder holds weak references, so that an address stands for
// one tensor as long as the recorder lives, and what the program lets go of is freed all the same.

#include "record.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <execinfo.h>

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

using c10::IValue;

namespace {

constexpr int kMaxFrames = 96;
constexpr const char* kReadMarker = "the elements of a traced tensor were read";

// StorageImpl can be told to refuse access to its memory, but not to allow it again: the flags are private. An explicit
// instantiation may name private members, and that is how they are reached here.
template <class Tag, auto Member>
struct Reach {
  friend auto reach(Tag) { return Member; }
};
struct Refuses {
  friend auto reach(Refuses);
};
struct Refresh {
  friend auto reach(Refresh);
};
template struct Reach<Refuses, &c10::StorageImpl::throw_on_immutable_data_ptr_>;
template struct Reach<Refresh, &c10::StorageImpl::refresh_has_data_ptr_check>;

void refuse_access(c10::StorageImpl& storage, bool refuse) {
  if (refuse) storage.get_extra_meta().custom_data_ptr_error_msg_ = kReadMarker;
  storage.*reach(Refuses{}) = refuse;
  (storage.*reach(Refresh{}))();
}

using WeakTensor = c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>;
using WeakStorage = c10::weak_intrusive_ptr<c10::StorageImpl>;

struct Value {
  expc_origin origin;
  WeakTensor identity;
  // Of what is no result.
  at::Tensor held;
  // Whether the elements depend on the inputs, the weights or chance.
  bool depends;
  // Of a result that depends on nothing, until it is used: a digest of its elements.
  std::optional<uint64_t> digest;
};

// A tensor from outside that a call writes to, and its elements before.
struct Saved {
  at::Tensor tensor;
  at::Tensor elements;
};

struct Snapshot {
  int32_t dtype;
  int32_t layout;
  int32_t device_type;
  int32_t device_index;
  int64_t storage_offset;
  size_t rank;
  size_t sizes;  // position among the numbers; the strides follow
  bool has_strides;
  bool requires_grad;
  const void* storage;
};

// A tensor that a call on tensors without elements returns.
struct Form {
  c10::ScalarType dtype;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
};

struct Call {
  c10::OperatorName name;
  expc_call data;
  std::string error;
};

uint64_t digest_of(const at::Tensor& tensor) {
  const auto* bytes = static_cast<const unsigned char*>(tensor.const_data_ptr());
  uint64_t digest = 0xcbf29ce484222325;
  size_t length = tensor.nbytes();
  size_t at = 0;
  for (; at + 8 <= length; at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + at, 8);
    digest = (digest ^ word) * 0x100000001b3;
    digest ^= digest >> 29;
  }
  for (; at < length; ++at) digest = (digest ^ bytes[at]) * 0x100000001b3;
  return digest;
}

// A tensor of the same form without elements.
at::Tensor without_data(const at::Tensor& tensor) {
  if (tensor.layout() != c10::kStrided) return tensor.to(c10::kMeta);
  return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(c10::kMeta).requires_grad(false));
}

// A tensor of the same form with zeros for elements.
at::Tensor with_zeros(const at::Tensor& tensor) {
  return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(c10::kCPU)).zero_();
}

// `value` with other tensors in the place of its own.
IValue with_tensors(const IValue& value, const std::function<at::Tensor(const at::Tensor&)>& replace) {
  if (value.isTensor()) return value.toTensor().defined() ? IValue(replace(value.toTensor())) : value;
  if (!value.isTensorList() && !value.isOptionalTensorList()) return value;
  auto items = value.toList().copy();
  for (size_t index = 0; index < items.size(); ++index) items.set(index, with_tensors(items.get(index), replace));
  return items;
}

// Whether an operator returns nothing but tensors, one for each return.
bool returns_tensors(const c10::FunctionSchema& schema) {
  for (const auto& returned : schema.returns()) {
    if (returned.type()->kind() != c10::TypeKind::TensorType) return false;
  }
  return !schema.is_vararg() && !schema.is_varret();
}

// Whether none of them is an argument or a view of one.
bool returns_new_tensors(const c10::FunctionSchema& schema) {
  for (const auto& returned : schema.returns()) {
    if (returned.alias_info() != nullptr) return false;
  }
  return returns_tensors(schema);
}

// Whether the elements can be looked at without cost: dense ones in the memory of the CPU.
bool is_readable(const at::Tensor& tensor) {
  return tensor.layout() == c10::kStrided && tensor.device().is_cpu() && tensor.has_storage() &&
         tensor.is_contiguous() && !tensor.is_quantized();
}

}  // namespace

// Whom to ask for what a call returns.
struct expc_asked {
  expc_shapes function = nullptr;
  void* context = nullptr;
};

struct expc_recorder {
  std::vector<Value> values;
  std::unordered_map<at::TensorImpl*, uint32_t> by_identity;
  std::unordered_map<c10::StorageImpl*, WeakStorage> refusing;
  std::vector<Call> calls;
  std::vector<expc_node> nodes;
  std::vector<std::optional<Snapshot>> snapshots;  // of each node
  std::vector<int64_t> numbers;
  std::vector<std::string> texts;
  std::vector<void*> frames;
  uint32_t scope = 0;
  bool started = false;
  // Whether the elements of protected tensors are refused now.
  bool is_protecting = true;
  // Whether calls run on tensors without elements.
  bool is_abstract = false;
  std::unordered_map<at::TensorImpl*, at::Tensor> shadows;
  // Operators that the meta device had no kernel for; a failed call costs more than all else.
  std::unordered_set<c10::OperatorName> without_kernel;
  expc_asked shapes;
  // Of calls that threw.
  expc_asked rescue;
  std::vector<Form> forms;
  std::vector<Saved> saved;

  ~expc_recorder();

  uint32_t add(const at::Tensor& tensor, expc_origin origin, bool depends) {
    auto number = static_cast<uint32_t>(values.size());
    at::TensorImpl* identity = tensor.unsafeGetTensorImpl();
    values.push_back({origin, WeakTensor(tensor.getIntrusivePtr()), origin == EXPC_RESULT ? at::Tensor() : tensor, depends, {}});
    by_identity[identity] = number;
    return number;
  }

  // The value of a tensor that is used: captured if unknown, data if written past the dispatcher since it was made.
  uint32_t use(const at::Tensor& tensor) {
    auto known = by_identity.find(tensor.unsafeGetTensorImpl());
    if (known == by_identity.end()) return add(tensor, EXPC_CAPTURED, false);
    Value& value = values[known->second];
    if (value.digest) {
      if (is_readable(tensor) && digest_of(tensor) != *value.digest) {
        value.origin = EXPC_DATA;
        value.held = tensor.detach().clone();
      }
      value.digest.reset();
    }
    return known->second;
  }

  void snapshot(const at::Tensor& tensor) {
    Snapshot taken{};
    taken.dtype = static_cast<int32_t>(tensor.scalar_type());
    taken.layout = static_cast<int32_t>(tensor.layout());
    taken.device_type = static_cast<int32_t>(tensor.device().type());
    taken.device_index = tensor.device().index();
    taken.requires_grad = tensor.requires_grad();
    taken.sizes = numbers.size();
    if (!tensor.is_nested()) {
      taken.rank = static_cast<size_t>(tensor.dim());
      numbers.insert(numbers.end(), tensor.sizes().begin(), tensor.sizes().end());
      if (tensor.layout() == c10::kStrided) {
        taken.has_strides = true;
        numbers.insert(numbers.end(), tensor.strides().begin(), tensor.strides().end());
        taken.storage_offset = tensor.storage_offset();
        if (tensor.has_storage()) taken.storage = tensor.storage().unsafeGetStorageImpl();
      }
    }
    snapshots.back() = taken;
  }

  size_t text(std::string text) {
    texts.push_back(std::move(text));
    return texts.size() - 1;
  }

  expc_node& push(expc_node_kind kind, int64_t number = 0) {
    nodes.push_back({kind, 0, number, 0, 0});
    snapshots.emplace_back();
    return nodes.back();
  }

  // `visit` gives the value of a tensor.
  template <class Visit>
  void node(const c10::IValue& value, Visit&& visit) {
    if (value.isNone()) {
      push(EXPC_NODE_NONE);
    } else if (value.isTensor()) {
      const at::Tensor& tensor = value.toTensor();
      if (!tensor.defined()) {
        push(EXPC_NODE_NONE);
        return;
      }
      push(EXPC_NODE_TENSOR, visit(tensor));
      snapshot(tensor);
    } else if (value.isInt()) {
      push(EXPC_NODE_INT, value.toInt());
    } else if (value.isDouble()) {
      push(EXPC_NODE_FLOAT).real = value.toDouble();
    } else if (value.isBool()) {
      push(EXPC_NODE_BOOL, value.toBool());
    } else if (value.isComplexDouble()) {
      auto number = value.toComplexDouble();
      auto& added = push(EXPC_NODE_COMPLEX);
      added.real = number.real();
      added.imaginary = number.imag();
    } else if (value.isString()) {
      push(EXPC_NODE_STR, static_cast<int64_t>(text(value.toStringRef())));
    } else if (value.isDevice()) {
      push(EXPC_NODE_DEVICE, static_cast<int64_t>(text(value.toDevice().str())));
    } else if (value.isList()) {
      auto items = value.toListRef();
      push(EXPC_NODE_LIST).length = static_cast<uint32_t>(items.size());
      for (const auto& item : items) node(item, visit);
    } else {
      push(EXPC_NODE_OPAQUE, static_cast<int64_t>(text(value.tagKind())));
    }
  }

  // From now on only kernels reach the elements of the tensor.
  void protect(const at::Tensor& tensor) {
    if (!tensor.has_storage()) return;
    c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
    auto owner = c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(storage);
    if (refusing.emplace(storage, WeakStorage(owner)).second) refuse_access(*storage, is_protecting);
  }

  void refuse_all(bool refuse) {
    is_protecting = refuse;
    for (auto& entry : refusing) {
      if (auto storage = entry.second.lock()) refuse_access(*storage, refuse);
    }
  }

  void allow_all() {
    refuse_all(false);
    refusing.clear();
  }

  // Keeps the elements of what is from outside and will be written to.
  void save(const at::Tensor& tensor) {
    if (!tensor.has_storage()) return;
    for (const Value& value : values) {
      if (!value.held.defined() || !value.held.has_storage()) continue;
      if (value.held.storage().unsafeGetStorageImpl() != tensor.storage().unsafeGetStorageImpl()) continue;
      bool known = false;
      for (const Saved& entry : saved) known = known || entry.tensor.is_same(value.held);
      if (!known) saved.push_back({value.held, value.held.detach().clone()});
    }
  }

  void restore() {
    c10::AutoGradMode no_gradients(false);
    for (const Saved& entry : saved) {
      if (entry.tensor.sizes() == entry.elements.sizes()) entry.tensor.copy_(entry.elements);
    }
    saved.clear();
  }

  // The tensor without elements that stands for one with elements in calls on such tensors.
  at::Tensor shadow(const at::Tensor& tensor) {
    if (tensor.is_meta()) return tensor;
    auto known = shadows.find(tensor.unsafeGetTensorImpl());
    if (known != shadows.end()) return known->second;
    at::Tensor made = without_data(tensor);
    by_identity.emplace(made.unsafeGetTensorImpl(), use(tensor));
    shadows.emplace(tensor.unsafeGetTensorImpl(), made);
    return made;
  }

  void call(const c10::OperatorHandle& op, torch::jit::Stack* stack, size_t base);
  void call_abstract(const c10::OperatorHandle& op, torch::jit::Stack* stack, size_t base);
  std::optional<torch::jit::Stack> answered(const c10::OperatorHandle& op, const expc_asked& asked);
  torch::jit::Stack call_with_zeros(const c10::OperatorHandle& op, torch::jit::Stack arguments);
  void run(const c10::OperatorHandle& op, torch::jit::Stack* stack);
};

namespace {

thread_local expc_recorder* current = nullptr;

template <class Visit>
void visit_tensors(const c10::IValue& value, Visit&& visit) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) visit(value.toTensor());
  } else if (value.isList()) {
    for (const auto& item : value.toListRef()) visit_tensors(item, visit);
  }
}

// Lets the kernels of a call reach the memory of its arguments, and nobody else.
class Access {
 public:
  Access(expc_recorder& of, c10::ArrayRef<c10::IValue> arguments) : recorder(of) {
    for (const auto& argument : arguments) {
      visit_tensors(argument, [&](const at::Tensor& tensor) {
        if (!tensor.has_storage()) return;
        auto known = recorder.refusing.find(tensor.storage().unsafeGetStorageImpl());
        if (known == recorder.refusing.end()) return;
        if (auto storage = known->second.lock()) {
          refuse_access(*storage, false);
          opened.push_back(std::move(storage));
        }
      });
    }
  }
  ~Access() {
    for (auto& storage : opened) refuse_access(*storage, recorder.is_protecting);
  }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

 private:
  expc_recorder& recorder;
  std::vector<c10::intrusive_ptr<c10::StorageImpl>> opened;
};

void record(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  c10::impl::ExcludeDispatchKeyGuard below(c10::DispatchKey::TESTING_ONLY_GenericMode);
  if (current == nullptr) {
    op.callBoxed(stack);
  } else {
    current->run(op, stack);
  }
}

// The one fallback of this process for the key, which no tensor carries: it is reached only by threads that include it.
TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&record>());
}

}  // namespace

// Runs an operator; when recording abstractly, on the device that its arguments are on.
void expc_recorder::call(const c10::OperatorHandle& op, torch::jit::Stack* stack, size_t base) {
  bool has_meta = false;
  for (size_t index = base; index < stack->size(); ++index) {
    visit_tensors((*stack)[index], [&](const at::Tensor& tensor) { has_meta = has_meta || tensor.is_meta(); });
  }
  if (is_abstract) {
    // What tch takes a meta tensor's device for is no device here.
    auto device = has_meta ? c10::Device(c10::kMeta) : c10::Device(c10::kCPU);
    for (size_t index = base; index < stack->size(); ++index) {
      if ((*stack)[index].isDevice()) (*stack)[index] = device;
    }
  }
  if (is_abstract && has_meta) {
    call_abstract(op, stack, base);
  } else {
    op.callBoxed(stack);
  }
}

// What the last call returns as the other side of the border knows it; none where it does not.
std::optional<torch::jit::Stack> expc_recorder::answered(const c10::OperatorHandle& op, const expc_asked& asked) {
  if (asked.function == nullptr) return std::nullopt;
  forms.clear();
  if (!asked.function(asked.context, calls.size() - 1) || forms.size() != op.schema().returns().size()) return std::nullopt;
  auto device = is_abstract ? c10::kMeta : c10::kCPU;
  torch::jit::Stack results;
  for (const Form& form : forms) {
    auto made = at::empty_strided(form.sizes, form.strides, c10::TensorOptions().dtype(form.dtype).device(device));
    results.emplace_back(is_abstract ? made : made.zero_());
  }
  return results;
}

// Runs an operator on zeros in the place of tensors without elements.
torch::jit::Stack expc_recorder::call_with_zeros(const c10::OperatorHandle& op, torch::jit::Stack arguments) {
  // A result that is an argument must be the same tensor here too.
  std::unordered_map<at::TensorImpl*, at::Tensor> concrete;
  std::unordered_map<at::TensorImpl*, at::Tensor> abstract;
  for (auto& argument : arguments) {
    if (argument.isDevice()) argument = c10::Device(c10::kCPU);
    argument = with_tensors(argument, [&](const at::Tensor& tensor) {
      auto& made = concrete[tensor.unsafeGetTensorImpl()];
      if (!made.defined()) made = with_zeros(tensor);
      abstract[made.unsafeGetTensorImpl()] = tensor;
      return made;
    });
  }
  op.callBoxed(arguments);
  for (auto& result : arguments) {
    result = with_tensors(result, [&](const at::Tensor& tensor) {
      auto& made = abstract[tensor.unsafeGetTensorImpl()];
      if (!made.defined()) made = without_data(tensor);
      return made;
    });
  }
  return arguments;
}

// Runs an operator without elements: on the meta device; where that has no kernel, as shape inference has it; where that
// does not know either, on zeros.
void expc_recorder::call_abstract(const c10::OperatorHandle& op, torch::jit::Stack* stack, size_t base) {
  std::optional<torch::jit::Stack> results;
  const bool asked_first = without_kernel.count(op.operator_name()) != 0;
  const expc_asked asked = returns_new_tensors(op.schema()) ? shapes : expc_asked();
  if (asked_first) results = answered(op, asked);
  if (!results) {
    torch::jit::Stack arguments(stack->begin() + static_cast<std::ptrdiff_t>(base), stack->end());
    for (auto& argument : arguments) {
      argument = with_tensors(argument, [&](const at::Tensor& tensor) { return shadow(tensor); });
    }
    try {
      results = arguments;
      op.callBoxed(*results);
    } catch (const c10::NotImplementedError&) {
      without_kernel.insert(op.operator_name());
      results = asked_first ? std::nullopt : answered(op, asked);
      if (!results) results = call_with_zeros(op, std::move(arguments));
    }
  }
  stack->resize(base);
  stack->insert(stack->end(), results->begin(), results->end());
}

void expc_recorder::run(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const size_t argument_count = schema.arguments().size();
  const size_t base = stack->size() - argument_count;
  c10::ArrayRef<c10::IValue> arguments(stack->data() + base, argument_count);

  Call call{op.operator_name(), {}, {}};
  call.data.grad_mode = c10::GradMode::is_enabled();
  call.data.scope = scope;
  call.data.arguments = nodes.size();
  bool has_tensors = false;
  bool depends = op.hasTag(at::Tag::nondeterministic_seeded);
  // The recorder looks at elements itself, so the memory of the arguments is open from here on.
  std::optional<Access> access(std::in_place, *this, arguments);
  for (const auto& argument : arguments) {
    node(argument, [&](const at::Tensor& tensor) {
      has_tensors = true;
      uint32_t value = use(tensor);
      depends = depends || values[value].depends;
      return value;
    });
  }
  for (size_t index = 0; schema.is_mutable() && index < argument_count; ++index) {
    const auto* alias = schema.arguments()[index].alias_info();
    if (alias == nullptr || !alias->isWrite()) continue;
    visit_tensors(arguments[index], [&](const at::Tensor& tensor) { save(tensor); });
  }
  call.data.results = nodes.size();
  call.data.end = nodes.size();
  call.data.frames = frames.size();
  frames.resize(frames.size() + kMaxFrames);
  int depth = ::backtrace(frames.data() + call.data.frames, kMaxFrames);
  call.data.frame_count = depth > 0 ? static_cast<size_t>(depth) : 0;
  frames.resize(call.data.frames + call.data.frame_count);
  size_t position = calls.size();
  calls.push_back(std::move(call));
  if (depends && op.hasTag(at::Tag::data_dependent_output)) calls[position].data.outcome = EXPC_READ_DATA;

  try {
    this->call(op, stack, base);
  } catch (const c10::Error& error) {
    calls[position].error = error.what_without_backtrace();
  } catch (const std::exception& error) {
    calls[position].error = error.what();
  }
  if (!calls[position].error.empty()) {
    if (calls[position].data.outcome == EXPC_RETURNED) calls[position].data.outcome = EXPC_THREW;
    auto stand_ins = answered(op, returns_tensors(schema) ? rescue : expc_asked());
    if (!stand_ins) throw std::runtime_error(calls[position].error);
    stack->resize(base);
    stack->insert(stack->end(), stand_ins->begin(), stand_ins->end());
  }

  const size_t result_count = schema.returns().size();
  c10::ArrayRef<c10::IValue> results(stack->data() + (stack->size() - result_count), result_count);
  for (const auto& result : results) {
    node(result, [&](const at::Tensor& tensor) {
      auto known = by_identity.find(tensor.unsafeGetTensorImpl());
      if (known != by_identity.end()) {
        Value& value = values[known->second];
        value.depends = value.depends || depends;
        return known->second;
      }
      uint32_t value = add(tensor, EXPC_RESULT, depends);
      if (!has_tensors && !depends && is_readable(tensor)) values[value].digest = digest_of(tensor);
      return value;
    });
    if (depends && has_tensors) visit_tensors(result, [&](const at::Tensor& tensor) { protect(tensor); });
  }
  calls[position].data.end = nodes.size();
}

expc_recorder::~expc_recorder() {
  expc_recorder_stop(this);
  allow_all();
}

const void* expc_tensor_identity(tensor source) {
  return static_cast<at::Tensor*>(source)->unsafeGetTensorImpl();
}

expc_recorder* expc_recorder_new(bool is_abstract) {
  auto* recorder = new expc_recorder();
  recorder->is_abstract = is_abstract;
  return recorder;
}

void expc_recorder_free(expc_recorder* recorder) { delete recorder; }

void expc_recorder_set_shapes(expc_recorder* recorder, expc_shapes shapes, void* context) {
  recorder->shapes = {shapes, context};
}

void expc_recorder_set_rescue(expc_recorder* recorder, expc_shapes rescue, void* context) {
  recorder->rescue = {rescue, context};
}

void expc_recorder_answer(expc_recorder* recorder, int32_t dtype, const int64_t* sizes, const int64_t* strides, size_t rank) {
  recorder->forms.push_back(
      {static_cast<c10::ScalarType>(dtype), std::vector<int64_t>(sizes, sizes + rank), std::vector<int64_t>(strides, strides + rank)});
}

uint32_t expc_recorder_know(expc_recorder* recorder, tensor source, bool protect) {
  const at::Tensor& value = *static_cast<at::Tensor*>(source);
  auto known = recorder->by_identity.find(value.unsafeGetTensorImpl());
  if (known != recorder->by_identity.end()) return known->second;
  if (protect) recorder->protect(value);
  return recorder->add(value, EXPC_GIVEN, true);
}

bool expc_recorder_start(expc_recorder* recorder) {
  if (current != nullptr) return false;
  current = recorder;
  recorder->started = true;
  c10::impl::tls_set_dispatch_key_included(c10::DispatchKey::TESTING_ONLY_GenericMode, true);
  return true;
}

void expc_recorder_stop(expc_recorder* recorder) {
  if (!recorder->started) return;
  recorder->started = false;
  current = nullptr;
  c10::impl::tls_set_dispatch_key_included(c10::DispatchKey::TESTING_ONLY_GenericMode, false);
  recorder->allow_all();
  recorder->restore();
}

void expc_recorder_scope(uint32_t scope) {
  if (current != nullptr) current->scope = scope;
}

void expc_recorder_protection(bool on) {
  if (current != nullptr && current->is_protecting != on) current->refuse_all(on);
}

uint32_t expc_recorder_value_of(expc_recorder* recorder, tensor source) {
  return recorder->use(*static_cast<at::Tensor*>(source));
}

size_t expc_recorder_value_count(const expc_recorder* recorder) { return recorder->values.size(); }

int32_t expc_recorder_value_origin(const expc_recorder* recorder, uint32_t value) {
  return recorder->values[value].origin;
}

tensor expc_recorder_value_tensor(const expc_recorder* recorder, uint32_t value) {
  const at::Tensor& held = recorder->values[value].held;
  return held.defined() ? new at::Tensor(held) : nullptr;
}

size_t expc_recorder_call_count(const expc_recorder* recorder) { return recorder->calls.size(); }
expc_call expc_recorder_call(const expc_recorder* recorder, size_t call) { return recorder->calls[call].data; }

void expc_recorder_call_name(const expc_recorder* recorder, size_t call, expc_sink name) {
  const auto& op = recorder->calls[call].name;
  name.write(name.context, op.name.data(), op.name.size());
  name.write(name.context, ".", 1);
  name.write(name.context, op.overload_name.data(), op.overload_name.size());
}

void expc_recorder_call_error(const expc_recorder* recorder, size_t call, expc_sink text) {
  const auto& error = recorder->calls[call].error;
  text.write(text.context, error.data(), error.size());
}

const expc_node* expc_recorder_nodes(const expc_recorder* recorder, size_t* count) {
  *count = recorder->nodes.size();
  return recorder->nodes.data();
}

void* const* expc_recorder_frames(const expc_recorder* recorder, size_t* count) {
  *count = recorder->frames.size();
  return recorder->frames.data();
}

void expc_recorder_text(const expc_recorder* recorder, size_t number, expc_sink text) {
  const auto& found = recorder->texts[number];
  text.write(text.context, found.data(), found.size());
}

void expc_recorder_describe(const expc_recorder* recorder, size_t node, expc_tensor_info* info, bool* requires_grad) {
  *info = {};
  *requires_grad = false;
  const auto& snapshot = recorder->snapshots[node];
  if (!snapshot) return;
  info->defined = true;
  info->dtype = snapshot->dtype;
  info->layout = snapshot->layout;
  info->device_type = snapshot->device_type;
  info->device_index = snapshot->device_index;
  info->storage_offset = snapshot->storage_offset;
  info->rank = snapshot->rank;
  info->sizes = recorder->numbers.data() + snapshot->sizes;
  if (snapshot->has_strides) info->strides = info->sizes + snapshot->rank;
  info->storage = snapshot->storage;
  *requires_grad = snapshot->requires_grad;
}

const char* expc_recorder_read_marker() { return kReadMarker; }
