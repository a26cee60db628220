// Launches of the map kernel: what makes one element after another, from operands of any strides.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "backend/gpu/launch_kernel.h"
#include "backend/gpu/source.h"

namespace ingot::gpu {

struct MapOperand {
  std::size_t number = 0;  ///< of the step's operands
  std::string name;        ///< in the text: buffer `b.NAME`, this element's place `NAME_at`
  std::string type;        ///< in the dialect
  Dims strides;            ///< in elements, one per dimension of the map's shape
  std::size_t numel = 0;   ///< from the operand's first element to the end of its last
  std::size_t element_nbytes = 0;
  bool is_output = false;
  /// Where the walk begins, in elements, if not at the first one; by the step's slots.
  std::function<std::int64_t(const Scalar*)> base = {};
  std::size_t offset = 0;  ///< where the operand begins in the step's, in bytes: in the workspace
};

/// An operand that is element by element a tensor of the step.
MapOperand map_operand(std::size_t number, std::string name, const TensorDesc& t, bool is_output);

/// A number: `p.NAME` in the text.
struct MapSlot {
  std::string name, type;
  std::function<std::uint64_t(const Scalar*)> encode;
};
/// One that is known when the launch is made.
MapSlot map_number(std::string name, std::int64_t value);

struct Map {
  Shape shape;
  std::vector<MapOperand> operands;  ///< the last one decides in which order elements are walked
  std::vector<MapSlot> slots;
  /// Statements that make element `i` (Index) of the walk.
  std::string body;
  std::string what = "map";           ///< for profiles
  std::vector<std::string> families;  ///< texts that the body needs, beside "scalar"
  std::string prologue;
};

/// The launch for a map of at least one element.
Launch launch_map(Driver& driver, const Map& map);

/// Groups of 256 threads for `n` elements: a thread takes some in turns.
Grid map_grid(std::int64_t n);
/// Numbers up to `n` need 64 bits when a walk in steps of a whole grid goes beyond them.
bool needs_index_64(std::size_t n);

}  // namespace ingot::gpu
