// What a pickle may name and "call": a closed list, each with its own meaning here.
#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/printable.h"
#include "io/pickle.h"

namespace ingot::io {
namespace {

enum class Meaning : std::uint8_t {
  OrderedDict,
  Set,
  Bytes,
  Encode,
  Size,
  Device,
  RebuildTensor,    // (storage, offset, size, stride)
  RebuildTensorV2,  // and (requires_grad, hooks[, metadata])
  RebuildTensorV3,  // and (requires_grad, hooks, dtype[, metadata])
  RebuildParameter,
  Storage,
  DType,
};

struct Global {
  std::string_view module, name;
  Meaning meaning;
  DType dtype = DType::UInt8;  ///< of Storage and DType
};

constexpr std::string_view kTorch = "torch", kUtils = "torch._utils";

constexpr std::array kAllowed{
    Global{"collections", "OrderedDict", Meaning::OrderedDict},
    // Protocol 2 writes Python 2's names.
    Global{"__builtin__", "set", Meaning::Set},
    Global{"builtins", "set", Meaning::Set},
    Global{"__builtin__", "frozenset", Meaning::Set},
    Global{"builtins", "frozenset", Meaning::Set},
    Global{"__builtin__", "bytes", Meaning::Bytes},
    Global{"builtins", "bytes", Meaning::Bytes},
    Global{"_codecs", "encode", Meaning::Encode},
    Global{kTorch, "Size", Meaning::Size},
    Global{kTorch, "device", Meaning::Device},
    Global{kUtils, "_rebuild_tensor", Meaning::RebuildTensor},
    Global{kUtils, "_rebuild_tensor_v2", Meaning::RebuildTensorV2},
    Global{kUtils, "_rebuild_tensor_v3", Meaning::RebuildTensorV3},
    Global{kUtils, "_rebuild_parameter", Meaning::RebuildParameter},
    Global{kTorch, "BoolStorage", Meaning::Storage, DType::Bool},
    Global{kTorch, "ByteStorage", Meaning::Storage, DType::UInt8},
    Global{kTorch, "CharStorage", Meaning::Storage, DType::Int8},
    Global{kTorch, "ShortStorage", Meaning::Storage, DType::Int16},
    Global{kTorch, "IntStorage", Meaning::Storage, DType::Int32},
    Global{kTorch, "LongStorage", Meaning::Storage, DType::Int64},
    Global{kTorch, "HalfStorage", Meaning::Storage, DType::Float16},
    Global{kTorch, "BFloat16Storage", Meaning::Storage, DType::BFloat16},
    Global{kTorch, "FloatStorage", Meaning::Storage, DType::Float32},
    Global{kTorch, "DoubleStorage", Meaning::Storage, DType::Float64},
    Global{"torch.storage", "UntypedStorage", Meaning::Storage, DType::UInt8},
    Global{"torch.storage", "_UntypedStorage", Meaning::Storage, DType::UInt8},
    Global{kTorch, "bool", Meaning::DType, DType::Bool},
    Global{kTorch, "uint8", Meaning::DType, DType::UInt8},
    Global{kTorch, "int8", Meaning::DType, DType::Int8},
    Global{kTorch, "int16", Meaning::DType, DType::Int16},
    Global{kTorch, "int32", Meaning::DType, DType::Int32},
    Global{kTorch, "int64", Meaning::DType, DType::Int64},
    Global{kTorch, "float16", Meaning::DType, DType::Float16},
    Global{kTorch, "bfloat16", Meaning::DType, DType::BFloat16},
    Global{kTorch, "float32", Meaning::DType, DType::Float32},
    Global{kTorch, "float64", Meaning::DType, DType::Float64},
};

/// What a file of honest tensors may name, and Ingot has not got.
struct Unsupported {
  std::string_view name;  ///< in module torch: a typed storage, a dtype
  std::string_view dtype;
};

constexpr std::array kUnsupported{
    Unsupported{"ComplexFloatStorage", "complex64"},
    Unsupported{"ComplexDoubleStorage", "complex128"},
    Unsupported{"QInt8Storage", "qint8"},
    Unsupported{"QUInt8Storage", "quint8"},
    Unsupported{"QInt32Storage", "qint32"},
    Unsupported{"QUInt4x2Storage", "quint4x2"},
    Unsupported{"QUInt2x4Storage", "quint2x4"},
    Unsupported{"complex32", "complex32"},
    Unsupported{"complex64", "complex64"},
    Unsupported{"complex128", "complex128"},
    Unsupported{"float8_e4m3fn", "float8_e4m3fn"},
    Unsupported{"float8_e4m3fnuz", "float8_e4m3fnuz"},
    Unsupported{"float8_e5m2", "float8_e5m2"},
    Unsupported{"float8_e5m2fnuz", "float8_e5m2fnuz"},
    Unsupported{"float8_e8m0fnu", "float8_e8m0fnu"},
    Unsupported{"float4_e2m1fn_x2", "float4_e2m1fn_x2"},
    Unsupported{"uint16", "uint16"},
    Unsupported{"uint32", "uint32"},
    Unsupported{"uint64", "uint64"},
    Unsupported{"qint8", "qint8"},
    Unsupported{"quint8", "quint8"},
    Unsupported{"qint32", "qint32"},
};

const Global& global_of(const PickleNode& node) {
  return kAllowed[static_cast<std::size_t>(node.integer)];
}

std::string full_name(const Global& g) { return fmt::format("{}.{}", g.module, g.name); }

/// Code points U+0000 to U+00FF in UTF-8 as bytes; false for others.
bool latin1_bytes(std::string_view text, std::string& bytes) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if (byte < 0x80) {
      bytes += text[i];
    } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < text.size()) {
      const auto next = static_cast<std::uint8_t>(text[++i]);
      if ((next & 0xc0) != 0x80) return false;
      bytes += static_cast<char>((byte & 3) << 6 | (next & 0x3f));
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

void PickleMachine::push_global(const std::string& module, const std::string& name) {
  const auto found = std::find_if(kAllowed.begin(), kAllowed.end(), [&](const Global& g) {
    return g.module == module && g.name == name;
  });
  if (found == kAllowed.end()) {
    if (module == kTorch)
      for (const Unsupported& type : kUnsupported)
        if (type.name == name) lacks(fmt::format("the dtype {}", type.dtype));
    if (module == kUtils && name == "_rebuild_qtensor") lacks("quantized tensors");
    if (module == kUtils && name == "_rebuild_sparse_tensor") lacks("sparse tensors");
    refuse(fmt::format("GLOBAL {}.{}", printable(module), printable(name)));
  }
  // A dtype stands for itself; of the others something is still to be made.
  PickleNode node = PickleNode::of(found->meaning == Meaning::DType ? Kind::Other : Kind::Global,
                                   found - kAllowed.begin());
  if (node.kind == Kind::Other) node.text = full_name(*found);
  push(std::move(node));
}

std::uint64_t PickleMachine::count_of(NodeIndex i, const char* what) const {
  const std::int64_t value = expect(i, Kind::Int, what).integer;
  if (value < 0) fail(fmt::format("{} is {}", what, value));
  return static_cast<std::uint64_t>(value);
}

void PickleMachine::call(NodeIndex function, NodeIndex args_node) {
  const Global& g = global_of(expect(function, Kind::Global, "what is called"));
  const std::vector<NodeIndex> args = expect(args_node, Kind::Tuple, "a call's arguments").items;
  const auto wrong = [&] {
    fail(fmt::format("{} does not take these {} arguments", full_name(g), args.size()));
  };
  switch (g.meaning) {
    case Meaning::OrderedDict:
      return push(ordered_dict(args));
    case Meaning::Set:
      if (args.size() != 1) wrong();
      return push(PickleNode::of_items(Kind::Set, expect(args[0], Kind::List, "a set").items));
    case Meaning::Bytes:
      if (!args.empty()) wrong();
      return push(PickleNode::of(Kind::Bytes));
    case Meaning::Encode:
      if (args.size() != 2) wrong();
      return push(encoded_bytes(args));
    case Meaning::Size:
      if (args.size() != 1) wrong();
      return push(PickleNode::of_items(Kind::Tuple, expect(args[0], Kind::Tuple, "a size").items));
    case Meaning::Device:
      if (args.empty() || args.size() > 2) wrong();
      return push(device(args));
    case Meaning::RebuildTensor:
      if (args.size() != 4) wrong();
      return push(rebuild_tensor(args, 4, false));
    case Meaning::RebuildTensorV2:
      if (args.size() != 6 && args.size() != 7) wrong();
      return push(rebuild_tensor(args, 6, false));
    case Meaning::RebuildTensorV3:
      if (args.size() != 7 && args.size() != 8) wrong();
      return push(rebuild_tensor(args, 7, true));
    case Meaning::RebuildParameter:
      if (args.size() != 3) wrong();
      expect(args[0], Kind::Tensor, "a parameter's tensor");
      return push_again(args[0]);
    case Meaning::Storage:
    case Meaning::DType:
      break;
  }
  refuse(fmt::format("calling {}", full_name(g)));
}

PickleNode PickleMachine::ordered_dict(const std::vector<NodeIndex>& args) {
  PickleNode dict = PickleNode::of(Kind::Dict);
  if (args.empty()) return dict;
  // Python 2 wrote a list of [key, value].
  if (args.size() > 1) fail("collections.OrderedDict takes one list");
  for (const NodeIndex pair : expect(args[0], Kind::List, "an OrderedDict's content").items) {
    const PickleNode& entry = nodes_[pair];
    if ((entry.kind != Kind::List && entry.kind != Kind::Tuple) || entry.items.size() != 2)
      fail("an OrderedDict's entry is no pair");
    expect(entry.items[0], Kind::String, "an OrderedDict's key");
    dict.items.insert(dict.items.end(), entry.items.begin(), entry.items.end());
  }
  return dict;
}

PickleNode PickleMachine::device(const std::vector<NodeIndex>& args) {
  std::string text = expect(args[0], Kind::String, "a device").text;
  if (args.size() == 2) text += fmt::format(":{}", count_of(args[1], "a device's number"));
  return PickleNode::of_text(Kind::Other, std::move(text));
}

PickleNode PickleMachine::encoded_bytes(const std::vector<NodeIndex>& args) {
  const std::string& encoding = expect(args[1], Kind::String, "an encoding").text;
  if (encoding != "latin1") refuse(fmt::format("the encoding {}", printable(encoding)));
  PickleNode bytes = PickleNode::of(Kind::Bytes);
  if (!latin1_bytes(expect(args[0], Kind::String, "a byte string").text, bytes.text))
    fail("a byte string holds other characters than bytes");
  return bytes;
}

/// An attribute such as state_dict()._metadata says nothing about tensors: it is dropped.
void PickleMachine::build() {
  const NodeIndex state = pop();
  if (nodes_[top()].kind != Kind::Dict || nodes_[state].kind != Kind::Dict)
    refuse("the pickle opcode BUILD on anything but an OrderedDict");
}

// -- Tensors ----------------------------------------------------------------------------------

void PickleMachine::push_storage() {
  const std::vector<NodeIndex> id = expect(pop(), Kind::Tuple, "a persistent id").items;
  if (id.empty()) fail("a persistent id is empty");
  const std::string& what = expect(id[0], Kind::String, "a persistent id").text;
  if (what != "storage") refuse(fmt::format("the persistent id '{}'", printable(what)));
  if (id.size() != 5 && id.size() != 6) fail("a storage's description is incomplete");
  const Global& type = global_of(expect(id[1], Kind::Global, "a storage's type"));
  if (type.meaning != Meaning::Storage) fail("a storage's type is no storage");
  StorageRef storage;
  storage.dtype = type.dtype;
  storage.key = expect(id[2], Kind::String, "a storage's key").text;
  const std::string& location = expect(id[3], Kind::String, "a storage's device").text;
  if (location == "meta") refuse("a storage without data (device meta)");
  storage.numel = count_of(id[4], "a storage's size");
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (storage.numel > kMost / nbytes_of(storage.dtype)) fail("a storage's size is impossible");
  if (id.size() == 6 && nodes_[id[5]].kind != Kind::None) {
    // (key of the view, offset, number of elements): a part of the storage.
    const std::vector<NodeIndex> view = expect(id[5], Kind::Tuple, "a storage's view").items;
    if (view.size() != 3) fail("a storage's view is incomplete");
    const std::uint64_t offset = count_of(view[1], "a view's offset"),
                        numel = count_of(view[2], "a view's size");
    if (offset > storage.numel || numel > storage.numel - offset)
      fail("a storage's view lies outside of it");
    storage.offset = offset;
    storage.view_numel = numel;
  } else {
    storage.view_numel = storage.numel;
  }
  storages_.push_back(std::move(storage));
  push(PickleNode::of(Kind::Storage, static_cast<std::int64_t>(storages_.size() - 1)));
}

PickleNode PickleMachine::rebuild_tensor(const std::vector<NodeIndex>& args, std::size_t needed,
                                         bool has_dtype) {
  TensorRef t;
  t.storage =
      static_cast<std::uint32_t>(expect(args[0], Kind::Storage, "a tensor's storage").integer);
  const StorageRef& storage = storages_[t.storage];
  t.dtype = storage.dtype;
  if (has_dtype) {
    const PickleNode& dtype = expect(args[6], Kind::Other, "a tensor's dtype");
    const auto found = std::find_if(kAllowed.begin(), kAllowed.end(), [&](const Global& g) {
      return g.meaning == Meaning::DType && full_name(g) == dtype.text;
    });
    if (found == kAllowed.end()) fail("a tensor's dtype is none");
    t.dtype = found->dtype;
  }
  t.offset = count_of(args[1], "a tensor's offset");
  const std::vector<NodeIndex>&size = expect(args[2], Kind::Tuple, "a tensor's shape").items,
        &stride = expect(args[3], Kind::Tuple, "a tensor's strides").items;
  if (size.size() != stride.size()) fail("a tensor has not as many strides as dimensions");
  if (size.size() > static_cast<std::size_t>(Shape::kMaxRank))
    throw IoError(fmt::format("{}: a tensor has {} dimensions; Ingot has at most {}", name_,
                              size.size(), Shape::kMaxRank));
  for (std::size_t i = 0; i < size.size(); ++i) {
    t.shape.push_back(static_cast<std::int64_t>(count_of(size[i], "a tensor's size")));
    t.strides.push_back(static_cast<std::int64_t>(count_of(stride[i], "a tensor's stride")));
  }
  // Lazily conjugated or negated tensors say so in a dict.
  if (args.size() > needed && nodes_[args[needed]].kind != Kind::None) {
    const auto& metadata = expect(args[needed], Kind::Dict, "a tensor's metadata").items;
    for (std::size_t i = 0; i < metadata.size(); i += 2) {
      const PickleNode& value = nodes_[metadata[i + 1]];
      if (value.kind == Kind::Bool && value.integer != 0)
        refuse(fmt::format("a tensor with the mark '{}'", printable(nodes_[metadata[i]].text)));
    }
  }
  check_extent(t, storage);
  tensors_.push_back(t);
  return PickleNode::of(Kind::Tensor, static_cast<std::int64_t>(tensors_.size() - 1));
}

void PickleMachine::check_extent(const TensorRef& t, const StorageRef& s) const {
  const auto outside = [&] {
    fail(
        fmt::format("a tensor of shape {} with strides {} from element {} on exceeds its storage "
                    "of {} bytes",
                    t.shape.str(), t.strides.str(), t.offset, s.view_numel * nbytes_of(s.dtype)));
  };
  if (!t.shape.is_addressable(nbytes_of(t.dtype))) outside();
  if (t.shape.contains(0)) return;
  const std::uint64_t available = s.view_numel * nbytes_of(s.dtype) / nbytes_of(t.dtype);
  std::uint64_t last = t.offset;  // position of the last element
  if (last >= available) outside();
  for (int i = 0; i < t.shape.rank(); ++i) {
    const auto steps = static_cast<std::uint64_t>(t.shape[i] - 1);
    const auto stride = static_cast<std::uint64_t>(t.strides[i]);
    if (steps == 0 || stride == 0) continue;
    if (stride > (available - 1 - last) / steps) outside();
    last += steps * stride;
  }
}

}  // namespace ingot::io
