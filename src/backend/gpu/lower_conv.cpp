// conv2d and its gradients.
#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/walk.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

constexpr std::int64_t kMaxGroups = 65535, kTile = 16;
constexpr std::uint32_t kWeightThreads = 64;
// Of so few rows (depthwise convolutions have one) a tile is mostly empty.
constexpr std::int64_t kFewRows = 4;

// What the three have in common: image and filter sizes, operands and their strides.
class Conv {
 public:
  Conv(const StepDesc& step, const char* name) : step_(step), source_(name) {
    launch_.what = fmt::format("{} by {}", step.op->name, name);
    for (const char* family : {"scalar", "fold", "tiles", "conv"}) source_.use(family);
    source_.member(fmt::format("  typedef {} T;\n", type_name(step.outputs[0].dtype)));
    number("n", step.outputs[0].numel());
    const auto& a = step.as<ConvAttrs>();
    for (int axis = 0; axis < 2; ++axis) {
      number(fmt::format("stride_{}", axis), a.stride[axis]);
      number(fmt::format("padding_{}", axis), a.padding[axis]);
      number(fmt::format("dilation_{}", axis), a.dilation[axis]);
    }
  }
  void number(const std::string& name, std::int64_t value) {
    add_number(source_, launch_, name, value);
  }
  void images(const Shape& x) {
    number("channels", x[1]);
    number("height", x[2]);
    number("width", x[3]);
  }
  void results(const Shape& g) {
    number("outputs", g[1]);
    number("out_height", g[2]);
    number("out_width", g[3]);
  }
  void filters(const Shape& w) {
    number("group_outputs", w[0] / step_.as<ConvAttrs>().groups);
    number("per_group", w[1]);
    number("kernel_height", w[2]);
    number("kernel_width", w[3]);
  }
  void input(std::size_t number_of, const char* name) {
    const TensorDesc& t = step_.inputs[number_of];
    source_.buffer(type_name(t.dtype), name, true);
    launch_.operands.push_back({number_of, extent_nbytes(t), 0});
    for (int d = 0; d < t.shape.rank(); ++d) number(fmt::format("{}_{}", name, d), t.strides[d]);
    largest_ = std::max(largest_, extent_nbytes(t) / nbytes_of(t.dtype));
  }
  /// As a product of matrices, `rows` x `depth` and `depth` x `columns` in each group.
  void tiles(const char* op, std::int64_t rows, std::int64_t columns, std::int64_t depth) {
    const std::int64_t groups = step_.as<ConvAttrs>().groups;
    number("groups", groups);
    number("rows", rows);
    number("columns", columns);
    number("depth", depth);
    source_.member(
        fmt::format("  typedef {0} Op;\n  struct Shared {{\n"
                    "    Work<T>::type left[16 * 17], right[16 * 17];\n  }};\n",
                    op));
    source_.shares();
    const auto in_tiles = [](std::int64_t n) {
      return static_cast<std::uint32_t>(
          std::clamp<std::int64_t>((n + kTile - 1) / kTile, 1, kMaxGroups));
    };
    launch_.grid = {in_tiles(columns), in_tiles(rows),
                    static_cast<std::uint32_t>(std::min(groups, kMaxGroups))};
  }
  SourceBuilder& source() { return source_; }
  void grid(const Grid& g) { launch_.grid = g; }

  std::unique_ptr<Kernel> finish(Driver& driver) {
    const TensorDesc& out = step_.outputs[0];
    std::vector<Launch> launches;
    if (out.numel() > 0) {
      source_.buffer(type_name(out.dtype), "out", false);
      launch_.operands.push_back({step_.inputs.size(), out.nbytes(), 0});
      source_.index_64(needs_index_64(std::max(largest_, static_cast<std::size_t>(out.numel()))));
      launch_.pipeline = driver.compile(source_.finish(driver.dialect()));
      launches.push_back(std::move(launch_));
    }
    return std::make_unique<LaunchKernel>(step_.inputs.size(), 1, std::move(launches));
  }

 private:
  const StepDesc& step_;
  SourceBuilder source_;
  Launch launch_;
  std::size_t largest_ = 0;
};

