// Losses that compare element by element. smooth_l1, bce and bce_with_logits are ops with rules of
// their own, which keep less for backward than their expansions would.
#include <ingot/ops/loss.h>

#include <ingot/core/site_scope.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "ops/at.h"
#include "ops/flops.h"
#include "ops/labels.h"
#include "ops/reduced.h"

namespace ingot {
namespace ops {
namespace {

// -- smooth_l1(difference) and huber(difference) -------------------------------------------------

void infer_smooth_l1(InferContext& c) {
  c.require_floating(0);
  infer_like_first(c);
}

void expand_smooth_l1(ExpandContext& c) {
  const auto& a = c.as<SmoothL1Attrs>();
  const Tensor d = c.in(0), size = abs(d);
  const double scale = a.huber ? 1 : 1 / a.beta;
  const Tensor square_part = size * (size * (0.5 * scale));
  const Tensor linear_part = (size - 0.5 * a.beta) * (a.huber ? a.beta : 1.0);
  c.result(where(size < a.beta, square_part, linear_part));
}

void vjp_smooth_l1(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const auto& a = c.as<SmoothL1Attrs>();
  const double scale = a.huber ? 1 : 1 / a.beta;
  const Tensor slope = clamp(c.input(0), -a.beta, a.beta) * scale;
  c.set(0, c.grad() * slope);
}

const OpDef kSmoothL1{.name = "smooth_l1",
                      .infer = infer_smooth_l1,
                      .gradient = Gradient::Rule,
                      .vjp = vjp_smooth_l1,
                      .saves = save_input,
                      .expand = expand_smooth_l1};

// -- bce(x, t) and bce_with_logits(x, t) ---------------------------------------------------------

void infer_pair(InferContext& c, const char* first) {
  if (!(c.shape(0) == c.shape(1)))
    c.shape_error(fmt::format("{}{} and target{} must have the same shape", first, c.shape(0).str(),
                              c.shape(1).str()));
  c.require_floating(0);
  c.require_same_dtype();
  c.out(c.shape(0), c.dtype(0));
}

// Each input's gradient needs x; that of x needs t as well.
Saved saves_pair(const SavesContext& c) { return {.inputs = c.needs(0) ? 3u : 1u}; }

// Logarithms of probabilities, limited as in PyTorch so that a certain mistake costs 100, not ∞.
Tensor log_of(const Tensor& x) { return maximum(log(x), -100.0); }
Tensor log_of_rest(const Tensor& x) { return maximum(log1p(neg(x)), -100.0); }

double flops_check_unit(const FlopsContext& c) { return 2 * c.numel_in(0); }

// Its input unchanged; evaluation throws ValueError, beginning with `attrs.name`, unless all of it
// is in [0, 1].
const OpDef kCheckUnit{.name = "check_unit",
                       .infer =
                           [](InferContext& c) {
                             c.require_floating(0);
                             infer_like_first(c);
                           },
                       .gradient = Gradient::Rule,
                       .vjp = [](VjpContext& c) { c.set(0, c.grad()); },
                       .saves = save_nothing,
                       .traits = {.checks = true},
                       .flops = flops_check_unit};

void expand_bce(ExpandContext& c) {
  const Tensor x = c.in(0), t = c.in(1);
  c.result((t - 1) * log_of_rest(x) - t * log_of(x));
}

void vjp_bce(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const Tensor x = c.input(0), g = c.grad();
  if (c.needs(0)) {
    const Tensor d = (x - c.input(1)) / maximum((1 - x) * x, 1e-12);
    c.set(0, g * d);
  }
  if (c.needs(1)) c.set(1, g * (log_of_rest(x) - log_of(x)));
}

const OpDef kBce{.name = "bce",
                 .infer = [](InferContext& c) { infer_pair(c, "input"); },
                 .gradient = Gradient::Rule,
                 .vjp = vjp_bce,
                 .saves = saves_pair,
                 .expand = expand_bce};

// max(x, 0) − x·t + log(1 + exp(−|x|))
void expand_bce_with_logits(ExpandContext& c) {
  const Tensor x = c.in(0), t = c.in(1);
  c.result(x.relu() - x * t + log1p(x.abs().neg().exp()));
}

void vjp_bce_with_logits(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const Tensor& g = c.grad();
  if (c.needs(0)) c.set(0, g * (c.input(0).sigmoid() - c.input(1)));
  if (c.needs(1)) c.set(1, neg(g * c.input(0)));
}

const OpDef kBceWithLogits{.name = "bce_with_logits",
                           .infer = [](InferContext& c) { infer_pair(c, "logits"); },
                           .gradient = Gradient::Rule,
                           .vjp = vjp_bce_with_logits,
                           .saves = saves_pair,
                           .expand = expand_bce_with_logits};

Tensor difference(std::string_view op, const Tensor& input, const Tensor& target, Site at) {
  return Operand(defined(op, input, at), at) - defined(op, target, at);
}

Tensor weighted(const Tensor& losses, const Tensor& weight, Site at) {
  return weight.defined() ? Operand(losses, at) * weight : losses;
}

Tensor record_smooth_l1(std::string_view op, const Tensor& input, const Tensor& target,
                        Reduction reduction, const SmoothL1Attrs& attrs, Site at) {
  const Tensor d = difference(op, input, target, at);
  return reduced(op, record(kSmoothL1, {&d}, attrs, at), reduction, at);
}

}  // namespace

Tensor check_unit(const Tensor& p, std::string what, Site at) {
  return record(kCheckUnit, {&p}, NameAttrs{std::move(what)}, at);
}

INGOT_EXPORT_OPS(distance_loss, &kSmoothL1, &kCheckUnit, &kBce, &kBceWithLogits)

Tensor reduced(std::string_view op, const Tensor& losses, Reduction r, Site at) {
  switch (r) {
    case Reduction::None:
      return losses;
    case Reduction::Mean:
      return losses.mean({}, false, at);
    case Reduction::Sum:
      return losses.sum({}, false, at);
    case Reduction::BatchMean:
      break;
  }
  if (op != "kl_div") fail<ValueError>(op, "only kl_div knows the reduction \"batchmean\"", at);
  if (losses.dim() == 0) return losses;
  return Operand(losses.sum({}, false, at), at) / static_cast<double>(losses.size(0));
}

}  // namespace ops

using namespace ops;  // the definitions above

Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction, Site at) {
  defined("mse_loss", input, at);
  defined("mse_loss", target, at);
  if (const Widened w(at, {&input, &target}); w)
    return w.rounded(mse_loss(w[0], w[1], reduction, at));
  return reduced("mse_loss", difference("mse_loss", input, target, at).square(at), reduction, at);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction, Site at) {
  defined("l1_loss", input, at);
  defined("l1_loss", target, at);
  if (const Widened w(at, {&input, &target}); w)
    return w.rounded(l1_loss(w[0], w[1], reduction, at));
  return reduced("l1_loss", difference("l1_loss", input, target, at).abs(at), reduction, at);
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, Reduction reduction, double beta,
                      Site at) {
  if (!(beta >= 0))
    fail<ValueError>("smooth_l1_loss", fmt::format("beta must not be negative, got {}", beta), at);
  defined("smooth_l1_loss", input, at);
  defined("smooth_l1_loss", target, at);
  if (const Widened w(at, {&input, &target}); w)
    return w.rounded(smooth_l1_loss(w[0], w[1], reduction, beta, at));
  if (beta == 0)
    return reduced("smooth_l1_loss", difference("smooth_l1_loss", input, target, at).abs(at),
                   reduction, at);
  return record_smooth_l1("smooth_l1_loss", input, target, reduction,
                          {.beta = beta, .huber = false}, at);
}

