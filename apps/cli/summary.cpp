// ingot summary: the layers of a model, their output shapes and parameters.
#include <fmt/format.h>
#include <ingot/train/image_task.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

struct SummaryOptions {
  std::string model;
  std::int64_t batch_size = 1;
  std::optional<std::int64_t> image_size;
};

int run_summary(const SummaryOptions& options) {
  const models::ModelInfo& info = models::info(options.model);
  const auto input = train::image_input(info, train::ImageData::parse("mnist"), options.image_size);
  const auto model = models::create(options.model);
  check_image_size(*model, options.model, input);
  const Console console(false);
  console.line(fmt::format("{}: {}", info.name, info.description));
  console.raw(model->summary(input.batch_shape(options.batch_size)) + "\n");
  return kOk;
}

}  // namespace

INGOT_EXPORT_COMMAND(summary) {
  auto options = std::make_shared<SummaryOptions>();
  Command command{"summary", "Show a model's layers, output shapes and parameters", 40};
  add_model(command.options, options->model).required();
  add_batch_size(command.options, options->batch_size);
  add_image_size(command.options, options->image_size);
  command.footer =
      "Examples:\n  ingot summary --model lenet5\n"
      "  ingot summary --model resnet18 --image-size 64";
  command.run = [options](const OptionTable&) { return run_summary(*options); };
  return command;
}

}  // namespace ingot::cli
