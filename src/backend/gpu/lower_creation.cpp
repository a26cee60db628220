// arange, linspace, eye: elements by their number. (full is a program.)
#include <fmt/format.h>

#include <bit>

#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"

namespace ingot::gpu {
namespace {

std::uint64_t bits_of(double x) { return std::bit_cast<std::uint64_t>(x); }
std::uint64_t bits_of(std::int64_t x) { return static_cast<std::uint64_t>(x); }

// A step whose output's element i (row-major) is `value`, an expression of a work type.
std::unique_ptr<Kernel> generate(const StepDesc& step, Driver& driver, std::vector<MapSlot> slots,
                                 const std::string& value, std::string what) {
  const TensorDesc& out = step.outputs[0];
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    Map map;
    map.shape = out.shape;
    map.operands.push_back(map_operand(step.inputs.size(), "out", out, true));
    map.slots = std::move(slots);
    map.body = fmt::format("    b.out[out_at] = To<{}>::of({});\n", type_name(out.dtype), value);
    map.what = std::move(what);
    map.families = {"progression"};
    launches.push_back(launch_map(driver, map));
  }
  return std::make_unique<LaunchKernel>(step.inputs.size(), 1, std::move(launches));
}

MapSlot integer(std::string name, std::size_t slot) {
  return {std::move(name), "i64", [slot](const Scalar* s) { return bits_of(s[slot].to_int64()); }};
}
MapSlot real(std::string name, std::size_t slot) {
  return {std::move(name), "f64", [slot](const Scalar* s) { return bits_of(s[slot].to_double()); }};
}

bool has_real_slot(const StepDesc& step) {
  return step.slots[0] == Scalar::Kind::Float || step.slots[1] == Scalar::Kind::Float;
}

std::unique_ptr<Kernel> lower_arange(const StepDesc& step, Driver& driver) {
  if (has_real_slot(step))
    return generate(step, driver, {real("start", 0), real("step", 1)},
                    "progression_at(p.start, (f64)i, p.step)", "arange");
  return generate(step, driver, {integer("start", 0), integer("step", 1)},
                  "(i64)((u64)p.start + (u64)i * (u64)p.step)", "arange");
}

std::unique_ptr<Kernel> lower_linspace(const StepDesc& step, Driver& driver) {
  return generate(step, driver, {real("start", 0), real("end", 1)},
                  "spaced_at(p.start, p.end, (i64)i, p.n)", "linspace");
}

std::unique_ptr<Kernel> lower_eye(const StepDesc& step, Driver& driver) {
  const std::int64_t columns = step.outputs[0].shape[1];
  return generate(step, driver,
                  {{"columns", "i64", [columns](const Scalar*) { return bits_of(columns); }}},
                  "(i64)((i64)i / p.columns == (i64)i % p.columns ? 1 : 0)", "eye");
}

}  // namespace

void register_creation(Table& table) {
  table.add("arange", {lower_arange, nullptr, has_real_slot});
  table.add("linspace", {lower_linspace, nullptr, [](const StepDesc&) { return true; }});
  table.add("eye", {lower_eye});
}

}  // namespace ingot::gpu
