// max_pool2d, avg_pool2d, their adaptive forms, and the gradients.
#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/walk.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

// `image`, `windows`: the shapes before and after pooling. `names`: of inputs, then of outputs.
std::unique_ptr<Kernel> pool(const StepDesc& step, Driver& driver, const char* kernel,
                             const Shape& image, const Shape& windows,
                             const std::vector<const char*>& names) {
  const std::size_t num_inputs = step.inputs.size();
  const TensorDesc& out = step.outputs[0];
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    const auto& a = step.as<PoolAttrs>();
    const bool adaptive = a.stride.empty();
    Launch launch;
    SourceBuilder source(kernel);
    launch.what = kernel;
    launch.grid = map_grid(out.numel());
    source.use("scalar");
    source.use("pool");
    source.member(fmt::format("  typedef {} T;\n  static FN bool adaptive() {{ return {}; }}\n",
                              type_name(step.inputs[0].dtype), adaptive));
    const auto number = [&](const std::string& name, std::int64_t value) {
      add_number(source, launch, name, value);
    };
    number("n", out.numel());
    number("channels", image[1]);
    number("counts_padding", a.count_include_pad ? 1 : 0);
    number("divisor", a.divisor_override);
    for (int axis = 0; axis < 2; ++axis) {
      number(fmt::format("in_size_{}", axis), image[2 + axis]);
      number(fmt::format("out_size_{}", axis), windows[2 + axis]);
      number(fmt::format("kernel_{}", axis), a.kernel[axis]);
      number(fmt::format("stride_{}", axis), adaptive ? 1 : a.stride[axis]);
      number(fmt::format("padding_{}", axis), a.padding.empty() ? 0 : a.padding[axis]);
      number(fmt::format("dilation_{}", axis), a.dilation.empty() ? 1 : a.dilation[axis]);
    }
    std::size_t largest = static_cast<std::size_t>(out.numel());
    for (std::size_t i = 0; i < num_inputs; ++i) {
      const TensorDesc& t = step.inputs[i];
      source.buffer(type_name(t.dtype), names[i], true);
      launch.operands.push_back({i, extent_nbytes(t), 0});
      for (int d = 0; d < 4; ++d) number(fmt::format("{}_{}", names[i], d), t.strides[d]);
      largest = std::max(largest, extent_nbytes(t) / nbytes_of(t.dtype));
    }
    for (std::size_t o = 0; o < step.outputs.size(); ++o) {
      source.buffer(type_name(step.outputs[o].dtype), names[num_inputs + o], false);
      launch.operands.push_back({num_inputs + o, step.outputs[o].nbytes(), 0});
    }
    source.index_64(needs_index_64(largest));
    launch.pipeline = driver.compile(source.finish(driver.dialect()));
    launches.push_back(std::move(launch));
  }
  return std::make_unique<LaunchKernel>(num_inputs, step.outputs.size(), std::move(launches));
}

std::unique_ptr<Kernel> lower_max(const StepDesc& step, Driver& driver) {
  return pool(step, driver, "max_pool2d", step.inputs[0].shape, step.outputs[0].shape,
              {"x", "out", "places"});
}
std::unique_ptr<Kernel> lower_max_backward(const StepDesc& step, Driver& driver) {
  return pool(step, driver, "max_pool2d_backward", step.outputs[0].shape, step.inputs[0].shape,
              {"g", "places", "out"});
}
std::unique_ptr<Kernel> lower_average(const StepDesc& step, Driver& driver) {
  return pool(step, driver, "avg_pool2d", step.inputs[0].shape, step.outputs[0].shape,
              {"x", "out"});
}
std::unique_ptr<Kernel> lower_average_backward(const StepDesc& step, Driver& driver) {
  return pool(step, driver, "avg_pool2d_backward", step.outputs[0].shape, step.inputs[0].shape,
              {"g", "out"});
}

bool is_floating_output(const StepDesc& step) { return is_floating(step.outputs[0].dtype); }
bool is_number(const StepDesc& step) { return step.outputs[0].dtype != DType::Bool; }

}  // namespace

void register_pool(Table& table) {
  for (const char* op : {"max_pool2d", "adaptive_max_pool2d"})
    table.add(op, {lower_max, is_number});
  table.add("max_pool2d_backward", {lower_max_backward, is_number});
  for (const char* op : {"avg_pool2d", "adaptive_avg_pool2d"})
    table.add(op, {lower_average, is_floating_output});
  for (const char* op : {"avg_pool2d_backward", "adaptive_avg_pool2d_backward"})
    table.add(op, {lower_average_backward, is_floating_output});
}

}  // namespace ingot::gpu
