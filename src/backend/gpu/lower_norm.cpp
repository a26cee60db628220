// softmax, log_softmax, layer_norm, batch_norm and the norms' gradients: a row of elements and what
// is added up over it, in one launch.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/sort_launch.h"
#include "backend/gpu/walk.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

// Rows up to so long one thread makes, up to so long 32 threads do, else 256.
constexpr std::int64_t kThreadLength = 64, kWarpLength = 256, kMaxGroups = 65535;

std::uint32_t group_of(std::int64_t length) { return length <= kWarpLength ? 32 : 256; }

std::size_t extent_numel(const TensorDesc& t) { return extent_nbytes(t) / nbytes_of(t.dtype); }

std::size_t largest_of(const StepDesc& step) {
  std::size_t largest = 0;
  for (const auto* list : {&step.inputs, &step.outputs})
    for (const TensorDesc& t : *list) largest = std::max(largest, extent_numel(t));
  return largest;
}

// -- softmax --------------------------------------------------------------------------------------

template <bool is_log>
std::unique_ptr<Kernel> lower_softmax(const StepDesc& step, Driver& driver) {
  const auto dim = static_cast<int>(step.as<AxisAttrs>().dim);
  const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    const std::int64_t lines = count_lines(x.shape, dim), length = x.shape[dim];
    const bool by_thread = length <= kThreadLength;
    Launch launch;
    SourceBuilder source(by_thread ? "softmax_thread" : "softmax_group");
    launch.what = std::string(step.op->name);
    launch.grid = by_thread ? map_grid(out.numel())
                            : Grid{static_cast<std::uint32_t>(std::min(lines, kMaxGroups))};
    source.index_64(needs_index_64(largest_of(step)));
    for (const char* family : {"scalar", "fold", "softmax"}) source.use(family);
    source.buffer(type_name(x.dtype), "x", true);
    source.buffer(type_name(out.dtype), "out", false);
    launch.operands = {{0, extent_nbytes(x), 0}, {1, out.nbytes(), 0}};
    add_number(source, launch, "lines", lines);
    add_number(source, launch, "length", length);
    add_number(source, launch, "from_stride", x.strides[dim]);
    add_number(source, launch, "to_stride", out.strides[dim]);
    add_line_walk(source, launch, "from", x.shape, x.strides, dim);
    add_line_walk(source, launch, "to", out.shape, out.strides, dim);
    source.member(fmt::format("  typedef {} T;\n  static FN bool is_log() {{ return {}; }}\n",
                              type_name(out.dtype), is_log));
    if (!by_thread) {
      source.threads(group_of(length));
      source.member(fmt::format(
          "  struct Shared {{\n    Largest<{0}>::Acc top[{1}];\n    FloatSum<{0}>::Acc sum[{1}];\n"
          "  }};\n",
          work_name(out.dtype), group_of(length)));
      source.shares();
    }
    launch.pipeline = driver.compile(source.finish(driver.dialect()));
    launches.push_back(std::move(launch));
  }
  return std::make_unique<LaunchKernel>(1, 1, std::move(launches));
}

// -- Norms ----------------------------------------------------------------------------------------

// Which dimensions lead to a row, and which are within it.
struct Rows {
  std::vector<int> leading, within;

  static Rows of_channels(const Shape& x) {
    Rows r{{1}, {}};
    for (int d = 0; d < x.rank(); ++d)
      if (d != 1) r.within.push_back(d);
    return r;
  }
  static Rows of_last(const Shape& x, std::int64_t dims) {
    Rows r;
    for (int d = 0; d < x.rank(); ++d)
      (d < x.rank() - static_cast<int>(dims) ? r.leading : r.within).push_back(d);
    return r;
  }
};

