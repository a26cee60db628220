#include "backend/gpu/walk.h"

#include <fmt/format.h>

#include <functional>
#include <numeric>

namespace ingot::gpu {

void add_number(SourceBuilder& source, Launch& launch, const std::string& name,
                std::int64_t value) {
  source.parameter("i64", name);
  launch.word(value);
}

void add_walk(SourceBuilder& source, Launch& launch, const std::string& name,
              const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides) {
  std::string body;
  for (std::size_t d = sizes.size(); d-- > 0;) {
    const std::string size = fmt::format("{}_size{}", name, d);
    const std::string stride = fmt::format("{}_stride{}", name, d);
    std::string x = "i";
    if (d > 0) {
      add_number(source, launch, size, sizes[d]);
      x = fmt::format("i % (Index)p.{}", size);
    }
    if (strides[d] != 0) {
      add_number(source, launch, stride, strides[d]);
      body += fmt::format("    at += ({}) * (Index)p.{};\n", x, stride);
    }
    if (d > 0) body += fmt::format("    i = i / (Index)p.{};\n", size);
  }
  source.member(fmt::format(
      "  static FN Index {}(CONSTANT const Params& p, Index i) {{\n    Index at = 0;\n{}"
      "    (void)i;\n    return at;\n  }}\n",
      name, body));
}

std::int64_t Walk::numel() const {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

void Walk::push(std::int64_t size, std::int64_t stride) {
  if (size == 1) return;
  if (!sizes.empty() && strides.back() == stride * size) {
    sizes.back() *= size;
    strides.back() = stride;
    return;
  }
  sizes.push_back(size);
  strides.push_back(stride);
}

}  // namespace ingot::gpu
