#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/core/nearest_name.h>
#include <ingot/glue/arguments.h>
#include <ingot/glue/sentences.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/printable.h"
#include "glue/optimization.h"
#include "text/json_tree.h"
#include "text/read_tokenizer.h"

namespace ingot::glue {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(std::string_view flag, const std::string& cause) {
  throw ValueError(fmt::format("--{} {}", flag, cause));
}

template <class Number>
Number parse(std::string_view flag, std::string_view text, const char* what) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end)
    refuse(flag, fmt::format("must be {}, not '{}'", what, printable(text)));
  return value;
}

constexpr std::array<std::string_view, 5> kYes{"true", "t", "yes", "y", "1"};
constexpr std::array<std::string_view, 5> kNo{"false", "f", "no", "n", "0"};

bool is_one_of(std::string_view text, const std::array<std::string_view, 5>& words) {
  return std::ranges::find(words, text) != words.end();
}

bool parse_boolean(std::string_view flag, std::string_view text) {
  const std::string lower = lower_case(text);
  if (is_one_of(lower, kYes)) return true;
  if (is_one_of(lower, kNo)) return false;
  refuse(flag, fmt::format("must be True or False, not '{}'", printable(text)));
}

void set_value(std::string_view flag, std::string* target, std::string_view text) {
  static_cast<void>(flag);
  *target = text;
}
void set_value(std::string_view flag, bool* target, std::string_view text) {
  *target = parse_boolean(flag, text);
}
void set_value(std::string_view flag, std::int64_t* target, std::string_view text) {
  *target = parse<std::int64_t>(flag, text, "a whole number");
}
void set_value(std::string_view flag, double* target, std::string_view text) {
  *target = parse<double>(flag, text, "a number");
  if (!std::isfinite(*target)) refuse(flag, "must be finite");
}
template <class T>
void set_value(std::string_view flag, std::optional<T>* target, std::string_view text) {
  if (lower_case(text) == "none") {
    target->reset();
    return;
  }
  T value{};
  set_value(flag, &value, text);
  *target = value;
}

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

Json json_of(const Flag& flag) {
  return std::visit(Overloaded{[](const Flag::Unsupported&) { return Json(); },
                               [](const auto* target) {
                                 if constexpr (requires { target->has_value(); })
                                   return target->has_value() ? Json(**target) : Json();
                                 else
                                   return Json(*target);
                               }},
                    flag.target);
}

/// Values of a JSON file as they would stand on a command line.
std::string text_of(const text::JsonTree& tree, const text::JsonValue& value) {
  switch (value.kind) {
    case text::JsonKind::String:
      return value.text;
    case text::JsonKind::Boolean:
      return value.boolean ? "true" : "false";
    case text::JsonKind::Integer:
      return std::to_string(value.integer);
    case text::JsonKind::Number:
      return fmt::format("{}", value.number);
    case text::JsonKind::Null:
      return "none";
    case text::JsonKind::Array: {
      std::string text;
      for (const auto& item : value.items) text += (text.empty() ? "" : ",") + text_of(tree, item);
      return text;
    }
    case text::JsonKind::Object: {
      Json object = Json::object();
      for (const auto& item : value.items)
        object[item.key] = item.kind == text::JsonKind::Integer  ? Json(item.integer)
                           : item.kind == text::JsonKind::Number ? Json(item.number)
                                                                 : Json(text_of(tree, item));
      return object.dump();
    }
  }
  return {};
}

void require(bool right, const char* flag, const auto& value, const char* what) {
  if (!right) refuse(flag, fmt::format("is {}: must be {}", value, what));
}

void require_one(const char* flag, const std::string& value, const std::vector<std::string>& of) {
  if (std::ranges::find(of, value) == of.end())
    refuse(flag, fmt::format("'{}' is unknown; there are: {}{}", printable(value),
                             fmt::join(of, ", "), suggestion(value, of)));
}

}  // namespace

bool Flag::is_boolean() const {
  if (const auto* none = std::get_if<Unsupported>(&target)) return none->is_boolean;
  return std::holds_alternative<bool*>(target) ||
         std::holds_alternative<std::optional<bool>*>(target);
}

