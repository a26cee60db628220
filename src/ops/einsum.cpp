// einsum: every step is a permutation and one (batched) matrix product, or a product of elements
// where nothing is summed. Composition only; the ops below have the gradients.
#include <ingot/ops/einsum.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include <ingot/ops/matmul.h>

#include "ops/at.h"
#include "ops/support.h"

namespace ingot {
namespace ops {
namespace {

// A label is a letter (A … Z = 0 … 25, a … z = 26 … 51) or one of the dimensions under "...", which
// are numbered from the last one backwards, so that they align as in broadcasting.
constexpr int kLetters = 52;
constexpr int kLabels = kLetters + Shape::kMaxRank;
constexpr int kEllipsis = -1;

using Labels = std::vector<int>;

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

int position(const Labels& labels, int label) {
  return static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin());
}

std::string label_text(int label) {
  if (label >= kLetters) return "...";
  return std::string(1, static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26));
}

class Equation {
 public:
  Equation(std::string_view text, Site at) : at_(at) {
    for (const char c : text)
      if (c != ' ') text_ += c;
    const std::size_t arrow = text_.find("->");
    has_output_ = arrow != std::string::npos;
    const std::string inputs = text_.substr(0, arrow);
    for (std::size_t begin = 0; begin <= inputs.size();) {
      const std::size_t end = std::min(inputs.find(',', begin), inputs.size());
      terms_.push_back(parse(inputs.substr(begin, end - begin)));
      begin = end + 1;
    }
    if (!has_output_) return;
    output_ = parse(text_.substr(arrow + 2));
    for (std::size_t i = 0; i < output_.size(); ++i)
      if (has({output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(i)}, output_[i]))
        refuse<ValueError>(fmt::format("the output names '{}' twice", label_text(output_[i])));
  }

  template <class E>
  [[noreturn]] void refuse(const std::string& text) const {
    fail<E>("einsum", fmt::format("\"{}\": {}", text_, text), at_);
  }

  const std::vector<Labels>& terms() const { return terms_; }
  Site at() const { return at_; }

  /// One label per dimension of operand i.
  Labels labels_of(std::size_t i, const Shape& shape) const {
    const Labels& term = terms_[i];
    const bool open = has(term, kEllipsis);
    const int named = static_cast<int>(term.size()) - (open ? 1 : 0);
    if (open ? shape.rank() < named : shape.rank() != named)
      refuse<ShapeError>(fmt::format("names {}{} dimensions of operand {}, which has {}: {}",
                                     open ? "at least " : "", named, i, shape.rank(), shape.str()));
    return filled_in(term, shape.rank() - named);
  }

  /// The output's labels; `hidden` is the largest number of dimensions under an ellipsis.
  Labels output(const std::vector<Labels>& operands, int hidden) const {
    if (has_output_) {
      const Labels out = filled_in(output_, hidden);
      for (const int label : out)
        if (std::none_of(operands.begin(), operands.end(),
                         [&](const Labels& l) { return has(l, label); }))
          refuse<ValueError>(
              fmt::format("the output names '{}', which no operand has", label_text(label)));
      return out;
    }
    Labels out = filled_in({kEllipsis}, hidden);
    std::array<int, kLetters> count{};
    for (const Labels& term : terms_)
      for (const int label : term)
        if (label != kEllipsis) ++count[static_cast<std::size_t>(label)];
    for (int label = 0; label < kLetters; ++label)
      if (count[static_cast<std::size_t>(label)] == 1) out.push_back(label);
    return out;
  }

 private:
  Labels parse(const std::string& term) const {
    Labels labels;
    for (std::size_t i = 0; i < term.size(); ++i) {
      const char c = term[i];
      if (c >= 'A' && c <= 'Z') {
        labels.push_back(c - 'A');
      } else if (c >= 'a' && c <= 'z') {
        labels.push_back(c - 'a' + 26);
      } else if (term.compare(i, 3, "...") == 0 && !has(labels, kEllipsis)) {
        labels.push_back(kEllipsis);
        i += 2;
      } else {
        refuse<ValueError>(
            fmt::format("'{}' is not a letter, a comma, one \"...\" per operand or \"->\"", c));
      }
    }
    return labels;
  }

  static Labels filled_in(const Labels& term, int hidden) {
    Labels labels;
    for (const int label : term) {
      if (label != kEllipsis) labels.push_back(label);
      for (int h = hidden; label == kEllipsis && h > 0; --h) labels.push_back(kLetters + h - 1);
    }
    return labels;
  }

  std::string text_;
  std::vector<Labels> terms_;
  Labels output_;
  bool has_output_ = false;
  Site at_;
};

// A tensor and what its dimensions are called.
struct Named {
  Tensor t;
  Labels labels;

