// Kernels of the operators that PyTorch registers from Python: `prims` and `quantized_decomposed`.
//
// Programs may call them, and libtorch alone does not know them. Each kernel is registered when it is first asked
// for, under the schema of the op table. The definitions follow `torch/_prims/__init__.py` and
// `torch/ao/quantization/fx/_decomposed.py`.

#include <ATen/ATen.h>
#include <torch/library.h>

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "border.h"

namespace {

using at::Tensor;
using Dtype = at::ScalarType;
using MaybeDtype = std::optional<at::ScalarType>;
using MaybeDims = at::OptionalIntArrayRef;

// prims --------------------------------------------------------------------------------------------------------------

Tensor cbrt(const Tensor& a) { return at::copysign(at::pow(a.abs(), 1.0 / 3), a); }

Tensor div(const Tensor& a, const Tensor& b) {
  return at::isIntegralType(a.scalar_type(), /*includeBool=*/true) ? at::div(a, b, "trunc") : at::true_divide(a, b);
}

Tensor view_of(const Tensor& a) { return a.view(a.sizes()); }

Tensor clone(const Tensor& a, std::optional<at::MemoryFormat> format) { return a.clone(format); }

Tensor as_strided(const Tensor& a, at::IntArrayRef size, at::IntArrayRef stride, int64_t offset) {
  return a.as_strided(size, stride, offset);
}

Tensor as_strided_scatter(const Tensor& a, const Tensor& src, at::IntArrayRef size, at::IntArrayRef stride,
                          int64_t offset) {
  return at::as_strided_scatter(a, src, size, stride, offset);
}

Tensor broadcast_in_dim(const Tensor& a, at::IntArrayRef shape, at::IntArrayRef dims) {
  std::vector<bool> is_kept(shape.size(), false);
  for (int64_t dim : dims) is_kept.at(dim) = true;
  Tensor view = a;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    if (!is_kept[dim]) view = view.unsqueeze(static_cast<int64_t>(dim));
  }
  return view.expand(shape);
}

// The sizes with dimensions `start` to `end`, both included, merged; a scalar becomes one element.
std::vector<int64_t> collapsed(const Tensor& a, int64_t start, int64_t end) {
  if (a.dim() == 0) return {1};
  std::vector<int64_t> sizes;
  for (int64_t dim = 0; dim < a.dim(); ++dim) {
    if (dim > start && dim <= end) {
      sizes.back() *= a.size(dim);
    } else {
      sizes.push_back(a.size(dim));
    }
  }
  return sizes;
}

Tensor collapse_view(const Tensor& a, int64_t start, int64_t end) { return a.view(collapsed(a, start, end)); }

Tensor collapse(const Tensor& a, int64_t start, int64_t end) {
  Tensor out = at::empty(collapsed(a, start, end), a.options());
  out.view(a.sizes()).copy_(a);
  return out;
}

Tensor split_dim(const Tensor& a, int64_t dim, int64_t outer) {
  std::vector<int64_t> sizes = a.sizes().vec();
  TORCH_CHECK(outer > 0 && sizes.at(dim) % outer == 0, "split_dim: ", sizes.at(dim), " is no multiple of ", outer);
  sizes[dim] /= outer;
  sizes.insert(sizes.begin() + dim, outer);
  return a.view(sizes);
}

Tensor squeeze(const Tensor& a, at::IntArrayRef dims) { return at::squeeze(a, dims); }
Tensor transpose(const Tensor& a, at::IntArrayRef permutation) { return at::permute(a, permutation); }
Tensor view_of_dtype(const Tensor& a, Dtype dtype) { return a.view(dtype); }
Tensor reshape(const Tensor& a, at::IntArrayRef shape) {
  return a.reshape(shape).clone(at::MemoryFormat::Contiguous);
}
Tensor rev(const Tensor& a, at::IntArrayRef dims) { return at::flip(a, dims); }
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) { return at::where(condition, a, b); }
Tensor fill(const Tensor& a, const at::Scalar& value) { return at::fill(a, value); }
Tensor cat(at::TensorList tensors, int64_t dim) { return at::cat(tensors, dim); }

Tensor convert_element_type(const Tensor& a, Dtype dtype) {
  return at::empty_like(a, a.options().dtype(dtype)).copy_(a);
}

Tensor device_put(const Tensor& a, at::Device device, bool non_blocking) {
  return a.to(device, a.scalar_type(), non_blocking);
}

