// Launches that sort the elements of lines: a stable merge sort of their numbers within the line.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "backend/gpu/launch_kernel.h"
#include "backend/gpu/source.h"
#include "backend/gpu/workspace.h"

namespace ingot::gpu {

struct Sorting {
  std::int64_t lines = 0, length = 0;
  /// Adds buffers, parameters and the member `static bool before(b, p, line, i, j)`.
  std::function<void(SourceBuilder&, Launch&)> add_order;
  std::size_t largest = 0;  ///< elements of the largest operand
};

/// The places of each line's elements in their order, `length` a line, one line after the other: a
/// part of the workspace.
struct Sorted {
  std::string_view type;  ///< "i32" or "i64"
  std::size_t offset = 0, nbytes = 0, element_nbytes = 0;

  /// Adds it to a launch as buffer `places`.
  void add_to(const StepDesc& step, SourceBuilder& source, Launch& launch) const;
};

/// At least one element.
Sorted add_sort(const StepDesc& step, Driver& driver, const Sorting& sorting, Workspace& workspace,
                std::vector<Launch>& launches);

/// Of lines along `dim`: the other dimensions' sizes, and walks through them.
std::int64_t count_lines(const Shape& shape, int dim);
void add_line_walk(SourceBuilder& source, Launch& launch, const std::string& name,
                   const Shape& shape, const Dims& strides, int dim);

}  // namespace ingot::gpu