  std::int64_t size(int label) const { return t.shape()[position(labels, label)]; }

  void sum(const Labels& over, Site at) {
    if (over.empty()) return;
    Dims dims;
    for (const int label : over) dims.push_back(position(labels, label));
    t = t.sum(dims, false, at);
    std::erase_if(labels, [&](int label) { return has(over, label); });
  }

  void permute(const Labels& order, Site at) {
    if (order == labels) return;
    Dims dims;
    for (const int label : order) dims.push_back(position(labels, label));
    t = t.permute(dims, at);
    labels = order;
  }

  // Of dimensions with the same label only the diagonal remains: every (n + 1)-th of n² elements.
  void take_diagonals(const Equation& equation, std::size_t operand) {
    const Site at = equation.at();
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto again =
          std::find(labels.begin() + static_cast<std::ptrdiff_t>(i) + 1, labels.end(), labels[i]);
      if (again == labels.end()) continue;
      const auto a = static_cast<int>(i), b = static_cast<int>(again - labels.begin());
      const std::int64_t n = t.shape()[a];
      if (n != t.shape()[b])
        equation.refuse<ShapeError>(
            fmt::format("names two dimensions of operand {} '{}', but their sizes are {} and {}",
                        operand, label_text(labels[i]), n, t.shape()[b]));
      Dims order;
      for (int d = 0; d < t.dim(); ++d)
        if (d != a && d != b) order.push_back(d);
      order.push_back(a);
      order.push_back(b);
      Shape flat = t.permute(order, at).shape();
      flat.erase(flat.rank() - 1);
      flat[flat.rank() - 1] = n * n;
      t = t.permute(order, at).reshape(flat, at).slice(-1, 0, n * n, n + 1, at);
      const int label = labels[i];
      labels.erase(labels.begin() + b);  // the later one first
      labels.erase(labels.begin() + a);
      labels.push_back(label);
      i = static_cast<std::size_t>(-1);  // the positions have changed
    }
  }
};

// What happens to the labels of a pair of operands.
struct Roles {
  Labels batch, left, right, summed;
};

Roles roles(const Named& a, const Named& b, const Labels& keep) {
  Roles r;
  for (const int label : a.labels) {
    if (!has(b.labels, label))
      r.left.push_back(label);
    else
      (has(keep, label) ? r.batch : r.summed).push_back(label);
  }
  for (const int label : b.labels)
    if (!has(a.labels, label)) r.right.push_back(label);
  return r;
}

Labels joined(std::initializer_list<const Labels*> parts) {
  Labels all;
  for (const Labels* part : parts) all.insert(all.end(), part->begin(), part->end());
  return all;
}

std::int64_t product(const Named& x, const Labels& labels) {
  std::int64_t n = 1;
  for (const int label : labels) n *= x.size(label);
  return n;
}

// x as batches of matrices whose rows and columns are these labels.
Tensor as_matrices(Named x, const Labels& batch, const Labels& rows, const Labels& columns,
                   const Shape& batch_shape, Site at) {
  x.permute(joined({&batch, &rows, &columns}), at);
  Shape own, shape = batch_shape;
  for (const int label : batch) own.push_back(x.size(label));
  const std::int64_t m = product(x, rows), n = product(x, columns);
  own.push_back(m);
  own.push_back(n);
  shape.push_back(m);
  shape.push_back(n);
  Tensor t = x.t.shape() == own ? x.t : x.t.reshape(own, at);
  return own == shape ? t : t.expand(shape, at);
}

// Elements of both, dimension by dimension; nothing is summed.
Named multiply(Named a, Named b, const Roles& r, Site at) {
  const Labels result = joined({&r.batch, &r.left, &r.right});
  for (Named* x : {&a, &b}) {
    Labels own;
    for (const int label : result)
      if (has(x->labels, label)) own.push_back(label);
    x->permute(own, at);
    Shape shape;
    for (const int label : result) shape.push_back(has(own, label) ? x->size(label) : 1);
    if (!(shape == x->t.shape())) x->t = x->t.reshape(shape, at);
  }
  return {Operand(a.t, at) * b.t, result};
}

