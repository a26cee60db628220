// sort (and topk), cumsum, cumprod, cummax_index, cummin_index: along the lines of one dimension.
#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/sort_launch.h"
#include "backend/gpu/walk.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

// Lines up to so long one thread goes through, else a group.
constexpr std::int64_t kThreadLength = 64;
constexpr std::int64_t kMaxGroups = 65535;
constexpr std::uint32_t kScanThreads = 256;

std::size_t extent_numel(const TensorDesc& t) { return extent_nbytes(t) / nbytes_of(t.dtype); }

// Member `at(p, line, i)`: where element i of a line of input 0 is.
void add_element(SourceBuilder& source, Launch& launch, const TensorDesc& x, int dim) {
  add_line_walk(source, launch, "line_at", x.shape, x.strides, dim);
  add_number(source, launch, "stride", x.strides[dim]);
  source.member(
      "  static FN Index at(CONSTANT const Params& p, Index line, Index i) {\n"
      "    return line_at(p, line) + i * (Index)p.stride;\n  }\n");
}

std::unique_ptr<Kernel> lower_sort(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<SortAttrs>();
  const auto dim = static_cast<int>(a.dim);
  const TensorDesc &x = step.inputs[0], &values = step.outputs[0];
  std::vector<Launch> launches;
  Workspace workspace;
  if (values.numel() > 0) {
    const Sorting sorting{
        count_lines(x.shape, dim), x.shape[dim],
        [&](SourceBuilder& source, Launch& launch) {
          source.buffer(type_name(x.dtype), "x", true);
          launch.operands.push_back({0, extent_nbytes(x), 0});
          add_element(source, launch, x, dim);
          source.member(fmt::format(
              "  static FN bool before(Buffers b, CONSTANT const Params& p, Index line, Index i, "
              "Index j) {{\n    return less_than(widen(b.x[at(p, line, {})]), "
              "widen(b.x[at(p, line, {})]));\n  }}\n",
              a.descending ? "j" : "i", a.descending ? "i" : "j"));
        },
        extent_numel(x)};
    const Sorted sorted = add_sort(step, driver, sorting, workspace, launches);

    // Element r of a line of the results.
    Launch launch;
    SourceBuilder source("map");
    launch.what = "sort: values";
    launch.grid = map_grid(values.numel());
    source.index_64(needs_index_64(std::max(extent_numel(x), static_cast<std::size_t>(x.numel()))));
    for (const char* family : {"scalar", "map"}) source.use(family);
    source.buffer(bits_name(x.dtype), "x", true);
    launch.operands.push_back({0, extent_nbytes(x), 0});
    sorted.add_to(step, source, launch);
    source.buffer(bits_name(x.dtype), "values", false);
    source.buffer("i64", "indices", false);
    launch.operands.push_back({1, values.nbytes(), 0});
    launch.operands.push_back({2, step.outputs[1].nbytes(), 0});
    add_number(source, launch, "n", values.numel());
    add_number(source, launch, "kept", a.k);
    add_number(source, launch, "length", x.shape[dim]);
    add_number(source, launch, "out_stride", values.strides[dim]);
    add_element(source, launch, x, dim);
    add_line_walk(source, launch, "out_line", values.shape, values.strides, dim);
    source.member(
        "  static FN void at(Buffers b, CONSTANT const Params& p, Index e) {\n"
        "    const Index line = e / (Index)p.kept, r = e % (Index)p.kept;\n"
        "    const Index place = (Index)b.places[line * (Index)p.length + r];\n"
        "    const Index to = out_line(p, line) + r * (Index)p.out_stride;\n"
        "    b.values[to] = b.x[at(p, line, place)];\n"
        "    b.indices[to] = (i64)place;\n  }\n");
    launch.pipeline = driver.compile(source.finish(driver.dialect()));
    launches.push_back(std::move(launch));
  }
  return std::make_unique<LaunchKernel>(1, 2, std::move(launches), workspace.nbytes());
}

