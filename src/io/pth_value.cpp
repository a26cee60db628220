// PthValue: looking at the values of a file, and finding the weights among them.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/pth.h>

#include <algorithm>
#include <array>

#include "core/printable.h"

namespace ingot {
namespace {

using Kind = PthValue::Kind;

[[noreturn]] void wrong_kind(const PthValue& value, const char* wanted) {
  throw ValueError(
      fmt::format("pth: {} was asked for, but the value is {}", wanted, printable(value.str())));
}

}  // namespace

bool PthValue::as_bool() const {
  if (!is(Kind::Bool)) wrong_kind(*this, "a bool");
  return std::get<bool>(data_);
}

std::int64_t PthValue::as_int() const {
  if (!is(Kind::Int)) wrong_kind(*this, "an int");
  return std::get<std::int64_t>(data_);
}

double PthValue::as_float() const {
  if (is(Kind::Int)) return static_cast<double>(std::get<std::int64_t>(data_));
  if (!is(Kind::Float)) wrong_kind(*this, "a float");
  return std::get<double>(data_);
}

const std::string& PthValue::as_text() const {
  if (!is(Kind::String) && !is(Kind::Bytes) && !is(Kind::Other)) wrong_kind(*this, "a text");
  return std::get<std::string>(data_);
}

const Tensor& PthValue::as_tensor() const {
  if (!is(Kind::Tensor)) wrong_kind(*this, "a tensor");
  return std::get<Tensor>(data_);
}

const PthValue::Items& PthValue::items() const {
  if (!is(Kind::List) && !is(Kind::Tuple) && !is(Kind::Set)) wrong_kind(*this, "a list");
  return std::get<Items>(data_);
}

const PthValue::Entries& PthValue::entries() const {
  if (!is(Kind::Dict)) wrong_kind(*this, "a dict");
  return std::get<Entries>(data_);
}

std::size_t PthValue::size() const { return is(Kind::Dict) ? entries().size() : items().size(); }

const PthValue* PthValue::find(std::string_view key) const {
  if (!is(Kind::Dict)) return nullptr;
  for (const auto& [name, value] : entries())
    if (name.is(Kind::String) && name.as_text() == key) return &value;
  return nullptr;
}

const PthValue& PthValue::at(std::string_view key) const {
  if (!is(Kind::Dict)) wrong_kind(*this, "a dict");
  if (const PthValue* found = find(key)) return *found;
  std::string names;
  for (std::size_t i = 0; i < entries().size() && i < 20; ++i)
    names += (i == 0 ? "" : ", ") + printable(entries()[i].first.str());
  throw ValueError(fmt::format("pth: no key '{}' among {}: {}{}", printable(key), entries().size(),
                               names, entries().size() > 20 ? ", …" : ""));
}

std::string PthValue::str() const {
  switch (kind_) {
    case Kind::None:
      return "None";
    case Kind::Bool:
      return as_bool() ? "True" : "False";
    case Kind::Int:
      return std::to_string(as_int());
    case Kind::Float:
      return fmt::format("{}", std::get<double>(data_));
    case Kind::String:
      return fmt::format("'{}'", as_text());
    case Kind::Bytes:
      return fmt::format("b'{}'", as_text());
    case Kind::Other:
      return as_text();
    case Kind::Tensor:
      return fmt::format("tensor {} {}", name(as_tensor().dtype()), as_tensor().shape().str());
    case Kind::List:
      return fmt::format("list of {}", size());
    case Kind::Tuple:
      return fmt::format("tuple of {}", size());
    case Kind::Set:
      return fmt::format("set of {}", size());
    case Kind::Dict:
      return fmt::format("dict of {}", size());
  }
  return {};
}

// -- Finding the weights ----------------------------------------------------------------------

namespace {

std::string key_text(const PthValue& key) {
  return key.is(Kind::String) || key.is(Kind::Bytes) ? key.as_text() : key.str();
}

std::string joined(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

/// Collects tensors under their paths. Paths may be far longer than the file: they are counted.
class Flattener {
 public:
  explicit Flattener(std::vector<std::string>* left_out) : left_out_(left_out) {}

  StateDict take() { return std::move(dict_); }

  void add(const PthValue& value, const std::string& path) {
    switch (value.kind()) {
      case Kind::Tensor:
        spend(path);
        dict_.insert(path.empty() ? "tensor" : path, value.as_tensor());
        return;
      case Kind::Dict:
        for (const auto& [key, entry] : value.entries()) add(entry, joined(path, key_text(key)));
        return;
      case Kind::List:
      case Kind::Tuple:
      case Kind::Set:
        for (std::size_t i = 0; i < value.size(); ++i)
          add(value.items()[i], joined(path, std::to_string(i)));
        return;
      default:
        if (left_out_ == nullptr) return;
        spend(path);
        left_out_->push_back(fmt::format("{} = {}", path.empty() ? "the value" : printable(path),
                                         printable(value.str())));
    }
  }

 private:
  void spend(const std::string& path) {
    if (path.size() > names_left_nbytes_)
      throw ValueError("pth: the names of the tensors take more than 64 MiB");
    names_left_nbytes_ -= path.size();
  }

  StateDict dict_;
  std::vector<std::string>* left_out_;
  std::size_t names_left_nbytes_ = std::size_t{64} << 20;
};

bool is_dict_of_tensors(const PthValue& value) {
  return value.is(Kind::Dict) && value.size() > 0 &&
         std::all_of(value.entries().begin(), value.entries().end(), [](const auto& entry) {
           return entry.first.is(Kind::String) && entry.second.is(Kind::Tensor);
         });
}

bool holds_only_tensors(const PthValue& value) {
  switch (value.kind()) {
    case Kind::Tensor:
      return true;
    case Kind::Dict:
      return std::all_of(value.entries().begin(), value.entries().end(),
                         [](const auto& entry) { return holds_only_tensors(entry.second); });
    case Kind::List:
    case Kind::Tuple:
      return std::all_of(value.items().begin(), value.items().end(), holds_only_tensors);
    default:
      return false;
  }
}

constexpr std::array<std::string_view, 8> kUsualKeys = {
    "state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "params"};

/// The value at a path of keys that may themselves contain dots; nullptr when there is none.
const PthValue* value_at(const PthValue& value, std::string_view path) {
  if (const PthValue* found = value.find(path)) return found;
  for (std::size_t dot = path.find('.'); dot != std::string_view::npos;
       dot = path.find('.', dot + 1))
    if (const PthValue* part = value.find(path.substr(0, dot)))
      if (const PthValue* found = value_at(*part, path.substr(dot + 1))) return found;
  return nullptr;
}

}  // namespace

StateDict flatten_tensors(const PthValue& value, std::vector<std::string>* left_out) {
  Flattener flattener(left_out);
  flattener.add(value, "");
  return flattener.take();
}

StateDict find_state_dict(const PthValue& value, std::string_view key) {
  if (!key.empty()) {
    const PthValue* found = value_at(value, key);
    if (found == nullptr) found = &value.at(key);  // throws, naming the keys
    return flatten_tensors(*found);
  }
  if (is_dict_of_tensors(value)) return flatten_tensors(value);
  if (value.is(Kind::Dict)) {
    for (const std::string_view usual : kUsualKeys)
      if (const PthValue* found = value.find(usual); found && is_dict_of_tensors(*found))
        return flatten_tensors(*found);
    const PthValue* only = nullptr;
    std::size_t count = 0;
    for (const auto& entry : value.entries())
      if (is_dict_of_tensors(entry.second)) {
        only = &entry.second;
        ++count;
      }
    if (count == 1) return flatten_tensors(*only);
  }
  if (holds_only_tensors(value)) return flatten_tensors(value);
  std::string text;
  if (value.is(Kind::Dict))
    for (std::size_t i = 0; i < value.size() && i < 20; ++i) {
      const auto& [name, entry] = value.entries()[i];
      text += fmt::format("\n    {}: {}", printable(key_text(name)), printable(entry.str()));
    }
  throw ValueError(fmt::format(
      "pth: which part holds the weights is not clear; name its key. The file holds {}{}",
      printable(value.str()), text.empty() ? "" : " with" + text));
}

}  // namespace ingot
