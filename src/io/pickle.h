// The part of Python's pickle language that builds data: a stack machine without any way to call
// something. What it may build is a closed list (kAllowed in pickle_objects.cpp); another global
// name, an opcode that could make objects of foreign classes, and an unknown opcode throw IoError
// naming it.
//
// Values are numbered nodes in one table, since pickles may share values and even refer to
// themselves; containers hold numbers. Nothing here recurses. Every push, memo entry and text is
// counted against limits, so that a small file cannot fill the memory.
//
// Source of the opcodes: the comments in CPython's Lib/pickletools.py; of the globals: what
// torch.save writes (torch/_utils.py, torch/serialization.py).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ingot/core/dtype.h>
#include <ingot/core/shape.h>

#include "io/byte_stream.h"

namespace ingot::io {

using NodeIndex = std::uint32_t;

/// A storage named by a persistent id: ('storage', torch.FloatStorage, key, location, numel[,
/// view])
struct StorageRef {
  std::string key;
  DType dtype = DType::UInt8;
  std::uint64_t numel = 0;       ///< of the whole storage
  std::uint64_t offset = 0;      ///< where the named part begins, in elements
  std::uint64_t view_numel = 0;  ///< its elements; all but in old files
  std::uint64_t nbytes() const { return numel * nbytes_of(dtype); }
};

/// A tensor as described: where its elements lie in a storage.
struct TensorRef {
  std::uint32_t storage = 0;  ///< position in PickleMachine::storages
  DType dtype = DType::Float32;
  std::uint64_t offset = 0;  ///< in elements
  Shape shape;
  Dims strides;
};

struct PickleNode {
  enum class Kind : std::uint8_t {
    None,
    Bool,
    Int,
    Float,
    String,
    Bytes,
    Other,
    Global,
    Storage,
    Tensor,
    List,
    Tuple,
    Set,
    Dict,
  };
  Kind kind = Kind::None;
  std::int64_t integer = 0;      ///< Bool, Int; of Global, Storage and Tensor a position
  double real = 0;               ///< Float
  std::string text;              ///< String, Bytes, Other
  std::vector<NodeIndex> items;  ///< of a Dict: key, value, key, value, …

  static PickleNode of(Kind kind, std::int64_t integer = 0) {
    PickleNode node;
    node.kind = kind;
    node.integer = integer;
    return node;
  }
  static PickleNode of_text(Kind kind, std::string text) {
    PickleNode node = of(kind);
    node.text = std::move(text);
    return node;
  }
  static PickleNode of_items(Kind kind, std::vector<NodeIndex> items) {
    PickleNode node = of(kind);
    node.items = std::move(items);
    return node;
  }
};

class PickleMachine {
 public:
  static constexpr std::size_t kMaxNodes = 1'000'000;

  /// Runs one pickle; returns its value.
  NodeIndex run(ByteStream& stream);

  const PickleNode& node(NodeIndex i) const { return nodes_[i]; }
  const std::vector<StorageRef>& storages() const { return storages_; }
  const std::vector<TensorRef>& tensors() const { return tensors_; }

 private:
  using Kind = PickleNode::Kind;

  [[noreturn]] void fail(const std::string& cause) const;
  [[noreturn]] void refuse(const std::string& what) const;
  [[noreturn]] void lacks(const std::string& what) const;  ///< honest, but not to be had here

  // The stack and the memo.
  void push(PickleNode node);
  void push_again(NodeIndex index);
  NodeIndex top() const;
  NodeIndex pop();
  std::vector<NodeIndex> pop_mark();
  void put(std::uint64_t slot);
  void get(std::uint64_t slot);

  // Opcodes, by what they do.
  bool step(std::uint8_t opcode, ByteStream& stream);
  bool step_number(std::uint8_t opcode, ByteStream& stream);
  bool step_text(std::uint8_t opcode, ByteStream& stream);
  bool step_container(std::uint8_t opcode);
  bool step_stack(std::uint8_t opcode, ByteStream& stream);
  bool step_object(std::uint8_t opcode, ByteStream& stream);
  void push_long(std::uint64_t nbytes, ByteStream& stream);
  void push_decimal(std::string line);
  void push_tuple(std::size_t count);
  void append(std::vector<NodeIndex> items);
  void add_to_set(std::vector<NodeIndex> items);
  void add_entries(std::vector<NodeIndex> items);

  // Objects (pickle_objects.cpp).
  void push_global(const std::string& module, const std::string& name);
  void call(NodeIndex function, NodeIndex args);
  void build();
  void push_storage();
  PickleNode rebuild_tensor(const std::vector<NodeIndex>& args, std::size_t needed, bool has_dtype);
  PickleNode ordered_dict(const std::vector<NodeIndex>& args);
  PickleNode device(const std::vector<NodeIndex>& args);
  PickleNode encoded_bytes(const std::vector<NodeIndex>& args);
  void check_extent(const TensorRef& t, const StorageRef& s) const;

  const PickleNode& expect(NodeIndex i, Kind kind, const char* what) const;
  std::uint64_t count_of(NodeIndex i, const char* what) const;

  std::vector<PickleNode> nodes_;
  std::vector<StorageRef> storages_;
  std::vector<TensorRef> tensors_;
  std::vector<NodeIndex> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, NodeIndex> memo_;
  std::string name_;
  std::uint64_t opcode_offset_ = 0;
};

}  // namespace ingot::io
