#include "io/safetensors_format.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <unordered_set>
#include <utility>

#include "core/printable.h"

namespace ingot::io {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

constexpr std::array<std::pair<std::string_view, DType>, kNumDTypes> kDTypeNames{{
    {"BOOL", DType::Bool},
    {"U8", DType::UInt8},
    {"I8", DType::Int8},
    {"I16", DType::Int16},
    {"I32", DType::Int32},
    {"I64", DType::Int64},
    {"F16", DType::Float16},
    {"BF16", DType::BFloat16},
    {"F32", DType::Float32},
    {"F64", DType::Float64},
}};

std::string_view format_name(DType t) {
  for (const auto& [text, dtype] : kDTypeNames)
    if (dtype == t) return text;
  throw InternalError(fmt::format("safetensors: no name for {}", name(t)));
}

/// Names in messages: whole when short, and never a screenful.
std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  if (text.size() <= kLongest) return fmt::format("'{}'", printable(text));
  return fmt::format("'{}…' ({} bytes)", printable(text.substr(0, kLongest)), text.size());
}

/// Reads the header event by event: no document is built, so hostile nesting costs nothing, and a
/// name that occurs twice is seen.
class HeaderReader : public nlohmann::json::json_sax_t {
 public:
  explicit HeaderReader(std::string_view file) : file_(file) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (begin_ignored()) return true;
    switch (place_) {
      case Place::Start:
        place_ = Place::Top;
        return true;
      case Place::EntryValue:
        if (key_ == kMetadataKey) {
          place_ = Place::Metadata;
        } else {
          header_.tensors.emplace_back();
          header_.tensors.back().name = key_;
          has_dtype_ = has_shape_ = has_offsets_ = false;
          place_ = Place::Tensor;
        }
        return true;
      default:
        return unexpected("an object");
    }
  }

  bool end_object() override {
    if (end_ignored()) return true;
    if (place_ == Place::Tensor) {
      if (!has_dtype_) fail_tensor("has no dtype");
      if (!has_shape_) fail_tensor("has no shape");
      if (!has_offsets_) fail_tensor("has no data_offsets");
      finish_tensor();
      place_ = Place::Top;
    } else if (place_ == Place::Metadata) {
      place_ = Place::Top;
    }
    return true;
  }

  bool key(string_t& text) override {
    if (place_ == Place::Ignored) return true;
    switch (place_) {
      case Place::Top:
        if (!names_.insert(text).second)
          fail(fmt::format("the name {} occurs twice in the header", in_quotes(text)));
        key_ = text;
        place_ = Place::EntryValue;
        return true;
      case Place::Tensor:
        if (text == "dtype")
          start_field(has_dtype_, text, Place::DType);
        else if (text == "shape")
          start_field(has_shape_, text, Place::ShapeStart);
        else if (text == "data_offsets")
          start_field(has_offsets_, text, Place::OffsetsStart);
        else
          place_ = Place::Ignored;  // of a later version of the format, or somebody's own
        return true;
      case Place::Metadata:
        if (header_.metadata.count(text))
          fail(fmt::format("the metadata key {} occurs twice", in_quotes(text)));
        key_ = text;
        place_ = Place::MetadataValue;
        return true;
      default:
        return unexpected("a key");
    }
  }

  bool string(string_t& text) override {
    if (ignored_value()) return true;
    if (place_ == Place::MetadataValue) {
      header_.metadata.emplace(key_, text);
      place_ = Place::Metadata;
      return true;
    }
    if (place_ != Place::DType) return unexpected("a string");
    const auto* found = std::find_if(kDTypeNames.begin(), kDTypeNames.end(),
                                     [&](const auto& entry) { return entry.first == text; });
    if (found == kDTypeNames.end())
      fail_tensor(fmt::format(
          "has dtype {}, which Ingot does not know; it reads BOOL, U8, I8, I16, I32, I64, F16, "
          "BF16, F32 and F64",
          in_quotes(text)));
    tensor().dtype = found->second;
    place_ = Place::Tensor;
    return true;
  }

  bool start_array(std::size_t) override {
    if (begin_ignored()) return true;
    if (place_ == Place::ShapeStart) {
      place_ = Place::Shape;
      return true;
    }
    if (place_ == Place::OffsetsStart) {
      offsets_.clear();
      place_ = Place::Offsets;
      return true;
    }
    return unexpected("a list");
  }

  bool end_array() override {
    if (end_ignored()) return true;
    if (place_ == Place::Offsets && offsets_.size() != 2)
      fail_tensor(fmt::format("needs two data_offsets, not {}", offsets_.size()));
    place_ = Place::Tensor;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (ignored_value()) return true;
    if (place_ == Place::Shape) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail_tensor(fmt::format("has an impossible size {}", value));
      if (tensor().shape.rank() == Shape::kMaxRank)
        fail_tensor(fmt::format("has more than {} dimensions", Shape::kMaxRank));
      tensor().shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (place_ == Place::Offsets) {
      if (offsets_.size() == 2) fail_tensor("has more than two data_offsets");
      offsets_.push_back(value);
      return true;
    }
    return unexpected("a number");
  }

  bool number_integer(number_integer_t value) override {
    if (ignored_value()) return true;
    if (place_ == Place::Shape) fail_tensor(fmt::format("has a negative size {}", value));
    if (place_ == Place::Offsets) fail_tensor(fmt::format("has a negative offset {}", value));
    return unexpected("a number");
  }

  bool number_float(number_float_t, const string_t& text) override {
    if (ignored_value()) return true;
    if (place_ == Place::Shape || place_ == Place::Offsets)
      fail_tensor(
          fmt::format("has a size or offset that is no 64-bit integer: {}", in_quotes(text)));
    return unexpected("a number");
  }

  bool null() override {
    if (ignored_value()) return true;
    if (place_ == Place::EntryValue && key_ == kMetadataKey) {  // none, as the reference takes it
      place_ = Place::Top;
      return true;
    }
    return unexpected("null");
  }
  bool boolean(bool) override { return ignored_value() || unexpected("a truth value"); }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& e) override {
    // "[json.exception.parse_error.101] parse error at …: what was wrong"
    std::string_view text = e.what();
    if (const auto colon = text.rfind("; expected"); colon != std::string_view::npos)
      text = text.substr(0, colon);
    if (const auto colon = text.find(": "); colon != std::string_view::npos)
      text = text.substr(colon + 2);
    fail(fmt::format("the header is not valid JSON at byte {}: {}", position,
                     printable(text.substr(0, std::min<std::size_t>(text.size(), 100)))));
  }

 private:
  enum class Place {
    Start,
    Top,
    EntryValue,
    Tensor,
    DType,
    ShapeStart,
    Shape,
    OffsetsStart,
    Offsets,
    Metadata,
    MetadataValue,
    Ignored,  ///< the value of a tensor's field that means nothing here
  };

  // An ignored value may be a list or an object of any depth: only the depth is kept.
  bool begin_ignored() {
    if (place_ != Place::Ignored) return false;
    ++ignored_depth_;
    return true;
  }
  bool end_ignored() {
    if (place_ != Place::Ignored) return false;
    if (--ignored_depth_ == 0) place_ = Place::Tensor;
    return true;
  }
  bool ignored_value() {
    if (place_ != Place::Ignored) return false;
    if (ignored_depth_ == 0) place_ = Place::Tensor;
    return true;
  }

  [[noreturn]] void fail(const std::string& cause) const {
    throw IoError(fmt::format("{}: {}", file_, cause));
  }
  [[noreturn]] void fail_tensor(const std::string& cause) const {
    fail(fmt::format("tensor {} {}", in_quotes(header_.tensors.back().name), cause));
  }

  bool unexpected(std::string_view what) const {
    switch (place_) {
      case Place::Start:
        fail(fmt::format("the header must be an object, not {}", what));
      case Place::EntryValue:
        fail(fmt::format("the entry {} of the header must be an object, not {}", in_quotes(key_),
                         what));
      case Place::DType:
        fail_tensor(fmt::format("has {} where the dtype's name should be", what));
      case Place::ShapeStart:
      case Place::Shape:
        fail_tensor(fmt::format("has {} in its shape", what));
      case Place::OffsetsStart:
      case Place::Offsets:
        fail_tensor(fmt::format("has {} in its data_offsets", what));
      case Place::MetadataValue:
        fail(fmt::format("the metadata {} must be a string, not {}", in_quotes(key_), what));
      default:
        fail(fmt::format("the header has {} out of place", what));
    }
  }

  void start_field(bool& seen, std::string_view field, Place next) {
    if (std::exchange(seen, true)) fail_tensor(fmt::format("has its {} twice", field));
    place_ = next;
  }

  void finish_tensor() {
    TensorEntry& t = tensor();
    const auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t nbytes = nbytes_of(t.dtype);
    // A size of 0 empties the tensor, whatever the others would multiply to.
    if (t.shape.contains(0)) {
      nbytes = 0;
    } else {
      for (const std::int64_t size : t.shape) {
        if (static_cast<std::uint64_t>(size) > limit / nbytes)
          fail_tensor(fmt::format("has shape {}, more than 2^63 bytes", t.shape.str()));
        nbytes *= static_cast<std::uint64_t>(size);
      }
    }
    const auto [begin, end] = std::pair(offsets_[0], offsets_[1]);
    if (end < begin)
      fail_tensor(fmt::format("has data_offsets [{}, {}] that run backwards", begin, end));
    if (end - begin != nbytes)
      fail_tensor(
          fmt::format("has data_offsets [{}, {}] ({} bytes), but {} of shape {} takes {} bytes",
                      begin, end, end - begin, name(t.dtype), t.shape.str(), nbytes));
    t.begin = begin;
    t.nbytes = nbytes;
  }

  TensorEntry& tensor() { return header_.tensors.back(); }

  std::string_view file_;
  SafetensorsHeader header_;
  std::unordered_set<std::string> names_;
  Place place_ = Place::Start;
  std::size_t ignored_depth_ = 0;
  std::string key_;
  std::vector<std::uint64_t> offsets_;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
};

