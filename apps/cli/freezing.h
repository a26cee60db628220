// Which layers of a network learn: all, some, or for the first epochs only its head.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ingot/nn/module.h>

namespace ingot::cli {

/// The path of the last layer that has parameters: what is new for other classes.
std::string head_of(const nn::Module& model);
/// The parameters of the head, and all others.
std::vector<Tensor> head_parameters(const nn::Module& model);
std::vector<Tensor> body_parameters(const nn::Module& model);

class Freezing {
 public:
  /// `layers`: paths of modules with commas between them; "-": all but the head; empty: none. For
  /// the first `head_epochs` epochs all but the head are frozen as well. Throws UsageError for a
  /// path that the model has not, and when nothing would learn.
  Freezing(nn::Module& model, const std::string& layers, std::int64_t head_epochs);

  /// Prepares the model for the epoch after so many: frozen parameters need no gradient, and frozen
  /// modules are in evaluation mode, so that statistics of batch norms stay as they are.
  void begin_epoch(std::int64_t epochs_done);
  /// Parameters that do not learn in that epoch, as numbers.
  std::int64_t num_frozen(std::int64_t epochs_done) const;

 private:
  bool is_frozen(const std::string& path, std::int64_t epochs_done) const;

  nn::Module& model_;
  std::vector<std::string> layers_;
  std::string head_;
  bool all_but_head_ = false;
  std::int64_t head_epochs_ = 0;
};

}  // namespace ingot::cli
