// What an operation must refuse, as tables: every function of include/ingot/ops over an undefined
// tensor (by the op cases), and, unless any tensor will do, over at least one bad dimension, shape,
// dtype or argument. A public function that is in neither table fails the last test.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ingot.h>

#include "support/op_run.h"
#include "support/public_functions.h"

namespace ingot::optest {
namespace {

enum class Kind { None, Shape, DType, Value, Index, Device, Other };

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::None:
      return "no error";
    case Kind::Shape:
      return "ShapeError";
    case Kind::DType:
      return "DTypeError";
    case Kind::Value:
      return "ValueError";
    case Kind::Index:
      return "IndexError";
    case Kind::Device:
      return "DeviceError";
    case Kind::Other:
      break;
  }
  return "another exception";
}

struct Refusal {
  Kind kind = Kind::None;
  std::string text;
};

Refusal refusal_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const ShapeError& e) {
    return {Kind::Shape, e.what()};
  } catch (const DTypeError& e) {
    return {Kind::DType, e.what()};
  } catch (const ValueError& e) {
    return {Kind::Value, e.what()};
  } catch (const IndexError& e) {
    return {Kind::Index, e.what()};
  } catch (const DeviceError& e) {
    return {Kind::Device, e.what()};
  } catch (const std::exception& e) {
    return {Kind::Other, e.what()};
  }
  return {};
}

struct Bad {
  std::string function;
  std::string what;
  Kind kind;
  std::function<void()> call;
};

// What the calls are made of.
struct Operands {
  Tensor x = zeros({2, 3}), v = zeros({4}), image = zeros({1, 3, 5, 5});
  Tensor ints = zeros({2, 3}, {.dtype = int64}), flags = zeros({2, 3}, {.dtype = boolean});
  Tensor places = zeros({2}, {.dtype = int64});
};

void add_elementwise(std::vector<Bad>& all, const Operands& o) {
  using Unary = Tensor (*)(const Tensor&, Site);
  const std::pair<const char*, Unary> numeric[] = {
      {"neg", neg},     {"abs", abs},     {"floor", floor}, {"ceil", ceil},
      {"round", round}, {"trunc", trunc}, {"relu", relu},
  };
  for (const auto& [name, f] : numeric)
    all.push_back({name, "bool", Kind::DType, [f = f, o] { f(o.flags, Site::current()); }});
  all.push_back({"bitwise_not", "floats", Kind::DType, [o] { bitwise_not(o.x); }});

  using Binary = Tensor (*)(const Operand&, const Operand&);
  const std::pair<const char*, Binary> binary[] = {
      {"add", add},
      {"sub", sub},
      {"mul", mul},
      {"div", div},
      {"floor_divide", floor_divide},
      {"remainder", remainder},
      {"fmod", fmod},
      {"pow", pow},
      {"maximum", maximum},
      {"minimum", minimum},
      {"atan2", atan2},
      {"eq", eq},
      {"ne", ne},
      {"lt", lt},
      {"le", le},
      {"gt", gt},
      {"ge", ge},
      {"logical_and", logical_and},
      {"logical_or", logical_or},
      {"logical_xor", logical_xor},
      {"bitwise_and", bitwise_and},
      {"bitwise_or", bitwise_or},
      {"bitwise_xor", bitwise_xor},
      {"bitwise_left_shift", bitwise_left_shift},
      {"bitwise_right_shift", bitwise_right_shift},
  };
  for (const auto& [name, f] : binary) {
    const bool bits = std::string(name).rfind("bitwise", 0) == 0;
    all.push_back({name, "[2, 3] and [4]", Kind::Shape, [f = f, bits, o] {
                     if (bits)
                       f(o.ints, zeros({4}, {.dtype = int64}));
                     else
                       f(o.x, o.v);
                   }});
    if (bits) all.push_back({name, "floats", Kind::DType, [f = f, o] { f(o.x, o.x); }});
  }
  all.push_back({"sub", "bool", Kind::DType, [o] { sub(o.flags, o.flags); }});
  all.push_back({"clamp", "no bound", Kind::Value, [o] { clamp(o.x, {}, {}); }});
  all.push_back({"lerp", "[2, 3] and [4]", Kind::Shape, [o] { lerp(o.x, o.v, 0.5); }});
  all.push_back({"lerp", "weight [4]", Kind::Shape, [o] { lerp(o.x, o.x, o.v); }});
  all.push_back({"addcmul", "[2, 3] and [4]", Kind::Shape, [o] { addcmul(o.x, o.x, o.v); }});
  all.push_back({"addcdiv", "[2, 3] and [4]", Kind::Shape, [o] { addcdiv(o.x, o.v, o.x); }});
  all.push_back({"where", "float condition", Kind::DType, [o] { where(o.x, o.x, o.x); }});
  all.push_back({"where", "[2, 3] and [4]", Kind::Shape, [o] { where(o.flags, o.x, o.v); }});
  all.push_back({"isclose", "two dtypes", Kind::DType, [o] { isclose(o.x, o.ints); }});
  all.push_back({"isclose", "rtol -1", Kind::Value, [o] { isclose(o.x, o.x, -1); }});
  all.push_back({"allclose", "[2, 3] and [4]", Kind::Shape, [o] { allclose(o.x, o.v); }});
  all.push_back({"equal", "two dtypes", Kind::DType, [o] { equal(o.x, o.ints); }});
  all.push_back({"prelu", "weight [4]", Kind::Shape, [o] { prelu(o.x, o.v); }});
  all.push_back({"gelu", "approximate \"sine\"", Kind::Value, [o] { gelu(o.x, "sine"); }});
}