void check_tiling(const SafetensorsHeader& header, std::uint64_t data_nbytes,
                  std::string_view file) {
  std::uint64_t filled = 0;
  const TensorEntry* previous = nullptr;
  for (const std::size_t i : data_order(header.tensors)) {
    const TensorEntry& t = header.tensors[i];
    if (t.begin + t.nbytes > data_nbytes || t.begin + t.nbytes < t.begin)
      throw IoError(
          fmt::format("{}: tensor {} has data_offsets [{}, {}] outside the file's {} bytes of data "
                      "(truncated?)",
                      file, in_quotes(t.name), t.begin, t.begin + t.nbytes, data_nbytes));
    if (t.begin < filled)
      throw IoError(fmt::format("{}: tensors {} and {} overlap at byte {}", file,
                                in_quotes(previous->name), in_quotes(t.name), t.begin));
    if (t.begin > filled)
      throw IoError(fmt::format("{}: bytes {} to {} before tensor {} belong to no tensor", file,
                                filled, t.begin, in_quotes(t.name)));
    filled += t.nbytes;
    previous = &t;
  }
  if (filled != data_nbytes)
    throw IoError(
        fmt::format("{}: the tensors take {} bytes, the file has {}", file, filled, data_nbytes));
}

/// Tensors in order of decreasing element size.
std::vector<std::size_t> aligned_order(const std::vector<TensorEntry>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return nbytes_of(tensors[a].dtype) > nbytes_of(tensors[b].dtype);
  });
  return order;
}

