// What values are, and Python's conversion of arguments to what kernels take.

#include "coerce.h"

#include <ATen/ATen.h>
#include <ATen/core/class_type.h>

#include <sstream>
#include <stdexcept>
#include <vector>

#include "border.h"

using c10::IValue;
using c10::TypeKind;

namespace expc {

int32_t kind_of(const IValue& value) {
  if (value.isTensor()) return value.toTensor().defined() ? EXPC_TENSOR : EXPC_NONE;
  if (value.isNone()) return EXPC_NONE;
  if (value.isInt()) return EXPC_INT;
  if (value.isDouble()) return EXPC_FLOAT;
  if (value.isBool()) return EXPC_BOOL;
  if (value.isComplexDouble()) return EXPC_COMPLEX;
  if (value.isString()) return EXPC_STR;
  if (value.isDevice()) return EXPC_DEVICE;
  if (value.isList() || value.isTuple()) return EXPC_LIST;
  if (value.isGenericDict()) return EXPC_DICT;
  return EXPC_OPAQUE;
}

c10::ArrayRef<IValue> items_of(const IValue& value) {
  if (value.isTuple()) return value.toTupleRef().elements();
  return value.toListRef();
}

std::string describe(const IValue& value) {
  std::ostringstream text;
  switch (kind_of(value)) {
    case EXPC_NONE: return "`None`";
    case EXPC_TENSOR: return "a tensor";
    case EXPC_INT: text << "the int `" << value.toInt() << "`"; break;
    case EXPC_FLOAT: text << "the float `" << value.toDouble() << "`"; break;
    case EXPC_BOOL: text << "the bool `" << (value.toBool() ? "True" : "False") << "`"; break;
    case EXPC_COMPLEX: return "a complex number";
    case EXPC_STR: text << "the string `" << value.toStringRef() << "`"; break;
    case EXPC_DEVICE: text << "the device `" << value.toDevice().str() << "`"; break;
    case EXPC_LIST: text << "a list of " << items_of(value).size(); break;
    case EXPC_DICT: return "a dictionary";
    default: text << "a value of type `" << value.type()->str() << "`";
  }
  return text.str();
}

[[noreturn]] static void mismatch(const c10::Type& type, const IValue& value) {
  throw std::invalid_argument("expected `" + type.str() + "`, found " + describe(value));
}

// A Python number given for a tensor takes part in type promotion as a number does, not as a tensor.
static at::Tensor wrapped_number(const c10::Scalar& number) {
  at::Tensor result = at::scalar_to_tensor(number);
  result.unsafeGetTensorImpl()->set_wrapped_number(true);
  return result;
}

static IValue in_range(const c10::Type& type, const IValue& value, int64_t end) {
  if (!value.isInt()) mismatch(type, value);
  if (value.toInt() < 0 || value.toInt() >= end) mismatch(type, value);
  return value;
}

template <class Element, class Convert>
static IValue typed_list(c10::ArrayRef<IValue> items, Convert convert) {
  c10::List<Element> list;
  list.reserve(items.size());
  for (const IValue& item : items) list.push_back(convert(item));
  return list;
}

IValue coerce_list(c10::ArrayRef<IValue> items, const c10::TypePtr& element) {
  const c10::Type& type = *element;
  switch (type.kind()) {
    case TypeKind::TensorType:
      return typed_list<at::Tensor>(items, [&](const IValue& item) { return coerce(item, type).toTensor(); });
    case TypeKind::IntType:
    case TypeKind::SymIntType:
      return typed_list<int64_t>(items, [&](const IValue& item) { return coerce(item, type).toInt(); });
    case TypeKind::FloatType:
    case TypeKind::SymFloatType:
      return typed_list<double>(items, [&](const IValue& item) { return coerce(item, type).toDouble(); });
    case TypeKind::BoolType:
    case TypeKind::SymBoolType:
      return typed_list<bool>(items, [&](const IValue& item) { return coerce(item, type).toBool(); });
    case TypeKind::StringType:
      return typed_list<std::string>(items, [&](const IValue& item) { return coerce(item, type).toStringRef(); });
    default: break;
  }
  if (type.kind() == TypeKind::OptionalType &&
      type.castRaw<c10::OptionalType>()->getElementType()->kind() == TypeKind::TensorType) {
    return typed_list<std::optional<at::Tensor>>(items, [&](const IValue& item) -> std::optional<at::Tensor> {
      IValue tensor = coerce(item, type);
      if (kind_of(tensor) == EXPC_NONE) return std::nullopt;
      return std::move(tensor).toTensor();
    });
  }
  auto list = c10::impl::GenericList(element);
  list.reserve(items.size());
  for (const IValue& item : items) list.push_back(coerce(item, type));
  return list;
}

static IValue coerce_dict(const IValue& value, const c10::DictType& type) {
  if (!value.isGenericDict()) mismatch(type, value);
  auto dict = c10::impl::GenericDict(type.getKeyType(), type.getValueType());
  for (const auto& entry : value.toGenericDict()) {
    dict.insert(coerce(entry.key(), *type.getKeyType()), coerce(entry.value(), *type.getValueType()));
  }
  return dict;
}

static IValue coerce_tuple(const IValue& value, const c10::TupleType& type) {
  if (kind_of(value) != EXPC_LIST || items_of(value).size() != type.elements().size()) mismatch(type, value);
  std::vector<IValue> items;
  for (size_t index = 0; index < type.elements().size(); ++index) {
    items.push_back(coerce(items_of(value)[index], *type.elements()[index]));
  }
  return c10::ivalue::Tuple::create(std::move(items));
}

static IValue coerce_number(const IValue& value, const c10::Type& type) {
  if (value.isInt() || value.isDouble() || value.isBool() || value.isComplexDouble()) return value;
  if (value.isTensor() && value.toTensor().defined() && value.toTensor().dim() == 0) return value.toTensor().item();
  mismatch(type, value);
}

static IValue coerce_tensor(const IValue& value, const c10::Type& type) {
  if (value.isTensor()) return value;
  if (value.isNone()) return at::Tensor();
  if (value.isInt() || value.isDouble() || value.isBool() || value.isComplexDouble()) {
    return wrapped_number(value.toScalar());
  }
  mismatch(type, value);
}

// Zero-dimensional tensors stand for numbers in Python too.
static IValue scalar_of(const IValue& value) {
  if (value.isTensor() && value.toTensor().defined() && value.toTensor().dim() == 0) return value.toTensor().item();
  return value;
}

IValue coerce(const IValue& value, const c10::Type& type) {
  switch (type.kind()) {
    case TypeKind::TensorType: return coerce_tensor(value, type);
    case TypeKind::OptionalType:
      return kind_of(value) == EXPC_NONE ? IValue() : coerce(value, *type.castRaw<c10::OptionalType>()->getElementType());
    case TypeKind::IntType:
    case TypeKind::SymIntType: {
      IValue scalar = scalar_of(value);
      if (scalar.isInt()) return scalar;
      if (scalar.isBool()) return static_cast<int64_t>(scalar.toBool());
      mismatch(type, value);
    }
    case TypeKind::FloatType:
    case TypeKind::SymFloatType: {
      IValue scalar = scalar_of(value);
      if (scalar.isDouble()) return scalar;
      if (scalar.isInt()) return static_cast<double>(scalar.toInt());
      if (scalar.isBool()) return scalar.toBool() ? 1.0 : 0.0;
      mismatch(type, value);
    }
    case TypeKind::BoolType:
    case TypeKind::SymBoolType: {
      IValue scalar = scalar_of(value);
      if (scalar.isBool()) return scalar;
      mismatch(type, value);
    }
    case TypeKind::NumberType: return coerce_number(value, type);
    case TypeKind::ComplexType:
      if (value.isComplexDouble()) return value;
      if (value.isDouble()) return c10::complex<double>(value.toDouble(), 0);
      if (value.isInt()) return c10::complex<double>(static_cast<double>(value.toInt()), 0);
      mismatch(type, value);
    case TypeKind::StringType:
      if (value.isString()) return value;
      mismatch(type, value);
    case TypeKind::DeviceObjType:
      if (value.isDevice()) return value;
      if (value.isString()) return c10::Device(value.toStringRef());
      mismatch(type, value);
    case TypeKind::ScalarTypeType: return in_range(type, value, static_cast<int64_t>(c10::ScalarType::NumOptions));
    case TypeKind::LayoutType: return in_range(type, value, static_cast<int64_t>(c10::Layout::NumOptions));
    case TypeKind::MemoryFormatType:
      return in_range(type, value, static_cast<int64_t>(c10::MemoryFormat::NumOptions));
    case TypeKind::QSchemeType: return in_range(type, value, static_cast<int64_t>(c10::COMPILE_TIME_NUM_QSCHEMES));
    case TypeKind::GeneratorType:
      if (value.isGenerator()) return value;
      mismatch(type, value);
    case TypeKind::ListType: {
      if (kind_of(value) != EXPC_LIST) mismatch(type, value);
      return coerce_list(items_of(value), type.castRaw<c10::ListType>()->getElementType());
    }
    case TypeKind::DictType: return coerce_dict(value, *type.castRaw<c10::DictType>());
    case TypeKind::TupleType: return coerce_tuple(value, *type.castRaw<c10::TupleType>());
    case TypeKind::AnyType: return value;
    default:
      if (value.isObject() && value.type()->isSubtypeOf(type)) return value;
      mismatch(type, value);
  }
}

}  // namespace expc