void add_reductions(std::vector<Bad>& all, const Operands& o) {
  const auto dims = [&](const char* name, auto f) {
    all.push_back({name, "dim 5", Kind::Index, [f, o] { f(o.x, Dims{5}); }});
    all.push_back({name, "dim 0 twice", Kind::Value, [f, o] { f(o.x, Dims{0, -2}); }});
  };
  using T = const Tensor&;
  using D = const Dims&;
  dims("sum", [](T x, D d) { sum(x, d); });
  dims("mean", [](T x, D d) { mean(x, d); });
  dims("var", [](T x, D d) { var(x, d); });
  dims("std", [](T x, D d) { ingot::std(x, d); });
  dims("prod", [](T x, D d) { prod(x, d); });
  dims("amax", [](T x, D d) { amax(x, d); });
  dims("amin", [](T x, D d) { amin(x, d); });
  dims("any", [](T x, D d) { any(x, d); });
  dims("all", [](T x, D d) { ingot::all(x, d); });
  dims("norm", [](T x, D d) { norm(x, d); });
  dims("vector_norm", [](T x, D d) { vector_norm(x, 3, d); });
  dims("logsumexp", [](T x, D d) { logsumexp(x, d); });
  all.push_back({"mean", "integers", Kind::DType, [o] { mean(o.ints); }});
  all.push_back({"vector_norm", "integers", Kind::DType, [o] { vector_norm(o.ints); }});

  const auto dim = [&](const char* name, auto f) {
    all.push_back({name, "dim 5", Kind::Index, [f, o] { f(o.x, 5); }});
    all.push_back({name, "dim -3", Kind::Index, [f, o] { f(o.x, -3); }});
  };
  using N = std::int64_t;
  dim("argmax", [](T x, N d) { argmax(x, d); });
  dim("argmin", [](T x, N d) { argmin(x, d); });
  dim("max", [](T x, N d) { ingot::max(x, d); });
  dim("min", [](T x, N d) { ingot::min(x, d); });
  dim("sort", [](T x, N d) { sort(x, d); });
  dim("argsort", [](T x, N d) { argsort(x, d); });
  dim("topk", [](T x, N d) { topk(x, 1, d); });
  dim("kthvalue", [](T x, N d) { kthvalue(x, 1, d); });
  dim("median", [](T x, N d) { median(x, d); });
  dim("cumsum", [](T x, N d) { cumsum(x, d); });
  dim("cumprod", [](T x, N d) { cumprod(x, d); });
  dim("cummax", [](T x, N d) { cummax(x, d); });
  dim("cummin", [](T x, N d) { cummin(x, d); });
  dim("softmax", [](T x, N d) { softmax(x, d); });
  dim("log_softmax", [](T x, N d) { log_softmax(x, d); });
  all.push_back({"topk", "k 9", Kind::Value, [o] { topk(o.x, 9); }});
  all.push_back({"kthvalue", "k 0", Kind::Value, [o] { kthvalue(o.x, 0); }});
}