/// A JSON string; throws ValueError when the text is no UTF-8.
std::string json_string(std::string_view text, const char* what) {
  try {
    return nlohmann::json(std::string(text)).dump();
  } catch (const nlohmann::json::type_error&) {
    throw ValueError(
        fmt::format("safetensors: {} is not valid UTF-8: {}", what,
                    nlohmann::json(std::string(text))
                        .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)));
  }
}

}  // namespace

std::uint64_t read_header_nbytes(std::span<const std::byte> prefix, std::uint64_t file_nbytes,
                                 std::string_view file) {
  if (file_nbytes == 0) throw IoError(fmt::format("{}: the file is empty", file));
  if (prefix.size() < kLengthNbytes)
    throw IoError(fmt::format("{}: {} bytes are too few for a safetensors file (truncated?)", file,
                              file_nbytes));
  std::uint64_t nbytes = 0;
  std::memcpy(&nbytes, prefix.data(), kLengthNbytes);
  const auto is_text = [](std::byte b) {
    const auto c = std::to_integer<unsigned char>(b);
    return (c >= 0x20 && c < 0x7f) || (c >= 0x09 && c <= 0x0d);
  };
  if (nbytes > kMaxHeaderNbytes && std::all_of(prefix.begin(), prefix.end(), is_text))
    throw IoError(fmt::format(
        "{}: this looks like text; it is neither a safetensors file nor one of torch.save", file));
  if (nbytes > kMaxHeaderNbytes)
    throw IoError(fmt::format(
        "{}: the header claims {} bytes, more than the {} that safetensors allows; this "
        "is no safetensors file, or a damaged one",
        file, nbytes, kMaxHeaderNbytes));
  if (nbytes > file_nbytes - kLengthNbytes)
    throw IoError(fmt::format("{}: the header claims {} bytes, the file has only {} (truncated?)",
                              file, nbytes, file_nbytes));
  return nbytes;
}

