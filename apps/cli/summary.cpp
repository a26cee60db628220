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

void add_summary_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<SummaryOptions>();
  CLI::App* command =
      app.add_subcommand("summary", "Show a model's layers, output shapes and parameters");
  add_model(*command, options->model)->required();
  add_batch_size(*command, options->batch_size);
  add_image_size(*command, options->image_size);
  command->footer(
      "Examples:\n  ingot summary --model lenet5\n"
      "  ingot summary --model resnet18 --image-size 64");
  command->callback([options, &run] { run = [options] { return run_summary(*options); }; });
}

}  // namespace ingot::cli
