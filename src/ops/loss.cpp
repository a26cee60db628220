// Losses over classes. cross_entropy is an op (with its gradient) so that a backend can fuse it;
// class weights and probability targets are written in terms of other ops.
#include <ingot/ops/loss.h>

#include <fmt/format.h>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/softmax.h>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/at.h"
#include "ops/labels.h"
#include "ops/reduced.h"

namespace ingot {
namespace ops {
namespace {

extern const OpDef kCrossEntropy, kCrossEntropyBackward;

std::string reduction_name(std::string_view op, Reduction r, Site at) {
  if (r == Reduction::BatchMean)
    fail<ValueError>(op, "only kl_div knows the reduction \"batchmean\"", at);
  return r == Reduction::None ? "none" : r == Reduction::Mean ? "mean" : "sum";
}

// -- cross_entropy(logits[N, C, …], target[N, …])
// --------------------------------------------------

// [N, C, …] without C.
Shape without_classes(const Shape& logits) {
  Shape s = logits;
  s.erase(1);
  return s;
}

void check_classes(std::string_view op, const TensorSpec& logits, const TensorSpec& target,
                   Site at) {
  const Shape& x = logits.shape;
  if (!is_floating(logits.dtype))
    fail<DTypeError>(op, fmt::format("needs floating-point logits, got {}", logits.str()), at);
  if (x.rank() < 1) fail<ShapeError>(op, "logits must be [N, C, …] or [C], got a 0-dim tensor", at);
  if (target.dtype != DType::Int64)
    fail<DTypeError>(op,
                     fmt::format("target must be int64 classes, got {}; convert it with .to(int64)",
                                 target.str()),
                     at);
  const Shape expected = x.rank() == 1 ? Shape{} : without_classes(x);
  if (!(target.shape == expected))
    fail<ShapeError>(op,
                     fmt::format("logits{} need a target of shape {}, got {}", x.str(),
                                 expected.str(), target.shape.str()),
                     at);
}

void infer_cross_entropy(InferContext& c) {
  const auto& a = c.as<LossAttrs>();
  if (!(a.label_smoothing >= 0 && a.label_smoothing <= 1))
    c.value_error(
        fmt::format("label_smoothing must be between 0 and 1, got {}", a.label_smoothing));
  c.out(a.reduction == "none" ? c.shape(1) : Shape{}, c.dtype(0));
}

// What both the loss and its gradient start from.
struct Labels {
  Tensor checked;  ///< [N, …], ignored ones 0
  Tensor valid;    ///< [N, …], bool
};

Labels labels_of(std::string_view what, const Tensor& target, std::int64_t classes,
                 std::int64_t ignore_index, Site at) {
  const LabelAttrs attrs{.what = std::string(what),
                         .classes = classes,
                         .can_ignore = true,
                         .ignore_index = ignore_index};
  return {check_labels(target, attrs, at), Operand(target, at) != ignore_index};
}

// −log_p[label], and 0 where ignored.
Tensor picked_losses(const Tensor& log_p, const Labels& labels, Site at) {
  const At s{at};
  const Tensor picked = log_p.gather(1, labels.checked.unsqueeze(1, at), at).squeeze(1, at);
  return where(labels.valid, s(picked.neg(at)), 0.0);
}

Tensor total(const Tensor& losses, const Tensor& divisor, std::string_view reduction, Site at) {
  if (reduction == "none") return losses;
  const Tensor sum = losses.sum({}, false, at);
  return reduction == "sum" ? sum : Operand(sum, at) / divisor;
}

void expand_cross_entropy(ExpandContext& c) {
  const Site at = Site::current();
  const auto& a = c.as<LossAttrs>();
  const DType dtype = compute_dtype(c.in(0).dtype());
  const std::int64_t classes = c.in(0).shape()[1];
  const Tensor log_p = log_softmax(c.in(0).to(dtype), 1);
  const Labels labels = labels_of("cross_entropy", c.in(1), classes, a.ignore_index, at);
  Tensor losses = picked_losses(log_p, labels, at);
  if (a.label_smoothing > 0) {
    const Tensor spread = where(labels.valid, log_p.sum({1}).neg(), 0.0);
    losses = losses * (1 - a.label_smoothing) +
             spread * (a.label_smoothing / static_cast<double>(classes));
  }
  c.result(total(losses, labels.valid.to(dtype).sum(), a.reduction, at).to(c.out(0).dtype));
}

void vjp_cross_entropy(VjpContext& c) {
  if (!c.needs(0)) return;
  const Tensor logits = c.input(0), target = c.input(1);
  c.set(0, record(kCrossEntropyBackward, {&c.grad(), &logits, &target}, c.node.attrs(),
                  c.node.site()));
}

const OpDef kCrossEntropy{.name = "cross_entropy",
                          .infer = infer_cross_entropy,
                          .gradient = Gradient::Rule,
                          .vjp = vjp_cross_entropy,
                          .saves = [](const SavesContext&) { return Saved{.inputs = 3}; },
                          .expand = expand_cross_entropy,
                          .traits = {.checks = true}};

// -- cross_entropy_backward(grad, logits, target)
// --------------------------------------------------

void infer_cross_entropy_backward(InferContext& c) { c.out(c.shape(1), c.dtype(1)); }

// ∂loss/∂x_j = softmax(x)_j − (1 − smoothing)·[j = label] − smoothing/C where not ignored.
void expand_cross_entropy_backward(ExpandContext& c) {
  const Site at = Site::current();
  const auto& a = c.as<LossAttrs>();
  const DType dtype = compute_dtype(c.in(1).dtype());
  const Shape& shape = c.in(1).shape();
  const std::int64_t classes = shape[1];
  const Labels labels = labels_of("cross_entropy", c.in(2), classes, a.ignore_index, at);

  Shape class_shape = Shape::filled(shape.rank(), 1);
  class_shape[1] = classes;
  const Tensor all = arange(0, classes, 1, DType::Int64, c.in(1).device()).reshape(class_shape);
  const Tensor is_label = all == labels.checked.unsqueeze(1);
  const double on = 1 - a.label_smoothing, off = a.label_smoothing / static_cast<double>(classes);
  Tensor d = softmax(c.in(1).to(dtype), 1) - is_label.to(dtype) * on;
  if (a.label_smoothing > 0) d = d - off;

  Tensor g = c.in(0).to(dtype);
  if (a.reduction == "mean") g = g / labels.valid.to(dtype).sum();
  if (a.reduction == "none") g = g.unsqueeze(1);
  c.result(where(labels.valid.unsqueeze(1), d * g, 0.0).to(c.out(0).dtype));
}

const OpDef kCrossEntropyBackward{.name = "cross_entropy_backward",
                                  .infer = infer_cross_entropy_backward,
                                  .gradient = Gradient::Expand,
                                  .expand = expand_cross_entropy_backward,
                                  .traits = {.checks = true}};

// -- Written in terms of other ops
// -----------------------------------------------------------------

Tensor checked_weight(std::string_view op, const Tensor& weight, const TensorSpec& logits,
                      std::int64_t classes, Site at) {
  if (!(weight.shape() == Shape{classes}))
    fail<ShapeError>(op,
                     fmt::format("weight must have shape [{}] for logits{}, got {}", classes,
                                 logits.shape.str(), weight.shape().str()),
                     at);
  if (weight.dtype() != logits.dtype)
    fail<DTypeError>(op,
                     fmt::format("weight must be {} like the logits, got {}", name(logits.dtype),
                                 name(weight.dtype())),
                     at);
  return weight;
}

// [C] as [1, C, 1, …].
Tensor along_classes(const Tensor& weight, int rank, Site at) {
  Shape shape = Shape::filled(rank, 1);
  shape[1] = weight.numel();
  return weight.reshape(shape, at);
}

// Losses of classes given log probabilities [N, C, …].
Tensor class_losses(std::string_view op, const Tensor& log_p, const Tensor& target,
                    const Tensor& weight, const LossAttrs& a, Site at) {
  const At s{at};
  const std::int64_t classes = log_p.shape()[1];
  const Labels labels = labels_of(op, target, classes, a.ignore_index, at);
  Tensor losses = picked_losses(log_p, labels, at);
  Tensor counts = labels.valid.to(log_p.dtype(), at);
  Tensor spread_over = log_p;
  if (weight.defined()) {
    const Tensor flat = labels.checked.reshape({labels.checked.numel()}, at);
    const Tensor factors = weight.index_select(0, flat, at).reshape(target.shape(), at);
    losses = s(losses) * factors;
    counts = s(counts) * factors;
    spread_over = s(log_p) * along_classes(weight, log_p.dim(), at);
  }
  if (a.label_smoothing > 0) {
    const Tensor spread = where(labels.valid, s(spread_over.sum({1}, false, at).neg(at)), 0.0);
    const Tensor share = s(spread) * (a.label_smoothing / static_cast<double>(classes));
    losses = s(s(losses) * (1 - a.label_smoothing)) + share;
  }
  return total(losses, counts.sum({}, false, at), a.reduction, at);
}

// Σ over classes of −p·log softmax; the mean is over targets, not over elements.
Tensor probability_losses(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& o,
                          Site at) {
  const At s{at};
  if (!(target.shape() == logits.shape()))
    fail<ShapeError>("cross_entropy",
                     fmt::format("logits{} need probabilities of the same shape, got {}",
                                 logits.shape().str(), target.shape().str()),
                     at);
  const std::int64_t classes = logits.shape()[1];
  Tensor p = target;
  if (o.label_smoothing > 0) {
    const Tensor kept = s(p) * (1 - o.label_smoothing);
    p = s(kept) + o.label_smoothing / static_cast<double>(classes);
  }
  Tensor log_p = log_softmax(logits, 1, at);
  if (o.weight.defined()) log_p = s(log_p) * along_classes(o.weight, logits.dim(), at);
  const Tensor losses = (s(log_p) * p).sum({1}, false, at).neg(at);
  if (o.reduction != Reduction::Mean) return reduced("cross_entropy", losses, o.reduction, at);
  return s(losses.sum({}, false, at)) /
         static_cast<double>(without_classes(logits.shape()).numel());
}

LossAttrs attrs_of(const CrossEntropyOptions& o, Site at) {
  return {.reduction = reduction_name("cross_entropy", o.reduction, at),
          .ignore_index = o.ignore_index,
          .label_smoothing = o.label_smoothing};
}

}  // namespace

INGOT_EXPORT_OPS(loss, &kCrossEntropy, &kCrossEntropyBackward)

}  // namespace ops

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options,
                     Site at) {
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    ops::fail<ValueError>(
        "cross_entropy",
        fmt::format("label_smoothing must be between 0 and 1, got {}", options.label_smoothing),
        at);
  ops::defined("cross_entropy", logits, at);
  const bool probabilities =
      is_floating(ops::defined("cross_entropy", target, at).dtype()) && logits.dim() > 0;
  if (!probabilities)
    ops::check_classes("cross_entropy", logits.cell()->spec(), target.cell()->spec(), at);
  if (logits.dim() == 1) {  // one target without a batch
    const Tensor row = cross_entropy(logits.unsqueeze(0, at), target.unsqueeze(0, at), options, at);
    return row.dim() == 1 ? row.squeeze(0, at) : row;
  }
  if (options.weight.defined())
    ops::checked_weight("cross_entropy", options.weight, logits.cell()->spec(), logits.shape()[1],
                        at);
  if (probabilities || options.weight.defined()) {
    const ops::Widened w(at, {&logits, &target, &options.weight});
    if (w && (!probabilities || logits.dtype() == target.dtype())) {
      CrossEntropyOptions wide = options;
      wide.weight = w[2];
      return w.rounded(cross_entropy(w[0], w[1], wide, at));
    }
  }
  if (probabilities) return ops::probability_losses(logits, target, options, at);
  if (options.weight.defined())
    return ops::class_losses("cross_entropy", log_softmax(logits, 1, at), target, options.weight,
                             ops::attrs_of(options, at), at);
  return record(ops::kCrossEntropy, {&logits, &target}, ops::attrs_of(options, at), at);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                const NllLossOptions& options, Site at) {
  const TensorSpec& spec = ops::spec_of(ops::defined("nll_loss", log_probabilities, at));
  ops::check_classes("nll_loss", spec, ops::spec_of(ops::defined("nll_loss", target, at)), at);
  if (log_probabilities.dim() == 1) {
    const Tensor row =
        nll_loss(log_probabilities.unsqueeze(0, at), target.unsqueeze(0, at), options, at);
    return row.dim() == 1 ? row.squeeze(0, at) : row;
  }
  if (options.weight.defined())
    ops::checked_weight("nll_loss", options.weight, spec, spec.shape[1], at);
  if (const ops::Widened w(at, {&log_probabilities, &options.weight}); w) {
    NllLossOptions wide = options;
    wide.weight = w[1];
    return w.rounded(nll_loss(w[0], target, wide, at));
  }
  return ops::class_losses("nll_loss", log_probabilities, target, options.weight,
                           {.reduction = ops::reduction_name("nll_loss", options.reduction, at),
                            .ignore_index = options.ignore_index,
                            .label_smoothing = 0},
                           at);
}

// -- The same with options by name ------------------------------------------------------------------

Tensor mse_loss(const Tensor& input, const Tensor& target, const LossOptions& o, Site at) {
  return mse_loss(input, target, o.reduction, at);
}
Tensor l1_loss(const Tensor& input, const Tensor& target, const LossOptions& o, Site at) {
  return l1_loss(input, target, o.reduction, at);
}
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, const SmoothL1LossOptions& o,
                      Site at) {
  return smooth_l1_loss(input, target, o.reduction, o.beta, at);
}
Tensor huber_loss(const Tensor& input, const Tensor& target, const HuberLossOptions& o, Site at) {
  return huber_loss(input, target, o.reduction, o.delta, at);
}
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const BceLossOptions& o,
                            Site at) {
  return binary_cross_entropy(input, target, o.reduction, o.weight, at);
}
Tensor kl_div(const Tensor& input, const Tensor& target, const KlDivOptions& o, Site at) {
  return kl_div(input, target, o.reduction, o.log_target, at);
}

}  // namespace ingot
