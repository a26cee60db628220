// What a plan would do with each op: the questions that the pass `expand` asks, of one op.
#include <ingot/core/op_support.h>

#include <algorithm>
#include <optional>

#include <ingot/core/error.h>

#include "backend/backend.h"
#include "core/op_samples.h"
#include "core/record.h"
#include "plan/draft.h"
#include "plan/fallback.h"
#include "plan/transfer.h"

namespace ingot {
namespace {

StepDesc step_of(const Node& n) {
  StepDesc step;
  step.op = &n.op();
  step.attrs = n.attrs();
  for (const ValueId& in : n.inputs())
    step.inputs.push_back(TensorDesc::contiguous(in.spec().shape, in.spec().dtype));
  for (const NodeOutput& o : n.outputs())
    step.outputs.push_back(TensorDesc::contiguous(o.spec.shape, o.spec.dtype));
  for (const Scalar& s : n.slots()) step.slots.push_back(s.kind());
  return step;
}

class Asker {
 public:
  explicit Asker(Device device) : device_(device), backend_(backend_for(device)) {}

  Support ask(const OpDef& op, DType dtype) const {
    CaptureScope capture;
    try {
      const OpSample sample = sample_of(op, dtype, device_);
      std::vector<Tensor> operands;
      std::vector<const Tensor*> inputs;
      operands.reserve(sample.inputs.size());
      for (const TensorSpec& s : sample.inputs) {
        operands.push_back(CaptureScope::placeholder(s));
        inputs.push_back(&operands.back());
      }
      record_multi(op, inputs, sample.attrs, Site{}, sample.slots);
    } catch (const DTypeError&) {
      return Support::NotTaken;
    }
    const NodeRef node = capture.nodes().back();
    return of(*node, 0);
  }

 private:
  Support of(const Node& n, int depth) const {
    const OpDef& op = n.op();
    if (plan::moves_nothing(op)) return Support::View;
    const StepDesc step = step_of(n);
    if (backend_.supports(step)) return Support::Kernel;
    if (op.expand) return of_expansion(n, depth);
    if (device_ == Device{} || plan::fallback_for(device_) == plan::Fallback::Error ||
        !backend_for(Device{}).supports(step))
      return Support::Refused;
    return Support::Cpu;
  }

  Support of_expansion(const Node& n, int depth) const {
    if (depth > 32) throw InternalError(std::string(n.op().name) + ": its expansion does not end");
    CaptureScope capture;
    std::vector<Tensor> inputs, results;
    std::vector<TensorSpec> outputs;
    for (const ValueId& in : n.inputs()) inputs.push_back(CaptureScope::placeholder(in.spec()));
    for (const NodeOutput& o : n.outputs()) outputs.push_back(o.spec);
    record_expansion(n.op(), inputs, n.attrs(), n.slots(), outputs, results);
    Support worst = Support::Expanded;
    for (const NodeRef& inner : capture.nodes()) {
      const Support s = of(*inner, depth + 1);
      if (s == Support::Refused) return s;
      if (s == Support::Cpu || s == Support::Partly) worst = Support::Partly;
    }
    return worst;
  }

  Device device_;
  Backend& backend_;
};

}  // namespace

std::string_view name(Support support) {
  switch (support) {
    case Support::NotTaken:
      return "not taken";
    case Support::View:
      return "view";
    case Support::Kernel:
      return "kernel";
    case Support::Expanded:
      return "expanded";
    case Support::Partly:
      return "partly";
    case Support::Cpu:
      return "cpu";
    case Support::Refused:
      break;
  }
  return "refused";
}

std::vector<OpSupport> op_support(Device device) {
  const Asker asker(device);
  std::vector<OpSupport> list;
  for (const OpDef* op : all_ops()) {
    OpSupport row{.op = std::string(op->name)};
    for (int t = 0; t < kNumDTypes; ++t)
      row.by_dtype[static_cast<std::size_t>(t)] = asker.ask(*op, static_cast<DType>(t));
    list.push_back(std::move(row));
  }
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.op < b.op; });
  return list;
}

}  // namespace ingot
