// The part of Python's pickle language that builds data: a stack machine without any way to call
// something. What it may build is a closed list (pickle_globals.h); another global name, an opcode
// that could make objects of foreign classes, and an unknown opcode throw IoError naming it. On
// request, objects of foreign classes become nodes of kind Object that hold a name and nothing
// else.
//
// Values are numbered nodes in one table, since pickles may share values and even refer to
// themselves; containers hold numbers. Nothing here recurses. The bytes of every node, text, list
// and memo entry, copies too, are counted against a budget that grows with the bytes that were
// read, so that a small file cannot fill the memory.
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
  std::uint64_t numel = 0;           ///< of the whole storage
  std::uint64_t offset = 0;          ///< where the named part begins, in elements
  std::uint64_t view_numel = 0;      ///< its elements; all but in old files
  std::uint64_t element_nbytes = 0;  ///< of a dtype that Ingot has not got, too
  std::uint64_t nbytes() const { return numel * element_nbytes; }
};

/// A tensor as described: where its elements lie in a storage.
struct TensorRef {
  std::uint32_t storage = 0;  ///< position in PickleMachine::storages
  DType dtype = DType::Float32;
  std::uint64_t offset = 0;  ///< in elements
  Shape shape;
  Dims strides;          ///< 0 where the shape is 1 or 0: there they say nothing
  bool negated = false;  ///< lazily: the elements are the storage's with the other sign
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
    Object,   ///< of a class that Ingot does not make: its name
    Lacking,  ///< what Ingot has not got, "sparse tensors": an error where it is a value
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
  std::string text;              ///< String, Bytes, Other, Object, Lacking
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
  static constexpr std::size_t kMaxStack = 1'000'000;

  /// `file_nbytes` is the size of the whole file: what a compressed pickle may claim is bounded by
  /// it.
  PickleMachine(std::uint64_t file_nbytes, bool skip_objects)
      : file_nbytes_(file_nbytes), skip_objects_(skip_objects) {}

  /// Runs one pickle; returns its value.
  NodeIndex run(ByteStream& stream);

  const PickleNode& node(NodeIndex i) const { return nodes_[i]; }
  const std::vector<StorageRef>& storages() const { return storages_; }
  const std::vector<TensorRef>& tensors() const { return tensors_; }
  /// Memory that the nodes take, as it was counted.
  std::uint64_t made_nbytes() const { return made_nbytes_; }
  bool skips_objects() const { return skip_objects_; }
  [[noreturn]] void lacks(const std::string& what) const;  ///< honest, but not to be had here

 private:
  using Kind = PickleNode::Kind;

  [[noreturn]] void fail(const std::string& cause) const;
  [[noreturn]] void refuse(const std::string& what) const;

  /// Counts memory; throws IoError when it is far more than the bytes that were read explain.
  void spend(std::uint64_t nbytes);
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
  bool step_foreign_object(std::uint8_t opcode, ByteStream& stream);
  void push_long(std::uint64_t nbytes, ByteStream& stream);
  void push_decimal(std::string line);
  void push_tuple(std::size_t count);
  void append(std::vector<NodeIndex> items);
  void add_to_set(std::vector<NodeIndex> items);
  void add_entries(std::vector<NodeIndex> items);

  // Objects (pickle_objects.cpp).
  using Args = std::vector<NodeIndex>;
  void push_global(const std::string& module, const std::string& name);
  void call(NodeIndex function, NodeIndex args);
  void make_new(NodeIndex type, NodeIndex args);
  void build();
  void push_storage();
  void rebuild_from_type(const Args& args);
  void push_parameter(NodeIndex tensor);
  PickleNode rebuild_tensor(const Args& args, std::size_t needed, bool has_dtype);
  /// The same tensor of another dtype is more than a name; equal ones are it.
  void rebuild_from_cpu(const Args& args);
  void read_metadata(NodeIndex metadata, TensorRef& t) const;
  PickleNode copy_of(NodeIndex items, Kind from, Kind to, const char* what);
  PickleNode ordered_dict(const Args& args);
  PickleNode device(const Args& args);
  PickleNode complex(const Args& args) const;
  PickleNode byte_array(const Args& args);
  PickleNode encoded_bytes(const Args& args);
  void check_extent(const TensorRef& t, const StorageRef& s) const;
  void push_object(const std::string& name);

  const PickleNode& expect(NodeIndex i, Kind kind, const char* what) const;
  std::uint64_t count_of(NodeIndex i, const char* what) const;

  std::vector<PickleNode> nodes_;
  std::vector<StorageRef> storages_;
  std::vector<TensorRef> tensors_;
  std::vector<NodeIndex> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, NodeIndex> memo_;
  std::string name_;
  const ByteStream* stream_ = nullptr;  ///< of the pickle that runs
  std::uint64_t opcode_offset_ = 0;
  std::uint64_t file_nbytes_;
  std::uint64_t made_nbytes_ = 0;
  bool skip_objects_;
};

}  // namespace ingot::io
