// Puts a kernel's text together: its parameters and buffers, generated parts, the families of
// kernels it uses, and the entry point.
//
// A kernel sees `struct Params` with the fields that were added here, each of 8 bytes, in order;
// `struct G::Buffers` with one pointer for each buffer; the type `Index`, i32 or i64.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/dtype.h>

#include "backend/gpu/driver.h"

namespace ingot::gpu {

/// "f32", "bf16", "bool": a dtype in the dialect.
std::string_view type_name(DType t);
/// "u16", …: where elements are only moved, they are moved as bits.
std::string bits_name(DType t);
/// What its elements are computed in: "f32", "f64" or "i64".
std::string_view work_name(DType t);

class SourceBuilder {
 public:
  /// `name`: the template function that is the kernel; its text is in the last family used.
  explicit SourceBuilder(std::string name) : name_(std::move(name)) {}

  /// Adds a family's text; each once, in order.
  void use(std::string_view family);
  /// Adds text that is no family's, under a name for messages: "mine.h".
  void use_text(std::string name, std::string text) {
    families_.push_back({std::move(name), std::move(text)});
  }
  /// Adds a parameter of 8 bytes: "i64", "u64", "f64", or "f32" in the first half.
  void parameter(std::string_view type, const std::string& field);
  /// Adds a buffer of elements of a type of the dialect.
  void buffer(std::string_view type, const std::string& field, bool is_const);
  /// Adds members of `struct G`.
  void member(const std::string& text) { members_ += text; }
  /// Adds text before those.
  void prologue(const std::string& text) { prologue_ += text; }
  void index_64(bool on) { index_64_ = on; }
  /// The kernel takes `SHARED typename G::Shared& s`, which a member declares; it has barriers.
  void shares() { shares_ = true; }
  void threads(std::uint32_t n) { threads_ = n; }

  KernelSource finish(std::string_view dialect) const;

 private:
  std::string entry(std::string_view dialect) const;
  std::string host_entry() const;
  std::string cuda_entry() const;
  std::string metal_entry() const;
  std::string pointers(std::string_view space, bool with_numbers) const;
  std::string call(std::string_view context) const;

  struct Field {
    std::string type, name;
    bool is_const = false;
  };
  std::string name_, members_, prologue_;
  struct Text {
    std::string file, text;
  };
  std::vector<Text> families_;
  std::vector<Field> parameters_, buffers_;
  bool index_64_ = false, shares_ = false;
  std::uint32_t threads_ = 256;
};

}  // namespace ingot::gpu
