// --per-class: precision, recall and F1 of every class.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/data/data_loader.h>
#include <ingot/nn/module.h>

#include "cli/output.h"

namespace ingot::cli {

/// How often an image of a class (row) was taken for one of a class (column).
class Confusion {
 public:
  explicit Confusion(std::int64_t num_classes)
      : classes_(num_classes), counts_(static_cast<std::size_t>(num_classes * num_classes)) {}

  /// Asks the model, in evaluation mode, about all of `data`, whose position stays; each module is
  /// in its own mode again afterwards. False when `go_on` said no.
  bool measure(nn::Module& model, data::DataLoader& data, Device device,
               const std::function<bool()>& go_on);

  /// Of a class: hits / taken for it, hits / images of it, 2 p r / (p + r); 0 where that is 0 / 0,
  /// as scikit-learn has it.
  double precision(std::int64_t c) const;
  double recall(std::int64_t c) const;
  double f1(std::int64_t c) const;
  std::int64_t count(std::int64_t label, std::int64_t guess) const {
    return counts_[static_cast<std::size_t>(label * classes_ + guess)];
  }
  std::int64_t images(std::int64_t c) const;

  /// A line per class and one of their means; the names, or numbers where there are none.
  std::string str(const std::vector<std::string>& names) const;
  Json json(const std::vector<std::string>& names) const;

 private:
  std::int64_t guesses(std::int64_t c) const;

  std::int64_t classes_;
  std::vector<std::int64_t> counts_;
};

}  // namespace ingot::cli
