// interpolate and its gradient.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include <ingot/core/error.h>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/walk.h"
#include "backend/sampling.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

const char* rule_name(SamplingRule::Kind kind) {
  using Kind = SamplingRule::Kind;
  switch (kind) {
    case Kind::Copy:
      return "CopyRule";
    case Kind::Nearest:
      return "NearestRule";
    case Kind::Linear:
      return "LinearRule";
    case Kind::Cubic:
      return "CubicRule";
    case Kind::AntialiasedLinear:
      return "AntialiasedRule<false>";
    case Kind::AntialiasedCubic:
      return "AntialiasedRule<true>";
  }
  throw InternalError("interpolate: no such rule");
}

// Numbers of one axis and the member that puts them together.
void add_axis(SourceBuilder& source, Launch& launch, int number, const SamplingRule& a, bool wide) {
  const std::string axis = fmt::format("axis{}_", number);
  add_number(source, launch, axis + "in", a.in);
  add_number(source, launch, axis + "out", a.out);
  add_number(source, launch, axis + "width", a.width);
  add_number(source, launch, axis + "align", a.align ? 1 : 0);
  source.parameter(wide ? "f64" : "f32", axis + "step");
  launch.words.push_back(wide ? std::bit_cast<std::uint64_t>(a.step)
                              : std::bit_cast<std::uint32_t>(static_cast<float>(a.step)));
  source.parameter("f32", axis + "near_step");
  launch.words.push_back(std::bit_cast<std::uint32_t>(a.near_step));
  source.parameter("f32", axis + "near_offset");
  launch.words.push_back(std::bit_cast<std::uint32_t>(a.near_offset));
  source.member(fmt::format(
      "  static FN Axis<R> axis_{1}(CONSTANT const Params& p) {{\n"
      "    return Axis<R>{{(Index)p.{0}in, (Index)p.{0}out, (Index)p.{0}width, (R)p.{0}step,\n"
      "                   p.{0}near_step, p.{0}near_offset, p.{0}align != 0}};\n  }}\n",
      axis, number));
}

std::unique_ptr<Kernel> resample(const StepDesc& step, Driver& driver, const char* kernel) {
  const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
  const auto& a = step.as<InterpolateAttrs>();
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    const SamplingRule rows = sampling_rule(a, 0), columns = sampling_rule(a, 1);
    const bool wide = driver.has_float64();
    const std::string_view real = wide ? "f64" : "f32";
    Launch launch;
    SourceBuilder source(kernel);
    launch.what = kernel;
    launch.grid = map_grid(out.numel() * 8);
    source.index_64(needs_index_64(
        std::max(extent_nbytes(in) / nbytes_of(in.dtype), static_cast<std::size_t>(out.numel()))));
    for (const char* family : {"scalar", "fold", "resample"}) source.use(family);
    source.buffer(type_name(in.dtype), "x", true);
    source.buffer(type_name(out.dtype), "out", false);
    launch.operands = {{0, extent_nbytes(in), 0}, {1, out.nbytes(), 0}};
    add_number(source, launch, "n", out.numel());
    add_number(source, launch, "channels", in.shape[1]);
    for (int d = 0; d < 4; ++d) add_number(source, launch, fmt::format("x_{}", d), in.strides[d]);
    source.member(fmt::format(
        "  typedef {} T;\n  typedef {} R;\n  typedef {} W;\n  typedef {} Rows;\n"
        "  typedef {} Columns;\n",
        type_name(out.dtype), real, is_floating(out.dtype) ? work_name(out.dtype) : real,
        rule_name(rows.kind), rule_name(columns.kind)));
    add_axis(source, launch, 0, rows, wide);
    add_axis(source, launch, 1, columns, wide);
    launch.pipeline = driver.compile(source.finish(driver.dialect()));
    launches.push_back(std::move(launch));
  }
  return std::make_unique<LaunchKernel>(1, 1, std::move(launches));
}

std::unique_ptr<Kernel> lower_interpolate(const StepDesc& step, Driver& driver) {
  return resample(step, driver, "interpolate");
}
std::unique_ptr<Kernel> lower_interpolate_backward(const StepDesc& step, Driver& driver) {
  return resample(step, driver, "interpolate_backward");
}

bool is_number(const StepDesc& step) { return step.outputs[0].dtype != DType::Bool; }
bool is_floating_output(const StepDesc& step) { return is_floating(step.outputs[0].dtype); }

}  // namespace

void register_resample(Table& table) {
  table.add("interpolate", {lower_interpolate, is_number});
  table.add("interpolate_backward", {lower_interpolate_backward, is_floating_output});
}

}  // namespace ingot::gpu