void add_shapes(std::vector<Bad>& all, const Operands& o) {
  const auto add = [&](const char* name, const char* what, Kind kind, auto f) {
    all.push_back({name, what, kind, [f, o] { f(o.x); }});
  };
  using T = const Tensor&;
  add("reshape", "[4]", Kind::Shape, [](T x) { reshape(x, {4}); });
  add("flatten", "dim 5", Kind::Index, [](T x) { flatten(x, 5); });
  add("permute", "dim 0 twice", Kind::Shape, [](T x) { permute(x, {0, 0}); });
  add("transpose", "dim 7", Kind::Index, [](T x) { transpose(x, 0, 7); });
  add("broadcast_to", "[4]", Kind::Shape, [](T x) { broadcast_to(x, {4}); });
  add("squeeze", "dim 9", Kind::Index, [](T x) { squeeze(x, 9); });
  add("unsqueeze", "dim 9", Kind::Index, [](T x) { unsqueeze(x, 9); });
  add("flip", "dim 4", Kind::Index, [](T x) { flip(x, {4}); });
  add("slice", "step 0", Kind::Value, [](T x) { slice(x, 0, 0, {}, 0); });
  add("slice", "dim 2", Kind::Index, [](T x) { slice(x, 2); });
  add("narrow", "length 9", Kind::Index, [](T x) { narrow(x, 0, 1, 9); });
  add("select", "index 7", Kind::Index, [](T x) { select(x, 0, 7); });
  add("slice_scatter", "source [4]", Kind::Shape, [](T x) { slice_scatter(x, zeros({4}), 0); });
  add("cat", "nothing", Kind::Value, [](T) { cat({}); });
  add("cat", "[2, 3] and [4]", Kind::Shape, [](T x) { cat({x, zeros({2, 4})}, 0); });
  add("cat", "dim 2", Kind::Index, [](T x) { cat({x, x}, 2); });
  add("stack", "[2, 3] and [4]", Kind::Shape, [](T x) { stack({x, zeros({4})}); });
  add("split", "size 0", Kind::Value, [](T x) { split(x, 0); });
  add("split", "dim 2", Kind::Index, [](T x) { split(x, 1, 2); });
  add("unbind", "dim 2", Kind::Index, [](T x) { unbind(x, 2); });
  add("chunk", "0 chunks", Kind::Value, [](T x) { chunk(x, 0); });
  add("chunk", "dim 2", Kind::Index, [](T x) { chunk(x, 2, 2); });
  add("pad", "one number", Kind::Value, [](T x) { pad(x, {1}); });
  add("pad", "mode \"mirror\"", Kind::Value, [](T x) { pad(x, {1, 1}, "mirror"); });
  add("roll", "two shifts", Kind::Value, [](T x) { roll(x, {1, 1}); });
  add("roll", "dim 2", Kind::Index, [](T x) { roll(x, {1}, {2}); });
  add("repeat", "too few", Kind::Value, [](T x) { repeat(x, {2}); });
  add("tile", "-1 times", Kind::Value, [](T x) { tile(x, {-1}); });
  add("tril", "a vector", Kind::Shape, [](T) { tril(zeros({4})); });
  add("triu", "a vector", Kind::Shape, [](T) { triu(zeros({4})); });
}

