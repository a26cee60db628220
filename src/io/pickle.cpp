#include "io/pickle.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>

#include "core/printable.h"

namespace ingot::io {
namespace {

constexpr std::size_t kLineLimit = 4096;
constexpr std::uint64_t kLongestInteger = 1024;  // bytes
constexpr int kNewestProtocol = 5;
// Memory that values may take: some, and so much for every byte that was read. Of honest pickles a
// byte makes about ten; the densest ones, lists of small numbers, come to 42.
constexpr std::uint64_t kFreeNbytes = 32ull << 20;
constexpr std::uint64_t kNbytesPerByte = 32;
constexpr std::uint64_t kMemoEntryNbytes = 40;  // about, of an unordered_map

std::uint64_t nbytes_of_items(std::size_t count) { return count * sizeof(NodeIndex); }

/// What the opcodes are called that Ingot refuses; empty for unknown ones.
std::string_view refused_opcode(std::uint8_t opcode) {
  switch (opcode) {
    case 'P':
      return "PERSID";
    case 'S':
      return "STRING";
    case 'V':
      return "UNICODE";
    case 'i':
      return "INST";
    case 'o':
      return "OBJ";
    case 0x82:
      return "EXT1";
    case 0x83:
      return "EXT2";
    case 0x84:
      return "EXT4";
    case 0x92:
      return "NEWOBJ_EX";
    case 0x97:
      return "NEXT_BUFFER";
    case 0x98:
      return "READONLY_BUFFER";
    default:
      return {};
  }
}

}  // namespace

void PickleMachine::fail(const std::string& cause) const {
  throw IoError(fmt::format("{}: damaged pickle at byte {}: {}", name_, opcode_offset_, cause));
}

void PickleMachine::lacks(const std::string& what) const {
  throw IoError(
      fmt::format("{}: {} cannot be read: Ingot has dense tensors of bool, uint8, int8, int16, "
                  "int32, int64, float16, bfloat16, float32 and float64; convert it with PyTorch",
                  name_, what));
}

void PickleMachine::refuse(const std::string& what) const {
  throw IoError(
      fmt::format("{}: {} is not allowed: Ingot reads tensors, containers, numbers and text, and "
                  "never runs what a file asks for; LoadOptions::skip_objects leaves such values "
                  "out, or save model.state_dict() instead of objects",
                  name_, what));
}

void PickleMachine::spend(std::uint64_t nbytes) {
  made_nbytes_ += nbytes;
  // A pickle in a zip archive may be compressed: beyond four times the file it earns nothing.
  const std::uint64_t read =
      std::min(stream_->offset(), 4 * std::min<std::uint64_t>(file_nbytes_, 1ull << 60));
  if (made_nbytes_ > kFreeNbytes + kNbytesPerByte * read)
    throw IoError(
        fmt::format("{}: its values would take far more memory than the file has bytes; this is no "
                    "honest file",
                    name_));
}

NodeIndex PickleMachine::run(ByteStream& stream) {
  name_ = stream.name();
  stream_ = &stream;
  stack_.clear();
  marks_.clear();
  memo_.clear();
  while (true) {
    opcode_offset_ = stream.offset();
    const std::uint8_t opcode = stream.byte();
    if (opcode == '.') {
      const NodeIndex result = pop();
      if (!stack_.empty() || !marks_.empty()) fail("values are left over at its end");
      return result;
    }
    if (step(opcode, stream)) continue;
    if (const std::string_view text = refused_opcode(opcode); !text.empty())
      refuse(fmt::format("the pickle opcode {}", text));
    fail(fmt::format("unknown opcode 0x{:02x}", opcode));
  }
}

// -- The stack and the memo -------------------------------------------------------------------

void PickleMachine::push(PickleNode node) {
  spend(sizeof node + node.text.size() + nbytes_of_items(node.items.size()));
  nodes_.push_back(std::move(node));
  push_again(static_cast<NodeIndex>(nodes_.size() - 1));
}

void PickleMachine::push_again(NodeIndex index) {
  if (stack_.size() == kMaxStack)
    throw IoError(fmt::format("{}: the pickle's stack exceeds {} values", name_, kMaxStack));
  stack_.push_back(index);
}

NodeIndex PickleMachine::top() const {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("the stack is empty");
  return stack_.back();
}

NodeIndex PickleMachine::pop() {
  const NodeIndex index = top();
  stack_.pop_back();
  return index;
}

std::vector<NodeIndex> PickleMachine::pop_mark() {
  if (marks_.empty()) fail("a mark is missing");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<NodeIndex> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleMachine::put(std::uint64_t slot) {
  const NodeIndex value = top();
  if (memo_.insert_or_assign(slot, value).second) spend(kMemoEntryNbytes);
}

void PickleMachine::get(std::uint64_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) fail(fmt::format("nothing is remembered under {}", slot));
  push_again(found->second);
}

const PickleNode& PickleMachine::expect(NodeIndex i, Kind kind, const char* what) const {
  if (nodes_[i].kind != kind) fail(fmt::format("{} is of the wrong kind", what));
  return nodes_[i];
}

// -- Opcodes ----------------------------------------------------------------------------------

bool PickleMachine::step(std::uint8_t opcode, ByteStream& stream) {
  return step_number(opcode, stream) || step_text(opcode, stream) || step_container(opcode) ||
         step_stack(opcode, stream) || step_object(opcode, stream);
}

bool PickleMachine::step_number(std::uint8_t opcode, ByteStream& stream) {
  const auto push_int = [&](std::int64_t value) { push(PickleNode::of(Kind::Int, value)); };
  const auto push_float = [&](double value) {
    PickleNode node = PickleNode::of(Kind::Float);
    node.real = value;
    push(std::move(node));
  };
  switch (opcode) {
    case 'N':  // NONE
      push(PickleNode::of(Kind::None));
      return true;
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      push(PickleNode::of(Kind::Bool, opcode == 0x88));
      return true;
    case 'J':  // BININT
      push_int(std::bit_cast<std::int32_t>(static_cast<std::uint32_t>(stream.number(4))));
      return true;
    case 'K':  // BININT1
      push_int(static_cast<std::int64_t>(stream.number(1)));
      return true;
    case 'M':  // BININT2
      push_int(static_cast<std::int64_t>(stream.number(2)));
      return true;
    case 0x8a:  // LONG1
      push_long(stream.number(1), stream);
      return true;
    case 0x8b:  // LONG4
      push_long(stream.number(4), stream);
      return true;
    case 'I': {  // INT, which is how protocol 1 writes truth values, too
      const std::string line = stream.line(kLineLimit);
      if (line == "00" || line == "01")
        push(PickleNode::of(Kind::Bool, line == "01"));
      else
        push_decimal(line);
      return true;
    }
    case 'L':  // LONG
      push_decimal(stream.line(kLineLimit));
      return true;
    case 'F': {  // FLOAT
      const std::string line = stream.line(kLineLimit);
      char* end = nullptr;
      const double value = std::strtod(line.c_str(), &end);
      if (line.empty() || *end != '\0') fail(fmt::format("'{}' is no number", printable(line)));
      push_float(value);
      return true;
    }
    case 'G': {  // BINFLOAT: big-endian
      std::uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) bits = bits << 8 | stream.byte();
      push_float(std::bit_cast<double>(bits));
      return true;
    }
    default:
      return false;
  }
}

