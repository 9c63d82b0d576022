// What values are, and their conversion to what kernels take.

#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <string>

namespace expc {

// The `expc_kind` of a value; an undefined tensor counts as none.
int32_t kind_of(const c10::IValue& value);

// The items of a list or tuple.
c10::ArrayRef<c10::IValue> items_of(const c10::IValue& value);

// A value as it appears in a message: its Python type and, for scalars, the value itself.
std::string describe(const c10::IValue& value);

// `value` as an argument of schema type `type`, converted as Python's call of an operator converts it. Throws
// `std::invalid_argument` when Python would refuse it.
c10::IValue coerce(const c10::IValue& value, const c10::Type& type);

// The same for a list, given its items and the type of its elements.
c10::IValue coerce_list(c10::ArrayRef<c10::IValue> items, const c10::TypePtr& element);

}  // namespace expc