at::Scalar item(const Tensor& a) { return a.item(); }

Tensor& copy_to(Tensor& a, const Tensor& b) { return a.copy_(b); }

const Tensor& resize(const Tensor& a, at::IntArrayRef shape) { return a.resize_(shape); }

Tensor copy_strided(const Tensor& a, at::IntArrayRef stride) {
  return at::empty_strided(a.sizes(), stride, a.options()).copy_(a);
}

void without_output_dtype(MaybeDtype dtype) { TORCH_CHECK(!dtype, "output_dtype is not supported by this operator"); }

Tensor sum(const Tensor& a, MaybeDims dims, MaybeDtype dtype) { return at::sum(a, dims, /*keepdim=*/false, dtype); }

Tensor prod(const Tensor& a, MaybeDims dims, MaybeDtype dtype) {
  if (!dims) return at::prod(a, dtype);
  std::vector<int64_t> sorted = dims->vec();
  if (sorted.empty()) return a.clone();
  std::sort(sorted.rbegin(), sorted.rend());
  Tensor result = a;
  for (int64_t dim : sorted) result = at::prod(result, dim, /*keepdim=*/false, dtype);
  return result;
}

Tensor amax(const Tensor& a, MaybeDims dims, MaybeDtype dtype) {
  without_output_dtype(dtype);
  return at::amax(a, dims.value_or(at::IntArrayRef()));
}

Tensor amin(const Tensor& a, MaybeDims dims, MaybeDtype dtype) {
  without_output_dtype(dtype);
  return at::amin(a, dims.value_or(at::IntArrayRef()));
}

Tensor var(const Tensor& a, MaybeDims dims, std::optional<double> correction, MaybeDtype dtype) {
  without_output_dtype(dtype);
  std::optional<at::Scalar> scalar;
  if (correction) scalar = *correction;
  return at::var(a, dims, scalar);
}

at::TensorOptions options(Dtype dtype, at::Device device) { return at::TensorOptions().dtype(dtype).device(device); }

Tensor iota(int64_t length, int64_t start, int64_t step, Dtype dtype, at::Device device, bool) {
  return at::arange(start, start + length * step, step, options(dtype, device));
}

Tensor empty(at::IntArrayRef shape, Dtype dtype, at::Device device, bool) {
  return at::empty(shape, options(dtype, device));
}

Tensor empty_strided(at::IntArrayRef shape, at::IntArrayRef strides, Dtype dtype, at::Device device, bool) {
  return at::empty_strided(shape, strides, options(dtype, device));
}

Tensor empty_permuted(at::IntArrayRef shape, at::IntArrayRef layout, Dtype dtype, at::Device device, bool) {
  return at::empty_permuted(shape, layout, options(dtype, device));
}

Tensor full(at::IntArrayRef shape, const at::Scalar& value, Dtype dtype, at::Device device, bool) {
  return at::full(shape, value, options(dtype, device));
}

Tensor full_like(const Tensor& a, const at::Scalar& value, Dtype dtype, at::Device device, bool) {
  return at::full_like(a, value, options(dtype, device));
}

Tensor scalar_tensor(const at::Scalar& value, MaybeDtype dtype, std::optional<at::Device> device) {
  return at::scalar_tensor(value, at::TensorOptions().dtype(dtype).device(device));
}

std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& a, bool full_matrices) { return at::linalg_svd(a, full_matrices); }

std::tuple<Tensor, Tensor> frexp(const Tensor& a) { return at::frexp(a); }

Tensor normal(at::IntArrayRef shape, const at::Scalar& mean, const at::Scalar& std, Dtype dtype, at::Device device,
              bool, std::optional<at::Generator> generator) {
  return at::empty(shape, options(dtype, device)).normal_(mean.toDouble(), std.toDouble(), generator);
}

Tensor uniform(at::IntArrayRef shape, const at::Scalar& low, const at::Scalar& high, Dtype dtype, at::Device device,
               at::IntArrayRef stride, std::optional<at::Generator> generator) {
  return at::empty_strided(shape, stride, options(dtype, device))
      .uniform_(low.toDouble(), high.toDouble(), generator);
}

Tensor fft_r2c(const Tensor& a, at::IntArrayRef dims, bool onesided) { return at::_fft_r2c(a, dims, 0, onesided); }
Tensor fft_c2c(const Tensor& a, at::IntArrayRef dims, bool forward) { return at::_fft_c2c(a, dims, 0, forward); }
Tensor fft_c2r(const Tensor& a, at::IntArrayRef dims, int64_t last) { return at::_fft_c2r(a, dims, 0, last); }