/// A little-endian two's complement number; beyond 64 bits it is kept as a text.
void PickleMachine::push_long(std::uint64_t nbytes, ByteStream& stream) {
  if (nbytes > kLongestInteger) fail(fmt::format("an integer of {} bytes", nbytes));
  std::string bytes = stream.text(nbytes);
  const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  if (nbytes <= 8) {
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
      value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
    push(PickleNode::of(Kind::Int, std::bit_cast<std::int64_t>(value)));
    return;
  }
  if (negative) {
    int carry = 1;
    for (char& byte : bytes) {
      const int sum = static_cast<std::uint8_t>(~byte) + carry;
      byte = static_cast<char>(sum);
      carry = sum >> 8;
    }
  }
  std::string text = negative ? "-0x" : "0x";
  std::size_t i = bytes.size();
  while (i > 1 && bytes[i - 1] == 0) --i;
  text += fmt::format("{:x}", static_cast<std::uint8_t>(bytes[--i]));
  while (i-- > 0) text += fmt::format("{:02x}", static_cast<std::uint8_t>(bytes[i]));
  push(PickleNode::of_text(Kind::Other, std::move(text)));
}

void PickleMachine::push_decimal(std::string line) {
  if (!line.empty() && line.back() == 'L') line.pop_back();
  const std::size_t sign = line.starts_with('-') ? 1 : 0;
  if (line.size() == sign || !std::all_of(line.begin() + static_cast<std::ptrdiff_t>(sign),
                                          line.end(), [](char c) { return c >= '0' && c <= '9'; }))
    fail(fmt::format("'{}' is no integer", printable(line)));
  errno = 0;
  const std::int64_t value = std::strtoll(line.c_str(), nullptr, 10);
  if (errno == ERANGE)
    push(PickleNode::of_text(Kind::Other, std::move(line)));
  else
    push(PickleNode::of(Kind::Int, value));
}

