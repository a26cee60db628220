// What `ingot glue` is told: the names and defaults of run_glue.py and of transformers'
// TrainingArguments, of both generations (evaluation_strategy and eval_strategy, no_cuda and
// use_cpu, …).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ingot::glue {

struct ModelArguments {
  std::string model_name_or_path;  ///< a folder with config.json, weights and tokenizer
  std::string config_name;         ///< another folder for config.json
  std::string tokenizer_name;      ///< another folder for the tokenizer
  bool use_fast_tokenizer = true;
  /// A head of another size than the task's is drawn anew; else it is an error.
  bool ignore_mismatched_sizes = false;
};

struct DataArguments {
  std::string task_name;                               ///< a task of GLUE, from data_dir
  std::string data_dir;                                ///< folder of its tsv files
  std::string train_file, validation_file, test_file;  ///< csv or json files instead
  std::int64_t max_seq_length = 128;
  bool pad_to_max_length = true;  ///< else to the longest of each batch, rounded up to 8, 16, …
  std::optional<std::int64_t> max_train_samples, max_eval_samples, max_predict_samples;
};

struct TrainingArguments {
  std::string output_dir = "trainer_output";
  bool overwrite_output_dir = false;
  bool do_train = false, do_predict = false;
  bool do_eval = false;  ///< eval_strategy other than "no" means it, too
  std::int64_t per_device_train_batch_size = 8, per_device_eval_batch_size = 8;
  std::int64_t gradient_accumulation_steps = 1;
  double learning_rate = 5e-5;
  double num_train_epochs = 3;
  std::int64_t max_steps = -1;  ///< above 0: in place of epochs
  std::string lr_scheduler_type = "linear";
  std::string lr_scheduler_kwargs = "{}";  ///< a JSON object
  double warmup_steps = 0;                 ///< below 1: a share of all steps
  double warmup_ratio = 0;                 ///< a share of all steps, where warmup_steps is 0
  std::string optim = "adamw_torch_fused";
  double weight_decay = 0;
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  double max_grad_norm = 1;  ///< of all gradients together; 0: gradients stay as they are
  double label_smoothing_factor = 0;
  std::int64_t seed = 42;
  std::optional<std::int64_t> data_seed;  ///< of the order of the samples; `seed` without it
  bool dataloader_drop_last = false;
  bool group_by_length = false;  ///< as train_sampling_strategy "group_by_length"
  /// "random", "sequential", or "group_by_length": sentences of about one length make a batch.
  std::string train_sampling_strategy = "random";
  /// "no", "steps" or "epoch"; below 1, steps are a share of all.
  std::string logging_strategy = "steps";
  double logging_steps = 500;
  bool logging_first_step = false;
  std::string eval_strategy = "no";
  std::optional<double> eval_steps;  ///< logging_steps without it
  double eval_delay = 0;             ///< no evaluation before this step or epoch
  bool eval_on_start = false;
  std::string save_strategy = "steps";  ///< or "best"
  double save_steps = 500;
  std::optional<std::int64_t> save_total_limit;
  bool save_only_model = false;
  bool load_best_model_at_end = false;
  std::string metric_for_best_model;      ///< "loss" without it
  std::optional<bool> greater_is_better;  ///< true for all metrics but losses without it
  /// A checkpoint's folder, or "true" for the newest one in output_dir.
  std::string resume_from_checkpoint;
  bool use_cpu = false;
  std::string run_name;
  std::string log_level = "passive";
  bool disable_tqdm = false;

  /// Throws ValueError for values out of range and combinations that contradict each other.
  void check() const;
};

struct Arguments {
  ModelArguments model;
  DataArguments data;
  TrainingArguments training;
  /// One line for each flag that was given and changes nothing here.
  std::vector<std::string> notes;

  /// Throws ValueError; also for arguments that need others.
  void check() const;
  /// All flags with their values, as a JSON object.
  std::string to_json() const;
};

/// A flag, and where its value goes.
struct Flag {
  /// A flag that transformers has and Ingot cannot honour.
  struct Unsupported {
    bool is_boolean = false;
    bool refuse = false;   ///< else it changes nothing, and a note says so
    bool is_list = false;  ///< takes several values
  };
  using Target =
      std::variant<std::string*, bool*, std::int64_t*, double*, std::optional<std::int64_t>*,
                   std::optional<double>*, std::optional<bool>*, Unsupported>;

  std::string name;  ///< "learning_rate"
  Target target;
  std::string help;                  ///< of an unsupported one: why, or what to do
  std::vector<std::string> aliases;  ///< other generations' names

  /// May stand without a value, which means true.
  bool is_boolean() const;
  /// Its value as text; empty where there is none.
  std::string value() const;
};

/// All flags; they write into `arguments`, which must outlive them.
std::vector<Flag> flags(Arguments& arguments);
/// Sets a flag from text. Throws ValueError that names the flag.
void set(const Flag& flag, std::string_view text, Arguments& arguments);
/// Sets the flags that a JSON file names. Throws IoError for a file that is no JSON object,
/// ValueError for flags that are unknown.
void read_arguments(const std::filesystem::path& json, Arguments& arguments);

}  // namespace ingot::glue