// quantized_decomposed -------------------------------------------------------------------------------------------------

// The values of a dtype that tensors are quantized to; the float8 kinds are cut to whole numbers.
std::pair<int64_t, int64_t> bounds(Dtype dtype) {
  switch (dtype) {
    case Dtype::Byte: return {0, 255};
    case Dtype::Char: return {-128, 127};
    case Dtype::UInt16: return {0, 65535};
    case Dtype::Short: return {-32768, 32767};
    case Dtype::Int: return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    case Dtype::Float8_e5m2: return {-57344, 57344};
    case Dtype::Float8_e4m3fn: return {-448, 448};
    default: TORCH_CHECK_VALUE(false, "Unsupported dtype: ", dtype);
  }
}

void check_bounds(int64_t quant_min, int64_t quant_max, Dtype dtype) {
  auto [low, high] = bounds(dtype);
  TORCH_CHECK(quant_min >= low, "quant_min out of bound for dtype, quant_min_lower_bound: ", low, " quant_min: ", quant_min);
  TORCH_CHECK(quant_max <= high, "quant_max out of bound for dtype, quant_max_upper_bound: ", high,
              " quant_max: ", quant_max);
}

void check_dtype(const Tensor& input, Dtype dtype) {
  TORCH_CHECK(input.scalar_type() == dtype, "Expecting input to have dtype: ", dtype, ", but got ", input.scalar_type());
}

Tensor as_float(const Tensor& input) {
  Tensor result = input.scalar_type() == at::kHalf || input.scalar_type() == at::kBFloat16 ? input.to(at::kFloat) : input;
  check_dtype(result, at::kFloat);
  return result;
}

double number(const Tensor& value) {
  TORCH_CHECK(value.numel() == 1, "Expecting a tensor of one element, but received: ", value.numel());
  return value.item().toDouble();
}

int64_t integer(const Tensor& value) { return static_cast<int64_t>(number(value)); }

Tensor quantize_per_tensor(const Tensor& input, double scale, int64_t zero_point, int64_t quant_min, int64_t quant_max,
                           Dtype dtype) {
  Tensor values = as_float(input);
  check_bounds(quant_min, quant_max, dtype);
  return at::clamp(at::round(values * (1.0 / scale)) + zero_point, quant_min, quant_max).to(dtype);
}

Tensor quantize_per_tensor_tensor(const Tensor& input, const Tensor& scale, const Tensor& zero_point, int64_t quant_min,
                                  int64_t quant_max, Dtype dtype) {
  return quantize_per_tensor(input, number(scale), integer(zero_point), quant_min, quant_max, dtype);
}

Tensor quantize_per_tensor_tensor2(const Tensor& input, const Tensor& scale, const Tensor& zero_point,
                                   const Tensor& quant_min, const Tensor& quant_max, Dtype dtype) {
  return quantize_per_tensor(input, number(scale), integer(zero_point), integer(quant_min), integer(quant_max), dtype);
}

Tensor dequantize_per_tensor(const Tensor& input, double scale, int64_t zero_point, int64_t, int64_t, Dtype dtype,
                             MaybeDtype out_dtype) {
  check_dtype(input, dtype);
  bounds(dtype);
  return (input.to(out_dtype.value_or(at::kFloat)) - zero_point) * scale;
}

Tensor dequantize_per_tensor_tensor(const Tensor& input, const Tensor& scale, const Tensor& zero_point,
                                    int64_t quant_min, int64_t quant_max, Dtype dtype, MaybeDtype out_dtype) {
  return dequantize_per_tensor(input, number(scale), integer(zero_point), quant_min, quant_max, dtype, out_dtype);
}

Tensor dequantize_per_tensor_tensor2(const Tensor& input, const Tensor& scale, const Tensor& zero_point, const Tensor&,
                                     const Tensor&, Dtype dtype, MaybeDtype out_dtype) {
  return dequantize_per_tensor(input, number(scale), integer(zero_point), 0, 0, dtype, out_dtype);
}

using Pair = std::tuple<Tensor, Tensor>;