bool PickleMachine::step_text(std::uint8_t opcode, ByteStream& stream) {
  const auto push_text = [&](Kind kind, int length_nbytes) {
    const std::uint64_t nbytes = stream.number(length_nbytes);
    push(PickleNode::of_text(kind, stream.text(nbytes)));
  };
  switch (opcode) {
    case 'X':  // BINUNICODE
    case 'T':  // BINSTRING, of Python 2
      push_text(Kind::String, 4);
      return true;
    case 0x8c:  // SHORT_BINUNICODE
    case 'U':   // SHORT_BINSTRING, of Python 2
      push_text(Kind::String, 1);
      return true;
    case 0x8d:  // BINUNICODE8
      push_text(Kind::String, 8);
      return true;
    case 'B':  // BINBYTES
      push_text(Kind::Bytes, 4);
      return true;
    case 'C':  // SHORT_BINBYTES
      push_text(Kind::Bytes, 1);
      return true;
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      push_text(Kind::Bytes, 8);
      return true;
    default:
      return false;
  }
}

void PickleMachine::push_tuple(std::size_t count) {
  std::vector<NodeIndex> items(count);
  while (count-- > 0) items[count] = pop();
  push(PickleNode::of_items(Kind::Tuple, std::move(items)));
}

void PickleMachine::append(std::vector<NodeIndex> items) {
  if (nodes_[top()].kind == Kind::Object) return;
  expect(top(), Kind::List, "what is appended to");
  spend(nbytes_of_items(items.size()));
  auto& list = nodes_[top()].items;
  list.insert(list.end(), items.begin(), items.end());
}

void PickleMachine::add_to_set(std::vector<NodeIndex> items) {
  if (nodes_[top()].kind == Kind::Object) return;
  expect(top(), Kind::Set, "what is added to");
  spend(nbytes_of_items(items.size()));
  auto& set = nodes_[top()].items;
  set.insert(set.end(), items.begin(), items.end());
}

void PickleMachine::add_entries(std::vector<NodeIndex> items) {
  if (nodes_[top()].kind == Kind::Object) return;
  expect(top(), Kind::Dict, "what gets entries");
  spend(nbytes_of_items(items.size()));
  if (items.size() % 2 != 0) fail("a key without a value");
  for (std::size_t i = 0; i < items.size(); i += 2) {
    const Kind kind = nodes_[items[i]].kind;
    if (kind == Kind::List || kind == Kind::Dict || kind == Kind::Set || kind == Kind::Tensor ||
        kind == Kind::Storage || kind == Kind::Global)
      fail("a dict's key must be a number, a text or a tuple");
  }
  auto& dict = nodes_[top()].items;
  dict.insert(dict.end(), items.begin(), items.end());
}

