// The loop of a fine-tuning: steps, lines of the log, evaluations, checkpoints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include <ingot/core/tensor.h>
#include <ingot/data/samplers.h>
#include <ingot/optim/optimizer.h>
#include <ingot/optim/scheduler.h>

#include "glue/evaluation.h"

namespace ingot::glue {

class Training {
 public:
  /// `save_model` writes the model, its tokenizer and the flags into a folder. Everything must
  /// outlive this.
  Training(const Setting& setting, const Part& train, const Part* validation,
           std::function<void(const std::filesystem::path&)> save_model);

  /// Goes on from a checkpoint. Throws IoError or ValueError when it does not fit.
  void resume(const std::filesystem::path& checkpoint);
  /// Lines that say what is about to happen.
  void announce() const;
  /// Trains to the end, or until Output::stop. Returns train_runtime, train_loss and the like.
  std::map<std::string, double> run();
  /// Throws train::DivergedError when a weight is infinite or not a number.
  void check_weights() const;

  bool stopped() const { return stopped_; }
  std::int64_t steps() const { return step_; }
  const std::string& saved() const { return saved_; }
  /// A line of the log, printed and kept.
  void log(std::map<std::string, double> values, bool print = true);
  /// trainer_state.json
  std::string state() const;

 private:
  struct Loss {
    Tensor loss, norm;
  };

  std::unique_ptr<data::Sampler> make_sampler() const;
  void check_metric() const;
  void train_epoch(std::int64_t epoch);
  void take_step(const std::vector<std::vector<std::int64_t>>& group);
  /// All that is due after a step, at the end of an epoch too; what has been done is not repeated.
  void after_step();
  void drain();
  void log_loss();
  void evaluate_now();
  nlohmann::json identity() const;
  void check_identity(const std::filesystem::path& path, const nlohmann::json& before) const;
  bool note_best(const std::map<std::string, double>& metrics);
  bool is_better(double value, const std::optional<double>& than) const;
  /// `to_go_on`: with the state of the training, whatever save_only_model says.
  void save_checkpoint(bool to_go_on = false);
  void remove_old_checkpoints() const;
  void load_best();
  std::int64_t steps_of(double every) const;
  nlohmann::json progress() const;

  const Setting& setting_;
  const TrainingArguments& arguments_;
  const Part& train_;
  const Part* validation_;
  std::function<void(const std::filesystem::path&)> save_model_;

  std::unique_ptr<data::Sampler> sampler_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::optional<optim::ReduceLROnPlateau> plateau_;
  std::function<double(std::int64_t)> schedule_;

  std::int64_t batches_ = 0;  ///< of an epoch
  std::int64_t updates_ = 0;  ///< of an epoch
  std::int64_t total_ = 0;    ///< updates
  std::int64_t epochs_ = 0;   ///< begun ones
  std::string metric_;        ///< of the best model: "eval_loss"
  bool greater_ = false;

  std::int64_t step_ = 0;
  std::int64_t batch_ = 0;         ///< batches done, of all epochs
  std::vector<Loss> pending_;      ///< steps whose losses nobody has looked at
  std::int64_t pending_from_ = 0;  ///< the step of the first of them
  double loss_sum_ = 0, total_loss_ = 0;
  std::int64_t loss_count_ = 0;  ///< steps in loss_sum_
  double norm_ = std::numeric_limits<double>::quiet_NaN();
  double lr_ = 0;  ///< of the latest step
  double flops_ = 0;
  std::int64_t logged_ = -1, evaluated_ = -1, checkpointed_ = -1;  ///< at which step
  double value_ = std::numeric_limits<double>::quiet_NaN();        ///< of metric_, the latest
  std::optional<double> best_;                                     ///< of all evaluations
  std::int64_t best_step_ = 0;
  std::optional<double> kept_;  ///< the best of those that have a checkpoint
  std::int64_t kept_step_ = 0;
  std::string kept_folder_;
  nlohmann::json history_ = nlohmann::json::array();
  bool stopped_ = false;
  std::string saved_;
};

/// The newest checkpoint-N of a folder; empty where there is none.
std::filesystem::path newest_checkpoint(const std::filesystem::path& folder);
/// Removes every checkpoint-N of a folder; none when one of them is `needed`, which is a
/// ValueError. Throws IoError when that fails.
void remove_checkpoints(const std::filesystem::path& folder,
                        const std::vector<std::filesystem::path>& needed);
/// Puts in order what a process that was killed has left of its checkpoints.
void recover_checkpoints(const std::filesystem::path& folder);
/// Writes a file whole or not at all.
void write_file(const std::filesystem::path& path, const std::string& content);

}  // namespace ingot::glue