std::string Flag::value() const {
  const Json value = json_of(*this);
  if (value.is_null()) return {};
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? fmt::format("{}", value.get<double>()) : value.dump();
}

std::vector<Flag> flags(Arguments& a) {
  ModelArguments& m = a.model;
  DataArguments& d = a.data;
  TrainingArguments& t = a.training;
  const Flag::Unsupported no_effect{}, no_effect_switch{.is_boolean = true},
      no_effect_list{.is_list = true}, refused{.refuse = true},
      refused_switch{.is_boolean = true, .refuse = true},
      refused_list{.refuse = true, .is_list = true};
  const char* const hub = "models are folders here, and nothing is fetched";
  const char* const float32 = "training is in float32";
  const char* const fused = "every step is planned and fused anyway";
  const char* const one = "training is on one device";
  const char* const no_report = "logs are trainer_state.json and what is printed";
  return {
      {"model_name_or_path",
       &m.model_name_or_path,
       "Folder of a BERT, RoBERTa or DistilBERT: config.json, weights, tokenizer",
       {}},
      {"config_name", &m.config_name, "Folder of another config.json [the model's]", {}},
      {"tokenizer_name", &m.tokenizer_name, "Folder of another tokenizer [the model's]", {}},
      {"use_fast_tokenizer",
       &m.use_fast_tokenizer,
       "The tokenizer behaves as the fast ones of Hugging Face",
       {}},
      {"ignore_mismatched_sizes",
       &m.ignore_mismatched_sizes,
       "Draw a head of another size anew; else it is an error",
       {}},
      {"task_name", &d.task_name, "cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb or wnli", {}},
      {"data_dir", &d.data_dir, "Folder of the task's tsv files", {}},
      {"train_file", &d.train_file, "A csv or json file to train on, in place of a task", {}},
      {"validation_file", &d.validation_file, "The same to evaluate", {}},
      {"test_file", &d.test_file, "The same to predict", {}},
      {"max_seq_length", &d.max_seq_length, "Tokens at most; the longer sentence is cut first", {}},
      {"pad_to_max_length",
       &d.pad_to_max_length,
       "Pad to max_seq_length; False: to the longest of each batch",
       {}},
      {"max_train_samples", &d.max_train_samples, "Train on the first N [all]", {}},
      {"max_eval_samples", &d.max_eval_samples, "Evaluate the first N [all]", {"max_val_samples"}},
      {"max_predict_samples",
       &d.max_predict_samples,
       "Predict the first N [all]",
       {"max_test_samples"}},
      {"output_dir", &t.output_dir, "Everything is written there", {}},
      {"overwrite_output_dir",
       &t.overwrite_output_dir,
       "Begin anew in a folder that has files",
       {}},
      {"do_train", &t.do_train, "Train", {}},
      {"do_eval", &t.do_eval, "Evaluate the validation data", {}},
      {"do_predict", &t.do_predict, "Predict the test data", {}},
      {"per_device_train_batch_size",
       &t.per_device_train_batch_size,
       "Sentences in a step",
       {"per_gpu_train_batch_size"}},
      {"per_device_eval_batch_size",
       &t.per_device_eval_batch_size,
       "The same of evaluations",
       {"per_gpu_eval_batch_size"}},
      {"gradient_accumulation_steps",
       &t.gradient_accumulation_steps,
       "Batches whose gradients make one step",
       {}},
      {"learning_rate", &t.learning_rate, "Learning rate", {}},
      {"num_train_epochs", &t.num_train_epochs, "Passes over the data, perhaps not whole", {}},
      {"max_steps", &t.max_steps, "Steps, in place of epochs [-1: epochs count]", {}},
      {"lr_scheduler_type",
       &t.lr_scheduler_type,
       fmt::format("{}", fmt::join(schedules(), ", ")),
       {}},
      {"lr_scheduler_kwargs",
       &t.lr_scheduler_kwargs,
       "A JSON object, such as {\"num_cycles\": 2}",
       {}},
      {"warmup_steps", &t.warmup_steps, "Steps of warming up; below 1: a share of all", {}},
      {"warmup_ratio", &t.warmup_ratio, "The same as a share of all", {}},
      {"optim", &t.optim, fmt::format("{}", fmt::join(optimizers(), ", ")), {}},
      {"weight_decay", &t.weight_decay, "AdamW's, of all but biases and norms", {}},
      {"adam_beta1", &t.adam_beta1, "AdamW's first beta", {}},
      {"adam_beta2", &t.adam_beta2, "AdamW's second beta", {}},
      {"adam_epsilon", &t.adam_epsilon, "AdamW's epsilon", {}},
      {"max_grad_norm", &t.max_grad_norm, "Norm of all gradients at most; 0: any", {}},
      {"label_smoothing_factor", &t.label_smoothing_factor, "Label smoothing", {}},
      {"seed", &t.seed, "Seed of the new head, dropout and the order", {}},
      {"data_seed", &t.data_seed, "Seed of the order [seed]", {}},
      {"dataloader_drop_last",
       &t.dataloader_drop_last,
       "Leave out a last batch that is smaller",
       {}},
      {"group_by_length",
       &t.group_by_length,
       "Make batches of sentences of about one length, for --pad_to_max_length False",
       {}},
      {"train_sampling_strategy",
       &t.train_sampling_strategy,
       "random, sequential or group_by_length",
       {}},
      {"logging_strategy", &t.logging_strategy, "no, steps or epoch", {}},
      {"logging_steps", &t.logging_steps, "Steps between lines; below 1: a share of all", {}},
      {"logging_first_step", &t.logging_first_step, "A line after the first step, too", {}},
      {"eval_strategy", &t.eval_strategy, "no, steps or epoch", {"evaluation_strategy"}},
      {"eval_steps", &t.eval_steps, "Steps between evaluations [logging_steps]", {}},
      {"eval_delay", &t.eval_delay, "No evaluation before this step or epoch", {}},
      {"eval_on_start", &t.eval_on_start, "Evaluate before the first step", {}},
      {"save_strategy", &t.save_strategy, "no, steps, epoch or best", {}},
      {"save_steps", &t.save_steps, "Steps between checkpoints", {}},
      {"save_total_limit", &t.save_total_limit, "Checkpoints kept [all]", {}},
      {"save_only_model", &t.save_only_model, "Checkpoints that cannot be resumed", {}},
      {"load_best_model_at_end",
       &t.load_best_model_at_end,
       "Keep the best checkpoint's weights",
       {}},
      {"metric_for_best_model", &t.metric_for_best_model, "What is best [loss]", {}},
      {"greater_is_better", &t.greater_is_better, "Whether more is better [unless a loss]", {}},
      {"resume_from_checkpoint",
       &t.resume_from_checkpoint,
       "A checkpoint's folder; True: the newest of output_dir",
       {}},
      {"use_cpu", &t.use_cpu, "Stay on the cpu", {"no_cuda"}},
      {"run_name", &t.run_name, "A name for the run [output_dir]", {}},
      {"log_level", &t.log_level, "Kept for scripts: everything is printed", {}},
      {"disable_tqdm", &t.disable_tqdm, "No bar on a terminal", {}},

      {"dataset_name", refused, "data sets of a hub are not fetched: take --train_file", {}},
      {"dataset_config_name", refused, "data sets of a hub are not fetched: take --train_file", {}},
      {"cache_dir", no_effect, hub, {}},
      {"model_revision", no_effect, hub, {}},
      {"token", no_effect, hub, {}},
      {"use_auth_token", no_effect_switch, hub, {}},
      {"trust_remote_code", no_effect_switch, hub, {}},
      {"push_to_hub", refused_switch, "nothing is sent anywhere", {}},
      {"hub_model_id", no_effect, hub, {}},
      {"hub_token", no_effect, hub, {}},
      {"hub_strategy", no_effect, hub, {}},
      {"hub_private_repo", no_effect_switch, hub, {}},
      {"overwrite_cache", no_effect_switch, "tokens are not cached", {}},
      {"use_mps_device", no_effect_switch, "the best device is taken anyway", {}},
      {"fp16", refused_switch, float32, {}},
      {"bf16", refused_switch, float32, {}},
      {"fp16_full_eval", refused_switch, float32, {}},
      {"bf16_full_eval", refused_switch, float32, {}},
      {"fp16_opt_level", no_effect, float32, {}},
      {"tf32", no_effect_switch, float32, {}},
      {"gradient_checkpointing", no_effect_switch, "activations are kept", {}},
      {"torch_compile", no_effect_switch, fused, {}},
      {"dataloader_num_workers", no_effect, "all sentences are tokens before the first step", {}},
      {"dataloader_pin_memory", no_effect_switch, "batches are small", {}},
      {"dataloader_persistent_workers", no_effect_switch, "there are no workers", {}},
      {"report_to", no_effect_list, no_report, {}},
      {"logging_dir", no_effect, no_report, {}},
      {"logging_nan_inf_filter",
       no_effect_switch,
       "a loss that is not finite ends the training",
       {}},
      {"log_level_replica", no_effect, one, {}},
      {"log_on_each_node", no_effect_switch, one, {}},
      {"local_rank", no_effect, one, {}},
      {"ddp_backend", no_effect, one, {}},
      {"ddp_find_unused_parameters", no_effect_switch, one, {}},
      {"ddp_timeout", no_effect, one, {}},
      {"deepspeed", refused, one, {}},
      {"fsdp", refused_list, one, {}},
      {"fsdp_config", refused, one, {}},
      {"sharded_ddp", refused, one, {}},
      {"adafactor", refused_switch, "Ingot has no Adafactor: see --optim", {}},
      {"half_precision_backend", no_effect, float32, {}},
      {"save_safetensors", no_effect_switch, "weights are always safetensors", {}},
      {"prediction_loss_only", refused_switch, "predictions are what metrics need", {}},
      {"remove_unused_columns", no_effect_switch, "other columns are never read", {}},
      {"skip_memory_metrics", no_effect_switch, "memory is not measured", {}},
      {"past_index", no_effect, "these models have no past", {}},
      {"eval_accumulation_steps", no_effect, "logits are kept on the host", {}},
      {"full_determinism", no_effect_switch, "runs are repeatable anyway", {}},
      {"jit_mode_eval", no_effect_switch, fused, {}},
      {"auto_find_batch_size", refused_switch, "choose --per_device_train_batch_size", {}},
      {"accelerator_config", refused, one, {}},
      {"parallelism_config", refused, one, {}},
      {"activation_checkpointing", refused_switch, "activations are kept", {}},
      {"activation_checkpointing_kwargs", no_effect, "activations are kept", {}},
      {"gradient_checkpointing_kwargs", no_effect, "activations are kept", {}},
      {"average_tokens_across_devices", no_effect_switch, one, {}},
      {"batch_eval_metrics", refused_switch, "metrics are of all sentences together", {}},
      {"include_for_metrics", no_effect_list, "metrics take predictions and labels", {}},
      {"eval_do_concat_batches", no_effect_switch, "metrics are of all sentences together", {}},
      {"eval_use_gather_object", no_effect_switch, one, {}},
      {"dataloader_in_order", no_effect_switch, "there are no workers", {}},
      {"dataloader_multiprocessing_context", no_effect, "there are no workers", {}},
      {"dataloader_prefetch_factor", no_effect, "there are no workers", {}},
      {"ddp_broadcast_buffers", no_effect_switch, one, {}},
      {"ddp_bucket_cap_mb", no_effect, one, {}},
      {"ddp_static_graph", no_effect_switch, one, {}},
      {"save_on_each_node", no_effect_switch, one, {}},
      {"debug", refused_list, "see ingot selftest, and --profile of ingot train", {}},
      {"enable_jit_checkpoint", refused_switch, "Ctrl-C saves a checkpoint, a kill does not", {}},
      {"restore_callback_states_from_checkpoint", no_effect_switch, "there are no callbacks", {}},
      {"ignore_data_skip", refused_switch, "who goes on sees the sentences that are left", {}},
      {"hub_always_push", no_effect_switch, hub, {}},
      {"hub_revision", no_effect, hub, {}},
      {"include_num_input_tokens_seen", refused_switch, "tokens are not counted", {}},
      {"label_names", refused_list, "the label's column is named label", {}},
      {"length_column_name", no_effect, "lengths are those of the tokens", {}},
      {"use_liger_kernel", refused_switch, fused, {}},
      {"liger_kernel_config", no_effect, fused, {}},
      {"torch_compile_backend", no_effect, fused, {}},
      {"torch_compile_mode", no_effect, fused, {}},
      {"torch_empty_cache_steps", no_effect, "memory is used again by itself", {}},
      {"use_cache", no_effect_switch, "these models have no past", {}},
      {"neftune_noise_alpha", refused, "embeddings get no noise", {}},
      {"optim_args", refused, "see --adam_beta1, --adam_beta2 and --adam_epsilon", {}},
      {"optim_target_modules", refused_list, "every parameter is trained", {}},
      {"project", no_effect, no_report, {}},
      {"trackio_space_id", no_effect, no_report, {}},
      {"trackio_bucket_id", no_effect, no_report, {}},
      {"trackio_static_space_id", no_effect, no_report, {}},
      {"fp16_backend", no_effect, float32, {}},
  };
}

