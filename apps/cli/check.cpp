// ingot check: whether a model trains on a device, what would fall back to the cpu, and the memory
// it takes; before anything is computed.
#include <fmt/format.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>
#include <ingot/train/check.h>
#include <ingot/train/image_task.h>

#include "cli/command.h"
#include "cli/optimization.h"
#include "cli/options.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

/// It runs, but the cpu has to help.
constexpr int kFallsBack = 3;

// A step as the trainer takes it, on images of no content.
train::TrainingStep make_step(const TrainOptions& options, Device device) {
  const auto input = train::image_input(models::info(options.model),
                                        train::ImageData::parse("mnist"), options.image_size);
  // Before the network: its initial values are computed within the first step, as in a training.
  const Tensor images = rand(input.batch_shape(options.batch_size)).eval();
  const Tensor labels = zeros({options.batch_size}, {.dtype = int64}).eval();
  std::shared_ptr<nn::Module> net = models::create(options.model);
  net->to(device);
  const std::shared_ptr<optim::Optimizer> optimizer = make_optimizer(options, net->parameters());
  struct Answer {
    Tensor loss, correct;
  };
  struct Batch {
    Tensor images, labels;
  };
  const auto send = [=] { return Batch{images.to(device, true), labels.to(device, true)}; };
  const auto answer = [=](const Batch& batch) {
    const Tensor logits = (*net)(batch.images);
    return Answer{cross_entropy(logits, batch.labels),
                  logits.detach().argmax(1).eq(batch.labels).sum()};
  };
  const auto ahead = std::make_shared<Batch>();  // as the loader of a training keeps one there
  const auto run = [=] {
    const Batch now = ahead->images.defined() ? *ahead : send();
    *ahead = send();
    const Answer a = answer(now);
    optimizer->zero_grad();
    a.loss.backward();
    optimizer->step();
  };
  const auto measure = [=] {
    const NoGradGuard no_grad;
    net->eval();
    const Answer a = answer(send());
    eval();
  };
  return {net, optimizer, run, measure};
}

bool fits(const train::TrainingCheck& check, const DeviceInfo& info) {
  return info.memory_total_nbytes == 0 || check.peak_nbytes <= info.memory_total_nbytes;
}

Json to_json(const train::TrainingCheck& check, const DeviceInfo& info) {
  Json json;
  json["device"] = check.device.str();
  json["can_run"] = check.can_run() && fits(check, info);
  json["fits_in_memory"] = fits(check, info);
  json["stays_on_device"] = check.stays_on_device();
  if (!check.error.empty()) json["error"] = check.error;
  json["operations"] = Json::array();
  for (const train::LackingOperation& o : check.lacking)
    json["operations"].push_back({{"operation", o.operation},
                                  {"ops", o.ops},
                                  {"operand", o.operand},
                                  {"count", o.count},
                                  {"copied_bytes", o.nbytes},
                                  {"refused", o.refused}});
  json["copied_bytes"] = check.transferred_nbytes;
  json["parameter_bytes"] = check.parameter_nbytes;
  json["buffer_bytes"] = check.buffer_nbytes;
  json["gradient_bytes"] = check.gradient_nbytes;
  json["optimizer_bytes"] = check.optimizer_nbytes;
  json["temporary_bytes"] = check.temporary_nbytes;
  json["peak_bytes"] = check.peak_nbytes;
  json["memory_total_bytes"] = info.memory_total_nbytes;
  return json;
}

DeviceInfo info_of(Device device) {
  for (const DeviceInfo& info : devices(true))
    if (info.device == device) return info;
  return {};
}

int run_check(const TrainOptions& options) {
  const JsonOutput json_output(options.json);
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  const Device device = usable_device(options.device);
  // Wrong sizes are an error of the command line, told at once.
  const auto input = train::image_input(models::info(options.model),
                                        train::ImageData::parse("mnist"), options.image_size);
  check_image_size(*models::create(options.model), options.model, input);

  const train::TrainingCheck check =
      train::check_training(device, [&](Device on) { return make_step(options, on); });
  const DeviceInfo info = info_of(device);
  console.line(fmt::format("{} on {}, batches of {}, images {}x{}x{}, {}", options.model,
                           device.str(), options.batch_size, input.channels, input.size, input.size,
                           options.optimizer));
  console.raw(visible(check.str(), true));
  if (!fits(check, info))
    console.line(fmt::format("{} has only {}", device.str(), bytes(info.memory_total_nbytes)));
  json_output.write(to_json(check, info));
  if (!check.can_run() || !fits(check, info)) return kFailed;
  return check.stays_on_device() ? kOk : kFallsBack;
}

}  // namespace

INGOT_EXPORT_COMMAND(check) {
  auto options = std::make_shared<TrainOptions>();
  Command command{"check", "Say what training a model needs on a device, computing nothing", 60};
  add_model(command.options, options->model).required();
  add_device(command.options, options->device);
  add_batch_size(command.options, options->batch_size);
  add_image_size(command.options, options->image_size);
  add_optimizer(command.options, options->optimizer);
  add_config(command.options);
  add_json(command.options, options->json);
  command.footer =
      "Plans three training steps and a measurement, without computing them and without taking "
      "the\n"
      "device's memory. Lists every operation that the device has no kernel for, with the bytes "
      "that\n"
      "are copied because of it, and the peak memory.\n"
      "Exit codes: 0 all of it runs on the device, 3 some operations fall back to the cpu,\n"
      "1 it cannot run: an operation is refused (INGOT_FALLBACK=error) or there is too little "
      "memory.\n"
      "Examples:\n  ingot check --model resnet18 --device best --batch-size 64\n"
      "  INGOT_TWIN=refuse=conv2d ingot check --model lenet5 --device twin";
  command.run = [options](const OptionTable&) { return run_check(*options); };
  return command;
}

}  // namespace ingot::cli