// One launch of kernels/norm.h.
class Norm {
 public:
  Norm(const StepDesc& step, const char* kernel, const Rows& rows, bool weight_of_row, double eps,
       const TensorDesc& x)
      : step_(step), source_(kernel), rows_(rows), weight_of_row_(weight_of_row) {
    const DType t = x.dtype;
    launch_.what = std::string(step.op->name);
    source_.index_64(needs_index_64(largest_of(step)));
    for (const char* family : {"scalar", "fold", "norm"}) source_.use(family);
    source_.member(fmt::format("  typedef {} T;\n  typedef {} W;\n", type_name(t), work_name(t)));
    for (const int d : rows.leading) num_rows_ *= x.shape[d];
    for (const int d : rows.within) count_ *= x.shape[d];
    add_number(source_, launch_, "rows", num_rows_);
    add_number(source_, launch_, "count", count_);
    const bool wide = t == DType::Float64;
    source_.parameter(wide ? "f64" : "f32", "eps");
    launch_.words.push_back(wide ? std::bit_cast<std::uint64_t>(eps)
                                 : std::bit_cast<std::uint32_t>(static_cast<float>(eps)));
  }

  /// Buffer `name` with the walks NAME_row and NAME_in.
  void tensor(std::size_t number, const std::string& name) {
    const TensorDesc& t = operand(number);
    buffer(number, name);
    for (const auto& [suffix, dims] :
         {std::pair{"_row", &rows_.leading}, std::pair{"_in", &rows_.within}}) {
      Walk walk;
      for (const int d : *dims) walk.push(t.shape[d], t.strides[d]);
      add_walk(source_, launch_, name + suffix, walk.sizes, walk.strides);
    }
  }
  void buffer(std::size_t number, const std::string& name) {
    const TensorDesc& t = operand(number);
    source_.buffer(type_name(t.dtype), name, number < step_.inputs.size());
    launch_.operands.push_back({number, extent_nbytes(t), 0});
  }
  /// Members `inner` and `outer` of a weight, `bias` of a bias (none: -1).
  void affine(std::size_t weight, int bias) {
    const std::string own = vector(weight, "weight"), one = "1";
    function("inner", "Index row, Index j", weight_of_row_ ? one : own);
    function("outer", "Index row", weight_of_row_ ? own : one);
    if (bias >= 0)
      function("bias", "Index row, Index j", vector(static_cast<std::size_t>(bias), "bias_of"));
  }
  /// Members `mean` and `var`: of the leading dimensions.
  void statistics(std::size_t mean, std::size_t var) {
    function("mean", "Index row", vector(mean, "mean_of", true));
    function("var", "Index row", vector(var, "var_of", true));
  }
  SourceBuilder& source() { return source_; }
  std::int64_t count() const { return count_; }

  Launch finish(Driver& driver, std::uint32_t threads, std::int64_t groups) {
    source_.threads(threads);
    source_.member(fmt::format(
        "  struct Shared {{\n    FloatSum<W>::Acc one[{0}], two[{0}];\n  }};\n", threads));
    source_.shares();
    launch_.grid = {static_cast<std::uint32_t>(std::clamp<std::int64_t>(groups, 1, kMaxGroups))};
    launch_.pipeline = driver.compile(source_.finish(driver.dialect()));
    return std::move(launch_);
  }
  Launch finish(Driver& driver) { return finish(driver, group_of(count_), num_rows_); }

 private:
  const TensorDesc& operand(std::size_t number) const {
    return number < step_.inputs.size() ? step_.inputs[number]
                                        : step_.outputs[number - step_.inputs.size()];
  }
  // The element of a vector (any dimensions) that belongs to element j of a row, or to the row.
  std::string vector(std::size_t number, const std::string& name, bool of_row = false) {
    const TensorDesc& t = operand(number);
    buffer(number, name);
    Walk walk;
    for (int d = 0; d < t.shape.rank(); ++d) walk.push(t.shape[d], t.strides[d]);
    add_walk(source_, launch_, name + "_at", walk.sizes, walk.strides);
    return fmt::format("widen(b.{0}[{0}_at(p, {1})])", name,
                       of_row || weight_of_row_ ? "row" : "j");
  }
  void function(const char* name, const char* parameters, const std::string& value) {
    const bool has_j = std::string_view(parameters).find('j') != std::string_view::npos;
    source_.member(
        fmt::format("  static FN W {}(Buffers b, CONSTANT const Params& p, {}) {{\n"
                    "    (void)b;\n    (void)p;\n    (void)row;\n{}    return (W){};\n  }}\n",
                    name, parameters, has_j ? "    (void)j;\n" : "", value));
  }

  const StepDesc& step_;
  SourceBuilder source_;
  Launch launch_;
  Rows rows_;
  bool weight_of_row_;
  std::int64_t num_rows_ = 1, count_ = 1;
};

