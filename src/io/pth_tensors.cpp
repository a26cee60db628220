#include "io/pth_tensors.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <cstring>

#include "core/record.h"
#include "io/pickle_globals.h"

namespace ingot::io {
namespace {

constexpr int kMaxDepth = 100;
// Values that a pickle shares become copies. As much as its nodes take several times over explains
// honest ones.
constexpr std::uint64_t kFreeValueNbytes = 64ull << 20;
constexpr std::uint64_t kTensorNbytes = 512;  // about, without its elements
// Beyond a few times the file's size: tensors that repeat few elements many times (expand).
constexpr std::uint64_t kFreeNbytes = 256ull << 20;

constexpr std::uint64_t kEntryNbytes = sizeof(PthValue::Entries::value_type) + 64;
using Kind = PickleNode::Kind;

PthValue::Kind public_kind(PickleNode::Kind kind) {
  switch (kind) {
    case PickleNode::Kind::String:
      return PthValue::Kind::String;
    case PickleNode::Kind::Bytes:
      return PthValue::Kind::Bytes;
    case PickleNode::Kind::List:
      return PthValue::Kind::List;
    case PickleNode::Kind::Tuple:
      return PthValue::Kind::Tuple;
    case PickleNode::Kind::Set:
      return PthValue::Kind::Set;
    default:
      return PthValue::Kind::Other;
  }
}

/// Strides are 0 where the shape is 1 or 0; elsewhere they must be those of a row-major tensor.
bool is_row_major(const Shape& shape, const Dims& strides) {
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; step *= shape[i], --i)
    if (shape[i] > 1 && strides[i] != step) return false;
  return true;
}

/// Copies a strided tensor row by row; the extent has been checked.
void copy_strided(const std::byte* source, std::byte* target, const Shape& shape,
                  const Dims& strides, std::size_t element_nbytes) {
  const int rank = shape.rank();
  const std::int64_t row = rank == 0 ? 1 : shape.back();
  const std::int64_t step = rank == 0 ? 1 : strides.back();
  std::array<std::int64_t, Shape::kMaxRank> index{};
  std::int64_t offset = 0;
  for (std::int64_t rows = row == 0 ? 0 : shape.numel() / row; rows > 0; --rows) {
    if (step == 1) {
      const std::size_t nbytes = static_cast<std::size_t>(row) * element_nbytes;
      std::memcpy(target, source + static_cast<std::size_t>(offset) * element_nbytes, nbytes);
      target += nbytes;
    } else {
      for (std::int64_t i = 0; i < row; ++i, target += element_nbytes)
        std::memcpy(target, source + static_cast<std::size_t>(offset + i * step) * element_nbytes,
                    element_nbytes);
    }
    for (int d = rank - 2; d >= 0; --d) {
      const auto at = static_cast<std::size_t>(d);
      offset += strides[d];
      if (++index[at] < shape[d]) break;
      offset -= strides[d] * shape[d];
      index[at] = 0;
    }
  }
}

}  // namespace

PthTreeBuilder::PthTreeBuilder(const PickleMachine& machine, std::uint64_t file_nbytes,
                               std::string file, ReadStorage read_storage)
    : machine_(machine),
      file_(std::move(file)),
      read_storage_(std::move(read_storage)),
      budget_nbytes_(kFreeNbytes + 4 * std::min(file_nbytes, std::uint64_t{1} << 60)),
      value_budget_nbytes_(kFreeValueNbytes + 4 * machine.made_nbytes()),
      tensors_(machine.tensors().size()) {
  for (const TensorRef& t : machine.tensors()) ++storages_[machine.storages()[t.storage].key].users;
  for (const StorageRef& s : machine.storages()) {
    Storage& storage = storages_[s.key];
    storage.nbytes = std::max(storage.nbytes, s.nbytes());
  }
}

void PthTreeBuilder::fail(const std::string& cause) const {
  throw IoError(fmt::format("{}: {}", file_, cause));
}

void PthTreeBuilder::spend(std::uint64_t nbytes) {
  if (nbytes > budget_nbytes_)
    fail("its tensors would take far more memory than the file has bytes; this is no honest file");
  budget_nbytes_ -= nbytes;
}

void PthTreeBuilder::spend_on_value(std::uint64_t nbytes) {
  if (nbytes > value_budget_nbytes_)
    fail("its values would take far more memory than the file has bytes; this is no honest file");
  value_budget_nbytes_ -= nbytes;
}

