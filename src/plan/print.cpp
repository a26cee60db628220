// Printing tensors the way PyTorch prints them: four digits, one width for all elements, large
// tensors by their edges. Follows the observable behaviour of torch.Tensor.__repr__ with its
// default print options.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "core/cell.h"
#include "core/op_def.h"

namespace ingot {
namespace {

constexpr int kPrecision = 4;
constexpr std::int64_t kThreshold = 1000;  // more elements than this are summarised
constexpr std::int64_t kEdge = 3;
constexpr std::size_t kLineWidth = 80;

double number_at(const HostArray& a, std::int64_t i) {
  return visit_dtype(a.dtype(), [&](auto type) -> double {
    using T = decltype(type);
    return static_cast<double>(static_cast<const T*>(a.data())[i]);
  });
}

class Printer {
 public:
  explicit Printer(const HostArray& array) : array_(array), summarize_(array.numel() > kThreshold) {
    std::vector<std::int64_t> shown;
    collect(0, 0, shown);
    choose_format(shown);
  }

  std::string print(std::size_t indent) const { return print(0, 0, indent); }

 private:
  int rank() const { return array_.shape().rank(); }
  std::int64_t size(int dim) const { return array_.shape()[dim]; }
  std::int64_t stride(int dim) const {
    std::int64_t s = 1;
    for (int d = dim + 1; d < rank(); ++d) s *= size(d);
    return s;
  }
  bool cut(int dim) const { return summarize_ && size(dim) > 2 * kEdge; }

  void collect(int dim, std::int64_t offset, std::vector<std::int64_t>& shown) const {
    if (dim == rank()) {
      shown.push_back(offset);
      return;
    }
    for (std::int64_t i = 0; i < size(dim); ++i)
      if (!cut(dim) || i < kEdge || i >= size(dim) - kEdge)
        collect(dim + 1, offset + i * stride(dim), shown);
  }

  void choose_format(const std::vector<std::int64_t>& shown) {
    if (!is_floating(array_.dtype())) {
      for (const std::int64_t i : shown) width_ = std::max(width_, element(i).size());
      return;
    }
    double smallest = INFINITY, largest = 0;
    std::vector<double> values;
    for (const std::int64_t i : shown) {
      const double v = number_at(array_, i);
      if (!std::isfinite(v) || v == 0) continue;
      values.push_back(v);
      smallest = std::min(smallest, std::abs(v));
      largest = std::max(largest, std::abs(v));
      if (v != std::ceil(v)) integers_ = false;
    }
    if (values.empty()) return;
    scientific_ = largest / smallest > 1000.0 || largest > 1e8 || (!integers_ && smallest < 1e-4);
    for (const double v : values) width_ = std::max(width_, format(v).size());
  }

  std::string format(double v) const {
    if (!std::isfinite(v)) return std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf";
    if (scientific_) return fmt::format("{:.{}e}", v, kPrecision);
    if (integers_) return fmt::format("{:.0f}.", v);
    return fmt::format("{:.{}f}", v, kPrecision);
  }

  std::string element(std::int64_t i) const {
    if (is_floating(array_.dtype())) return format(number_at(array_, i));
    if (array_.dtype() == DType::Bool) return number_at(array_, i) != 0 ? "True" : "False";
    return visit_dtype(array_.dtype(), [&](auto type) -> std::string {
      using T = decltype(type);
      return fmt::format("{}", static_cast<std::int64_t>(static_cast<const T*>(array_.data())[i]));
    });
  }

  std::string padded(std::int64_t i) const { return fmt::format("{:>{}}", element(i), width_); }

  std::string print(int dim, std::int64_t offset, std::size_t indent) const {
    if (rank() == 0) return element(0);
    std::vector<std::string> parts;
    const bool last = dim == rank() - 1;
    for (std::int64_t i = 0; i < size(dim); ++i) {
      if (cut(dim) && i == kEdge) {
        parts.push_back(last ? " ..." : "...");
        i = size(dim) - kEdge;
      }
      const std::int64_t at = offset + i * stride(dim);
      parts.push_back(last ? padded(at) : print(dim + 1, at, indent + 1));
    }
    if (!last) {
      const std::string gap = "," + std::string(static_cast<std::size_t>(rank() - dim - 1), '\n') +
                              std::string(indent + 1, ' ');
      return fmt::format("[{}]", fmt::join(parts, gap));
    }
    const std::size_t room = kLineWidth > indent ? (kLineWidth - indent) / (width_ + 2) : 1;
    const std::size_t per_line = std::max<std::size_t>(1, room);
    std::string text = "[";
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i > 0) text += i % per_line == 0 ? ",\n" + std::string(indent + 1, ' ') : ", ";
      text += parts[i];
    }
    return text + "]";
  }

  const HostArray& array_;
  bool summarize_;
  bool integers_ = true;
  bool scientific_ = false;
  std::size_t width_ = 1;
};

}  // namespace

std::string Tensor::str() const {
  if (!defined()) return "tensor(undefined)";
  constexpr std::string_view kPrefix = "tensor(";
  const HostArray host = to_host();
  std::vector<std::string> notes;
  std::string text(kPrefix);
  const bool default_dtype =
      dtype() == DType::Float32 || dtype() == DType::Int64 || dtype() == boolean;
  if (device().type != DeviceType::CPU) notes.push_back(fmt::format("device='{}'", device().str()));
  if (numel() == 0) {
    text += "[]";
    if (dim() != 1)
      notes.push_back(fmt::format("size=({})", fmt::join(shape().begin(), shape().end(), ", ")));
    if (dtype() != DType::Float32) notes.push_back(fmt::format("dtype={}", ingot::name(dtype())));
  } else {
    text += Printer(host).print(kPrefix.size());
    if (!default_dtype) notes.push_back(fmt::format("dtype={}", ingot::name(dtype())));
  }
  if (requires_grad())
    notes.push_back(is_leaf() ? "requires_grad=True"
                              : fmt::format("grad_fn=<{}>", cell()->value().node->op().name));
  // PyTorch counts two columns more than the last line has; so that lines break at the same place.
  std::size_t line = text.size() - (text.rfind('\n') + 1) + 2;  // npos + 1 is 0
  for (const std::string& note : notes) {
    if (line + note.size() + 2 > kLineWidth) {
      text += ",\n" + std::string(kPrefix.size(), ' ') + note;
      line = kPrefix.size() + note.size();
    } else {
      text += ", " + note;
      line += note.size() + 2;
    }
  }
  return text + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << t.str(); }

}  // namespace ingot
