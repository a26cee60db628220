// ingot selftest: a device's kernels against the reference, and a report that can be sent.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/generator.h>
#include <ingot/core/self_test.h>
#include <ingot/core/version.h>
#include <ingot/models/models.h>
#include <ingot/ops/compare.h>
#include <ingot/ops/dynamic.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/order.h>
#include <ingot/ops/random.h>
#include <ingot/ops/softmax.h>
#include <ingot/optim/optim.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

using Results = std::vector<Tensor>;

struct Work {
  const char* what;
  Results (*make)(Device);
};

Tensor normal(const Shape& shape, Device device) { return randn(shape, {.device = device}); }
Tensor places(const Shape& shape, std::int64_t below, Device device) {
  return randint(0, below, shape, {.dtype = int64, .device = device});
}

// Two steps of LeNet-5: the losses and a weight afterwards.
Results lenet_steps(Device device) {
  manual_seed(3);
  const auto net = models::create("lenet5", {.num_classes = 10});
  const Tensor images = rand({4, 1, 28, 28}), labels = randint(0, 10, {4}, {.dtype = int64});
  net->to(device);
  optim::SGD optimizer(net->parameters(), {.lr = 0.05, .momentum = 0.9});
  Results results;
  for (int step = 0; step < 2; ++step) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(net->forward(images.to(device)), labels.to(device));
    loss.backward();
    optimizer.step();
    results.push_back(loss.detach());
  }
  results.push_back(net->parameters()[0].detach());
  return results;
}

// Where several groups of threads, tiles and passes take part.
const std::vector<Work>& larger_work() {
  static const std::vector<Work> work = {
      {"sum of long rows",
       [](Device d) {
         return Results{normal({5, 3000}, d).sum({1})};
       }},
      {"sum of columns",
       [](Device d) {
         return Results{normal({3000, 5}, d).sum({0})};
       }},
      {"argmax of a long row",
       [](Device d) {
         return Results{normal({2, 5000}, d).argmax(1)};
       }},
      {"softmax of long rows",
       [](Device d) {
         return Results{softmax(normal({3, 1000}, d), 1)};
       }},
      {"cumsum of a long row",
       [](Device d) {
         return Results{cumsum(places({2, 1000}, 9, d), 1)};
       }},
      {"sort of long rows",
       [](Device d) {
         const ValuesAndIndices s = sort(places({3, 1500}, 100, d), 1);
         return Results{s.values, s.indices};
       }},
      {"matmul of odd sizes",
       [](Device d) {
         return Results{matmul(normal({3, 65, 70}, d), normal({3, 70, 33}, d))};
       }},
      {"matmul of transposed operands",
       [](Device d) {
         return Results{matmul(normal({70, 40}, d).t(), normal({50, 70}, d).t())};
       }},
      {"embedding and its gradient",
       [](Device d) {
         Tensor weight = normal({40, 16}, d);
         weight.requires_grad_();
         embedding(weight, places({300}, 40, d)).square().sum().backward();
         return Results{weight.grad()};
       }},
      {"nonzero",
       [](Device d) {
         return Results{nonzero(normal({40, 50}, d) > 0)};
       }},
      {"three layers of a network", lenet_steps},
  };
  return work;
}

struct Options {
  std::string device = "best";
  std::string json;
};

std::string line_of(const SelfTestResult& r) {
  return fmt::format("FAILED {} {}: {}", r.what, name(r.dtype),
                     r.error.empty()
                         ? fmt::format("differs by {:.3g} of the largest element", r.difference)
                         : r.error);
}

int run_selftest(const Options& options) {
  const JsonOutput json_output(options.json);
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  const Device device = usable_device(options.device);
  std::string title = fmt::format("Ingot {}, device {}", version(), device.str());
  for (const DeviceInfo& info : devices(true))
    if (info.device == device) title += fmt::format(" ({})", info.name);
  console.raw(title + "\n");

  const auto start = std::chrono::steady_clock::now();
  Json list = Json::array();
  std::size_t count = 0, failures = 0;
  double worst = 0;
  std::string where = "nothing";
  const auto note = [&](const SelfTestResult& r) {
    ++count;
    list.push_back({{"what", r.what},
                    {"dtype", name(r.dtype)},
                    {"agrees", r.agrees},
                    {"difference", r.difference},
                    {"error", r.error}});
    if (!r.agrees) {
      ++failures;
      console.raw(line_of(r) + "\n");
    } else if (r.dtype == DType::Float32 && r.difference > worst) {
      worst = r.difference;
      where = r.what;
    }
  };
  self_test(device, note);
  for (const Work& work : larger_work())
    note(self_test_of(work.what, device, [&](Device d) {
      manual_seed(7);
      return work.make(d);
    }));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  console.raw(fmt::format(
      "{} of {} agree with the reference; the largest difference in float32: {:.2g} ({})\n"
      "{:.1f} seconds. Please send this report with the machine's and the system's names.\n",
      count - failures, count, worst, where, seconds));
  json_output.write(Json{{"version", version()},
                         {"device", device.str()},
                         {"seconds", seconds},
                         {"failures", failures},
                         {"results", list}});
  return failures == 0 ? kOk : kFailed;
}

}  // namespace

INGOT_EXPORT_COMMAND(selftest) {
  auto options = std::make_shared<Options>();
  Command command{"selftest",
                  "Compare every kernel of a device with the reference; prints a report", 62};
  add_device(command.options, options->device);
  add_json(command.options, options->json);
  command.footer =
      "Examples:\n  ingot selftest --device cuda\n"
      "  INGOT_HOST_DRIVER=1 ingot selftest --device host --json report.json";
  command.run = [options](const OptionTable&) { return run_selftest(*options); };
  return command;
}

}  // namespace ingot::cli
