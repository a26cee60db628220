#include <ingot/autograd/function.h>

#include <fmt/format.h>

#include <ingot/ops/creation.h>

#include "core/cell.h"
#include "core/op_def.h"
#include "core/record.h"

namespace ingot {
namespace {

// `backward` is not compared: to a plan, two functions of one name are the same structure, since
// the node only passes values through. Whose gradient it is each node knows itself.
struct FunctionAttrs {
  std::string name;
  std::int64_t num_outputs = 0;
  std::shared_ptr<const FunctionBackward> backward;
  bool operator==(const FunctionAttrs& other) const {
    return name == other.name && num_outputs == other.num_outputs;
  }
  void visit(auto& v) const {
    v.field("name", name);
    v.field("num_outputs", num_outputs);
  }
};

// Inputs: the outputs of forward, then the function's inputs. Output i is input i unchanged.
void infer_function(InferContext& c) {
  for (int i = 0; i < static_cast<int>(c.as<FunctionAttrs>().num_outputs); ++i)
    c.out(c.shape(i), c.dtype(i));
}

void vjp_function(VjpContext& c) {
  const auto& attrs = c.as<FunctionAttrs>();
  const int outputs = static_cast<int>(attrs.num_outputs);
  FunctionContext context;
  std::vector<Tensor> grads;
  for (int i = 0; i < outputs; ++i) {
    context.outputs.push_back(c.input(i));
    grads.push_back(c.grad(i).defined()
                        ? c.grad(i)
                        : zeros(c.out(i).shape,
                                {.dtype = c.out(i).dtype, .device = c.out(i).device},
                                c.node.site()));
  }
  for (int i = outputs; i < c.num_inputs(); ++i) context.inputs.push_back(c.input(i));
  const std::vector<Tensor> results = (*attrs.backward)(context, grads);
  if (results.size() != context.inputs.size())
    throw AutogradError(fmt::format("{}: its backward returned {} gradients for {} inputs",
                                    attrs.name, results.size(), context.inputs.size()));
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].defined()) continue;
    const TensorSpec& wanted = c.in(outputs + static_cast<int>(i));
    if (!(results[i].shape() == wanted.shape) || results[i].dtype() != wanted.dtype)
      throw AutogradError(fmt::format("{}: its backward returned gradient {} for input {} of {}",
                                      attrs.name, results[i].cell()->spec().str(), i,
                                      wanted.str()));
    c.set(outputs + static_cast<int>(i), results[i]);
  }
}

Saved save_all(const SavesContext&) { return {.inputs = Saved::kAll, .outputs = 0}; }

const OpDef kCustomFunction{.name = "custom_function",
                            .infer = infer_function,
                            .gradient = Gradient::Rule,
                            .vjp = vjp_function,
                            .saves = save_all,
                            .traits = {.alias = true}};

}  // namespace

std::vector<Tensor> custom_function(const std::vector<Tensor>& inputs,
                                    const FunctionForward& forward,
                                    const FunctionBackward& backward, const std::string& name,
                                    Site at) {
  std::vector<Tensor> operands;
  {
    const NoGradGuard off;
    operands = forward(inputs);
  }
  const auto num_outputs = static_cast<std::int64_t>(operands.size());
  if (operands.empty())
    throw AutogradError(name + ": its forward returned no tensors" + recorded_at(at, {}));
  for (Tensor& t : operands) t = t.detach(at);
  operands.insert(operands.end(), inputs.begin(), inputs.end());
  std::vector<const Tensor*> list;
  for (const Tensor& t : operands) list.push_back(&t);
  return record_multi(
      kCustomFunction, list,
      FunctionAttrs{name, num_outputs, std::make_shared<const FunctionBackward>(backward)}, at);
}

}  // namespace ingot
