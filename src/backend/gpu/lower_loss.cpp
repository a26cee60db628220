// cross_entropy and its gradient: a check of the labels, a launch over rows, one that adds them up.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include <ingot/core/error.h>

#include "backend/gpu/check_launch.h"
#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/sort_launch.h"
#include "backend/gpu/walk.h"
#include "backend/indexing.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

constexpr std::int64_t kWarpClasses = 256, kMaxGroups = 65535;
constexpr std::uint32_t kTotalThreads = 256;

// What the loss's launches and the gradient's have in common. Inputs are the logits and the target
// from `first` on.
class CrossEntropy {
 public:
  CrossEntropy(const StepDesc& step, Driver& driver, std::size_t first)
      : step_(step),
        driver_(driver),
        attrs_(step.as<LossAttrs>()),
        first_(first),
        x_(step.inputs[first]),
        target_(step.inputs[first + 1]),
        classes_(x_.shape[1]),
        rows_(target_.numel()) {
    Check check = range_check(first + 1, 0, classes_);
    check.fits = "x == p.ignored || (" + check.fits + ")";
    check.numbers.emplace_back("ignored", attrs_.ignore_index);
    add_checks(step, driver, {check}, workspace_, launches_,
               [shape = target_.shape, classes = classes_](std::size_t, const Misfit& misfit) {
                 throw IndexError(fmt::format(
                     "cross_entropy: label {} at position {} is out of range for {} classes",
                     static_cast<std::int64_t>(misfit.bits),
                     position_text(index_at(misfit.number, shape)), classes));
               });
  }

  /// A launch of one of the kernels, with target and numbers.
  SourceBuilder begin(const char* kernel, Launch& launch) const {
    SourceBuilder source(kernel);
    launch.what = fmt::format("{}: {}", step_.op->name, kernel);
    source.index_64(needs_index_64(extent_nbytes(x_) / nbytes_of(x_.dtype)));
    for (const char* family : {"scalar", "fold", "loss"}) source.use(family);
    source.member(fmt::format("  typedef {} T;\n  typedef {} W;\n", type_name(x_.dtype), work()));
    add_number(source, launch, "rows", rows_);
    add_number(source, launch, "ignored", attrs_.ignore_index);
    source.buffer("i64", "labels", true);
    launch.operands.push_back({first_ + 1, extent_nbytes(target_), 0});
    Walk walk;
    for (int d = 0; d < target_.shape.rank(); ++d) walk.push(target_.shape[d], target_.strides[d]);
    add_walk(source, launch, "label_at", walk.sizes, walk.strides);
    source.member(
        "  static FN i64 target(Buffers b, CONSTANT const Params& p, Index row) {\n"
        "    return b.labels[label_at(p, row)];\n  }\n");
    return source;
  }
  /// And with the logits: a group takes a row.
  SourceBuilder begin_rows(const char* kernel, Launch& launch) const {
    SourceBuilder source = begin(kernel, launch);
    const double smoothing = attrs_.label_smoothing;
    add_number(source, launch, "classes", classes_);
    add_number(source, launch, "class_stride", x_.strides[1]);
    add_real(source, launch, "keep", 1 - smoothing);
    add_real(source, launch, "each", smoothing / static_cast<double>(classes_));
    source.buffer(type_name(x_.dtype), "x", true);
    launch.operands.push_back({first_, extent_nbytes(x_), 0});
    add_line_walk(source, launch, "x_row", x_.shape, x_.strides, 1);
    const std::uint32_t threads = classes_ <= kWarpClasses ? 32 : 256;
    source.threads(threads);
    source.member(fmt::format(
        "  static FN bool smooths() {{ return {0}; }}\n  struct Shared {{\n"
        "    Largest<W>::Acc top[{1}];\n    FloatSum<W>::Acc sum[{1}], all[{1}];\n  }};\n",
        smoothing > 0, threads));
    source.shares();
    launch.grid = {static_cast<std::uint32_t>(std::min(rows_, kMaxGroups))};
    return source;
  }
  /// Adds up what `loss`, an expression, says of row `row`; `finish` is what becomes of `sum` and
  /// `count`. Buffers are added by `add_buffers`.
  template <class F>
  void add_total(const std::string& loss, const std::string& finish, F add_buffers) {
    Launch launch;
    SourceBuilder source = begin("cross_entropy_total", launch);
    add_buffers(source, launch);
    source.threads(kTotalThreads);
    source.member(fmt::format(
        "  static FN W loss(Buffers b, Index row) {{\n    (void)b;\n    (void)row;\n"
        "    return {0};\n  }}\n"
        "  static FN void finish(Buffers b, W sum, W count) {{\n    (void)sum;\n    (void)count;\n"
        "    {1};\n  }}\n"
        "  struct Shared {{\n    FloatSum<W>::Acc sum[{2}];\n    IntegerSum::Acc count[{2}];\n"
        "  }};\n",
        loss, finish, kTotalThreads));
    source.shares();
    add(source, std::move(launch));
  }
  void add(const SourceBuilder& source, Launch launch) {
    launch.pipeline = driver_.compile(source.finish(driver_.dialect()));
    launches_.push_back(std::move(launch));
  }
  std::size_t take(std::size_t nbytes) { return workspace_.take(nbytes); }
  std::size_t workspace_operand() const { return step_.inputs.size() + 1; }

