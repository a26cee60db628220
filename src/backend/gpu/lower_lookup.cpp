// gather, index_select, embedding, index: elements from places that index tensors name, as a map
// over the result. And the checks of values: check_labels, check_divisor, check_unit.
#include <fmt/format.h>

#include <bit>

#include <ingot/core/error.h>

#include "backend/gpu/check_launch.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/indexing.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

std::unique_ptr<Kernel> finish(const StepDesc& step, std::vector<Launch> launches,
                               const Workspace& workspace) {
  return std::make_unique<LaunchKernel>(step.inputs.size(), step.outputs.size(),
                                        std::move(launches), workspace.nbytes());
}

// An index tensor: operand `input` of the step names places along dimension `dim` of x. Its element
// for an element of the result is found by `strides`.
struct Index {
  std::size_t input;
  int dim;
  Dims strides;
};

// out[i] = x[places of i], where x is walked by `x_strides` in the dimensions that no index names.
std::unique_ptr<Kernel> look_up(const StepDesc& step, Driver& driver, const Dims& x_strides,
                                const std::vector<Index>& indices, bool counts_from_the_end) {
  const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
  std::vector<Launch> launches;
  Workspace workspace;
  std::vector<Check> checks;
  for (const Index& index : indices) {
    const std::int64_t size = x.shape[index.dim];
    checks.push_back(range_check(index.input, counts_from_the_end ? -size : 0, size));
  }
  add_checks(step, driver, checks, workspace, launches,
             [op = step.op, indices, x, inputs = step.inputs](std::size_t c, const Misfit& misfit) {
               index_out_of_range(op->name, static_cast<std::int64_t>(misfit.bits),
                                  inputs[indices[c].input].shape, misfit.number, indices[c].dim,
                                  x.shape[indices[c].dim]);
             });
  if (out.numel() == 0) return finish(step, std::move(launches), workspace);

  Map map;
  map.shape = out.shape;
  MapOperand from = map_operand(0, "x", x, false);
  from.type = bits_name(x.dtype);
  from.strides = x_strides;
  map.operands.push_back(std::move(from));
  map.body = "    bool fits = true;\n    Index from = x_at;\n";
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const Index& index = indices[k];
    MapOperand places =
        map_operand(index.input, fmt::format("index{}", k), step.inputs[index.input], false);
    places.strides = index.strides;
    map.operands.push_back(std::move(places));
    map.slots.push_back(map_number(fmt::format("size{}_of_x", k), x.shape[index.dim]));
    map.slots.push_back(map_number(fmt::format("stride{}_of_x", k), x.strides[index.dim]));
    map.body += fmt::format("    i64 j{0} = b.index{0}[index{0}_at];\n", k);
    if (counts_from_the_end)
      map.body += fmt::format("    if (j{0} < 0) j{0} += p.size{0}_of_x;\n", k);
    map.body += fmt::format(
        "    fits = fits && j{0} >= 0 && j{0} < p.size{0}_of_x;\n"
        "    from += (Index)j{0} * (Index)p.stride{0}_of_x;\n",
        k);
  }
  // A bad index reads nothing: what comes of it is never seen.
  map.body += "    if (fits) b.out[out_at] = b.x[from];\n";
  MapOperand to = map_operand(step.inputs.size(), "out", out, true);
  to.type = bits_name(out.dtype);
  map.operands.push_back(std::move(to));
  map.what = std::string(step.op->name);
  launches.push_back(launch_map(driver, map));
  return finish(step, std::move(launches), workspace);
}

int axis_of(const StepDesc& step) { return static_cast<int>(step.as<AxisAttrs>().dim); }

std::unique_ptr<Kernel> lower_gather(const StepDesc& step, Driver& driver) {
  Dims strides = step.inputs[0].strides;
  strides[axis_of(step)] = 0;
  return look_up(step, driver, strides, {{1, axis_of(step), step.inputs[1].strides}}, false);
}

std::unique_ptr<Kernel> lower_index_select(const StepDesc& step, Driver& driver) {
  const int dim = axis_of(step);
  Dims strides = step.inputs[0].strides, places = Dims::filled(strides.rank(), 0);
  strides[dim] = 0;
  places[dim] = step.inputs[1].strides[0];
  return look_up(step, driver, strides, {{1, dim, places}}, false);
}

std::unique_ptr<Kernel> lower_embedding(const StepDesc& step, Driver& driver) {
  const TensorDesc &weight = step.inputs[0], &index = step.inputs[1];
  Dims strides = Dims::filled(index.shape.rank(), 0), places = index.strides;
  strides.push_back(weight.strides[1]);
  places.push_back(0);
  return look_up(step, driver, strides, {{1, 0, places}}, false);
}

