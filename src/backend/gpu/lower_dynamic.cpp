// nonzero, masked_select, masked_scatter, unique: how many results there are is in the attributes;
// a scan tells each element where it goes.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include <ingot/core/error.h>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/sort_launch.h"
#include "backend/gpu/walk.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

constexpr std::uint32_t kThreads = 256;

std::size_t workspace_operand(const StepDesc& step) {
  return step.inputs.size() + step.outputs.size();
}

// A list of `shape` in the workspace, row-major.
MapOperand list_operand(const StepDesc& step, std::string name, const Shape& shape,
                        std::size_t offset, bool is_output) {
  MapOperand o = map_operand(workspace_operand(step), std::move(name),
                             TensorDesc::contiguous(shape, DType::Int64), is_output);
  o.offset = offset;
  return o;
}
// All of an operand, to be reached by hand.
MapOperand whole_operand(MapOperand o, int rank) {
  o.strides = Dims::filled(rank, 0);
  return o;
}

// Adds the launch that counts: count[i] is how many of the elements up to i are counted.
struct Counting {
  std::int64_t length = 0;
  std::size_t largest = 0;
  /// Adds buffers and the member `value(b, p, line, i)`: 1 or 0.
  std::function<void(SourceBuilder&, Launch&)> add_value;
};
std::size_t add_count(const StepDesc& step, Driver& driver, const Counting& counting,
                      Workspace& workspace, std::vector<Launch>& launches) {
  const std::size_t nbytes = static_cast<std::size_t>(counting.length) * 8;
  const std::size_t offset = workspace.take(nbytes);
  Launch launch;
  SourceBuilder source("scan_group");
  launch.what = "count";
  source.index_64(
      needs_index_64(std::max(counting.largest, static_cast<std::size_t>(counting.length))));
  for (const char* family : {"scalar", "fold", "scan"}) source.use(family);
  source.threads(kThreads);
  add_number(source, launch, "lines", 1);
  add_number(source, launch, "length", counting.length);
  counting.add_value(source, launch);
  source.buffer("i64", "count", false);
  launch.operands.push_back({workspace_operand(step), nbytes, offset});
  source.member(fmt::format(
      "  typedef IntegerSum Fold;\n"
      "  static FN void store(Buffers b, CONSTANT const Params& p, Index line, Index i, "
      "Fold::Acc a) {{\n    (void)p;\n    (void)line;\n    b.count[i] = a.sum;\n  }}\n"
      "  struct Shared {{\n    Fold::Acc acc[{}];\n  }};\n",
      kThreads));
  source.shares();
  launch.pipeline = driver.compile(source.finish(driver.dialect()));
  // The values were counted when the op was recorded, and values never change.
  launch.verdict = [op = step.op, recorded = step.as<CountAttrs>().count,
                    last = offset + nbytes - 8](const std::byte* memory) {
    std::int64_t found = 0;
    std::memcpy(&found, memory + last, sizeof(found));
    if (found != recorded)
      throw InternalError(
          fmt::format("{}: {} places found, {} were recorded", op->name, found, recorded));
  };
  launches.push_back(std::move(launch));
  return offset;
}

std::size_t add_mask_count(const StepDesc& step, Driver& driver, std::size_t mask_input,
                           Workspace& workspace, std::vector<Launch>& launches) {
  const TensorDesc& mask = step.inputs[mask_input];
  return add_count(step, driver,
                   {mask.numel(), extent_nbytes(mask),
                    [&](SourceBuilder& source, Launch& launch) {
                      source.buffer("bool", "mask", true);
                      launch.operands.push_back({mask_input, extent_nbytes(mask), 0});
                      Walk walk;
                      for (int d = 0; d < mask.shape.rank(); ++d)
                        walk.push(mask.shape[d], mask.strides[d]);
                      add_walk(source, launch, "mask_at", walk.sizes, walk.strides);
                      source.member(
                          "  static FN i64 value(Buffers b, CONSTANT const Params& p, Index line, "
                          "Index i) {\n    (void)line;\n    return b.mask[mask_at(p, i)] ? 1 : 0;\n"
                          "  }\n");
                    }},
                   workspace, launches);
}

std::unique_ptr<Kernel> finish(const StepDesc& step, std::vector<Launch> launches,
                               const Workspace& workspace) {
  return std::make_unique<LaunchKernel>(step.inputs.size(), step.outputs.size(),
                                        std::move(launches), workspace.nbytes());
}