SafetensorsHeader parse_header(std::string_view json, std::uint64_t data_nbytes,
                               std::string_view file) {
  if (json.empty() || json.front() != '{')
    throw IoError(fmt::format("{}: the header does not start with '{{'", file));
  HeaderReader reader(file);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  SafetensorsHeader header = reader.take();
  check_tiling(header, data_nbytes, file);
  return header;
}

std::vector<std::size_t> data_order(const std::vector<TensorEntry>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Empty tensors come before the one that starts where they lie.
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const TensorEntry &x = tensors[a], &y = tensors[b];
    return std::pair(x.begin, x.nbytes) < std::pair(y.begin, y.nbytes);
  });
  return order;
}

std::string build_header(std::vector<TensorEntry>& tensors, const Metadata& metadata) {
  std::uint64_t offset = 0;
  for (const std::size_t i : aligned_order(tensors)) {
    tensors[i].begin = offset;
    tensors[i].nbytes =
        static_cast<std::uint64_t>(tensors[i].shape.numel()) * nbytes_of(tensors[i].dtype);
    offset += tensors[i].nbytes;
  }
  // Written by hand: the JSON library would keep a document, and sort the names.
  std::string json = "{";
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const auto& [key, text] : metadata)
      json +=
          json_string(key, "a metadata key") + ":" + json_string(text, "a metadata value") + ",";
    json.back() = '}';
    json += ',';
  }
  for (const TensorEntry& t : tensors) {
    if (t.name == kMetadataKey)
      throw ValueError("safetensors: '__metadata__' cannot be the name of a tensor");
    json += json_string(t.name, "a tensor's name");
    json += fmt::format(":{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}},",
                        format_name(t.dtype), fmt::join(t.shape, ","), t.begin, t.begin + t.nbytes);
  }
  if (json.size() > 1) json.pop_back();
  json += '}';
  while (json.size() % 8 != 0) json += ' ';
  if (json.size() > kMaxHeaderNbytes)
    throw ValueError(fmt::format("safetensors: names and metadata take {} bytes, more than {}",
                                 json.size(), kMaxHeaderNbytes));
  const std::uint64_t length = json.size();
  std::string bytes(kLengthNbytes, '\0');
  std::memcpy(bytes.data(), &length, kLengthNbytes);
  return bytes + json;
}

}  // namespace ingot::io
