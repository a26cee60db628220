// sum, mean, prod, amax, amin, argmax, argmin, any, all.
#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/walk.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

// Up to so many elements one thread sums up.
constexpr std::int64_t kThreadCount = 64;
// Up to so many 32 threads do, else 256.
constexpr std::int64_t kWarpCount = 256;
constexpr std::int64_t kMaxGroups = 65535;

// `fold`: with {} for the work type; `result`: the expression of the output in a work type, of the
// accumulator `a`.
std::unique_ptr<Kernel> reduce(const StepDesc& step, Driver& driver, const Dims& dims,
                               const std::string& fold, const std::string& result) {
  const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    Walk kept, reduced;
    for (int d = 0; d < in.shape.rank(); ++d)
      (dims.contains(d) ? reduced : kept).push(in.shape[d], in.strides[d]);
    const std::int64_t count = reduced.numel();
    const bool by_thread = count <= kThreadCount;
    const std::uint32_t threads = by_thread ? 256 : count <= kWarpCount ? 32 : 256;

    Launch launch;
    SourceBuilder source(by_thread ? "reduce_thread" : "reduce_group");
    launch.what = fmt::format("{} {}", step.op->name, by_thread ? "by threads" : "by groups");
    launch.grid = by_thread ? map_grid(out.numel() * std::max<std::int64_t>(count, 1))
                            : Grid{static_cast<std::uint32_t>(std::min(out.numel(), kMaxGroups))};
    const std::size_t extent = extent_nbytes(in) / nbytes_of(in.dtype);
    source.index_64(needs_index_64(std::max(extent, static_cast<std::size_t>(in.numel()))));
    for (const char* family : {"scalar", "fold", "reduce"}) source.use(family);
    source.threads(threads);
    source.buffer(type_name(in.dtype), "in", true);
    source.buffer(type_name(out.dtype), "out", false);
    launch.operands = {{0, extent_nbytes(in), 0}, {1, out.nbytes(), 0}};
    add_number(source, launch, "n", out.numel());
    add_number(source, launch, "count", count);
    source.member(fmt::format("  typedef {} Fold;\n", fold));
    add_walk(source, launch, "kept_at", kept.sizes, kept.strides);
    add_walk(source, launch, "reduced_at", reduced.sizes, reduced.strides);
    source.member(fmt::format(
        "  static FN {0} value(Buffers b, Index at) {{ return widen(b.in[at]); }}\n"
        "  static FN void store(Buffers b, CONSTANT const Params& p, Index o, Fold::Acc a) {{\n"
        "    (void)p;\n    b.out[o] = To<{1}>::of({2});\n  }}\n",
        work_name(in.dtype), type_name(out.dtype), result));
    if (!by_thread) {
      source.member(fmt::format("  struct Shared {{\n    Fold::Acc acc[{}];\n  }};\n", threads));
      source.shares();
    }
    launch.pipeline = driver.compile(source.finish(driver.dialect()));
    launches.push_back(std::move(launch));
  }
  return std::make_unique<LaunchKernel>(1, 1, std::move(launches));
}

const Dims& dims_of(const StepDesc& step) { return step.as<ReduceAttrs>().dims; }

// A fold for floats and one for integers.
std::string fold_of(const StepDesc& step, const char* floats, const char* integers) {
  const DType t = step.inputs[0].dtype;
  return is_floating(t) ? fmt::format("{}<{}>", floats, work_name(t)) : integers;
}

std::unique_ptr<Kernel> lower_sum(const StepDesc& step, Driver& driver) {
  return reduce(step, driver, dims_of(step), fold_of(step, "FloatSum", "IntegerSum"),
                "Fold::total(a)");
}
std::unique_ptr<Kernel> lower_mean(const StepDesc& step, Driver& driver) {
  return reduce(step, driver, dims_of(step), fold_of(step, "FloatSum", "IntegerSum"),
                "Fold::mean(a, p.count)");
}
std::unique_ptr<Kernel> lower_prod(const StepDesc& step, Driver& driver) {
  return reduce(step, driver, dims_of(step), fold_of(step, "FloatProduct", "IntegerProduct"),
                "Fold::total(a)");
}

std::string best_of(const StepDesc& step, bool largest) {
  return fmt::format("Best<{}, {}>", work_name(step.inputs[0].dtype), largest);
}

template <bool largest>
std::unique_ptr<Kernel> lower_extremum(const StepDesc& step, Driver& driver) {
  return reduce(step, driver, dims_of(step), best_of(step, largest), "a.value");
}

template <bool largest>
std::unique_ptr<Kernel> lower_position(const StepDesc& step, Driver& driver) {
  // A 0-dim tensor counts as one element along dimension 0.
  const Dims dims = step.inputs[0].shape.empty() ? Dims{} : Dims{step.as<AxisAttrs>().dim};
  return reduce(step, driver, dims, best_of(step, largest), "a.position");
}

template <bool looked_for>
std::unique_ptr<Kernel> lower_logical(const StepDesc& step, Driver& driver) {
  return reduce(step, driver, dims_of(step), fmt::format("Truth<{}>", looked_for),
                "(i64)Fold::total(a)");
}

bool is_floating_input(const StepDesc& step) { return is_floating(step.inputs[0].dtype); }

}  // namespace

void register_reduce(Table& table) {
  table.add("sum", {lower_sum});
  table.add("mean", {lower_mean, is_floating_input});
  table.add("prod", {lower_prod});
  table.add("amax", {lower_extremum<true>});
  table.add("amin", {lower_extremum<false>});
  table.add("argmax", {lower_position<true>});
  table.add("argmin", {lower_position<false>});
  table.add("any", {lower_logical<true>});
  table.add("all", {lower_logical<false>});
}

}  // namespace ingot::gpu