void set(const Flag& flag, std::string_view text, Arguments& arguments) {
  std::visit(Overloaded{[&](const Flag::Unsupported& kind) {
                          const std::string lower = lower_case(text);
                          if (lower.empty() || lower == "none") return;
                          if (kind.is_boolean && is_one_of(lower, kNo)) return;
                          if (kind.refuse) refuse(flag.name, "cannot be honoured: " + flag.help);
                          arguments.notes.push_back(
                              fmt::format("--{} changes nothing: {}", flag.name, flag.help));
                        },
                        [&](auto* target) { set_value(flag.name, target, text); }},
             flag.target);
}

void read_arguments(const std::filesystem::path& path, Arguments& arguments) {
  const text::JsonTree tree(text::read_text_file(path), path.string());
  const std::vector<Flag> all = flags(arguments);
  std::vector<std::string> names;
  for (const Flag& flag : all) {
    names.push_back(flag.name);
    names.insert(names.end(), flag.aliases.begin(), flag.aliases.end());
  }
  for (const text::JsonValue& item : tree.object(tree.root()).items) {
    const auto flag = std::ranges::find_if(all, [&](const Flag& f) {
      return f.name == item.key || std::ranges::find(f.aliases, item.key) != f.aliases.end();
    });
    if (flag == all.end())
      throw ValueError(fmt::format("{}:{}: there is no flag '{}'{}", path.string(), item.line,
                                   printable(item.key), suggestion(item.key, names)));
    const std::string text = text_of(tree, item);
    // None is what a text or a number that was not given is.
    if (item.kind == text::JsonKind::Null && !flag->value().empty()) continue;
    if (item.kind == text::JsonKind::Null && std::holds_alternative<std::string*>(flag->target))
      continue;
    try {
      set(*flag, text, arguments);
    } catch (const ValueError& error) {
      throw ValueError(fmt::format("{}:{}: {}", path.string(), item.line, error.what()));
    }
  }
}