std::unique_ptr<Kernel> forward(const StepDesc& step, Driver& driver, const Rows& rows,
                                bool weight_of_row, double eps) {
  Norm norm(step, "norm", rows, weight_of_row, eps, step.inputs[0]);
  norm.tensor(0, "x");
  norm.affine(1, 2);
  norm.tensor(3, "out");
  norm.buffer(4, "mean_out");
  norm.buffer(5, "var_out");
  std::vector<Launch> launches;
  launches.push_back(norm.finish(driver));
  return std::make_unique<LaunchKernel>(3, 3, std::move(launches));
}

// Inputs of the gradients: the gradient, x, weight, mean, var.
Norm backward(const StepDesc& step, const char* kernel, const Rows& rows, bool weight_of_row,
              double eps) {
  Norm norm(step, kernel, rows, weight_of_row, eps, step.inputs[1]);
  norm.tensor(0, "g");
  norm.tensor(1, "x");
  norm.statistics(3, 4);
  return norm;
}

constexpr const char* kNoSums =
    "  static FN void store_sums(Buffers b, Index row, W gx, W g) {\n"
    "    (void)b;\n    (void)row;\n    (void)gx;\n    (void)g;\n  }\n";

std::unique_ptr<Kernel> lower_layer_norm(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<LayerNormAttrs>();
  return forward(step, driver, Rows::of_last(step.inputs[0].shape, a.dims), false, a.eps);
}

std::unique_ptr<Kernel> lower_layer_norm_backward(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<LayerNormAttrs>();
  const Rows rows = Rows::of_last(step.inputs[1].shape, a.dims);
  std::vector<Launch> launches;
  Norm dx = backward(step, "norm_backward", rows, false, a.eps);
  dx.affine(2, -1);
  dx.tensor(5, "out");
  dx.source().member(kNoSums);
  launches.push_back(dx.finish(driver));
  Norm sums = backward(step, "norm_columns", rows, false, a.eps);
  sums.buffer(6, "dweight");
  sums.buffer(7, "dbias");
  sums.source().member(fmt::format("  typedef {} V;\n", type_name(step.outputs[1].dtype)));
  launches.push_back(sums.finish(driver, 256, (sums.count() + 31) / 32));
  return std::make_unique<LaunchKernel>(5, 3, std::move(launches));
}

std::unique_ptr<Kernel> lower_batch_norm(const StepDesc& step, Driver& driver) {
  return forward(step, driver, Rows::of_channels(step.inputs[0].shape), true,
                 step.as<NormAttrs>().eps);
}

std::unique_ptr<Kernel> lower_batch_norm_backward(const StepDesc& step, Driver& driver) {
  Norm dx = backward(step, "norm_backward", Rows::of_channels(step.inputs[1].shape), true,
                     step.as<NormAttrs>().eps);
  dx.affine(2, -1);
  dx.tensor(5, "out");
  dx.buffer(6, "dweight");
  dx.buffer(7, "dbias");
  dx.source().member(fmt::format(
      "  static FN void store_sums(Buffers b, Index row, W gx, W g) {{\n"
      "    b.dweight[row] = To<{0}>::of(gx);\n    b.dbias[row] = To<{0}>::of(g);\n  }}\n",
      type_name(step.outputs[1].dtype)));
  std::vector<Launch> launches;
  launches.push_back(dx.finish(driver));
  return std::make_unique<LaunchKernel>(5, 3, std::move(launches));
}

// Of no elements there is no mean: the expansions know what becomes of that.
bool has_elements(const StepDesc& step) {
  return std::all_of(step.inputs.begin(), step.inputs.end(),
                     [](const TensorDesc& t) { return t.numel() > 0; });
}

}  // namespace

void register_norm(Table& table) {
  table.add("softmax", {lower_softmax<false>});
  table.add("log_softmax", {lower_softmax<true>});
  table.add("layer_norm", {lower_layer_norm, has_elements});
  table.add("layer_norm_backward", {lower_layer_norm_backward, has_elements});
  table.add("batch_norm", {lower_batch_norm, has_elements});
  table.add("batch_norm_backward", {lower_batch_norm_backward, has_elements});
}

}  // namespace ingot::gpu
