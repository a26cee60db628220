#include "backend/gpu/sort_launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backend/gpu/map_launch.h"
#include "backend/gpu/walk.h"

namespace ingot::gpu {
namespace {

constexpr std::int64_t kThreads = 256, kMaxGroups = 65535;

Launch launch_pass(const StepDesc& step, Driver& driver, const Sorting& sorting,
                   const Sorted& places, const char* kernel, const Sorted* from,
                   std::int64_t number) {
  Launch launch;
  SourceBuilder source(kernel);
  launch.what = kernel;
  const std::int64_t n = sorting.lines * sorting.length;
  // Runs are counted up to twice their length.
  source.index_64(needs_index_64(2 * std::max(sorting.largest, static_cast<std::size_t>(n))));
  for (const char* family : {"scalar", "sort"}) source.use(family);
  source.threads(kThreads);
  sorting.add_order(source, launch);
  const std::size_t operand = step.inputs.size() + step.outputs.size();
  source.member(fmt::format("  typedef {} Place;\n", places.type));
  add_number(source, launch, "lines", sorting.lines);
  add_number(source, launch, "length", sorting.length);
  add_number(source, launch, from ? "width" : "blocks", number);
  if (from) {
    source.buffer(places.type, "from", true);
    launch.operands.push_back({operand, from->nbytes, from->offset});
    launch.grid = map_grid(n);
  } else {
    source.member(
        fmt::format("  struct Shared {{\n    Place from[{0}], to[{0}];\n  }};\n", kThreads));
    source.shares();
    launch.grid = {static_cast<std::uint32_t>(std::min(sorting.lines * number, kMaxGroups))};
  }
  source.buffer(places.type, "to", false);
  launch.operands.push_back({operand, places.nbytes, places.offset});
  launch.pipeline = driver.compile(source.finish(driver.dialect()));
  return launch;
}

}  // namespace

void Sorted::add_to(const StepDesc& step, SourceBuilder& source, Launch& launch) const {
  source.buffer(type, "places", true);
  launch.operands.push_back({step.inputs.size() + step.outputs.size(), nbytes, offset});
}

Sorted add_sort(const StepDesc& step, Driver& driver, const Sorting& sorting, Workspace& workspace,
                std::vector<Launch>& launches) {
  const bool wide = sorting.length > std::numeric_limits<std::int32_t>::max();
  Sorted sorted;
  sorted.type = wide ? "i64" : "i32";
  sorted.element_nbytes = wide ? 8 : 4;
  sorted.nbytes = static_cast<std::size_t>(sorting.lines * sorting.length) * sorted.element_nbytes;
  sorted.offset = workspace.take(sorted.nbytes);
  launches.push_back(launch_pass(step, driver, sorting, sorted, "sort_blocks", nullptr,
                                 (sorting.length + kThreads - 1) / kThreads));
  Sorted other = sorted;
  if (sorting.length > kThreads) other.offset = workspace.take(sorted.nbytes);
  for (std::int64_t width = kThreads; width < sorting.length; width *= 2) {
    launches.push_back(launch_pass(step, driver, sorting, other, "sort_merge", &sorted, width));
    std::swap(sorted, other);
  }
  return sorted;
}

std::int64_t count_lines(const Shape& shape, int dim) {
  std::int64_t lines = 1;
  for (int d = 0; d < shape.rank(); ++d)
    if (d != dim) lines *= shape[d];
  return lines;
}

void add_line_walk(SourceBuilder& source, Launch& launch, const std::string& name,
                   const Shape& shape, const Dims& strides, int dim) {
  Walk walk;
  for (int d = 0; d < shape.rank(); ++d)
    if (d != dim) walk.push(shape[d], strides[d]);
  add_walk(source, launch, name, walk.sizes, walk.strides);
}

}  // namespace ingot::gpu
