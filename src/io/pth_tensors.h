// From the nodes of a pickle to a tree of PthValue: reads storages, makes tensors, and copies
// containers, within a budget of memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <ingot/io/pth.h>

#include "core/buffer.h"
#include "io/pickle.h"

namespace ingot::io {

class PthTreeBuilder {
 public:
  /// Fills `target` with the storage `key`, of which `nbytes` bytes are wanted.
  using ReadStorage =
      std::function<void(const std::string& key, std::uint64_t nbytes, void* target)>;

  /// `file_nbytes` is the size of the whole file: what bounds the memory that may be asked for.
  PthTreeBuilder(const PickleMachine& machine, std::uint64_t file_nbytes, std::string file,
                 ReadStorage read_storage);

  PthValue build(NodeIndex root) { return value_of(root, 0); }

 private:
  struct Storage {
    Ref<Buffer> buffer;
    std::uint64_t nbytes = 0;
    std::size_t users = 0;  ///< tensors that are yet to be made from it
  };

  [[noreturn]] void fail(const std::string& cause) const;
  PthValue value_of(NodeIndex index, int depth);
  PthValue::Entries entries_of(const PickleNode& node, int depth);
  Storage& storage_of(const StorageRef& ref);
  Tensor tensor_of(std::size_t position);
  Tensor make_tensor(const TensorRef& ref);
  Tensor whole_storage(const StorageRef& ref);
  void spend(std::uint64_t nbytes);
  void spend_on_value(std::uint64_t nbytes);

  const PickleMachine& machine_;
  std::string file_;
  ReadStorage read_storage_;
  std::uint64_t budget_nbytes_;
  std::uint64_t value_budget_nbytes_;  ///< of everything but the tensors' elements
  std::unordered_map<std::string, Storage> storages_;
  std::vector<Tensor> tensors_;  ///< like the machine's; undefined until wanted
};

}  // namespace ingot::io