std::unique_ptr<Kernel> lower_nonzero(const StepDesc& step, Driver& driver) {
  const TensorDesc &mask = step.inputs[0], &out = step.outputs[0];
  const int rank = mask.shape.rank();
  std::vector<Launch> launches;
  Workspace workspace;
  if (mask.numel() > 0) {
    const std::size_t count = add_mask_count(step, driver, 0, workspace, launches);
    if (out.numel() > 0) {
      Map map;
      map.shape = mask.shape;
      // The last operand is row-major: i is the element's row-major number.
      map.operands = {map_operand(0, "mask", mask, false),
                      whole_operand(map_operand(1, "out", out, true), rank),
                      list_operand(step, "count", mask.shape, count, false)};
      map.slots = {map_number("rows", out.shape[0])};
      map.body =
          "    const Index row = (Index)b.count[count_at] - 1;\n"
          "    if (b.mask[mask_at] && row < (Index)p.rows) {\n      Index place = i;\n";
      for (int d = rank - 1; d >= 0; --d) {
        const std::string size = fmt::format("mask_size{}", d);
        map.slots.push_back(map_number(size, mask.shape[d]));
        map.body += fmt::format(
            "      b.out[row * {1} + {2}] = (i64)(place % (Index)p.{0});\n"
            "      place = place / (Index)p.{0};\n",
            size, rank, d);
      }
      map.body += "    }\n    (void)out_at;\n";
      map.what = "nonzero";
      launches.push_back(launch_map(driver, map));
    }
  }
  return finish(step, std::move(launches), workspace);
}

std::unique_ptr<Kernel> lower_masked_select(const StepDesc& step, Driver& driver) {
  const TensorDesc &x = step.inputs[0], &mask = step.inputs[1], &out = step.outputs[0];
  std::vector<Launch> launches;
  Workspace workspace;
  if (mask.numel() > 0) {
    const std::size_t count = add_mask_count(step, driver, 1, workspace, launches);
    if (out.numel() > 0) {
      Map map;
      map.shape = x.shape;
      map.operands = {map_operand(0, "x", x, false), map_operand(1, "mask", mask, false),
                      whole_operand(map_operand(2, "out", out, true), x.shape.rank()),
                      list_operand(step, "count", x.shape, count, false)};
      for (const std::size_t o : {0, 2}) map.operands[o].type = bits_name(x.dtype);
      map.slots = {map_number("rows", out.shape[0])};
      map.body =
          "    const Index row = (Index)b.count[count_at] - 1;\n    (void)out_at;\n"
          "    if (b.mask[mask_at] && row < (Index)p.rows) b.out[row] = b.x[x_at];\n";
      map.what = "masked_select";
      launches.push_back(launch_map(driver, map));
    }
  }
  return finish(step, std::move(launches), workspace);
}

std::unique_ptr<Kernel> lower_masked_scatter(const StepDesc& step, Driver& driver) {
  const TensorDesc &x = step.inputs[0], &mask = step.inputs[1], &given = step.inputs[2];
  const TensorDesc& out = step.outputs[0];
  std::vector<Launch> launches;
  Workspace workspace;
  if (out.numel() > 0) {
    const std::size_t count = add_mask_count(step, driver, 1, workspace, launches);
    Map map;
    map.shape = x.shape;
    map.operands = {map_operand(0, "x", x, false), map_operand(1, "mask", mask, false),
                    whole_operand(map_operand(2, "source", given, false), x.shape.rank()),
                    list_operand(step, "count", x.shape, count, false),
                    map_operand(3, "out", out, true)};
    for (const std::size_t o : {0, 2, 4}) map.operands[o].type = bits_name(x.dtype);
    map.slots = {map_number("rows", given.shape[0]), map_number("row_stride", given.strides[0])};
    map.body =
        "    const Index row = (Index)b.count[count_at] - 1;\n    (void)source_at;\n"
        "    if (!b.mask[mask_at])\n      b.out[out_at] = b.x[x_at];\n"
        "    else if (row < (Index)p.rows)\n"
        "      b.out[out_at] = b.source[row * (Index)p.row_stride];\n";
    map.what = "masked_scatter";
    launches.push_back(launch_map(driver, map));
  }
  return finish(step, std::move(launches), workspace);
}