// Scale and zero point of a range that includes zero, from the smallest and largest value.
Pair choose(const Tensor& input, int64_t quant_min, int64_t quant_max, double eps, Dtype dtype, bool is_symmetric) {
  bounds(dtype);
  TORCH_CHECK(quant_min <= 0 && 0 <= quant_max && quant_min < quant_max, "the quantization range must include 0");
  auto [low, high] = at::aminmax(input);
  auto longs = input.options().dtype(at::kLong);
  bool is_valid = low.numel() != 0 && at::le(low, high).all().item<bool>() && !at::isinf(low).all().item<bool>();
  if (!is_valid) return {at::ones({1}, input.options().dtype(at::kFloat)), at::zeros({1}, longs)};
  Tensor smallest = at::full({1}, eps, input.options().dtype(at::kFloat));
  low = at::min(low, at::zeros_like(low));
  high = at::max(high, at::zeros_like(high));
  double steps = static_cast<double>(quant_max - quant_min);
  if (is_symmetric) {
    Tensor scale = at::max(at::max(-low, high) / (steps / 2), smallest);
    Tensor zero_point = at::full({1}, dtype == at::kByte ? 128 : 0, longs);
    return {scale.to(at::kDouble), zero_point};
  }
  Tensor scale = at::max((high - low) / steps, smallest);
  Tensor zero_point = at::clamp(quant_min - at::round(low / scale).to(at::kInt), quant_min, quant_max);
  return {scale.to(at::kDouble), zero_point.to(at::kLong)};
}

Pair choose_qparams(const Tensor& input, int64_t quant_min, int64_t quant_max, double eps, Dtype dtype) {
  return choose(input, quant_min, quant_max, eps, dtype, false);
}

Pair choose_qparams_symmetric(const Tensor& input, int64_t quant_min, int64_t quant_max, double eps, Dtype dtype) {
  return choose(input, quant_min, quant_max, eps, dtype, true);
}

Pair choose_qparams_per_token(const Tensor& input, Dtype dtype) {
  TORCH_CHECK(dtype == at::kChar, "unsupported dtype in choose_qparams_per_token: ", dtype);
  Tensor scales = at::amax(input.abs(), {-1}, /*keepdim=*/true);
  if (scales.scalar_type() == at::kHalf) scales = scales.to(at::kFloat);
  scales = scales.clamp_min(1e-5).div(127);
  return {scales, at::zeros_like(scales)};
}

Pair choose_qparams_per_token_asymmetric(const Tensor& input, Dtype) {
  const int64_t quant_min = -128, quant_max = 127;
  Tensor low = at::amin(input, {-1}, /*keepdim=*/true);
  Tensor high = at::amax(input, {-1}, /*keepdim=*/true);
  low = at::min(low, at::zeros_like(low));
  high = at::max(high, at::zeros_like(high));
  double eps = std::numeric_limits<float>::epsilon();
  Tensor scale = ((high - low) / static_cast<double>(quant_max - quant_min)).clamp_min(eps);
  Tensor descaled_low = low / scale, descaled_high = high / scale;
  Tensor error = (quant_min + descaled_low) + (quant_max + descaled_high);
  Tensor zero_point = at::where(error > 0, quant_min - descaled_low, quant_max - descaled_high);
  zero_point = at::clamp(zero_point, quant_min, quant_max).round();
  return {scale.to(at::kDouble), zero_point.to(at::kLong)};
}

// The shape that spreads one value for each index of `axis` over a tensor.
std::vector<int64_t> along(const Tensor& input, int64_t axis, const Tensor& scales) {
  TORCH_CHECK(axis < input.dim(), "Expecting axis to be < ", input.dim());
  std::vector<int64_t> shape(input.dim(), 1);
  shape.at(axis < 0 ? axis + input.dim() : axis) = scales.size(0);
  return shape;
}

Tensor quantize_per_channel(const Tensor& input, const Tensor& scales, const Tensor& zero_points, int64_t axis,
                            int64_t quant_min, int64_t quant_max, Dtype dtype) {
  Tensor values = as_float(input);
  check_bounds(quant_min, quant_max, dtype);
  auto shape = along(values, axis, scales);
  Tensor scaled = at::round(values * (1.0 / scales.view(shape))) + zero_points.view(shape);
  return at::clamp(scaled, quant_min, quant_max).to(dtype);
}

