#include "cli/per_class.h"

#include <fmt/format.h>
#include <ingot/core/grad_mode.h>

namespace ingot::cli {
namespace {

double ratio(double a, double b) { return b == 0 ? 0 : a / b; }

std::string name_of(const std::vector<std::string>& names, std::int64_t c) {
  return names.empty() ? std::to_string(c) : names[static_cast<std::size_t>(c)];
}

/// Every module's own mode, given back at the end.
class Modes {
 public:
  explicit Modes(nn::Module& model) {
    for (nn::Module* module : model.modules()) modes_.emplace_back(module, module->is_training());
    model.eval();
  }
  ~Modes() {
    // Parents come first, and what they say holds for all below them.
    for (const auto& [module, training] : modes_) module->train(training);
  }
  Modes(const Modes&) = delete;
  Modes& operator=(const Modes&) = delete;

 private:
  std::vector<std::pair<nn::Module*, bool>> modes_;
};

}  // namespace

bool Confusion::measure(nn::Module& model, data::DataLoader& data, Device device,
                        const std::function<bool()>& go_on) {
  const NoGradGuard no_grad;
  const Modes evaluation(model);
  const data::LoaderPosition before = data.position();
  data.set_position({before.epoch, 0});
  bool complete = true;
  for (const auto& [images, labels] : data) {
    const auto guesses = model(images.to(device)).argmax(1).to_vector<std::int64_t>();
    const auto wanted = labels.to_vector<std::int64_t>();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      ++counts_[static_cast<std::size_t>(wanted[i] * classes_ + guesses[i])];
    complete = go_on();
    if (!complete) break;
  }
  data.set_position(before);
  return complete;
}

std::int64_t Confusion::images(std::int64_t c) const {
  std::int64_t sum = 0;
  for (std::int64_t guess = 0; guess < classes_; ++guess) sum += count(c, guess);
  return sum;
}

std::int64_t Confusion::guesses(std::int64_t c) const {
  std::int64_t sum = 0;
  for (std::int64_t label = 0; label < classes_; ++label) sum += count(label, c);
  return sum;
}

double Confusion::precision(std::int64_t c) const {
  return ratio(static_cast<double>(count(c, c)), static_cast<double>(guesses(c)));
}
double Confusion::recall(std::int64_t c) const {
  return ratio(static_cast<double>(count(c, c)), static_cast<double>(images(c)));
}
double Confusion::f1(std::int64_t c) const {
  return ratio(2 * precision(c) * recall(c), precision(c) + recall(c));
}

std::string Confusion::str(const std::vector<std::string>& names) const {
  std::vector<std::vector<std::string>> rows{{"class", "images", "precision", "recall", "F1"}};
  double precisions = 0, recalls = 0, f1s = 0;
  std::int64_t total = 0;
  const auto percent = [](double share) { return fmt::format("{:.2f} %", 100 * share); };
  for (std::int64_t c = 0; c < classes_; ++c) {
    rows.push_back({visible(name_of(names, c)), grouped(images(c)), percent(precision(c)),
                    percent(recall(c)), percent(f1(c))});
    precisions += precision(c);
    recalls += recall(c);
    f1s += f1(c);
    total += images(c);
  }
  const auto n = static_cast<double>(classes_);
  rows.push_back({"mean of classes", grouped(total), percent(precisions / n), percent(recalls / n),
                  percent(f1s / n)});
  return table(rows);
}

Json Confusion::json(const std::vector<std::string>& names) const {
  Json list = Json::array();
  for (std::int64_t c = 0; c < classes_; ++c)
    list.push_back({{"class", name_of(names, c)},
                    {"images", images(c)},
                    {"precision", precision(c)},
                    {"recall", recall(c)},
                    {"f1", f1(c)}});
  return list;
}

}  // namespace ingot::cli