PthValue PthTreeBuilder::value_of(NodeIndex index, int depth) {
  if (depth > kMaxDepth)
    fail(fmt::format("its values are nested deeper than {} levels, or contain themselves",
                     kMaxDepth));
  const PickleNode& node = machine_.node(index);
  // Texts may be shared in the pickle; here each is a copy.
  spend_on_value(sizeof(PthValue) + node.text.size());
  switch (node.kind) {
    case Kind::None:
      return {};
    case Kind::Bool:
      return PthValue::of_bool(node.integer != 0);
    case Kind::Int:
      return PthValue::of_int(node.integer);
    case Kind::Float:
      return PthValue::of_float(node.real);
    case Kind::String:
    case Kind::Bytes:
    case Kind::Other:
      return PthValue::of_text(public_kind(node.kind), node.text);
    case Kind::Object:
      return PthValue::of_text(PthValue::Kind::Other, "object of " + node.text);
    case Kind::Lacking:
      if (!machine_.skips_objects()) machine_.lacks(node.text);
      return PthValue::of_text(PthValue::Kind::Other, "not read: " + node.text);
    case Kind::Global:
      return PthValue::of_text(PthValue::Kind::Other, global_at(node.integer).name);
    case Kind::Storage:
      return PthValue::of_tensor(
          whole_storage(machine_.storages()[static_cast<std::size_t>(node.integer)]));
    case Kind::Tensor:
      return PthValue::of_tensor(tensor_of(static_cast<std::size_t>(node.integer)));
    case Kind::Dict:
      return PthValue::of_entries(entries_of(node, depth));
    case Kind::List:
    case Kind::Tuple:
    case Kind::Set:
      break;
  }
  PthValue::Items items;
  // The room counts before it is taken: containers may hold each other over and over.
  spend_on_value(node.items.size() * sizeof(PthValue));
  items.reserve(node.items.size());
  for (const NodeIndex item : node.items) items.push_back(value_of(item, depth + 1));
  return PthValue::of_items(public_kind(node.kind), std::move(items));
}

PthValue::Entries PthTreeBuilder::entries_of(const PickleNode& node, int depth) {
  PthValue::Entries entries;
  std::unordered_map<std::string, std::size_t> places;
  spend_on_value(node.items.size() / 2 * kEntryNbytes);
  entries.reserve(node.items.size() / 2);
  for (std::size_t i = 0; i < node.items.size(); i += 2) {
    PthValue key = value_of(node.items[i], depth + 1);
    PthValue value = value_of(node.items[i + 1], depth + 1);
    // As in Python, the last value of a key holds, in the place of the first. Of these two kinds
    // the text does not tell whether they are equal.
    const bool by_identity =
        key.is(PthValue::Kind::Tuple) || machine_.node(node.items[i]).kind == Kind::Object;
    std::string text = key.str();
    spend_on_value(text.size());
    const auto [place, is_new] = places.emplace(std::move(text), entries.size());
    if (is_new || by_identity)
      entries.emplace_back(std::move(key), std::move(value));
    else
      entries[place->second].second = std::move(value);
  }
  return entries;
}

// -- Storages and tensors ---------------------------------------------------------------------

PthTreeBuilder::Storage& PthTreeBuilder::storage_of(const StorageRef& ref) {
  Storage& storage = storages_[ref.key];
  if (!storage.buffer) {
    spend(storage.nbytes);
    Ref<Buffer> buffer = host_allocator().allocate(storage.nbytes);
    read_storage_(ref.key, storage.nbytes, buffer->host());
    storage.buffer = std::move(buffer);
  }
  return storage;
}

Tensor PthTreeBuilder::whole_storage(const StorageRef& ref) {
  TensorRef t;
  t.storage = static_cast<std::uint32_t>(&ref - machine_.storages().data());
  t.dtype = ref.dtype;
  t.shape = {static_cast<std::int64_t>(ref.view_numel)};
  t.strides = {ref.view_numel > 1 ? 1 : 0};
  ++storages_[ref.key].users;
  return make_tensor(t);
}

Tensor PthTreeBuilder::tensor_of(std::size_t position) {
  Tensor& tensor = tensors_[position];
  if (!tensor.defined()) tensor = make_tensor(machine_.tensors()[position]);
  return tensor;
}

Tensor PthTreeBuilder::make_tensor(const TensorRef& t) {
  const StorageRef& ref = machine_.storages()[t.storage];
  Storage& storage = storage_of(ref);
  const std::size_t element_nbytes = nbytes_of(t.dtype);
  const std::uint64_t nbytes = static_cast<std::uint64_t>(t.shape.numel()) * element_nbytes;
  spend_on_value(kTensorNbytes);
  const bool whole = t.offset == 0 && ref.offset == 0 && nbytes == storage.nbytes &&
                     is_row_major(t.shape, t.strides);
  const bool last_user = --storage.users == 0;
  Ref<Buffer> buffer;
  if (whole && last_user) {
    buffer = std::move(storage.buffer);
  } else {
    spend(nbytes);
    buffer = host_allocator().allocate(nbytes);
    const std::byte* source = storage.buffer->host() + ref.offset * nbytes_of(ref.dtype);
    if (nbytes > 0)
      copy_strided(source + t.offset * element_nbytes, buffer->host(), t.shape, t.strides,
                   element_nbytes);
    if (last_user) storage.buffer = {};
  }
  if (t.dtype == DType::Bool && std::any_of(buffer->host(), buffer->host() + nbytes,
                                            [](std::byte b) { return b > std::byte{1}; }))
    fail("a tensor of dtype bool holds a byte that is neither 0 nor 1");
  Tensor tensor = from_buffer(std::move(buffer), t.shape, t.dtype);
  return t.negated ? -tensor : tensor;
}

}  // namespace ingot::io