void add_products(std::vector<Bad>& all, const Operands& o) {
  const auto add = [&](const char* name, const char* what, Kind kind, auto f) {
    all.push_back({name, what, kind, [f, o] { f(o); }});
  };
  using O = const Operands&;
  add("matmul", "[2, 3] and [2, 3]", Kind::Shape, [](O a) { matmul(a.x, a.x); });
  add("matmul", "two dtypes", Kind::DType, [](O a) { matmul(a.x, a.ints.t()); });
  add("mm", "a vector", Kind::Shape, [](O a) { mm(a.x, zeros({3})); });
  add("bmm", "matrices", Kind::Shape, [](O a) { bmm(a.x, a.x); });
  add("addmm", "x [4]", Kind::Shape, [](O a) { addmm(a.v, a.x, a.x.t()); });
  add("baddbmm", "matrices", Kind::Shape, [](O a) { baddbmm(a.x, a.x, a.x); });
  add("dot", "a matrix", Kind::Shape, [](O a) { dot(a.x, a.x); });
  add("outer", "a matrix", Kind::Shape, [](O a) { outer(a.x, a.v); });
  add("linear", "weight [5, 4]", Kind::Shape, [](O a) { linear(a.x, zeros({5, 4})); });
  add("einsum", "two sizes of j", Kind::Shape, [](O a) { einsum("ij,j->i", {a.x, a.v}); });
  add("einsum", "three subscripts", Kind::Shape, [](O a) { einsum("ijk->i", {a.x}); });
  add("scaled_dot_product_attention", "other widths", Kind::Shape, [](O a) {
    scaled_dot_product_attention(a.x, zeros({2, 4}), zeros({2, 4}));
  });
  add("conv1d", "other channels", Kind::Shape, [](O) {
    conv1d(zeros({1, 3, 5}), zeros({2, 4, 3}));
  });
  add("conv2d", "other channels", Kind::Shape, [](O a) { conv2d(a.image, zeros({2, 4, 3, 3})); });
  add("conv2d", "two dtypes", Kind::DType, [](O a) {
    conv2d(a.image, zeros({2, 3, 3, 3}, {.dtype = float64}));
  });
  add("conv_transpose1d", "other channels", Kind::Shape, [](O) {
    conv_transpose1d(zeros({1, 3, 5}), zeros({2, 4, 3}));
  });
  add("conv_transpose2d", "other channels", Kind::Shape, [](O a) {
    conv_transpose2d(a.image, zeros({2, 4, 3, 3}));
  });
  add("max_pool2d", "a matrix", Kind::Shape, [](O a) { max_pool2d(a.x, 1); });
  add("max_pool2d_with_indices", "kernel 0", Kind::Value,
      [](O a) { max_pool2d_with_indices(a.image, 0); });
  add("avg_pool2d", "kernel 0", Kind::Value, [](O a) { avg_pool2d(a.image, 0); });
  add("adaptive_avg_pool2d", "size -1", Kind::Value, [](O a) { adaptive_avg_pool2d(a.image, -1); });
  add("adaptive_max_pool2d", "size -1", Kind::Value, [](O a) { adaptive_max_pool2d(a.image, -1); });
  add("adaptive_max_pool2d_with_indices", "a matrix", Kind::Shape,
      [](O a) { adaptive_max_pool2d_with_indices(a.x, 1); });
  add("batch_norm", "weight [4]", Kind::Shape,
      [](O a) { batch_norm(a.image, {}, {}, a.v, {}, true); });
  add("batch_norm", "no statistics", Kind::Value, [](O a) { batch_norm(a.image, {}, {}); });
  add("layer_norm", "shape [4]", Kind::Shape, [](O a) { layer_norm(a.x, {4}); });
  add("layer_norm", "weight [4]", Kind::Shape, [](O a) { layer_norm(a.x, {3}, a.v); });
  add("layer_norm", "integers", Kind::DType, [](O a) { layer_norm(a.ints, {3}); });
  add("group_norm", "2 groups of 3", Kind::Value, [](O a) { group_norm(a.image, 2); });
  add("group_norm", "weight [4]", Kind::Shape, [](O a) { group_norm(a.image, 3, a.v); });
  add("instance_norm", "weight [4]", Kind::Shape, [](O a) { instance_norm(a.image, {}, {}, a.v); });
  add("instance_norm", "running_mean [4]", Kind::Shape,
      [](O a) { instance_norm(a.image, a.v, a.v); });
  add("interpolate", "no size", Kind::Value, [](O a) { interpolate(a.image, {}); });
  add("interpolate", "bilinear of a sequence", Kind::Value, [](O) {
    interpolate(zeros({1, 2, 3}), {.size = 4, .mode = Interpolation::Bilinear});
  });
}