// `result`: the output's element in a work type, of the accumulator `a`.
std::unique_ptr<Kernel> scan(const StepDesc& step, Driver& driver, const std::string& fold,
                             const std::string& result) {
  const auto dim = static_cast<int>(step.as<AxisAttrs>().dim);
  const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    const std::int64_t lines = count_lines(x.shape, dim), length = x.shape[dim];
    const bool by_thread = length <= kThreadLength;
    Launch launch;
    SourceBuilder source(by_thread ? "scan_thread" : "scan_group");
    launch.what = std::string(step.op->name);
    launch.grid = by_thread ? map_grid(out.numel())
                            : Grid{static_cast<std::uint32_t>(std::min(lines, kMaxGroups))};
    source.index_64(
        needs_index_64(std::max(extent_numel(x), static_cast<std::size_t>(out.numel()))));
    for (const char* family : {"scalar", "fold", "scan"}) source.use(family);
    source.threads(kScanThreads);
    source.buffer(type_name(x.dtype), "x", true);
    source.buffer(type_name(out.dtype), "out", false);
    launch.operands = {{0, extent_nbytes(x), 0}, {1, out.nbytes(), 0}};
    add_number(source, launch, "lines", lines);
    add_number(source, launch, "length", length);
    add_number(source, launch, "out_stride", out.strides[dim]);
    add_element(source, launch, x, dim);
    add_line_walk(source, launch, "out_line", out.shape, out.strides, dim);
    source.member(fmt::format(
        "  typedef {} Fold;\n"
        "  static FN {} value(Buffers b, CONSTANT const Params& p, Index line, Index i) {{\n"
        "    return widen(b.x[at(p, line, i)]);\n  }}\n"
        "  static FN void store(Buffers b, CONSTANT const Params& p, Index line, Index i, "
        "Fold::Acc a) {{\n"
        "    b.out[out_line(p, line) + i * (Index)p.out_stride] = To<{}>::of({});\n  }}\n",
        fold, work_name(x.dtype), type_name(out.dtype), result));
    if (!by_thread) {
      source.member(
          fmt::format("  struct Shared {{\n    Fold::Acc acc[{}];\n  }};\n", kScanThreads));
      source.shares();
    }
    launch.pipeline = driver.compile(source.finish(driver.dialect()));
    launches.push_back(std::move(launch));
  }
  return std::make_unique<LaunchKernel>(1, 1, std::move(launches));
}

std::string fold_of(const StepDesc& step, const char* floats, const char* integers) {
  const DType t = step.inputs[0].dtype;
  return is_floating(t) ? fmt::format("{}<{}>", floats, work_name(t)) : integers;
}

std::unique_ptr<Kernel> lower_cumsum(const StepDesc& step, Driver& driver) {
  return scan(step, driver, fold_of(step, "FloatSum", "IntegerSum"), "Fold::total(a)");
}
std::unique_ptr<Kernel> lower_cumprod(const StepDesc& step, Driver& driver) {
  return scan(step, driver, fold_of(step, "FloatProduct", "IntegerProduct"), "Fold::total(a)");
}
template <bool largest>
std::unique_ptr<Kernel> lower_reached(const StepDesc& step, Driver& driver) {
  return scan(step, driver,
              fmt::format("Reached<{}, {}>", work_name(step.inputs[0].dtype), largest),
              "a.position");
}

bool is_number(const StepDesc& step) { return step.outputs[0].dtype != DType::Bool; }

}  // namespace

void register_sort(Table& table) {
  table.add("sort", {lower_sort});
  table.add("cumsum", {lower_cumsum, is_number});
  table.add("cumprod", {lower_cumprod, is_number});
  table.add("cummax_index", {lower_reached<true>});
  table.add("cummin_index", {lower_reached<false>});
}

}  // namespace ingot::gpu
