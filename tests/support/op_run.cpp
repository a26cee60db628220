#include "support/op_run.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>
#include <random>

#include <fmt/format.h>

#include "core/cell.h"
#include "core/op_def.h"
#include "core/record.h"

namespace ingot::optest {
namespace {

// Shows the node, and the nodes of its op's expansion, however deep.
void observe(const Node& node, const std::function<void(const Node&)>& observer) {
  observer(node);
  const OpDef& op = node.op();
  if (!op.expand) return;
  CaptureScope capture;
  std::vector<Tensor> inputs;
  for (const ValueId& v : node.inputs()) inputs.push_back(CaptureScope::placeholder(v.spec()));
  std::vector<TensorSpec> specs;
  for (const NodeOutput& o : node.outputs()) specs.push_back(o.spec);
  std::vector<Tensor> results;
  record_expansion(op, inputs, node.attrs(), node.slots(), specs, results);
  if (results.size() != specs.size())
    throw InternalError(fmt::format("{}: {} outputs are inferred but its expansion gives {}",
                                    op.name, specs.size(), results.size()));
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!(results[i].cell()->spec() == specs[i]))
      throw InternalError(fmt::format("{}: output {} is inferred as {} but expands to {}", op.name,
                                      i, specs[i].str(), results[i].cell()->spec().str()));
  for (const NodeRef& inner : capture.nodes()) observe(*inner, observer);
}

void observe_pending(const RunOptions& options) {
  if (!options.observe) return;
  for (const NodeRef& node : std::vector<NodeRef>(record_state().pending))
    observe(*node, options.observe);
}

// Holds on to about a third of the pending nodes' outputs.
std::vector<Tensor> random_live_cells(std::uint64_t seed) {
  std::vector<Tensor> held;
  if (seed == 0) return held;
  std::mt19937_64 random(seed);
  for (const NodeRef& node : std::vector<NodeRef>(record_state().pending))
    for (std::uint32_t k = 0; k < node->outputs().size(); ++k)
      if (random() % 3 == 0) held.push_back(Cell::create({node, k}));
  return held;
}

}  // namespace

EagerScope::EagerScope(bool on) : previous_(record_state().eager) { record_state().eager = on; }
EagerScope::~EagerScope() { record_state().eager = previous_; }

std::vector<HostValues> case_inputs(const OpCase& c, DType dtype, Layout layout) {
  std::vector<HostValues> values;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    values.push_back(as_laid_out(draw_values(c.name, i, c.inputs[i], dtype), layout));
  return values;
}

CaseResult run_case(const OpCase& c, DType dtype, Layout layout, const RunOptions& options) {
  return run_case_on(c, case_inputs(c, dtype, layout), layout, options);
}

CaseResult run_case_on(const OpCase& c, const std::vector<HostValues>& inputs, Layout layout,
                       const RunOptions& options) {
  std::optional<BackendOverride> override_backend;
  if (options.backend) override_backend.emplace(*options.backend);
  const EagerScope eager(options.eager);

  std::vector<Tensor> leaves;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool wants_grad =
        options.backward && c.inputs[i].differentiable && is_floating(inputs[i].dtype);
    if (options.device == Device{}) {
      leaves.push_back(make_leaf(inputs[i], layout, wants_grad));
    } else {
      leaves.push_back(make_leaf(inputs[i], layout).to(options.device));
      leaves.back().eval();
      if (wants_grad) leaves.back().requires_grad_();
    }
  }

  const std::vector<Tensor> outputs = c.call(leaves);
  observe_pending(options);

  if (options.backward) {
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if (!is_floating(outputs[o].dtype()) || !outputs[o].requires_grad()) continue;
      const HostValues weight = draw_weight(c.name, o, outputs[o].shape(), outputs[o].dtype());
      outputs[o].backward(make_leaf(weight, Layout::Contiguous).to(outputs[o].device()),
                          /*retain_graph=*/true);
    }
  }

  observe_pending(options);
  const std::vector<Tensor> held = random_live_cells(options.live_seed);

  CaseResult result;
  for (const Tensor& t : outputs) result.outputs.push_back(to_values(t));
  for (const Tensor& leaf : leaves) {
    const Tensor grad = leaf.grad();
    result.has_grad.push_back(grad.defined());
    result.grads.push_back(grad.defined() ? to_values(grad)
                                          : HostValues{Shape{0}, DType::Bool, {}});
  }
  // A kernel must leave its inputs alone, whatever their order in memory.
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (!to_values(leaves[i]).equal(inputs[i]))
      throw InternalError(fmt::format("{}: input {} was changed", c.name, i));
  return result;
}

std::string label(const OpCase& c, DType dtype, Layout layout) {
  return fmt::format("{} {} {}", c.name, ingot::name(dtype), name(layout));
}

std::vector<DType> dtypes_of(const OpCase& c) {
  std::vector<DType> result;
  for (int i = 0; i < kNumDTypes; ++i)
    if (c.dtypes & bit(static_cast<DType>(i))) result.push_back(static_cast<DType>(i));
  return result;
}

std::string identifier(const OpCase& c) {
  std::string text = c.name;
  for (char& letter : text)
    if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
  return text;
}

std::vector<Layout> layouts_of(const OpCase& c) {
  std::vector<Layout> result;
  for (const Layout layout : kLayouts) {
    bool changes = layout == Layout::Contiguous;
    for (const InputSpec& i : c.inputs) changes |= applies(layout, i.shape);
    if (changes) result.push_back(layout);
  }
  return result;
}

std::string compare(const OpCase& c, DType dtype, const CaseResult& got, const CaseResult& expected,
                    Worst* worst) {
  std::string text;
  const auto check = [&](const std::string& what, const HostValues& a, const HostValues& b,
                         Tolerance tolerance, double* largest) {
    const Difference d = difference(a, b);
    if (largest) *largest = std::max(*largest, d.relative);
    const double bound = allowed(tolerance, is_floating(b.dtype) ? b.dtype : dtype);
    if (d.relative > bound)
      text += fmt::format("  {}: off by {:.3g} (allowed {:.3g}): {}\n", what, d.relative, bound,
                          d.text);
  };
  if (got.outputs.size() != expected.outputs.size() || got.has_grad != expected.has_grad)
    return "  different numbers of outputs or gradients\n";
  for (std::size_t i = 0; i < got.outputs.size(); ++i)
    check(fmt::format("output {}", i), got.outputs[i], expected.outputs[i], c.tolerance,
          worst ? &worst->forward : nullptr);
  // The gradient rule of one primitive is usually several.
  const Tolerance backward = c.tolerance == Tolerance::Rounded || c.tolerance == Tolerance::Exact
                                 ? Tolerance::Composite
                                 : c.tolerance;
  for (std::size_t i = 0; i < got.grads.size(); ++i)
    if (got.has_grad[i])
      check(fmt::format("gradient {}", i), got.grads[i], expected.grads[i], backward,
            worst ? &worst->backward : nullptr);
  return text;
}

}  // namespace ingot::optest