// A thread for each element: each is a sum of many products.
Grid grid_of_sums(std::int64_t n) { return map_grid(n * 8); }

std::unique_ptr<Kernel> lower_conv2d(const StepDesc& step, Driver& driver) {
  const bool has_bias = step.inputs.size() == 3;
  const Shape &w = step.inputs[1].shape, &out = step.outputs[0].shape;
  const std::int64_t rows = w[0] / step.as<ConvAttrs>().groups;
  const bool by_tiles = rows > kFewRows;
  Conv conv(step, by_tiles ? "conv2d_tiles" : "conv2d");
  conv.images(step.inputs[0].shape);
  conv.results(step.outputs[0].shape);
  conv.filters(step.inputs[1].shape);
  conv.input(0, "x");
  conv.input(1, "w");
  if (has_bias) conv.input(2, "bias_of");
  conv.source().member(fmt::format(
      "  static FN Work<T>::type bias(Buffers b, CONSTANT const Params& p, Index o) {{\n"
      "    (void)b;\n    (void)p;\n    (void)o;\n    return {};\n  }}\n",
      has_bias ? "widen(b.bias_of[o * (Index)p.bias_of_0])" : "0"));
  if (by_tiles)
    conv.tiles("ConvForward", rows, out[0] * out[2] * out[3], w[1] * w[2] * w[3]);
  else
    conv.grid(grid_of_sums(step.outputs[0].numel()));
  return conv.finish(driver);
}

std::unique_ptr<Kernel> lower_backward_input(const StepDesc& step, Driver& driver) {
  const Shape &w = step.inputs[1].shape, &out = step.outputs[0].shape;
  const bool by_tiles = w[1] > kFewRows;
  Conv conv(step, by_tiles ? "conv2d_tiles" : "conv2d_backward_input");
  conv.images(step.outputs[0].shape);
  conv.results(step.inputs[0].shape);
  conv.filters(step.inputs[1].shape);
  conv.input(0, "g");
  conv.input(1, "w");
  if (by_tiles)
    conv.tiles("ConvBackwardInput", w[1], out[0] * out[2] * out[3],
               w[0] / step.as<ConvAttrs>().groups * w[2] * w[3]);
  else
    conv.grid(grid_of_sums(step.outputs[0].numel()));
  return conv.finish(driver);
}

std::unique_ptr<Kernel> lower_backward_weight(const StepDesc& step, Driver& driver) {
  const Shape &g = step.inputs[0].shape, &w = step.outputs[0].shape;
  const std::int64_t rows = w[0] / step.as<ConvAttrs>().groups, count = g[0] * g[2] * g[3];
  const bool by_tiles = rows > kFewRows;
  Conv conv(step, by_tiles ? "conv2d_tiles" : "conv2d_backward_weight");
  conv.images(step.inputs[1].shape);
  conv.results(g);
  conv.filters(step.outputs[0].shape);
  conv.number("count", count);
  conv.input(0, "g");
  conv.input(1, "x");
  if (by_tiles) {
    conv.tiles("ConvBackwardWeight", rows, w[1] * w[2] * w[3], count);
    return conv.finish(driver);
  }
  conv.source().threads(kWeightThreads);
  conv.source().member(fmt::format(
      "  struct Shared {{\n    FloatSum<Work<T>::type>::Acc acc[{}];\n  }};\n", kWeightThreads));
  conv.source().shares();
  conv.grid({static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(step.outputs[0].numel(), 1, kMaxGroups))});
  return conv.finish(driver);
}

bool takes_conv(const StepDesc& step) {
  return is_floating(step.outputs[0].dtype) &&
         std::all_of(step.inputs.begin(), step.inputs.end(),
                     [&](const TensorDesc& t) { return t.dtype == step.outputs[0].dtype; });
}

}  // namespace

void register_conv(Table& table) {
  table.add("conv2d", {lower_conv2d, takes_conv});
  table.add("conv2d_backward_input", {lower_backward_input, takes_conv});
  table.add("conv2d_backward_weight", {lower_backward_weight, takes_conv});
}

}  // namespace ingot::gpu