void add_indexing(std::vector<Bad>& all, const Operands& o) {
  const auto add = [&](const char* name, const char* what, Kind kind, auto f) {
    all.push_back({name, what, kind, [f, o] { f(o); }});
  };
  using O = const Operands&;
  add("gather", "float index", Kind::DType, [](O a) { gather(a.x, 0, a.x); });
  add("gather", "dim 2", Kind::Index, [](O a) { gather(a.x, 2, a.ints); });
  add("scatter", "float index", Kind::DType, [](O a) { scatter(a.x, 0, a.x, a.x); });
  add("scatter", "dim 2", Kind::Index, [](O a) { scatter(a.x, 2, a.ints, a.x); });
  add("scatter_add", "two dtypes", Kind::DType, [](O a) { scatter_add(a.x, 0, a.ints, a.ints); });
  add("scatter_add", "dim 2", Kind::Index, [](O a) { scatter_add(a.x, 2, a.ints, a.x); });
  add("scatter_reduce", "reduce \"median\"", Kind::Value,
      [](O a) { scatter_reduce(a.x, 0, a.ints, a.x, "median"); });
  add("scatter_reduce", "dim 2", Kind::Index,
      [](O a) { scatter_reduce(a.x, 2, a.ints, a.x, "sum"); });
  add("scatter_reduce", "float index", Kind::DType,
      [](O a) { scatter_reduce(a.x, 0, a.x, a.x, "sum"); });
  add("index_select", "float index", Kind::DType, [](O a) { index_select(a.x, 0, a.v); });
  add("index_select", "dim 2", Kind::Index, [](O a) { index_select(a.x, 2, a.places); });
  add("index_add", "two dtypes", Kind::DType, [](O a) { index_add(a.x, 0, a.places, a.ints); });
  add("embedding", "float indices", Kind::DType, [](O a) { embedding(a.x, a.v); });
  add("embedding", "a vector of weights", Kind::Shape, [](O a) { embedding(a.v, a.places); });
  add("one_hot", "floats", Kind::DType, [](O a) { one_hot(a.x, 3); });
  add("masked_fill", "float mask", Kind::DType, [](O a) { masked_fill(a.x, a.x, 1); });
  add("masked_select", "float mask", Kind::DType, [](O a) { masked_select(a.x, a.x); });
  add("masked_select", "[2, 3] and [4]", Kind::Shape, [](O a) { masked_select(a.v, a.flags); });
  add("masked_scatter", "float mask", Kind::DType, [](O a) { masked_scatter(a.x, a.x, a.x); });
  add("unique", "dim 7", Kind::Index, [](O a) { unique(a.x, {.dim = 7}); });
  add("index", "three indices", Kind::Index, [](O a) {
    index(a.x, {a.places, a.places, a.places});
  });
  add("index_put", "values [4]", Kind::Shape, [](O a) { index_put(a.x, {a.places}, a.v); });
}

