// Operators of a namespace that libtorch does not know, for programs that call custom operators.

#include <torch/library.h>

#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>

namespace {

at::Tensor blend(const at::Tensor& a, at::TensorList others, const std::optional<at::Tensor>& weight,
                 double scale, c10::string_view mode) {
  at::Tensor result = a;
  for (const at::Tensor& other : others) {
    result = at::add(result, other);
  }
  if (weight.has_value()) {
    result = at::mul(result, *weight);
  }
  if (mode == "mean") {
    scale /= static_cast<double>(others.size() + 1);
  }
  return at::mul(result, scale);
}

at::Tensor accumulate(at::Tensor& total, const at::Tensor& x, int64_t count) {
  total.add_(x, count);
  return at::mul(total, 0.5);
}

void scale_all(at::TensorList xs, const std::optional<at::Tensor>& optional, double factor) {
  for (const at::Tensor& x : xs) {
    x.mul_(factor);
  }
  if (optional.has_value()) {
    optional->mul_(factor);
  }
}

}  // namespace

TORCH_LIBRARY(expc_test, m) {
  m.def("blend(Tensor a, Tensor[] others, Tensor? weight=None, *, float scale=1.0, str mode=\"sum\") -> Tensor");
  m.def("accumulate(Tensor(a!) total, Tensor x, int count) -> Tensor");
  m.def("scale_all(Tensor(a!)[] xs, Tensor(b!)? optional, float factor) -> ()");
}

TORCH_LIBRARY_IMPL(expc_test, CPU, m) {
  m.impl("blend", &blend);
  m.impl("accumulate", &accumulate);
  m.impl("scale_all", &scale_all);
}
