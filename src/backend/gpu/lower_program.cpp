// Elementwise steps: a Program becomes the body of a map.
#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/program_source.h"

namespace ingot::gpu {
namespace {

// How a parameter holds a register of dtype `t`, and the register of it.
std::string_view parameter_type(DType t) {
  return t == DType::Float64 ? "f64" : is_floating(t) ? "f32" : "i64";
}
std::string from_parameter(DType t, const std::string& name) {
  if (is_floating(t)) return "p." + name;
  return t == DType::Bool ? fmt::format("p.{} != 0", name)
                          : fmt::format("({})p.{}", type_name(t), name);
}

}  // namespace

std::unique_ptr<Kernel> lower_program(const StepDesc& step, Driver& driver) {
  const std::size_t num_inputs = step.inputs.size(), num_outputs = step.outputs.size();
  const Shape& shape = step.outputs[0].shape;
  if (shape.numel() == 0)
    return std::make_unique<LaunchKernel>(num_inputs, num_outputs, std::vector<Launch>{});
  Map map;
  map.shape = shape;
  for (std::size_t i = 0; i < num_inputs; ++i)
    map.operands.push_back(map_operand(i, fmt::format("in{}", i), step.inputs[i], false));
  for (std::size_t o = 0; o < num_outputs; ++o)
    map.operands.push_back(
        map_operand(num_inputs + o, fmt::format("out{}", o), step.outputs[o], true));
  const auto load = [](std::size_t i) { return fmt::format("b.in{}[in{}_at]", i, i); };
  const auto slot = [&](std::size_t i, DType t) {
    const std::string name = fmt::format("slot{}_{}", i, type_name(t));
    const auto same = [&](const MapSlot& s) { return s.name == name; };
    if (std::none_of(map.slots.begin(), map.slots.end(), same))
      map.slots.push_back({name, std::string(parameter_type(t)),
                           [i, t](const Scalar* slots) { return encode_slot(slots[i], t); }});
    return from_parameter(t, name);
  };
  map.body = program_statements(*step.program, load, slot);
  for (std::size_t o = 0; o < num_outputs; ++o)
    map.body +=
        fmt::format("    b.out{}[out{}_at] = {};\n", o, o,
                    stored(step.outputs[o].dtype, fmt::format("r{}", step.program->stores[o])));
  map.what = fmt::format("map of {} instructions", step.program->code.size());
  std::vector<Launch> launches;
  launches.push_back(launch_map(driver, map));
  return std::make_unique<LaunchKernel>(num_inputs, num_outputs, std::move(launches));
}

}  // namespace ingot::gpu
