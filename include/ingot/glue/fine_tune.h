// Fine-tuning on sentences: what run_glue.py does, with its files and metrics.
//
//   glue::Arguments arguments;
//   arguments.model.model_name_or_path = "all-MiniLM-L6-v2";
//   arguments.data.task_name = "mrpc";
//   arguments.data.data_dir = "glue/MRPC";
//   arguments.training.do_train = arguments.training.do_eval = true;
//   auto results = glue::fine_tune(arguments);
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/glue/arguments.h>

namespace ingot::glue {

/// Where a fine-tuning tells what it does. All may be empty.
struct Output {
  std::function<void(const std::string& line)> line = {};
  /// After every step of the training and every batch of an evaluation.
  std::function<void(std::string_view phase, std::int64_t done, std::int64_t of)> progress = {};
  /// Asked after every step, after every batch of an evaluation or a prediction, and while the
  /// sentences are made into tokens: true ends it there. A training that has begun saves a
  /// checkpoint first; the others leave no results.
  std::function<bool()> stop = {};
};

struct FineTuneResults {
  /// What train_results.json, eval_results.json and predict_results.json hold; empty where that was
  /// not asked for.
  std::map<std::string, double> train, eval, predict;
  std::int64_t steps = 0;       ///< of the optimizer, those before a resumption included
  bool stopped = false;         ///< Output::stop ended it
  std::string checkpoint = {};  ///< what a training that was stopped has saved; else empty
};

/// Trains, evaluates and predicts, as the arguments say, on the best device of the machine, and
/// writes into output_dir:
///
///   config.json, model.safetensors, tokenizer.json, vocab.txt …   the trained model
///   training_args.json                                            the flags
///   checkpoint-N/                   the same after N steps, and what goes on from there
///   train_results.json, eval_results.json, all_results.json       metrics
///   trainer_state.json              every line of the log
///   predict_results_TASK.txt        a prediction for each row of the test data
///   README.md                       a model card
///
/// A training that begins anew in a folder removes the checkpoint-N that are there. An interrupted
/// one that goes on from a checkpoint gives the same bits as one that was not. Throws ValueError
/// for arguments that do not fit together, among them another seed, batch size or other data than
/// those of the checkpoint it goes on from; IoError for files, and for a folder that another run
/// is writing into; and train::DivergedError, before
/// anything of it is written, when a loss, an output of the model or a weight is not finite.
FineTuneResults fine_tune(const Arguments& arguments, const Output& output = {});

/// What a model says of a sentence, or of two.
struct Prediction {
  std::string label;            ///< the name of the class; of regression the number
  double score = 0;             ///< the class's probability; of regression the number
  std::int64_t number = 0;      ///< of the class
  std::vector<double> outputs;  ///< the probability of each class, or the number
};

/// A model that fine_tune(), or Hugging Face's libraries, left in a folder.
class SentencePredictor {
 public:
  /// Throws IoError for a folder that holds no model for sentences.
  explicit SentencePredictor(const std::filesystem::path& folder, Device device = {});
  ~SentencePredictor();
  SentencePredictor(SentencePredictor&&) noexcept;
  SentencePredictor& operator=(SentencePredictor&&) noexcept;

  /// Names of the classes by number; one name for regression.
  const std::vector<std::string>& labels() const;
  bool is_regression() const;
  /// A prediction for each; `second` has as many texts, or none. Longer ones than the model takes
  /// are cut as in the training. Throws ValueError for text that is no UTF-8.
  std::vector<Prediction> predict(const std::vector<std::string>& first,
                                  const std::vector<std::string>& second = {}) const;
  Prediction predict(const std::string& first) const;
  Prediction predict(const std::string& first, const std::string& second) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a folder holds a model of sentences: a config.json of one of the families.
bool is_sentence_model(const std::filesystem::path& folder);

}  // namespace ingot::glue