std::string Arguments::to_json() const {
  Arguments copy = *this;
  Json json = Json::object();
  for (const Flag& flag : flags(copy))
    if (!std::holds_alternative<Flag::Unsupported>(flag.target)) json[flag.name] = json_of(flag);
  return json.dump(2) + "\n";
}

void TrainingArguments::check() const {
  if (output_dir.empty()) refuse("output_dir", "must not be empty");
  require(per_device_train_batch_size >= 1, "per_device_train_batch_size",
          per_device_train_batch_size, "at least 1");
  require(per_device_eval_batch_size >= 1, "per_device_eval_batch_size", per_device_eval_batch_size,
          "at least 1");
  require(gradient_accumulation_steps >= 1, "gradient_accumulation_steps",
          gradient_accumulation_steps, "at least 1");
  require(learning_rate >= 0, "learning_rate", learning_rate, "0 or more");
  require(num_train_epochs > 0, "num_train_epochs", num_train_epochs, "above 0");
  require(max_steps == -1 || max_steps > 0, "max_steps", max_steps, "above 0, or -1");
  require(warmup_steps >= 0, "warmup_steps", warmup_steps, "0 or more");
  require(warmup_ratio >= 0 && warmup_ratio <= 1, "warmup_ratio", warmup_ratio, "0 to 1");
  require(weight_decay >= 0, "weight_decay", weight_decay, "0 or more");
  require(max_grad_norm >= 0, "max_grad_norm", max_grad_norm, "0 or more");
  require(label_smoothing_factor >= 0 && label_smoothing_factor < 1, "label_smoothing_factor",
          label_smoothing_factor, "at least 0 and below 1");
  require(seed >= 0, "seed", seed, "0 or more");
  require(logging_steps > 0, "logging_steps", logging_steps, "above 0");
  require(!eval_steps || *eval_steps > 0, "eval_steps", eval_steps.value_or(0), "above 0");
  require(save_steps > 0, "save_steps", save_steps, "above 0");
  require(!save_total_limit || *save_total_limit >= 1, "save_total_limit",
          save_total_limit.value_or(0), "at least 1");
  require_one("lr_scheduler_type", lr_scheduler_type, schedules());
  require_one("optim", optim, optimizers());
  require_one("train_sampling_strategy", train_sampling_strategy,
              {"random", "sequential", "group_by_length"});
  require_one("logging_strategy", logging_strategy, {"no", "steps", "epoch"});
  require_one("eval_strategy", eval_strategy, {"no", "steps", "epoch"});
  require_one("save_strategy", save_strategy, {"no", "steps", "epoch", "best"});
  if (save_strategy == "best" && eval_strategy == "no")
    refuse("save_strategy", "best needs evaluations: see --eval_strategy");
  if (lr_scheduler_type == "reduce_lr_on_plateau" && eval_strategy == "no")
    refuse("lr_scheduler_type", "reduce_lr_on_plateau needs evaluations: see --eval_strategy");
  if (!load_best_model_at_end || save_strategy == "best") return;
  if (eval_strategy == "no" || eval_strategy != save_strategy)
    refuse("load_best_model_at_end",
           fmt::format("needs an evaluation for each checkpoint: --eval_strategy is {} and "
                       "--save_strategy {}",
                       eval_strategy, save_strategy));
  if (eval_strategy == "steps" && std::fmod(save_steps, eval_steps.value_or(logging_steps)) > 1e-9)
    refuse("load_best_model_at_end",
           fmt::format("needs an evaluation for each checkpoint: --save_steps {} is no multiple of "
                       "--eval_steps {}",
                       save_steps, eval_steps.value_or(logging_steps)));
}