bool PickleMachine::step_container(std::uint8_t opcode) {
  const auto push_items = [&](Kind kind, std::vector<NodeIndex> items = {}) {
    push(PickleNode::of_items(kind, std::move(items)));
  };
  switch (opcode) {
    case ')':  // EMPTY_TUPLE
      push_items(Kind::Tuple);
      return true;
    case 't':  // TUPLE
      push_items(Kind::Tuple, pop_mark());
      return true;
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      push_tuple(opcode - 0x84u);
      return true;
    case ']':  // EMPTY_LIST
      push_items(Kind::List);
      return true;
    case 'l':  // LIST
      push_items(Kind::List, pop_mark());
      return true;
    case 'a':  // APPEND
      append({pop()});
      return true;
    case 'e':  // APPENDS
      append(pop_mark());
      return true;
    case '}':  // EMPTY_DICT
      push_items(Kind::Dict);
      return true;
    case 'd': {  // DICT
      std::vector<NodeIndex> items = pop_mark();
      push_items(Kind::Dict);
      add_entries(std::move(items));
      return true;
    }
    case 's': {  // SETITEM
      const NodeIndex value = pop(), key = pop();
      add_entries({key, value});
      return true;
    }
    case 'u':  // SETITEMS
      add_entries(pop_mark());
      return true;
    case 0x8f:  // EMPTY_SET
      push_items(Kind::Set);
      return true;
    case 0x90:  // ADDITEMS
      add_to_set(pop_mark());
      return true;
    case 0x91:  // FROZENSET
      push_items(Kind::Set, pop_mark());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_stack(std::uint8_t opcode, ByteStream& stream) {
  const auto slot_of_line = [&] {
    const std::string line = stream.line(kLineLimit);
    if (line.empty() || line.size() > 18 ||
        !std::all_of(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; }))
      fail(fmt::format("'{}' is no place of the memo", printable(line)));
    return static_cast<std::uint64_t>(std::strtoull(line.c_str(), nullptr, 10));
  };
  switch (opcode) {
    case 0x80: {  // PROTO
      const std::uint8_t protocol = stream.byte();
      if (protocol > kNewestProtocol)
        fail(fmt::format("protocol {}; Ingot reads up to {}", protocol, kNewestProtocol));
      return true;
    }
    case 0x95:  // FRAME: a hint of how much to read at once
      stream.number(8);
      return true;
    case '(':  // MARK
      if (marks_.size() == kMaxStack) fail("too many marks");
      marks_.push_back(stack_.size());
      return true;
    case '0':  // POP
      if (!marks_.empty() && marks_.back() == stack_.size())
        marks_.pop_back();
      else
        pop();
      return true;
    case '1':  // POP_MARK
      pop_mark();
      return true;
    case '2':  // DUP
      push_again(top());
      return true;
    case 'p':  // PUT
      put(slot_of_line());
      return true;
    case 'q':  // BINPUT
      put(stream.number(1));
      return true;
    case 'r':  // LONG_BINPUT
      put(stream.number(4));
      return true;
    case 0x94:  // MEMOIZE
      put(memo_.size());
      return true;
    case 'g':  // GET
      get(slot_of_line());
      return true;
    case 'h':  // BINGET
      get(stream.number(1));
      return true;
    case 'j':  // LONG_BINGET
      get(stream.number(4));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_object(std::uint8_t opcode, ByteStream& stream) {
  switch (opcode) {
    case 'c': {  // GLOBAL
      const std::string module = stream.line(kLineLimit);
      push_global(module, stream.line(kLineLimit));
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const std::string name = expect(pop(), Kind::String, "a global's name").text;
      push_global(expect(pop(), Kind::String, "a global's module").text, name);
      return true;
    }
    case 'R': {  // REDUCE
      const NodeIndex args = pop();
      call(pop(), args);
      return true;
    }
    case 0x81: {  // NEWOBJ
      const NodeIndex args = pop();
      make_new(pop(), args);
      return true;
    }
    case 'b':  // BUILD
      build();
      return true;
    case 'Q':  // BINPERSID
      push_storage();
      return true;
    default:
      return skip_objects_ && step_foreign_object(opcode, stream);
  }
}

/// What only objects of foreign classes need: they are left out with all their parts.
bool PickleMachine::step_foreign_object(std::uint8_t opcode, ByteStream& stream) {
  switch (opcode) {
    case 'i': {  // INST
      const std::string module = stream.line(kLineLimit);
      pop_mark();
      push_object(fmt::format("{}.{}", module, stream.line(kLineLimit)));
      return true;
    }
    case 'o': {  // OBJ
      const std::vector<NodeIndex> parts = pop_mark();
      if (parts.empty()) fail("an object without a class");
      push_object(expect(parts[0], Kind::Object, "an object's class").text);
      return true;
    }
    case 0x92: {  // NEWOBJ_EX
      pop();
      pop();
      const NodeIndex type = pop();
      push_object(expect(type, Kind::Object, "an object's class").text);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace ingot::io