void add_losses(std::vector<Bad>& all, const Operands& o) {
  using Loss = std::function<void(const Tensor&, const Tensor&, Reduction)>;
  using T = const Tensor&;
  using R = Reduction;
  const std::pair<const char*, Loss> losses[] = {
      {"mse_loss", [](T x, T y, R r) { mse_loss(x, y, r); }},
      {"l1_loss", [](T x, T y, R r) { l1_loss(x, y, r); }},
      {"smooth_l1_loss", [](T x, T y, R r) { smooth_l1_loss(x, y, r); }},
      {"huber_loss", [](T x, T y, R r) { huber_loss(x, y, r); }},
      {"binary_cross_entropy", [](T x, T y, R r) { binary_cross_entropy(x, y, r); }},
      {"binary_cross_entropy_with_logits",
       [](T x, T y, R r) { binary_cross_entropy_with_logits(x, y, r); }},
      {"kl_div", [](T x, T y, R r) { kl_div(x, y, r); }},
  };
  for (const auto& [name, f] : losses) {
    all.push_back({name, "[2, 3] and [4]", Kind::Shape, [f = f, o] { f(o.x, o.v, R::Mean); }});
    if (std::string(name) != "kl_div")
      all.push_back({name, "batchmean", Kind::Value, [f = f, o] { f(o.x, o.x, R::BatchMean); }});
  }
  const auto add = [&](const char* name, const char* what, Kind kind, auto f) {
    all.push_back({name, what, kind, [f, o] { f(o); }});
  };
  using O = const Operands&;
  add("cross_entropy", "3 labels for 2 rows", Kind::Shape,
      [](O a) { cross_entropy(a.x, zeros({3}, {.dtype = int64})); });
  add("cross_entropy", "integer logits", Kind::DType, [](O a) { cross_entropy(a.ints, a.places); });
  add("nll_loss", "3 labels for 2 rows", Kind::Shape,
      [](O a) { nll_loss(a.x, zeros({3}, {.dtype = int64})); });
  add("nll_loss", "float labels", Kind::DType, [](O a) { nll_loss(a.x, zeros({2})); });
}

void add_creation(std::vector<Bad>& all, const Operands& o) {
  const auto add = [&](const char* name, const char* what, Kind kind, std::function<void()> f) {
    all.push_back({name, what, kind, std::move(f)});
  };
  const Shape negative{2, -1};
  add("full", "[2, -1]", Kind::Shape, [=] { full(negative, 1); });
  add("zeros", "[2, -1]", Kind::Shape, [=] { zeros(negative); });
  add("ones", "[2, -1]", Kind::Shape, [=] { ones(negative); });
  add("ones", "no such device", Kind::Device, [] { ones({2}, {.device = "cuda"}); });
  add("scalar_tensor", "no such device", Kind::Device, [] { scalar_tensor(1, float32, "cuda"); });
  add("eye", "-1", Kind::Shape, [] { eye(-1); });
  add("arange", "step 0", Kind::Value, [] { arange(0, 3, 0); });
  add("arange", "the wrong way", Kind::Value, [] { arange(3, 0); });
  add("linspace", "-1 steps", Kind::Shape, [] { linspace(0, 1, -1); });
  add("rand", "[2, -1]", Kind::Shape, [=] { rand(negative); });
  add("rand", "integers", Kind::DType, [] { rand({2}, {.dtype = int64}); });
  add("randn", "[2, -1]", Kind::Shape, [=] { randn(negative); });
  add("randn", "integers", Kind::DType, [] { randn({2}, {.dtype = int64}); });
  add("bernoulli", "p 2", Kind::Value, [] { bernoulli({2}, 2); });
  add("bernoulli", "integers", Kind::DType, [o] { bernoulli(o.ints); });
  add("randint", "no number", Kind::Value, [] { randint(3, 3, {2}); });
  add("randint", "[2, -1]", Kind::Shape, [=] { randint(0, 3, negative); });
  add("randperm", "-1", Kind::Value, [] { randperm(-1); });
  add("rand_like", "integers", Kind::DType, [o] { rand_like(o.ints); });
  add("randn_like", "integers", Kind::DType, [o] { randn_like(o.ints); });
  add("randint_like", "no number", Kind::Value, [o] { randint_like(o.x, 5, 5); });
  add("dropout", "p 2", Kind::Value, [o] { dropout(o.x, 2); });
  add("feature_dropout", "p -1", Kind::Value, [o] { feature_dropout(o.image, -1); });
  add("stochastic_depth", "p 2", Kind::Value, [o] { stochastic_depth(o.x, 2); });
}

