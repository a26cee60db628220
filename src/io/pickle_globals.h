// What a pickle may name: a closed list of Python's functions, classes and values, each with its
// own meaning here. It is what torch.load(weights_only=True) of PyTorch 2.13 takes
// (torch/_weights_only_unpickler.py), and a few harmless types that older files hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <ingot/core/dtype.h>

namespace ingot::io {

enum class Meaning : std::uint8_t {
  OrderedDict,
  Counter,
  DefaultDict,
  Set,
  Bytes,
  ByteArray,
  Complex,
  Encode,
  Size,
  Device,
  Layout,
  RebuildTensor,    // (storage, offset, size, stride)
  RebuildTensorV2,  // and (requires_grad, hooks[, metadata])
  RebuildTensorV3,  // and (requires_grad, hooks, dtype[, metadata])
  RebuildParameter,
  RebuildParameterWithState,
  RebuildFromType,  // (function, type, arguments, state)
  RebuildFromCpu,   // (tensor, dtype, device, requires_grad)
  Parameter,        // the class
  Storage,
  Type,     // a class that is never made, but may be a value or the argument of a call
  Value,    // a dtype and the like, which stands for itself
  Lacking,  // makes what Ingot has not got
};

struct Global {
  std::string name;  ///< with its module
  Meaning meaning;
  DType dtype = DType::UInt8;  ///< of Storage, and of a Value that is a dtype
  std::string lacks = {};  ///< "the dtype complex64", "sparse tensors"; of Storage, Value, Lacking
  bool is_dtype = false;   ///< of Value
  std::uint8_t element_nbytes = 0;  ///< of a Storage that Ingot has not got
};

/// The position of `module`.`name`, as any version of Python spells it; -1 when it is not allowed.
std::int64_t find_global(std::string_view module, std::string_view name);
const Global& global_at(std::int64_t position);
/// The dtype that is called "torch.float32"; null when there is none.
const Global* dtype_called(std::string_view name);

}  // namespace ingot::io
