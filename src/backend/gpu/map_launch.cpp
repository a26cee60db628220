#include "backend/gpu/map_launch.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/collapse.h"

namespace ingot::gpu {
namespace {

constexpr std::int64_t kThreads = 256, kElementsOfThread = 8, kMaxGroups = 4096;

// Where operand `o` is at element i: an expression over the coordinates x0, x1, … and i.
std::string place(const Collapsed& c, std::size_t o, const std::string& name, SourceBuilder& source,
                  Launch& launch) {
  std::string sum;
  const auto plus = [&](const std::string& term) { sum += (sum.empty() ? "" : " + ") + term; };
  if (c.is_linear(o)) {
    plus("i");
  } else {
    for (std::size_t d = 0; d < c.sizes.size(); ++d) {
      if (c.strides[o][d] == 0) continue;
      const std::string stride = fmt::format("{}_{}", name, d);
      source.parameter("i64", stride);
      launch.word(c.strides[o][d]);
      plus(fmt::format("x{} * (Index)p.{}", d, stride));
    }
  }
  return sum.empty() ? "0" : sum;
}

}  // namespace

Grid map_grid(std::int64_t n) {
  const std::int64_t groups =
      (n + kThreads * kElementsOfThread - 1) / (kThreads * kElementsOfThread);
  return {static_cast<std::uint32_t>(std::clamp<std::int64_t>(groups, 1, kMaxGroups))};
}

bool needs_index_64(std::size_t n) {
  return n > (std::size_t{1} << 31) - static_cast<std::size_t>(2 * kThreads * kMaxGroups);
}

MapOperand map_operand(std::size_t number, std::string name, const TensorDesc& t, bool is_output) {
  const std::size_t size = nbytes_of(t.dtype);
  return {number,    std::move(name),         std::string(type_name(t.dtype)),
          t.strides, extent_nbytes(t) / size, size,
          is_output};
}

MapSlot map_number(std::string name, std::int64_t value) {
  return {std::move(name), "i64",
          [value](const Scalar*) { return static_cast<std::uint64_t>(value); }};
}

Launch launch_map(Driver& driver, const Map& map) {
  std::vector<Dims> strides;
  std::size_t largest = static_cast<std::size_t>(map.shape.numel());
  for (const MapOperand& o : map.operands) {
    strides.push_back(o.strides);
    largest = std::max(largest, o.numel);
  }
  const Collapsed c = collapse(map.shape, strides, strides.size() - 1);

  SourceBuilder source("map");
  Launch launch;
  launch.what = map.what;
  launch.grid = map_grid(c.numel());
  source.index_64(needs_index_64(largest));
  source.use("scalar");
  for (const std::string& family : map.families) source.use(family);
  source.use("map");
  source.prologue(map.prologue);
  source.parameter("i64", "n");
  launch.word(c.numel());

  std::string at = "  static FN void at(Buffers b, CONSTANT const Params& p, Index i) {\n";
  if (c.sizes.size() > 1) {
    at += "    Index rest = i;\n";
    for (std::size_t d = c.sizes.size() - 1; d > 0; --d) {
      const std::string size = fmt::format("size{}", d);
      source.parameter("i64", size);
      launch.word(c.sizes[d]);
      at +=
          fmt::format("    const Index x{} = rest % (Index)p.{};\n    rest = rest / (Index)p.{};\n",
                      d, size, size);
    }
    at += "    const Index x0 = rest;\n";
  } else if (c.sizes.size() == 1) {
    at += "    const Index x0 = i;\n";
  }
  for (std::size_t o = 0; o < map.operands.size(); ++o) {
    const MapOperand& operand = map.operands[o];
    std::string where = place(c, o, operand.name, source, launch);
    if (operand.base) {
      const std::string base = operand.name + "_base";
      source.parameter("i64", base);
      const std::size_t word = launch.word(0);
      launch.slot_words.push_back({word, [f = operand.base](const Scalar* slots) {
                                     return static_cast<std::uint64_t>(f(slots));
                                   }});
      where = fmt::format("(Index)p.{} + {}", base, where);
    }
    at += fmt::format("    const Index {}_at = {};\n", operand.name, where);
    source.buffer(operand.type, operand.name, !operand.is_output);
    launch.operands.push_back(
        {operand.number, operand.numel * operand.element_nbytes, operand.offset});
  }
  for (const MapSlot& slot : map.slots) {
    source.parameter(slot.type, slot.name);
    launch.slot_words.push_back({launch.word(0), slot.encode});
  }
  // Whether i or a coordinate is used depends on the strides.
  at += c.sizes.empty() ? "    (void)i;\n" : "    (void)x0;\n";
  source.member(at + map.body + "  }\n");
  launch.pipeline = driver.compile(source.finish(driver.dialect()));
  return launch;
}

}  // namespace ingot::gpu