void add_updates(std::vector<Bad>& all, const Operands& o) {
  const auto add = [&](const char* name, auto f) {
    all.push_back({name, "one gradient for two parameters", Kind::Value, [f, o] {
                     const std::vector<Tensor> params{o.x, o.v}, grads{o.x};
                     f(params, grads);
                   }});
    all.push_back({name, "a gradient of another shape", Kind::Shape, [f, o] {
                     const std::vector<Tensor> params{o.x}, grads{o.v};
                     f(params, grads);
                   }});
  };
  using S = const std::vector<Tensor>&;
  add("sgd_update", [](S p, S g) { sgd_update(p, g, {}, {}); });
  add("adam_update", [](S p, S g) { adam_update(p, g, p, p, {}, {}); });
  add("rmsprop_update", [](S p, S g) { rmsprop_update(p, g, p, {}, {}, {}); });
  add("adagrad_update", [](S p, S g) { adagrad_update(p, g, p, {}); });
}

const std::vector<Bad>& bad_inputs() {
  static const std::vector<Bad> all = [] {
    std::vector<Bad> rows;
    const Operands o;
    add_elementwise(rows, o);
    add_reductions(rows, o);
    add_shapes(rows, o);
    add_products(rows, o);
    add_indexing(rows, o);
    add_losses(rows, o);
    add_creation(rows, o);
    add_updates(rows, o);
    return rows;
  }();
  return all;
}

// Functions without an op of their own: the operation that refuses names itself, and the site says
// which line of the user's called it.
bool names_function(const std::string& text, const std::string& function) {
  static const std::multimap<std::string, std::string> made_of = {
      {"lerp", "sub: "},
      {"lerp", "mul: "},
      {"addcmul", "mul: "},
      {"addcdiv", "div: "},
      {"allclose", "eq: "},
      {"std", "var: "},
      {"vector_norm", "sum: "},
      {"tile", "repeat: "},
      {"baddbmm", "bmm: "},
      {"max", "argmax: "},
      {"min", "argmin: "},
      {"max_pool2d_with_indices", "max_pool2d: "},
      {"adaptive_max_pool2d_with_indices", "adaptive_max_pool2d: "},
      {"instance_norm", "group_norm: "},
      {"scatter_reduce", "scatter_add: "},
      {"mse_loss", "sub: "},
      {"l1_loss", "sub: "},
      {"smooth_l1_loss", "sub: "},
      {"huber_loss", "sub: "},
      {"binary_cross_entropy", "bce: "},
      {"binary_cross_entropy_with_logits", "bce_with_logits: "},
      {"kl_div", "mul: "},
      {"zeros", "full: "},
      {"ones", "full: "},
      {"scalar_tensor", "full: "},
      {"rand", "uniform: "},
      {"randn", "normal: "},
      {"rand_like", "uniform: "},
      {"randn_like", "normal: "},
      {"randint_like", "randint: "},
  };
  if (text.rfind(function, 0) == 0) return true;
  const auto [first, last] = made_of.equal_range(function);
  return std::any_of(first, last, [&](const auto& e) { return text.rfind(e.second, 0) == 0; });
}

TEST(BadInputs, AreRefusedWhenRecorded) {
  for (const Bad& bad : bad_inputs()) {
    const Refusal r = refusal_of(bad.call);
    EXPECT_STREQ(name_of(r.kind), name_of(bad.kind))
        << bad.function << " of " << bad.what << ": " << r.text;
    EXPECT_TRUE(names_function(r.text, bad.function))
        << bad.function << " of " << bad.what << ": " << r.text;
    EXPECT_NE(r.text.find("bad_input_test.cpp:"), std::string::npos)
        << bad.function << " of " << bad.what << " does not say where: " << r.text;
  }
}