Named contract(Named a, Named b, const Labels& keep, Site at) {
  // What only one of them has and nobody needs is summed first.
  for (auto [x, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    Labels alone;
    for (const int label : x->labels)
      if (!has(other->labels, label) && !has(keep, label)) alone.push_back(label);
    x->sum(alone, at);
  }
  // So is what the other one has with size 1.
  for (const int label : Labels(a.labels)) {
    if (!has(b.labels, label) || has(keep, label) || a.size(label) == b.size(label)) continue;
    a.sum({label}, at);
    b.sum({label}, at);
  }
  const Roles r = roles(a, b, keep);
  if (r.summed.empty()) return multiply(std::move(a), std::move(b), r, at);
  Shape batch;
  for (const int label : r.batch) batch.push_back(std::max(a.size(label), b.size(label)));
  // 0 wins over 1, as in broadcasting.
  for (int i = 0; i < batch.rank(); ++i)
    if (a.size(r.batch[static_cast<std::size_t>(i)]) == 0 ||
        b.size(r.batch[static_cast<std::size_t>(i)]) == 0)
      batch[i] = 0;
  Shape result = batch;
  for (const int label : r.left) result.push_back(a.size(label));
  for (const int label : r.right) result.push_back(b.size(label));
  const Tensor x = as_matrices(a, r.batch, r.left, r.summed, batch, at);
  const Tensor y = as_matrices(b, r.batch, r.summed, r.right, batch, at);
  const Tensor z = matmul(x, y, at);
  return {z.shape() == result ? z : z.reshape(result, at), joined({&r.batch, &r.left, &r.right})};
}

// One sum, or one contraction without sums before it and repeated operands (whose gradients are
// sums): a single op that rounds. Of 16 bits anything else is computed in float32.
bool rounds_once(const std::vector<Named>& operands, const Labels& output) {
  if (operands.size() != 2) return operands.size() == 1;
  for (const auto& [x, other] :
       {std::pair(&operands[0], &operands[1]), std::pair(&operands[1], &operands[0])})
    for (const int label : x->labels) {
      if (!has(other->labels, label) ? !has(output, label) : x->size(label) != other->size(label))
        return false;
    }
  return true;
}

// Dimensions of one label must have one size, or size 1.
void check_sizes(const Equation& equation, const std::vector<Named>& operands) {
  std::array<std::int64_t, kLabels> sizes;
  std::array<std::size_t, kLabels> from{};
  sizes.fill(1);
  for (std::size_t i = 0; i < operands.size(); ++i)
    for (const int label : operands[i].labels) {
      const std::int64_t n = operands[i].size(label);
      const auto l = static_cast<std::size_t>(label);
      if (n == 1) continue;
      if (sizes[l] != 1 && sizes[l] != n)
        equation.refuse<ShapeError>(
            fmt::format("'{}' has size {} in operand {} and {} in operand {}", label_text(label),
                        sizes[l], from[l], n, i));
      sizes[l] = n;
      from[l] = i;
    }
}

}  // namespace
}  // namespace ops

Tensor einsum(std::string_view text, const std::vector<Tensor>& tensors, Site at) {
  const ops::Equation equation(text, at);
  if (equation.terms().size() != tensors.size())
    equation.refuse<ValueError>(fmt::format("names {} operands, but there {} {}",
                                            equation.terms().size(),
                                            tensors.size() == 1 ? "is" : "are", tensors.size()));
  std::vector<ops::Named> operands;
  std::vector<ops::Labels> all_labels;
  int hidden = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = ops::defined("einsum", tensors[i], at);
    if (t.dtype() != tensors[0].dtype())
      equation.refuse<DTypeError>(
          fmt::format("operand {} is {} and operand 0 is {}; convert one with .to(dtype)", i,
                      name(t.dtype()), name(tensors[0].dtype())));
    operands.push_back({t, equation.labels_of(i, t.shape())});
    for (const int label : operands[i].labels) hidden = std::max(hidden, label - ops::kLetters + 1);
    operands[i].take_diagonals(equation, i);
    all_labels.push_back(operands[i].labels);
  }
  ops::check_sizes(equation, operands);
  const ops::Labels output = equation.output(all_labels, hidden);
  const DType dtype = tensors[0].dtype();
  const bool wide = is_reduced_float(dtype) && !ops::rounds_once(operands, output);
  if (wide)
    for (ops::Named& operand : operands) operand.t = operand.t.to(DType::Float32, at);

  ops::Named result = operands[0];
  for (std::size_t i = 0; i < operands.size(); ++i) {
    ops::Labels keep = output;  // and what the operands still to come need
    for (std::size_t k = i + 1; k < operands.size(); ++k)
      keep.insert(keep.end(), all_labels[k].begin(), all_labels[k].end());
    if (i > 0) {
      result = ops::contract(std::move(result), operands[i], keep, at);
      continue;
    }
    ops::Labels alone;
    for (const int label : result.labels)
      if (!ops::has(keep, label)) alone.push_back(label);
    result.sum(alone, at);
  }
  result.permute(output, at);
  return wide ? result.t.to(dtype, at) : result.t;
}

}  // namespace ingot
