// Files of torch.save (.pt, .pth): the zip format of PyTorch 1.6 and later, and the stream of
// pickles before it.
//
// A pickle is a program. Ingot's reader knows the few steps that build tensors, containers, numbers
// and strings, and refuses every other by its name ("GLOBAL os.system is not allowed"), or leaves
// it out on request (LoadOptions): nothing in a file is ever executed. Lists, tuples, sets and
// dicts come out as a tree of PthValue. What torch.load(weights_only=True) reads is read.
//
//   ingot::load("resnet18.pth")                      the state dict, like that of safetensors files
//   ingot::load_pth("run.pt").at("epoch").as_int()   anything else that the file holds
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <ingot/core/state_dict.h>
#include <ingot/io/load_options.h>

namespace ingot {

/// One value of a file: None, a number, a text, a tensor, or a container of values.
class PthValue {
 public:
  enum class Kind {
    None,
    Bool,
    Int,
    Float,
    String,
    Bytes,
    Other,  ///< known by its text alone: a dtype, a device, a complex number, an integer beyond 64
            ///< bits, "object of numpy.dtype" with LoadOptions::skip_objects
    Tensor,
    List,
    Tuple,
    Set,
    Dict,
  };
  using Items = std::vector<PthValue>;
  using Entries = std::vector<std::pair<PthValue, PthValue>>;

  PthValue() = default;
  static PthValue of_bool(bool value) { return {Kind::Bool, value}; }
  static PthValue of_int(std::int64_t value) { return {Kind::Int, value}; }
  static PthValue of_float(double value) { return {Kind::Float, value}; }
  /// `kind` is String, Bytes or Other.
  static PthValue of_text(Kind kind, std::string text) { return {kind, std::move(text)}; }
  static PthValue of_tensor(Tensor value) { return {Kind::Tensor, std::move(value)}; }
  /// `kind` is List, Tuple or Set.
  static PthValue of_items(Kind kind, Items items) { return {kind, std::move(items)}; }
  static PthValue of_entries(Entries entries) { return {Kind::Dict, std::move(entries)}; }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }

  // Each throws ValueError, saying what the value is, when it is of another kind.
  bool as_bool() const;
  std::int64_t as_int() const;
  double as_float() const;             ///< of an Int as well
  const std::string& as_text() const;  ///< of String, Bytes and Other
  const Tensor& as_tensor() const;     ///< on the CPU, without history
  const Items& items() const;          ///< of List, Tuple and Set
  const Entries& entries() const;      ///< of Dict, in the file's order, keys once
  /// Values in a container.
  std::size_t size() const;
  /// The value under a text key; throws ValueError naming the key and those there are.
  const PthValue& at(std::string_view key) const;
  /// The same, or nullptr; also when this is no dict.
  const PthValue* find(std::string_view key) const;

  /// What it is, in a few words: "3", "'text'", "tensor float32 [2, 3]", "dict of 5".
  std::string str() const;

 private:
  using Data =
      std::variant<std::monostate, bool, std::int64_t, double, std::string, Tensor, Items, Entries>;
  PthValue(Kind kind, Data data) : kind_(kind), data_(std::move(data)) {}

  Kind kind_ = Kind::None;
  Data data_;
};

/// Everything in a file of torch.save. Tensors are read onto the CPU, whatever device they were
/// saved from; strided and shared ones become tensors of their own. Throws IoError naming the file
/// and the cause when it cannot be read or is damaged, when it was written on a big-endian machine,
/// and when it asks for anything but data, naming that,
/// unless options.skip_objects leaves it out.
PthValue load_pth(const std::filesystem::path& path, const LoadOptions& options = {});

/// True when the file begins like one of torch.save, whatever its name. Throws IoError when it
/// cannot be read.
bool is_pth(const std::filesystem::path& path);

/// Reads a file that lies in memory; `name` stands for it in error messages.
PthValue parse_pth(std::span<const std::byte> file, std::string_view name,
                   const LoadOptions& options = {});

/// Every tensor in `value` under its path ("model.fc.weight", "history.0"); a bare tensor is named
/// "tensor". With `left_out`, appends what is no tensor as "epoch = 3".
StateDict flatten_tensors(const PthValue& value, std::vector<std::string>* left_out = nullptr);

/// The weights in `value`. With `key` ("model", "ema.state_dict"), what lies there, flattened.
/// Without, the first of these that applies:
///   - `value` itself, when it is a dict of tensors alone;
///   - the dict of tensors under "state_dict", "model_state_dict", "model", "module", "net",
///     "network", "weights" or "params", in this order;
///   - the only dict of tensors directly below `value`;
///   - all tensors, flattened, when there is nothing but dicts, lists and tensors.
/// Throws ValueError listing the candidates when none applies.
StateDict find_state_dict(const PthValue& value, std::string_view key = {});

}  // namespace ingot