void Arguments::check() const {
  if (model.model_name_or_path.empty()) refuse("model_name_or_path", "is required");
  if (!std::filesystem::is_directory(model.model_name_or_path))
    refuse("model_name_or_path",
           fmt::format("'{}' is no folder; models are folders here, with config.json, weights and "
                       "tokenizer",
                       printable(model.model_name_or_path)));
  require(data.max_seq_length >= 1, "max_seq_length", data.max_seq_length, "at least 1");
  const bool files =
      !data.train_file.empty() || !data.validation_file.empty() || !data.test_file.empty();
  if (!data.task_name.empty()) {
    static_cast<void>(glue_task(data.task_name));
    if (files) refuse("task_name", "and files of sentences exclude each other");
    if (data.data_dir.empty())
      refuse("data_dir", "is required with --task_name: the folder of the task's tsv files");
  } else if (!files) {
    refuse("task_name",
           "with --data_dir, or --train_file and --validation_file, is required: there is nothing "
           "to read");
  }
  const auto need = [&](bool phase, const char* flag, const std::string& file, const char* named) {
    if (phase && data.task_name.empty() && file.empty())
      refuse(flag, fmt::format("needs --{}", named));
  };
  need(training.do_train, "do_train", data.train_file, "train_file");
  const char* const evaluates = training.do_eval                 ? "do_eval"
                                : training.eval_strategy != "no" ? "eval_strategy"
                                                                 : "eval_on_start";
  need(training.do_eval || training.eval_strategy != "no" || training.eval_on_start, evaluates,
       data.validation_file, "validation_file");
  need(training.do_predict, "do_predict", data.test_file, "test_file");
  for (const auto& count :
       {data.max_train_samples, data.max_eval_samples, data.max_predict_samples})
    if (count && *count < 1) refuse("max_…_samples", "must be at least 1");
  training.check();
}

}  // namespace ingot::glue