Tensor dequantize_per_channel(const Tensor& input, const Tensor& scales, const std::optional<Tensor>& zero_points,
                              int64_t axis, int64_t quant_min, int64_t quant_max, Dtype dtype, MaybeDtype out_dtype) {
  check_dtype(input, dtype);
  check_bounds(quant_min, quant_max, dtype);
  auto shape = along(input, axis, scales);
  Tensor shifted = zero_points && zero_points->defined() ? input - zero_points->view(shape) : input;
  return (shifted * scales.view(shape)).to(out_dtype.value_or(at::kFloat));
}

Tensor fake_quant_per_channel(const Tensor& input, const Tensor& scales, const Tensor& zero_points, int64_t axis,
                              int64_t quant_min, int64_t quant_max) {
  Tensor values = input.scalar_type() == at::kFloat ? input : input.to(at::kFloat);
  auto shape = along(values, axis, scales);
  Tensor scale = scales.view(shape), zero_point = zero_points.view(shape);
  Tensor quantized = at::clamp(at::round(values * (1.0 / scale)) + zero_point, quant_min, quant_max);
  return (quantized - zero_point) * scale;
}

Tensor quantize_rows(const Tensor& rows, const Tensor& scales, const Tensor& zero_points, int64_t quant_min,
                     int64_t quant_max, Dtype dtype) {
  return rows.mul(1.0 / scales).add(zero_points).round().clamp(quant_min, quant_max).to(dtype);
}

Tensor quantize_per_token(const Tensor& input, const Tensor& scales, const Tensor& zero_points, int64_t quant_min,
                          int64_t quant_max, Dtype dtype) {
  check_bounds(quant_min, quant_max, dtype);
  int64_t tokens = 1;
  for (int64_t dim = 0; dim + 1 < input.dim(); ++dim) tokens *= input.size(dim);
  TORCH_CHECK(tokens == scales.numel(), "num_tokens: ", tokens, " scales: ", scales.sizes());
  TORCH_CHECK(tokens == zero_points.numel(), "num_tokens: ", tokens, " zero_points: ", zero_points.sizes());
  return quantize_rows(input, scales, zero_points, quant_min, quant_max, dtype);
}

Tensor dequantize_per_token(const Tensor& input, const Tensor& scales, const Tensor& zero_points, int64_t, int64_t,
                            Dtype, Dtype output_dtype) {
  return ((input - zero_points) * scales).to(output_dtype);
}

// The rows of groups into which the last dimension of a matrix is cut.
Tensor grouped(const Tensor& input, const Tensor& scales, int64_t group_size) {
  TORCH_CHECK(group_size > 1, "group_size must be > 1");
  TORCH_CHECK(input.dim() == 2, "input must be 2-dimensional");
  if (group_size > input.size(-1) && scales.size(-1) == 1) group_size = input.size(-1);
  TORCH_CHECK(input.size(-1) % group_size == 0, "input.shape[-1] must be divisible by group_size");
  return input.reshape({-1, group_size});
}

Tensor quantize_per_channel_group(const Tensor& input, const Tensor& scales, const Tensor& zero_points,
                                  int64_t quant_min, int64_t quant_max, Dtype dtype, int64_t group_size) {
  Tensor rows = grouped(input, scales, group_size);
  TORCH_CHECK(!at::isnan(rows).any().item<bool>(), "to_quant must not contain NaNs");
  return quantize_rows(rows, scales.reshape({-1, 1}), zero_points.reshape({-1, 1}), quant_min, quant_max, dtype)
      .reshape_as(input);
}

Tensor dequantize_per_channel_group(const Tensor& input, const Tensor& scales, const std::optional<Tensor>& zero_points,
                                    int64_t, int64_t, Dtype, int64_t group_size, Dtype output_dtype) {
  Tensor rows = grouped(input, scales, group_size);
  Tensor zero_point = zero_points && zero_points->defined() ? zero_points->reshape({-1, 1})
                                                            : at::zeros({}, scales.options().dtype(at::kInt));
  return rows.sub(zero_point).mul(scales.reshape({-1, 1})).reshape_as(input).to(output_dtype);
}

// Registration -------------------------------------------------------------------------------------------------------

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);
using Kernel = std::function<torch::CppFunction()>;

template <class Function>
Kernel kernel(Function* function) {
  return [function] { return torch::CppFunction(function); };
}

