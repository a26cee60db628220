// Attrs: an op's static arguments, type-erased. An attribute struct is a plain aggregate with
// `bool operator==(const X&) const = default` and one `visit` that names its fields; hashing,
// printing and serialising follow from that. Attributes are structure: they are part of a plan's
// key. Numbers that change from step to step are slots of the node instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <typeinfo>

#include <ingot/core/device.h>
#include <ingot/core/dtype.h>
#include <ingot/core/own_errors.h>
#include <ingot/core/shape.h>

#include "core/hash.h"
#include "core/ref_counted.h"

namespace ingot {

/// Receives the fields of an attribute struct in their declared order.
class AttrVisitor {
 public:
  virtual ~AttrVisitor() = default;
  virtual void field(std::string_view name, bool value) = 0;
  virtual void field(std::string_view name, std::int64_t value) = 0;
  virtual void field(std::string_view name, double value) = 0;
  virtual void field(std::string_view name, const Dims& value) = 0;
  virtual void field(std::string_view name, const std::string& value) = 0;
  void field(std::string_view name, int value) { field(name, static_cast<std::int64_t>(value)); }
  void field(std::string_view name, DType value) { field(name, std::string(ingot::name(value))); }
  void field(std::string_view name, Device value) { field(name, value.str()); }
};

namespace detail {

// The same fields without virtual calls: hashing is on the recording path.
struct FieldHasher {
  std::uint64_t h = 0;
  void field(std::string_view, bool v) { h = hash_mix(h, v); }
  void field(std::string_view, std::int64_t v) { h = hash_mix(h, static_cast<std::uint64_t>(v)); }
  void field(std::string_view, int v) { h = hash_mix(h, static_cast<std::uint64_t>(v)); }
  void field(std::string_view, double v) { h = hash_mix(h, std::bit_cast<std::uint64_t>(v)); }
  void field(std::string_view, DType v) { h = hash_mix(h, static_cast<std::uint64_t>(v)); }
  void field(std::string_view, Device v) {
    h = hash_mix(h,
                 (static_cast<std::uint64_t>(v.type) << 16) ^ static_cast<std::uint16_t>(v.index));
  }
  void field(std::string_view, const std::string& v) { h = hash_mix(h, hash_text(v)); }
  void field(std::string_view, const Dims& v) {
    h = hash_mix(h, static_cast<std::uint64_t>(v.rank()));
    for (const std::int64_t d : v) h = hash_mix(h, static_cast<std::uint64_t>(d));
  }
};

}  // namespace detail

class AttrsBox : public RefCounted<AttrsBox> {
 public:
  virtual ~AttrsBox() = default;
  virtual bool equals(const AttrsBox& other) const = 0;
  virtual void visit(AttrVisitor& visitor) const = 0;
  virtual const std::type_info& type() const = 0;
  std::uint64_t hash() const { return hash_; }

 protected:
  std::uint64_t hash_ = 0;
};

template <class T>
class AttrsOf final : public AttrsBox {
 public:
  explicit AttrsOf(T v) : value(std::move(v)) {
    detail::FieldHasher hasher;
    value.visit(hasher);
    hash_ = hasher.h;
  }
  bool equals(const AttrsBox& other) const override {
    return other.type() == typeid(T) && static_cast<const AttrsOf&>(other).value == value;
  }
  void visit(AttrVisitor& visitor) const override { value.visit(visitor); }
  const std::type_info& type() const override { return typeid(T); }

  const T value;
};

class Attrs {
 public:
  Attrs() = default;
  template <class T>
    requires(!std::is_same_v<std::remove_cvref_t<T>, Attrs>)
  Attrs(T value)
      : box_(detail::own_errors("attributes of an operation", Site{},
                                [&] { return new AttrsOf<T>(std::move(value)); })) {}

  /// The struct inside; the op's definition fixes its type.
  template <class T>
  const T& as() const {
    return static_cast<const AttrsOf<T>&>(*box_).value;
  }
  bool empty() const { return !box_; }
  std::uint64_t hash() const { return box_ ? box_->hash() : 0; }
  void visit(AttrVisitor& visitor) const {
    if (box_) box_->visit(visitor);
  }
  /// "dims=[1], keepdim=true"
  std::string str() const;

  friend bool operator==(const Attrs& a, const Attrs& b) {
    if (a.box_ == b.box_) return true;
    return a.box_ && b.box_ && a.box_->equals(*b.box_);
  }

 private:
  Ref<const AttrsBox> box_;
};

}  // namespace ingot
