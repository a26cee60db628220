// Functions of the dialect that say where an element is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/gpu/launch_kernel.h"
#include "backend/gpu/source.h"

namespace ingot::gpu {

/// Adds `static Index NAME(p, i)` to G: the place, in elements, of element i of a walk through
/// dimensions of these sizes and strides, row-major. Sizes and strides become parameters.
void add_walk(SourceBuilder& source, Launch& launch, const std::string& name,
              const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides);

/// Adds a parameter with its value.
void add_number(SourceBuilder& source, Launch& launch, const std::string& name, std::int64_t value);

/// Some dimensions of a tensor in order, neighbours joined where its strides allow.
struct Walk {
  std::vector<std::int64_t> sizes, strides;

  std::int64_t numel() const;
  void push(std::int64_t size, std::int64_t stride);
};

}  // namespace ingot::gpu