std::unique_ptr<Kernel> lower_index(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<IndexAttrs>();
  const int first = static_cast<int>(a.position), rank = step.outputs[0].shape.rank();
  Dims strides;
  for (int d = 0; d < step.inputs[0].shape.rank(); ++d)
    if (!a.dims.contains(d)) strides.push_back(step.inputs[0].strides[d]);
  for (int d = 0; d < step.inputs[1].shape.rank(); ++d) strides.insert(first + d, 0);
  std::vector<Index> indices;
  for (int k = 0; k < a.dims.rank(); ++k) {
    const auto input = static_cast<std::size_t>(k + 1);
    const Dims& own = step.inputs[input].strides;
    Dims places = Dims::filled(rank, 0);
    for (int d = 0; d < own.rank(); ++d) places[first + d] = own[d];
    indices.push_back({input, static_cast<int>(a.dims[k]), places});
  }
  return look_up(step, driver, strides, indices, true);
}

// -- Checks ---------------------------------------------------------------------------------------

// The input as it is, or what `value` makes of its element `x`, when all its elements fit.
std::unique_ptr<Kernel> checked(const StepDesc& step, Driver& driver, const Check& check,
                                const std::string& value, std::vector<MapSlot> slots,
                                std::function<void(const Misfit&)> fail) {
  const TensorDesc& out = step.outputs[0];
  std::vector<Launch> launches;
  Workspace workspace;
  add_checks(step, driver, {check}, workspace, launches,
             [fail = std::move(fail)](std::size_t, const Misfit& misfit) { fail(misfit); });
  if (out.numel() > 0) {
    Map map;
    map.shape = out.shape;
    map.operands = {map_operand(0, "in", step.inputs[0], false), map_operand(1, "out", out, true)};
    map.slots = std::move(slots);
    map.body = fmt::format("    const {} x = b.in[in_at];\n    b.out[out_at] = {};\n",
                           type_name(out.dtype), value);
    map.what = std::string(step.op->name);
    launches.push_back(launch_map(driver, map));
  }
  return finish(step, std::move(launches), workspace);
}

std::unique_ptr<Kernel> lower_labels(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<LabelAttrs>();
  Check check = range_check(0, 0, a.classes);
  std::string value = "x";
  std::vector<MapSlot> slots;
  if (a.can_ignore) {
    check.fits = "x == p.ignored || (" + check.fits + ")";
    check.numbers.emplace_back("ignored", a.ignore_index);
    value = "x == p.ignored ? 0 : x";
    slots = {map_number("ignored", a.ignore_index)};
  }
  return checked(
      step, driver, check, value, slots, [a, shape = step.inputs[0].shape](const Misfit& misfit) {
        throw IndexError(fmt::format("{}: label {} at position {} is out of range for {} classes",
                                     a.what, static_cast<std::int64_t>(misfit.bits),
                                     position_text(index_at(misfit.number, shape)), a.classes));
      });
}

std::unique_ptr<Kernel> lower_divisor(const StepDesc& step, Driver& driver) {
  return checked(
      step, driver, {0, "x != 0", {}}, "x", {},
      [what = step.as<NameAttrs>().name, shape = step.inputs[0].shape](const Misfit& misfit) {
        throw ValueError(fmt::format("{}: integer division by zero at position {} of the divisor{}",
                                     what, index_at(misfit.number, shape).str(), shape.str()));
      });
}

std::unique_ptr<Kernel> lower_unit(const StepDesc& step, Driver& driver) {
  const bool wide = step.inputs[0].dtype == DType::Float64;
  return checked(
      step, driver, {0, "x >= 0 && x <= 1", {}}, "x", {},
      [wide, what = step.as<NameAttrs>().name, shape = step.inputs[0].shape](const Misfit& misfit) {
        const double value = wide ? std::bit_cast<double>(misfit.bits)
                                  : std::bit_cast<float>(static_cast<std::uint32_t>(misfit.bits));
        throw ValueError(fmt::format("{} {} at position {} is not between 0 and 1", what, value,
                                     index_at(misfit.number, shape).str()));
      });
}

bool is_floating_output(const StepDesc& step) { return is_floating(step.outputs[0].dtype); }

}  // namespace

void register_lookup(Table& table) {
  table.add("gather", {lower_gather});
  table.add("index_select", {lower_index_select});
  table.add("embedding", {lower_embedding});
  table.add("index", {lower_index});
  table.add("check_labels", {lower_labels});
  table.add("check_divisor", {lower_divisor});
  table.add("check_unit", {lower_unit, is_floating_output});
}

}  // namespace ingot::gpu