// By the operator's name with its overload.
std::map<std::string, Kernel> make_kernels() {
  std::map<std::string, Kernel> kernels;
  const std::pair<const char*, Unary> unary[] = {
      {"abs", at::abs}, {"acos", at::acos}, {"acosh", at::acosh}, {"asin", at::asin}, {"asinh", at::asinh},
      {"atan", at::atan}, {"atanh", at::atanh}, {"bessel_i0", at::i0}, {"bessel_i0e", at::special_i0e},
      {"bessel_i1", at::special_i1}, {"bessel_i1e", at::special_i1e}, {"bessel_j0", at::special_bessel_j0},
      {"bessel_j1", at::special_bessel_j1}, {"bitwise_not", at::bitwise_not}, {"cbrt", cbrt}, {"ceil", at::ceil},
      {"conj", at::conj}, {"conj_physical", at::_conj_physical}, {"cos", at::cos}, {"cosh", at::cosh},
      {"digamma", at::digamma}, {"erf", at::erf}, {"erf_inv", at::special_erfinv}, {"erfc", at::special_erfc},
      {"erfcx", at::special_erfcx}, {"exp", at::exp}, {"exp2", at::special_exp2}, {"expm1", at::special_expm1},
      {"floor", at::floor}, {"imag", at::imag}, {"isfinite", at::isfinite}, {"lgamma", at::lgamma}, {"log", at::log},
      {"log10", at::log10}, {"log1p", at::log1p}, {"log2", at::log2}, {"ndtri", at::special_ndtri}, {"neg", at::neg},
      {"real", at::real}, {"reciprocal", at::reciprocal}, {"round", at::round}, {"rsqrt", at::rsqrt},
      {"sign", at::sign}, {"signbit", at::signbit}, {"sin", at::sin}, {"sinh", at::sinh},
      {"spherical_bessel_j0", at::special_spherical_bessel_j0}, {"sqrt", at::sqrt}, {"tan", at::tan},
      {"tanh", at::tanh}, {"trunc", at::trunc}, {"view_of", view_of},
  };
  const std::pair<const char*, Binary> binary[] = {
      {"atan2", at::atan2}, {"bitwise_and", at::bitwise_and}, {"bitwise_or", at::bitwise_or},
      {"bitwise_xor", at::bitwise_xor}, {"div", div}, {"eq", at::eq}, {"fmax", at::fmax}, {"fmin", at::fmin},
      {"fmod", at::fmod}, {"gcd", at::gcd}, {"ge", at::ge}, {"gt", at::gt}, {"hypot", at::hypot},
      {"igamma", at::special_gammainc}, {"igammac", at::special_gammaincc}, {"le", at::le}, {"lt", at::lt},
      {"maximum", at::maximum}, {"minimum", at::minimum}, {"mul", at::mul}, {"ne", at::ne},
      {"nextafter", at::nextafter}, {"pow", at::pow}, {"remainder", at::remainder},
      {"shift_left", at::bitwise_left_shift}, {"shift_right_arithmetic", at::bitwise_right_shift},
      {"zeta", at::special_zeta},
      {"add", [](const Tensor& a, const Tensor& b) { return at::add(a, b); }},
      {"sub", [](const Tensor& a, const Tensor& b) { return at::sub(a, b); }},
  };
  for (auto [name, function] : unary) kernels[std::string("prims::") + name] = kernel(function);
  for (auto [name, function] : binary) kernels[std::string("prims::") + name] = kernel(function);

  kernels["prims::as_strided"] = kernel(as_strided);
  kernels["prims::as_strided_scatter"] = kernel(as_strided_scatter);
  kernels["prims::broadcast_in_dim"] = kernel(broadcast_in_dim);
  kernels["prims::cat"] = kernel(cat);
  kernels["prims::clone"] = kernel(clone);
  kernels["prims::collapse"] = kernel(collapse);
  kernels["prims::collapse_view"] = kernel(collapse_view);
  kernels["prims::convert_element_type"] = kernel(convert_element_type);
  kernels["prims::copy_strided"] = kernel(copy_strided);
  kernels["prims::copy_to"] = kernel(copy_to);
  kernels["prims::device_put"] = kernel(device_put);
  kernels["prims::empty"] = kernel(empty);
  kernels["prims::empty_permuted"] = kernel(empty_permuted);
  kernels["prims::empty_strided"] = kernel(empty_strided);
  kernels["prims::fft_c2c"] = kernel(fft_c2c);
  kernels["prims::fft_c2r"] = kernel(fft_c2r);
  kernels["prims::fft_r2c"] = kernel(fft_r2c);
  kernels["prims::fill"] = kernel(fill);
  kernels["prims::frexp"] = kernel(frexp);
  kernels["prims::full"] = kernel(full);
  kernels["prims::full_like"] = kernel(full_like);
  kernels["prims::iota"] = kernel(iota);
  kernels["prims::item"] = kernel(item);
  kernels["prims::normal"] = kernel(normal);
  kernels["prims::reshape"] = kernel(reshape);
  kernels["prims::resize"] = kernel(resize);
  kernels["prims::rev"] = kernel(rev);
  kernels["prims::scalar_tensor"] = kernel(scalar_tensor);
  kernels["prims::split_dim"] = kernel(split_dim);
  kernels["prims::squeeze"] = kernel(squeeze);
  kernels["prims::svd"] = kernel(svd);
  kernels["prims::transpose"] = kernel(transpose);
  kernels["prims::uniform"] = kernel(uniform);
  kernels["prims::view_of_dtype"] = kernel(view_of_dtype);
  kernels["prims::where"] = kernel(where);
  kernels["prims::amax"] = kernel(amax);
  kernels["prims::amin"] = kernel(amin);
  kernels["prims::prod"] = kernel(prod);
  kernels["prims::sum"] = kernel(sum);
  kernels["prims::var"] = kernel(var);

  const std::string quantized = "quantized_decomposed::";
  kernels[quantized + "quantize_per_tensor"] = kernel(quantize_per_tensor);
  kernels[quantized + "quantize_per_tensor.tensor"] = kernel(quantize_per_tensor_tensor);
  kernels[quantized + "quantize_per_tensor.tensor2"] = kernel(quantize_per_tensor_tensor2);
  kernels[quantized + "dequantize_per_tensor"] = kernel(dequantize_per_tensor);
  kernels[quantized + "dequantize_per_tensor.tensor"] = kernel(dequantize_per_tensor_tensor);
  kernels[quantized + "dequantize_per_tensor.tensor2"] = kernel(dequantize_per_tensor_tensor2);
  kernels[quantized + "choose_qparams.tensor"] = kernel(choose_qparams);
  kernels[quantized + "choose_qparams_symmetric.tensor"] = kernel(choose_qparams_symmetric);
  kernels[quantized + "choose_qparams_per_token"] = kernel(choose_qparams_per_token);
  kernels[quantized + "choose_qparams_per_token_asymmetric"] = kernel(choose_qparams_per_token_asymmetric);
  kernels[quantized + "_choose_qparams_per_token_asymmetric_impl"] = kernel(choose_qparams_per_token_asymmetric);
  kernels[quantized + "quantize_per_channel"] = kernel(quantize_per_channel);
  kernels[quantized + "dequantize_per_channel"] = kernel(dequantize_per_channel);
  kernels[quantized + "fake_quant_per_channel"] = kernel(fake_quant_per_channel);
  kernels[quantized + "quantize_per_token"] = kernel(quantize_per_token);
  kernels[quantized + "dequantize_per_token"] = kernel(dequantize_per_token);
  kernels[quantized + "quantize_per_channel_group"] = kernel(quantize_per_channel_group);
  kernels[quantized + "dequantize_per_channel_group"] = kernel(dequantize_per_channel_group);
  kernels[quantized + "convert_element_type.no_fuse"] = kernel(convert_element_type);
  return kernels;
}

}  // namespace

bool expc_python_op_register(expc_text name, expc_text schema, expc_sink error) {
  static std::mutex mutex;
  static const auto* kernels = new std::map<std::string, Kernel>(make_kernels());
  // A library takes its registrations back when it dies, so these live as long as the process.
  static auto* libraries = new std::vector<std::unique_ptr<torch::Library>>();
  try {
    std::lock_guard<std::mutex> lock(mutex);
    std::string key(name.data, name.length);
    auto found = kernels->find(key);
    if (found == kernels->end()) return false;
    if (c10::Dispatcher::singleton().findSchema(torch::jit::parseName(key))) return true;
    auto library = std::make_unique<torch::Library>(torch::Library::FRAGMENT, key.substr(0, key.find("::")),
                                                    std::nullopt, __FILE__, __LINE__);
    library->def(torch::schema(std::string(schema.data, schema.length).c_str()),
                 torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd, found->second()));
    libraries->push_back(std::move(library));
    return true;
  } catch (const std::exception& exception) {
    std::string_view text = exception.what();
    error.write(error.context, text.data(), text.size());
    return false;
  }
}