Tensor huber_loss(const Tensor& input, const Tensor& target, Reduction reduction, double delta,
                  Site at) {
  if (!(delta > 0))
    fail<ValueError>("huber_loss", fmt::format("delta must be positive, got {}", delta), at);
  defined("huber_loss", input, at);
  defined("huber_loss", target, at);
  if (const Widened w(at, {&input, &target}); w)
    return w.rounded(huber_loss(w[0], w[1], reduction, delta, at));
  return record_smooth_l1("huber_loss", input, target, reduction, {.beta = delta, .huber = true},
                          at);
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, Reduction reduction,
                            const Tensor& weight, Site at) {
  defined("binary_cross_entropy", input, at);
  defined("binary_cross_entropy", target, at);
  if (const Widened w(at, {&input, &target, &weight}); w && input.dtype() == target.dtype())
    return w.rounded(binary_cross_entropy(w[0], w[1], reduction, w[2], at));
  const auto checked = [&](const Tensor& t, const char* what) {
    if (!is_floating(defined("binary_cross_entropy", t, at).dtype())) return t;  // bce refuses it
    return check_unit(t, std::string("binary_cross_entropy: ") + what, at);
  };
  const Tensor x = checked(input, "input"), t = checked(target, "target");
  const Tensor losses = record(kBce, {&x, &t}, {}, at);
  return reduced("binary_cross_entropy", weighted(losses, weight, at), reduction, at);
}

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        Reduction reduction, Site at) {
  return binary_cross_entropy_with_logits(logits, target,
                                          BceWithLogitsOptions{.reduction = reduction}, at);
}

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const BceWithLogitsOptions& options, Site at) {
  const char* op = "binary_cross_entropy_with_logits";
  defined(op, logits, at);
  defined(op, target, at);
  if (const Widened w(at, {&logits, &target, &options.weight, &options.pos_weight});
      w && logits.dtype() == target.dtype()) {
    BceWithLogitsOptions wide = options;
    wide.weight = w[2];
    wide.pos_weight = w[3];
    return w.rounded(binary_cross_entropy_with_logits(w[0], w[1], wide, at));
  }
  Tensor losses = record(kBceWithLogits, {&logits, &target}, {}, at);
  if (options.pos_weight.defined()) {
    // The term of the positive class, −t·log σ(x), counts pos_weight times.
    const At s{at};
    const Tensor more = s(options.pos_weight) - 1;
    losses = s(losses) - s(s(target) * more) * logsigmoid(logits, at);
    if (!(losses.shape() == logits.shape()))
      fail<ShapeError>(op,
                       fmt::format("pos_weight{} does not broadcast to logits{}",
                                   options.pos_weight.shape().str(), logits.shape().str()),
                       at);
  }
  return reduced(op, weighted(losses, options.weight, at), options.reduction, at);
}

Tensor kl_div(const Tensor& input, const Tensor& target, Reduction reduction, bool log_target,
              Site at) {
  const At s{at};
  defined("kl_div", input, at);
  defined("kl_div", target, at);
  if (const Widened w(at, {&input, &target}); w)
    return w.rounded(kl_div(w[0], w[1], reduction, log_target, at));
  Tensor losses;
  if (log_target) {
    losses = s(exp(target, at)) * (s(target) - input);
  } else {
    // 0·log 0 is 0.
    const Tensor is_zero = s(target) == 0;
    const Tensor logs = log(where(is_zero, s(1), target), at);
    losses = s(s(target) * logs) - s(target) * input;
  }
  return reduced("kl_div", losses, reduction, at);
}

}  // namespace ingot
