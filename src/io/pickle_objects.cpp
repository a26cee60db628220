// What a pickle may "call", and what becomes of it.
#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <limits>

#include "core/printable.h"
#include "io/pickle.h"
#include "io/pickle_globals.h"

namespace ingot::io {
namespace {

constexpr std::size_t kLongestKey = 1024;

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
  const std::int64_t found = find_global(module, name);
  if (found < 0) {
    if (skip_objects_) return push_object(fmt::format("{}.{}", module, name));
    refuse(fmt::format("GLOBAL {}.{}", printable(module), printable(name)));
  }
  const Global& g = global_at(found);
  // A dtype stands for itself; of the others something is still to be made.
  push(g.meaning == Meaning::Value ? PickleNode::of_text(Kind::Other, g.name)
                                   : PickleNode::of(Kind::Global, found));
}

void PickleMachine::push_object(const std::string& name) {
  push(PickleNode::of_text(Kind::Object, name));
}

std::uint64_t PickleMachine::count_of(NodeIndex i, const char* what) const {
  const std::int64_t value = expect(i, Kind::Int, what).integer;
  if (value < 0) fail(fmt::format("{} is {}", what, value));
  return static_cast<std::uint64_t>(value);
}

void PickleMachine::call(NodeIndex function, NodeIndex args_node) {
  if (nodes_[function].kind == Kind::Object) {
    const std::string name = nodes_[function].text;
    return push_object(name);
  }
  const Global& g = global_at(expect(function, Kind::Global, "what is called").integer);
  const Args& given = expect(args_node, Kind::Tuple, "a call's arguments").items;
  spend(given.size() * sizeof(NodeIndex));
  const Args args = given;
  const auto takes = [&](std::initializer_list<std::size_t> counts) {
    if (std::find(counts.begin(), counts.end(), args.size()) == counts.end())
      fail(fmt::format("{} does not take these {} arguments", g.name, args.size()));
  };
  switch (g.meaning) {
    case Meaning::OrderedDict:
      return push(ordered_dict(args));
    case Meaning::Counter:
      takes({0, 1});
      if (args.empty()) return push(PickleNode::of(Kind::Dict));
      return push(copy_of(args[0], Kind::Dict, Kind::Dict, "a Counter's content"));
    case Meaning::DefaultDict:  // what it was made with says nothing about its entries
      takes({0, 1});
      return push(PickleNode::of(Kind::Dict));
    case Meaning::Set:
      takes({0, 1});
      if (args.empty()) return push(PickleNode::of(Kind::Set));
      return push(copy_of(args[0], Kind::List, Kind::Set, "a set"));
    case Meaning::Bytes:
      takes({0});
      return push(PickleNode::of(Kind::Bytes));
    case Meaning::ByteArray:
      takes({0, 1, 2});
      return push(byte_array(args));
    case Meaning::Complex:
      takes({2});
      return push(complex(args));
    case Meaning::Encode:
      takes({2});
      return push(encoded_bytes(args));
    case Meaning::Size:
      takes({1});
      return push(copy_of(args[0], Kind::Tuple, Kind::Tuple, "a size"));
    case Meaning::Device:
      takes({1, 2});
      return push(device(args));
    case Meaning::Layout:
      takes({1});
      return push(PickleNode::of_text(Kind::Other, expect(args[0], Kind::String, "a layout").text));
    case Meaning::RebuildTensor:
      takes({4});
      return push(rebuild_tensor(args, 4, false));
    case Meaning::RebuildTensorV2:
      takes({6, 7});
      return push(rebuild_tensor(args, 6, false));
    case Meaning::RebuildTensorV3:
      takes({7, 8});
      return push(rebuild_tensor(args, 7, true));
    case Meaning::RebuildParameter:
      takes({3});
      return push_parameter(args[0]);
    case Meaning::RebuildParameterWithState:
      takes({4});
      return push_parameter(args[0]);
    case Meaning::RebuildFromType:
      takes({4});
      return rebuild_from_type(args);
    case Meaning::RebuildFromCpu:
      takes({4});
      return rebuild_from_cpu(args);
    case Meaning::Lacking:
      return push(PickleNode::of_text(Kind::Lacking, g.lacks));
    case Meaning::Parameter:
    case Meaning::Storage:
    case Meaning::Type:
    case Meaning::Value:
      break;
  }
  refuse(fmt::format("calling {}", g.name));
}

/// type.__new__(type, *args) of the few classes where that makes sense.
void PickleMachine::make_new(NodeIndex type, NodeIndex args_node) {
  if (nodes_[type].kind == Kind::Object) return call(type, args_node);
  const Global& g = global_at(expect(type, Kind::Global, "a class").integer);
  switch (g.meaning) {
    case Meaning::OrderedDict:
    case Meaning::Counter:
    case Meaning::DefaultDict:
      return push(PickleNode::of(Kind::Dict));
    case Meaning::Set:
    case Meaning::ByteArray:
    case Meaning::Size:
    case Meaning::Complex:
      return call(type, args_node);
    case Meaning::Parameter: {
      const Args& args = expect(args_node, Kind::Tuple, "a call's arguments").items;
      if (args.empty()) fail("a parameter without a tensor");
      return push_parameter(args[0]);
    }
    default:
      refuse(fmt::format("the pickle opcode NEWOBJ on {}", g.name));
  }
}

/// A container with the items of another.
PickleNode PickleMachine::copy_of(NodeIndex items, Kind from, Kind to, const char* what) {
  // Counted before it is made, and again by push().
  const Args& source = expect(items, from, what).items;
  spend(source.size() * sizeof(NodeIndex));
  return PickleNode::of_items(to, source);
}

PickleNode PickleMachine::ordered_dict(const Args& args) {
  PickleNode dict = PickleNode::of(Kind::Dict);
  if (args.empty()) return dict;
  // Python 2 wrote a list of [key, value].
  if (args.size() > 1) fail("collections.OrderedDict takes one list");
  const Args& pairs = expect(args[0], Kind::List, "an OrderedDict's content").items;
  spend(2 * pairs.size() * sizeof(NodeIndex));
  for (const NodeIndex pair : pairs) {
    const PickleNode& entry = nodes_[pair];
    if ((entry.kind != Kind::List && entry.kind != Kind::Tuple) || entry.items.size() != 2)
      fail("an OrderedDict's entry is no pair");
    expect(entry.items[0], Kind::String, "an OrderedDict's key");
    dict.items.insert(dict.items.end(), entry.items.begin(), entry.items.end());
  }
  return dict;
}

PickleNode PickleMachine::device(const Args& args) {
  const std::string& kind = expect(args[0], Kind::String, "a device").text;
  if (kind.size() > kLongestKey) fail("a device's name is too long");
  if (args.size() == 1) return PickleNode::of_text(Kind::Other, kind);
  return PickleNode::of_text(Kind::Other,
                             fmt::format("{}:{}", kind, count_of(args[1], "a device's number")));
}

PickleNode PickleMachine::complex(const Args& args) const {
  const double real = expect(args[0], Kind::Float, "a complex number").real,
               imaginary = expect(args[1], Kind::Float, "a complex number").real;
  return PickleNode::of_text(Kind::Other, fmt::format("({}{:+}j)", real, imaginary));
}

PickleNode PickleMachine::byte_array(const Args& args) {
  if (args.empty()) return PickleNode::of(Kind::Bytes);
  if (args.size() == 2) return encoded_bytes(args);
  const std::string& bytes = expect(args[0], Kind::Bytes, "a bytearray's content").text;
  spend(bytes.size());
  return PickleNode::of_text(Kind::Bytes, bytes);
}

PickleNode PickleMachine::encoded_bytes(const Args& args) {
  const std::string& encoding = expect(args[1], Kind::String, "an encoding").text;
  if (encoding != "latin1" && encoding != "latin-1")
    refuse(fmt::format("the encoding {}", printable(encoding)));
  const std::string& text = expect(args[0], Kind::String, "a byte string").text;
  spend(text.size());
  PickleNode bytes = PickleNode::of(Kind::Bytes);
  if (!latin1_bytes(text, bytes.text)) fail("a byte string holds other characters than bytes");
  return bytes;
}

/// An attribute such as state_dict()._metadata says nothing about tensors: it is dropped.
void PickleMachine::build() {
  const NodeIndex state = pop();
  const Kind target = nodes_[top()].kind, what = nodes_[state].kind;
  if (target == Kind::Object) return;
  const bool attributes = what == Kind::Dict || what == Kind::None;
  if (attributes && (target == Kind::Dict || target == Kind::Tensor || target == Kind::Lacking))
    return;
  refuse("the pickle opcode BUILD on anything but an OrderedDict or tensor");
}

// -- Tensors ----------------------------------------------------------------------------------

void PickleMachine::push_storage() {
  const NodeIndex id_node = pop();
  const Args id = expect(id_node, Kind::Tuple, "a persistent id").items;
  spend(id.size() * sizeof(NodeIndex));
  if (id.empty()) fail("a persistent id is empty");
  const std::string& what = expect(id[0], Kind::String, "a persistent id").text;
  if (what != "storage") {
    // Whole modules of long ago: ("module", class, file, source).
    if (skip_objects_ && id.size() > 1 && nodes_[id[1]].kind == Kind::Object)
      return push_again(id[1]);
    refuse(fmt::format("the persistent id '{}'", printable(what)));
  }
  if (id.size() != 5 && id.size() != 6) fail("a storage's description is incomplete");
  if (nodes_[id[1]].kind == Kind::Object) return push_again(id[1]);
  const Global& type = global_at(expect(id[1], Kind::Global, "a storage's type").integer);
  if (type.meaning != Meaning::Storage) fail("a storage's type is no storage");
  StorageRef storage;
  storage.dtype = type.dtype;
  storage.element_nbytes = type.lacks.empty() ? nbytes_of(type.dtype) : type.element_nbytes;
  storage.key = expect(id[2], Kind::String, "a storage's key").text;
  if (storage.key.size() > kLongestKey) fail("a storage's key is too long");
  spend(sizeof storage + storage.key.size());
  const std::string& location = expect(id[3], Kind::String, "a storage's device").text;
  if (location == "meta")
    return push(PickleNode::of_text(Kind::Lacking, "tensors without data (device meta)"));
  storage.numel = count_of(id[4], "a storage's size");
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (storage.numel > kMost / storage.element_nbytes) fail("a storage's size is impossible");
  if (id.size() == 6 && nodes_[id[5]].kind != Kind::None) {
    // (key of the view, offset, number of elements): a part of the storage.
    const Args& view = expect(id[5], Kind::Tuple, "a storage's view").items;
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
  if (!type.lacks.empty()) return push(PickleNode::of_text(Kind::Lacking, type.lacks));
  push(PickleNode::of(Kind::Storage, static_cast<std::int64_t>(storages_.size() - 1)));
}

void PickleMachine::push_parameter(NodeIndex tensor) {
  const Kind kind = nodes_[tensor].kind;
  if (kind != Kind::Object && kind != Kind::Lacking)
    expect(tensor, Kind::Tensor, "a parameter's tensor");
  push_again(tensor);
}

/// A tensor with attributes of its own, which are dropped.
void PickleMachine::rebuild_from_type(const Args& args) {
  if (nodes_[args[0]].kind == Kind::Object || nodes_[args[1]].kind == Kind::Object)
    return push_object(nodes_[args[1]].text);
  const Global& made = global_at(expect(args[0], Kind::Global, "a function").integer);
  const Global& type = global_at(expect(args[1], Kind::Global, "a tensor's class").integer);
  if (type.meaning != Meaning::Type && type.meaning != Meaning::Parameter)
    fail("a tensor's class is none");
  if (made.meaning == Meaning::RebuildFromType) fail("a tensor is made in a circle");
  call(args[0], args[2]);
}

void PickleMachine::rebuild_from_cpu(const Args& args) {
  const PickleNode& node = nodes_[args[0]];
  if (node.kind == Kind::Object || node.kind == Kind::Lacking) return push_again(args[0]);
  const TensorRef& t =
      tensors_[static_cast<std::size_t>(expect(args[0], Kind::Tensor, "a tensor").integer)];
  const Global* dtype = dtype_called(expect(args[1], Kind::Other, "a tensor's dtype").text);
  if (dtype == nullptr) fail("a tensor's dtype is none");
  if (!dtype->lacks.empty()) return push(PickleNode::of_text(Kind::Lacking, dtype->lacks));
  if (dtype->dtype != t.dtype) fail("a tensor of another device is described in another dtype");
  push_again(args[0]);
}

PickleNode PickleMachine::rebuild_tensor(const Args& args, std::size_t needed, bool has_dtype) {
  if (const PickleNode& storage = nodes_[args[0]];
      storage.kind == Kind::Lacking || storage.kind == Kind::Object)
    return PickleNode::of_text(storage.kind, storage.text);
  TensorRef t;
  t.storage =
      static_cast<std::uint32_t>(expect(args[0], Kind::Storage, "a tensor's storage").integer);
  const StorageRef& storage = storages_[t.storage];
  t.dtype = storage.dtype;
  if (has_dtype) {
    const Global* dtype = dtype_called(expect(args[6], Kind::Other, "a tensor's dtype").text);
    if (dtype == nullptr) fail("a tensor's dtype is none");
    if (!dtype->lacks.empty()) return PickleNode::of_text(Kind::Lacking, dtype->lacks);
    t.dtype = dtype->dtype;
  }
  t.offset = count_of(args[1], "a tensor's offset");
  const Args &size = expect(args[2], Kind::Tuple, "a tensor's shape").items,
             &stride = expect(args[3], Kind::Tuple, "a tensor's strides").items;
  if (size.size() != stride.size()) fail("a tensor has not as many strides as dimensions");
  if (size.size() > static_cast<std::size_t>(Shape::kMaxRank)) {
    const std::string what = fmt::format("a tensor of {} dimensions", size.size());
    if (skip_objects_) return PickleNode::of_text(Kind::Object, what);
    throw IoError(
        fmt::format("{}: {} cannot be read: Ingot has at most {}", name_, what, Shape::kMaxRank));
  }
  for (std::size_t i = 0; i < size.size(); ++i) {
    t.shape.push_back(static_cast<std::int64_t>(count_of(size[i], "a tensor's size")));
    const std::uint64_t step = count_of(stride[i], "a tensor's stride");
    // Where there is nothing to step over, any number may stand: it must not be computed with.
    t.strides.push_back(t.shape.back() > 1 ? static_cast<std::int64_t>(step) : 0);
  }
  if (args.size() > needed) read_metadata(args[needed], t);
  check_extent(t, storage);
  spend(sizeof t);
  tensors_.push_back(t);
  return PickleNode::of(Kind::Tensor, static_cast<std::int64_t>(tensors_.size() - 1));
}

/// Lazily conjugated or negated tensors say so in a dict.
void PickleMachine::read_metadata(NodeIndex metadata, TensorRef& t) const {
  if (nodes_[metadata].kind == Kind::None) return;
  const Args& entries = expect(metadata, Kind::Dict, "a tensor's metadata").items;
  for (std::size_t i = 0; i < entries.size(); i += 2) {
    const PickleNode& value = nodes_[entries[i + 1]];
    if (value.kind != Kind::Bool || value.integer == 0) continue;
    const std::string& mark = nodes_[entries[i]].text;
    if (mark == "neg" && t.dtype != DType::Bool)
      t.negated = true;
    else if (mark != "conj")  // of real numbers conjugation changes nothing
      refuse(fmt::format("a tensor with the mark '{}'", printable(mark)));
  }
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
