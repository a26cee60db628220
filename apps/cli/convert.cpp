// ingot convert: weights from PyTorch's files (or safetensors) into a safetensors file.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/ops/elementwise.h>

#include <filesystem>
#include <vector>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/weights.h"

namespace ingot::cli {
namespace {

struct ConvertOptions {
  std::string input, output, dtype, json;
  WeightsOptions weights;
  bool overwrite = false;
};

/// A tensor of the result with values that were finite, and are not in the new dtype.
struct Overflow {
  std::string name;
  std::int64_t count = 0;
};

/// The tensors, floating-point ones converted.
StateDict changed(const StateDict& tensors, const ConvertOptions& options,
                  std::vector<Overflow>& overflows) {
  StateDict result;
  for (const auto& [name, tensor] : tensors) {
    const bool convert = !options.dtype.empty() && tensor.is_floating_point();
    const Tensor value = convert ? tensor.to(parse_dtype(options.dtype)) : tensor;
    if (value.dtype() != tensor.dtype()) {
      const Tensor lost = logical_and(isinf(value), isfinite(tensor)).sum();
      if (const auto count = lost.item<std::int64_t>(); count > 0)
        overflows.push_back({name, count});
    }
    result.insert(name, value);
  }
  return result;
}

int run_convert(const ConvertOptions& options) {
  namespace fs = std::filesystem;
  const JsonOutput json_output(options.json);
  json_output.must_not_be(options.input, "the input");
  json_output.must_not_be(options.output, "the output");
  json_output.check_writable();
  std::error_code ignored;
  if (fs::exists(options.output, ignored)) {
    if (fs::equivalent(options.input, options.output, ignored))
      throw UsageError("the input and the output are the same file");
    if (!options.overwrite)
      throw UsageError(fmt::format("{} exists; --overwrite replaces it", options.output));
  }
  const Console console(json_output.takes_stdout());
  const Weights weights = read_weights(options.input, options.weights);
  std::vector<Overflow> overflows;
  const StateDict tensors = changed(weights.tensors, options, overflows);
  if (tensors.size() == 0)
    throw ValueError(fmt::format("{}{}: there are no tensors to convert", options.input,
                                 options.weights.key.empty() ? "" : ": " + options.weights.key));
  Metadata metadata = weights.metadata;
  if (metadata.empty()) metadata = {{"format", "pt"}};
  save(tensors, options.output, metadata);

  std::vector<std::vector<std::string>> rows = {{"tensor", "dtype", "shape"}};
  Json list = Json::array();
  std::size_t nbytes = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::string dtype(ingot::name(tensor.dtype()));
    rows.push_back({visible(name), dtype, tensor.shape().str()});
    list.push_back({{"name", name}, {"dtype", dtype}, {"shape", tensor.shape().vector()}});
    nbytes += tensor.nbytes();
  }
  console.line(table(rows));
  for (const Overflow& overflow : overflows)
    console.line(fmt::format("overflow   {}: {} values are too large for {} and became infinite",
                             visible(overflow.name), grouped(overflow.count), options.dtype));
  for (const std::string& text : weights.left_out) console.line("left out   " + text);
  console.line(fmt::format("{} tensors, {}, in {}",
                           grouped(static_cast<std::int64_t>(tensors.size())), bytes(nbytes),
                           options.output));
  Json json;
  json["input"] = options.input;
  json["output"] = options.output;
  json["nbytes"] = nbytes;
  json["tensors"] = std::move(list);
  json["left_out"] = weights.left_out;
  json["overflows"] = Json::array();
  for (const Overflow& overflow : overflows)
    json["overflows"].push_back({{"name", overflow.name}, {"count", overflow.count}});
  json_output.write(json);
  return kOk;
}

}  // namespace

INGOT_EXPORT_COMMAND(convert) {
  auto options = std::make_shared<ConvertOptions>();
  Command command{"convert", "Convert weights of PyTorch (.pt, .pth) to safetensors", 70};
  OptionTable& table = command.options;
  table.add("INPUT", options->input, "", "File of torch.save, or a safetensors file")
      .required()
      .check(not_empty());
  table.add("OUTPUT", options->output, "", "safetensors file to write")
      .required()
      .check(not_empty());
  add_weights_options(table, options->weights);
  table
      .add("--dtype", options->dtype, "DTYPE",
           "Convert floating-point tensors to float16, bfloat16, float32 or float64")
      .one_of("dtype", {"float16", "bfloat16", "float32", "float64"});
  table.add("--overwrite", options->overwrite, "", "Replace an OUTPUT that exists");
  add_json(table, options->json);
  command.footer =
      "Nothing in a .pth file is ever executed; what is no tensor, container, number or text is\n"
      "refused by name, or left out with --skip-objects.\n"
      "Examples:\n"
      "  ingot convert resnet18-f37072fd.pth resnet18.safetensors\n"
      "  ingot convert checkpoint.pt model.safetensors --key model --strip-prefix module.";
  command.run = [options](const OptionTable&) { return run_convert(*options); };
  return command;
}

}  // namespace ingot::cli