  std::unique_ptr<Kernel> finish() {
    return std::make_unique<LaunchKernel>(step_.inputs.size(), 1, std::move(launches_),
                                          workspace_.nbytes());
  }
  std::string_view work() const { return work_name(x_.dtype); }
  std::size_t work_nbytes() const { return x_.dtype == DType::Float64 ? 8 : 4; }
  std::int64_t rows() const { return rows_; }
  const TensorDesc& x() const { return x_; }

 private:
  void add_real(SourceBuilder& source, Launch& launch, const std::string& name,
                double value) const {
    source.parameter(work(), name);
    launch.words.push_back(x_.dtype == DType::Float64
                               ? std::bit_cast<std::uint64_t>(value)
                               : std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  }

  const StepDesc& step_;
  Driver& driver_;
  const LossAttrs& attrs_;
  std::size_t first_;
  const TensorDesc &x_, &target_;
  std::int64_t classes_, rows_;
  std::vector<Launch> launches_;
  Workspace workspace_;
};

std::unique_ptr<Kernel> lower_cross_entropy(const StepDesc& step, Driver& driver) {
  const std::string& reduction = step.as<LossAttrs>().reduction;
  const TensorDesc& out = step.outputs[0];
  CrossEntropy loss(step, driver, 0);
  const bool per_row = reduction == "none";
  const std::size_t losses_nbytes = static_cast<std::size_t>(loss.rows()) * loss.work_nbytes();
  const std::size_t losses = per_row ? 0 : loss.take(losses_nbytes);
  Launch launch;
  SourceBuilder source = loss.begin_rows("cross_entropy", launch);
  if (per_row) {
    source.buffer(type_name(out.dtype), "losses", false);
    launch.operands.push_back({2, out.nbytes(), 0});
  } else {
    source.buffer(loss.work(), "losses", false);
    launch.operands.push_back({loss.workspace_operand(), losses_nbytes, losses});
  }
  source.member(
      fmt::format("  static FN void store(Buffers b, Index row, W loss) {{\n"
                  "    b.losses[row] = To<{}>::of(loss);\n  }}\n",
                  per_row ? type_name(out.dtype) : loss.work()));
  loss.add(source, std::move(launch));
  if (!per_row)
    loss.add_total("b.losses[row]",
                   fmt::format("b.out[0] = To<{}>::of({})", type_name(out.dtype),
                               reduction == "mean" ? "sum / count" : "sum"),
                   [&](SourceBuilder& s, Launch& l) {
                     s.buffer(loss.work(), "losses", true);
                     l.operands.push_back({loss.workspace_operand(), losses_nbytes, losses});
                     s.buffer(type_name(out.dtype), "out", false);
                     l.operands.push_back({2, out.nbytes(), 0});
                   });
  return loss.finish();
}

std::unique_ptr<Kernel> lower_cross_entropy_backward(const StepDesc& step, Driver& driver) {
  const std::string& reduction = step.as<LossAttrs>().reduction;
  const TensorDesc &grad = step.inputs[0], &out = step.outputs[0];
  CrossEntropy loss(step, driver, 1);
  const bool per_row = reduction == "none", averages = reduction == "mean";
  const std::size_t count = averages ? loss.take(loss.work_nbytes()) : 0;
  if (averages)
    loss.add_total("0", "b.counted[0] = count", [&](SourceBuilder& s, Launch& l) {
      s.buffer(loss.work(), "counted", false);
      l.operands.push_back({loss.workspace_operand(), loss.work_nbytes(), count});
    });
  Launch launch;
  SourceBuilder source = loss.begin_rows("cross_entropy_backward", launch);
  add_number(source, launch, "out_stride", out.strides[1]);
  add_line_walk(source, launch, "out_row", out.shape, out.strides, 1);
  source.buffer(type_name(grad.dtype), "g", true);
  launch.operands.push_back({0, extent_nbytes(grad), 0});
  std::string value = "widen(b.g[0])";
  if (per_row) {
    Walk walk;
    for (int d = 0; d < grad.shape.rank(); ++d) walk.push(grad.shape[d], grad.strides[d]);
    add_walk(source, launch, "g_at", walk.sizes, walk.strides);
    value = "widen(b.g[g_at(p, row)])";
  }
  if (averages) {
    source.buffer(loss.work(), "counted", true);
    launch.operands.push_back({loss.workspace_operand(), loss.work_nbytes(), count});
    value += " / b.counted[0]";
  }
  source.member(
      fmt::format("  static FN W grad(Buffers b, CONSTANT const Params& p, Index row) {{\n"
                  "    (void)p;\n    (void)row;\n    return {};\n  }}\n",
                  value));
  source.buffer(type_name(out.dtype), "out", false);
  launch.operands.push_back({step.inputs.size(), out.nbytes(), 0});
  loss.add(source, std::move(launch));
  return loss.finish();
}

// Of no rows or classes: the expansions know what becomes of that.
bool has_elements(const StepDesc& step) {
  const std::size_t logits = step.inputs.size() - 2;
  return step.inputs[logits].numel() > 0 && step.inputs[logits].shape.rank() >= 2;
}

}  // namespace

void register_loss(Table& table) {
  table.add("cross_entropy", {lower_cross_entropy, has_elements});
  table.add("cross_entropy_backward", {lower_cross_entropy_backward, has_elements});
}

}  // namespace ingot::gpu