// Operands that may be left out, by function or case.
std::set<std::size_t> optional_inputs(const OpCase& c) {
  static const std::map<std::string, std::set<std::size_t>> inputs = {
      {"conv1d", {2}},
      {"conv2d", {2}},
      {"conv_transpose1d", {2}},
      {"conv_transpose2d", {2}},
      {"linear", {2}},
      {"batch_norm", {3, 4}},
      {"batch_norm/no_statistics", {1, 2}},
      {"layer_norm", {1, 2}},
      {"group_norm", {1, 2}},
      {"instance_norm", {1, 2, 3, 4}},
      {"scaled_dot_product_attention", {3}},
      {"cross_entropy", {2}},
      {"nll_loss", {2}},
      {"binary_cross_entropy", {2}},
      {"binary_cross_entropy_with_logits", {2, 3}},
      {"index", {1, 2}},  // all of a dimension
      {"index_put", {1, 2}},
      {"allclose/same", {1}},  // not looked at
      {"equal/same", {1}},
  };
  for (const std::string& name : {c.name, c.function()})
    if (const auto found = inputs.find(name); found != inputs.end()) return found->second;
  return {};
}

// Cases whose inputs only say which dtype is made.
bool only_gives_dtype(const OpCase& c) {
  for (const InputSpec& i : c.inputs)
    if (i.shape.numel() > 0) return false;
  return true;
}

// Functions that refused an undefined tensor in every place where they need one.
std::set<std::string> refuse_nothing() {
  const std::set<std::string> public_names = public_functions();
  std::set<std::string> functions;
  for (const OpCase& c : all_op_cases()) {
    if (only_gives_dtype(c) || !public_names.count(c.function())) continue;
    const DType dtype = dtypes_of(c).back();
    const std::set<std::size_t> optional = optional_inputs(c);
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      if (optional.count(i)) continue;
      std::vector<Tensor> inputs;
      for (const HostValues& v : case_inputs(c, dtype, Layout::Contiguous))
        inputs.push_back(make_leaf(v, Layout::Contiguous));
      inputs[i] = Tensor();
      const Refusal r = refusal_of([&] { c.call(inputs); });
      EXPECT_STREQ(name_of(r.kind), "ValueError")
          << c.name << " without input " << i << ": " << r.text;
      EXPECT_NE(r.text.find("undefined"), std::string::npos)
          << c.name << " " << i << ": " << r.text;
      functions.insert(c.function());
    }
  }
  return functions;
}

// One tensor of any shape and dtype will do.
const std::set<std::string>& take_any_tensor() {
  static const std::set<std::string> names = {
      "sign",        "square",      "exp",      "expm1",      "log",        "log1p",
      "log2",        "log10",       "sqrt",     "rsqrt",      "reciprocal", "sin",
      "cos",         "tan",         "asin",     "acos",       "atan",       "sinh",
      "cosh",        "tanh",        "erf",      "sigmoid",    "isnan",      "isinf",
      "isfinite",    "logical_not", "cast",     "clone",      "hardtanh",   "relu6",
      "leaky_relu",  "elu",         "selu",     "celu",       "silu",       "mish",
      "hardsigmoid", "hardswish",   "softplus", "logsigmoid", "nonzero",    "nonzero_as_tuple",
      "full_like",   "zeros_like",  "ones_like"};
  return names;
}

TEST(BadInputs, EveryFunctionIsInTheTables) {
  const std::set<std::string> refusing = refuse_nothing();
  std::set<std::string> listed;
  for (const Bad& bad : bad_inputs()) listed.insert(bad.function);
  for (const std::string& name : public_functions())
    EXPECT_TRUE(listed.count(name) || (take_any_tensor().count(name) && refusing.count(name)))
        << name << " of include/ingot/ops is in no table of bad inputs";
  for (const std::string& name : take_any_tensor())
    EXPECT_TRUE(!listed.count(name)) << name << " takes any tensor, yet a bad one is listed";
}

}  // namespace
}  // namespace ingot::optest
