// Transfer learning: a network that has learned one task is given a new head and learns another
// from a few images, while its other layers stay as they are.
//
//   transfer                    first makes its own "pretrained" weights: a short training on 950
//                               digits, saved to lenet5-digits.safetensors
//   transfer MODEL WEIGHTS [SIZE]
//                               starts from a file of weights of that model (docs/models.md lists
//                               the models), for example torchvision's resnet18, with images of
//                               SIZE by SIZE instead of the model's own
//
// The new task is to tell even digits from odd ones after 50 examples.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <ingot/ingot.h>

namespace data = ingot::data;
namespace models = ingot::models;
namespace nn = ingot::nn;
using Images = std::shared_ptr<const data::Dataset>;

namespace {

/// A model's name and, if it is not to be its own, the size of its images.
struct Model {
  std::string name;
  std::optional<std::int64_t> size;
};

/// Embedded digits number first … last - 1, made ready for the model.
Images digits(const Model& model, ingot::train::Split split, std::int64_t first,
              std::int64_t last) {
  const auto task = ingot::train::ImageData::parse("mnist");
  const auto input = ingot::train::image_input(models::info(model.name), task, model.size);
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(last - first));
  std::iota(chosen.begin(), chosen.end(), first);
  return std::make_shared<data::Subset>(task.open(split, input.transform), std::move(chosen));
}

/// The two tasks: what is asked about a digit.
ingot::Tensor which(const ingot::Tensor& digit) { return digit; }
ingot::Tensor is_odd(const ingot::Tensor& digit) { return ingot::remainder(digit, 2); }
using Question = ingot::Tensor (*)(const ingot::Tensor&);

/// Trains whatever parameters require grad.
void train(nn::Module& net, const Images& images, Question question, int epochs, double lr) {
  std::vector<ingot::Tensor> trained;
  for (const auto& p : net.parameters())
    if (p.requires_grad()) trained.push_back(p);
  const auto device = trained.at(0).device();
  ingot::optim::Adam adam{trained, {.lr = lr}};
  data::DataLoader loader{images, {.batch_size = 25, .shuffle = true}};
  for (int epoch = 0; epoch < epochs; ++epoch)
    for (auto [x, digit] : loader) {
      const auto loss = ingot::cross_entropy(net(x.to(device)), question(digit).to(device));
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
}

/// Percent of right answers.
double accuracy(nn::Module& net, const Images& images, Question question) {
  const ingot::NoGradGuard no_grad;
  const auto device = net.parameters().at(0).device();
  net.eval();
  double correct = 0;
  data::DataLoader loader{images, {.batch_size = 50}};
  for (auto [x, digit] : loader)
    correct += (net(x.to(device)).argmax(1) == question(digit).to(device)).sum().item();
  return 100 * correct / static_cast<double>(images->size());
}

/// Trains a network to name digits and returns the file with its weights.
std::string pretrain(const Model& model) {
  const std::string file = model.name + "-digits.safetensors";
  const auto net = models::create(model.name, {.num_classes = 10});
  net->to(ingot::best_device());
  train(*net, digits(model, ingot::train::Split::Train, 50, 1000), which, 8, 3e-3);
  std::printf("no weights given: trained a %s to name digits (%.1f %% of the test images)\n",
              model.name.c_str(),
              accuracy(*net, digits(model, ingot::train::Split::Test, 0, 200), which));
  ingot::save(net->state_dict(), file);
  std::printf("saved as %s\n", file.c_str());
  return file;
}

/// A model with the weights of `file`, all of them fixed, and a new head of two classes (if the
/// file's own has another number).
std::unique_ptr<nn::Module> pretrained(const std::string& model, const std::string& file) {
  auto net = models::create(model, {.num_classes = 2});
  const auto report = nn::load_pretrained(*net, ingot::load(file));
  std::printf("loaded %zu tensors\n", report.loaded.size());
  for (const std::string& text : report.skipped) std::printf("not loaded: %s\n", text.c_str());
  net->requires_grad_(false);
  net->get_submodule(nn::head_of(*net)).requires_grad_(true);
  net->to(ingot::best_device());
  net->eval();  // batch-norm keeps the statistics it has learned; dropout is off
  return net;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 1 && argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: transfer [MODEL WEIGHTS [SIZE]]\n");
    return 2;
  }
  ingot::manual_seed(1);
  Model model{argc > 1 ? argv[1] : "lenet5", {}};
  if (argc > 3) model.size = std::stoll(argv[3]);
  const std::string file = argc > 1 ? argv[2] : pretrain(model);

  const Images few = digits(model, ingot::train::Split::Train, 0, 50);
  const Images test = digits(model, ingot::train::Split::Test, 0, 200);
  const auto net = pretrained(model.name, file);
  std::printf("\nnew task: even or odd? 50 training images, 200 test images\n");
  std::printf("before training               %5.1f %%\n", accuracy(*net, test, is_odd));
  train(*net, few, is_odd, 20, 1e-2);
  std::printf("new head on fixed layers      %5.1f %%\n", accuracy(*net, test, is_odd));
  ingot::save(net->state_dict(), model.name + "-even-odd.safetensors");

  const auto fresh = models::create(model.name, {.num_classes = 2});
  fresh->to(ingot::best_device());
  train(*fresh, few, is_odd, 20, 3e-3);
  std::printf("for comparison, from scratch  %5.1f %%\n", accuracy(*fresh, test, is_odd));
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "transfer: %s\n", e.what());
  return 1;
}