// Rows in order, numbered by which of them differ from the one before.
std::unique_ptr<Kernel> lower_unique(const StepDesc& step, Driver& driver) {
  const TensorDesc& x = step.inputs[0];
  const std::int64_t rows = x.shape[0], width = x.shape[1], count = step.as<CountAttrs>().count;
  std::vector<Launch> launches;
  Workspace workspace;
  if (rows == 0) return finish(step, std::move(launches), workspace);
  const std::size_t extent = extent_nbytes(x) / nbytes_of(x.dtype);
  const auto add_table = [&](SourceBuilder& source, Launch& launch) {
    source.buffer(type_name(x.dtype), "x", true);
    launch.operands.push_back({0, extent_nbytes(x), 0});
    add_number(source, launch, "row_width", width);
    add_number(source, launch, "row_stride", x.strides[0]);
    add_number(source, launch, "column_stride", x.strides[1]);
    source.member(fmt::format(
        "  static FN {} element(Buffers b, CONSTANT const Params& p, Index row, Index c) {{\n"
        "    return widen(b.x[row * (Index)p.row_stride + c * (Index)p.column_stride]);\n  }}\n",
        work_name(x.dtype)));
  };
  const Sorted sorted =
      add_sort(step, driver,
               {1, rows,
                [&](SourceBuilder& source, Launch& launch) {
                  add_table(source, launch);
                  source.member(fmt::format(
                      "  static FN bool before(Buffers b, CONSTANT const Params& p, Index line, "
                      "Index i, Index j) {{\n    (void)line;\n"
                      "    for (Index c = 0; c < (Index)p.row_width; ++c) {{\n"
                      "      const {} left = element(b, p, i, c), right = element(b, p, j, c);\n"
                      "      if (less_than(left, right)) return true;\n"
                      "      if (less_than(right, left)) return false;\n"
                      "    }}\n    return false;\n  }}\n",
                      work_name(x.dtype)));
                },
                extent},
               workspace, launches);
  // NaN is equal to nothing.
  const std::size_t group = add_count(
      step, driver,
      {rows, extent,
       [&](SourceBuilder& source, Launch& launch) {
         add_table(source, launch);
         sorted.add_to(step, source, launch);
         source.member(
             "  static FN i64 value(Buffers b, CONSTANT const Params& p, Index line, Index i) {\n"
             "    (void)line;\n    if (i == 0) return 1;\n"
             "    for (Index c = 0; c < (Index)p.row_width; ++c)\n"
             "      if (!(element(b, p, (Index)b.places[i], c) ==\n"
             "            element(b, p, (Index)b.places[i - 1], c)))\n        return 1;\n"
             "    return 0;\n  }\n");
       }},
      workspace, launches);

  const Shape list{rows}, groups{count};
  const std::size_t starts = workspace.take(static_cast<std::size_t>(count) * 8);
  const std::size_t operand = workspace_operand(step);
  const auto places_operand = [&](int rank, bool in_order) {
    MapOperand o{operand,
                 "places",
                 std::string(sorted.type),
                 Dims::filled(rank, in_order ? 1 : 0),
                 static_cast<std::size_t>(rows),
                 sorted.element_nbytes,
                 false,
                 {},
                 sorted.offset};
    return o;
  };
  {  // which group each row is in, and where groups begin
    Map map;
    map.shape = list;
    map.operands = {places_operand(1, true),
                    whole_operand(map_operand(2, "inverse", step.outputs[1], true), 1),
                    whole_operand(list_operand(step, "starts", groups, starts, true), 1),
                    list_operand(step, "group", list, group, false)};
    map.slots = {map_number("groups", count)};
    map.body =
        "    const i64 own = b.group[i];\n    (void)group_at;\n    (void)places_at;\n"
        "    (void)inverse_at;\n    (void)starts_at;\n"
        "    b.inverse[b.places[i]] = own - 1;\n"
        "    if (own <= p.groups && (i == 0 || b.group[i - 1] != own)) b.starts[own - 1] = "
        "(i64)i;\n";
    map.what = "unique: groups";
    launches.push_back(launch_map(driver, map));
  }
  {
    Map map;
    map.shape = groups;
    map.operands = {list_operand(step, "starts", groups, starts, false),
                    map_operand(3, "counts", step.outputs[2], true)};
    map.slots = {map_number("groups", count), map_number("rows", rows)};
    map.body =
        "    const i64 end = (i64)i + 1 < p.groups ? b.starts[i + 1] : p.rows;\n"
        "    (void)starts_at;\n    b.counts[counts_at] = end - b.starts[i];\n";
    map.what = "unique: counts";
    launches.push_back(launch_map(driver, map));
  }
  if (step.outputs[0].numel() > 0) {
    Map map;
    map.shape = step.outputs[0].shape;
    MapOperand from = whole_operand(map_operand(0, "x", x, false), 2);
    from.strides[1] = x.strides[1];
    MapOperand first = list_operand(step, "starts", groups, starts, false);
    first.strides = Dims{1, 0};
    map.operands = {from, first, places_operand(2, false),
                    map_operand(1, "out", step.outputs[0], true)};
    for (const std::size_t o : {0, 3}) map.operands[o].type = bits_name(x.dtype);
    map.slots = {map_number("row_stride", x.strides[0])};
    map.body =
        "    (void)places_at;\n"
        "    b.out[out_at] =\n"
        "        b.x[(Index)b.places[b.starts[starts_at]] * (Index)p.row_stride + x_at];\n";
    map.what = "unique: values";
    launches.push_back(launch_map(driver, map));
  }
  return finish(step, std::move(launches), workspace);
}

}  // namespace

void register_dynamic(Table& table) {
  table.add("nonzero", {lower_nonzero});
  table.add("masked_select", {lower_masked_select});
  table.add("masked_scatter", {lower_masked_scatter});
  table.add("unique", {lower_unique});
}

}  // namespace ingot::gpu
