#include "glue/training.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/core/grad_mode.h>
#include <ingot/data/samplers.h>
#include <ingot/io/atomic_file.h>
#include <ingot/io/safetensors.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/train/trainer.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

#include "core/printable.h"
#include "glue/format.h"
#include "glue/optimization.h"
#include "nn/mode_scope.h"
#include "text/read_tokenizer.h"
#include "text/string_table.h"

namespace ingot::glue {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kStateFile = "training_state.safetensors";
constexpr const char* kStateKey = "ingot.training";
constexpr std::string_view kPrefix = "checkpoint-";
/// Before the names of checkpoints that are being made, and of those that are being replaced.
constexpr std::string_view kMaking = "tmp-", kReplaced = "old-";
/// Losses are looked at this often at least: a device need not be waited for after every step.
constexpr std::size_t kMostPending = 16;

/// N of checkpoint-N; -1 for another name.
std::int64_t number_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return -1;
  std::int64_t number = -1;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
  return error == std::errc{} && at == end ? number : -1;
}

/// Checkpoints, the oldest first.
std::vector<std::pair<std::int64_t, fs::path>> checkpoints_in(const fs::path& folder) {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (const std::int64_t number = number_of(entry.path().filename().string());
        number >= 0 && entry.is_directory())
      found.emplace_back(number, entry.path());
  std::ranges::sort(found);
  return found;
}

}  // namespace

fs::path newest_checkpoint(const fs::path& folder) {
  const auto found = checkpoints_in(folder);
  return found.empty() ? fs::path() : found.back().second;
}

void remove_checkpoints(const fs::path& folder, const std::vector<fs::path>& needed) {
  const auto found = checkpoints_in(folder);
  std::error_code error;
  for (const auto& [number, path] : found)
    for (const fs::path& other : needed)
      if (fs::equivalent(path, other, error))
        throw ValueError(
            fmt::format("--overwrite_output_dir removes the checkpoints that are in {}, and {} is "
                        "what this run begins with: take another --output_dir",
                        folder.string(), other.string()));
  for (const auto& [number, path] : found) {
    fs::remove_all(path, error);
    if (error)
      throw IoError(fmt::format("cannot remove the checkpoint {} of an earlier run: {}",
                                path.string(), error.message()));
  }
}

void recover_checkpoints(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  for (const std::string& name : names) {
    const std::string_view whole = name;
    if (whole.starts_with(kMaking) && number_of(whole.substr(kMaking.size())) >= 0)
      fs::remove_all(folder / name, error);
    if (!whole.starts_with(kReplaced) || number_of(whole.substr(kReplaced.size())) < 0) continue;
    const fs::path wanted = folder / whole.substr(kReplaced.size());
    if (fs::exists(wanted))
      fs::remove_all(folder / name, error);
    else
      fs::rename(folder / name, wanted, error);
  }
}

void write_file(const fs::path& path, const std::string& content) {
  io::AtomicFile file(path);
  file.write(content);
  file.commit();
}

Training::Training(const Setting& setting, const Part& train, const Part* validation,
                   std::function<void(const fs::path&)> save_model)
    : setting_(setting),
      arguments_(setting.arguments.training),
      train_(train),
      validation_(validation),
      save_model_(std::move(save_model)) {
  const TrainingArguments& a = arguments_;
  const std::int64_t size = train.tokens.size(), batch = a.per_device_train_batch_size;
  const std::int64_t group = a.gradient_accumulation_steps;
  batches_ = a.dataloader_drop_last ? size / batch : (size + batch - 1) / batch;
  if (batches_ == 0)
    throw ValueError(fmt::format(
        "--dataloader_drop_last leaves nothing: {} sentences make no batch of {}", size, batch));
  updates_ = (batches_ + group - 1) / group;
  total_ = a.max_steps > 0 ? a.max_steps
                           : static_cast<std::int64_t>(
                                 std::ceil(a.num_train_epochs * static_cast<double>(updates_)));
  epochs_ = (total_ + updates_ - 1) / updates_;
  sampler_ = make_sampler();
  optimizer_ = make_optimizer(*setting.model.module, a);
  schedule_ = make_schedule(a, total_);
  metric_ = a.metric_for_best_model.empty() ? "loss" : a.metric_for_best_model;
  if (!metric_.starts_with("eval_")) metric_ = "eval_" + metric_;
  if (validation_ != nullptr) check_metric();
  greater_ = a.greater_is_better.value_or(!metric_.ends_with("loss"));
  if (a.lr_scheduler_type == "reduce_lr_on_plateau") {
    const auto o = schedule_options(a);
    using Options = optim::ReduceLROnPlateauOptions;
    plateau_.emplace(*optimizer_,
                     Options{.mode = greater_ ? Options::Mode::Max : Options::Mode::Min,
                             .factor = o.at("factor"),
                             .patience = static_cast<std::int64_t>(o.at("patience")),
                             .threshold = o.at("threshold"),
                             .cooldown = static_cast<std::int64_t>(o.at("cooldown")),
                             .min_lr = o.at("min_lr"),
                             .eps = o.at("eps")});
  }
}

std::unique_ptr<data::Sampler> Training::make_sampler() const {
  const std::int64_t size = train_.tokens.size();
  if (arguments_.train_sampling_strategy == "sequential")
    return std::make_unique<data::SequentialSampler>(size);
  if (!arguments_.group_by_length && arguments_.train_sampling_strategy != "group_by_length")
    return std::make_unique<data::RandomSampler>(size);
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < size; ++i)
    lengths.push_back(static_cast<std::int64_t>(train_.tokens.ids(i).size()));
  // Groups are of the batches of an update, as transformers has it.
  return std::make_unique<data::LengthGroupedSampler>(
      std::move(lengths),
      arguments_.per_device_train_batch_size * arguments_.gradient_accumulation_steps);
}

void Training::check_metric() const {
  std::vector<std::string> names{"eval_loss"};
  for (const std::string& name : setting_.task.metrics) names.push_back("eval_" + name);
  if (setting_.task.metrics.size() > 1) names.emplace_back("eval_combined_score");
  for (const char* name : {"eval_runtime", "eval_samples_per_second", "eval_steps_per_second"})
    names.emplace_back(name);
  if (std::ranges::find(names, metric_) == names.end())
    throw ValueError(fmt::format("--metric_for_best_model: there is no {}; there are: {}",
                                 printable(metric_), fmt::join(names, ", ")));
}

std::int64_t Training::steps_of(double every) const {
  const double steps = every < 1 ? std::ceil(every * static_cast<double>(total_)) : every;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(steps));
}

void Training::announce() const {
  const TrainingArguments& a = arguments_;
  const auto say = [&](const char* what, const std::string& value) {
    setting_.line(fmt::format("  {} = {}", what, value));
  };
  const std::int64_t each = a.per_device_train_batch_size;
  setting_.line("***** Training *****");
  say("Examples", with_commas(train_.tokens.size()));
  say("Epochs", a.max_steps > 0 ? with_commas(epochs_) : short_number(a.num_train_epochs));
  say("Optimization steps per epoch", with_commas(updates_));
  say("Batch size per device", with_commas(each));
  say("Total batch size (with accumulation)", with_commas(each * a.gradient_accumulation_steps));
  say("Gradient accumulation steps", with_commas(a.gradient_accumulation_steps));
  say("Total optimization steps", with_commas(total_));
  say("Trainable parameters", with_commas(setting_.model.module->num_parameters()));
}

std::map<std::string, double> Training::run() {
  const auto start = Clock::now();
  const nn::ModeScope mode(*setting_.model.module, true);
  if (step_ == 0) {
    if (arguments_.eval_on_start) evaluate_now();
  } else {
    after_step();  // what a checkpoint in the middle of it has left to do
  }
  while (!stopped_ && step_ < total_) train_epoch(batch_ / batches_);
  drain();
  if (stopped_) {
    // With what goes on from there, whatever --save_only_model says.
    if (checkpointed_ != step_ || arguments_.save_only_model) save_checkpoint(true);
    return {};
  }
  if (arguments_.load_best_model_at_end) load_best();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const auto seen = static_cast<double>(arguments_.max_steps > 0
                                            ? total_ * arguments_.per_device_train_batch_size *
                                                  arguments_.gradient_accumulation_steps
                                            : train_.tokens.size());
  const double samples = arguments_.max_steps > 0 ? seen : seen * arguments_.num_train_epochs;
  return {{"train_runtime", seconds},
          {"train_samples_per_second", samples / seconds},
          {"train_steps_per_second", static_cast<double>(total_) / seconds},
          {"total_flos", flops_},
          {"train_loss", total_loss_ / static_cast<double>(std::max<std::int64_t>(step_, 1))}};
}

void Training::train_epoch(std::int64_t epoch) {
  const std::int64_t size = arguments_.per_device_train_batch_size;
  const std::int64_t group = arguments_.gradient_accumulation_steps;
  const auto order =
      sampler_->order(static_cast<std::uint64_t>(arguments_.data_seed.value_or(arguments_.seed)),
                      static_cast<std::uint64_t>(epoch));
  while (!stopped_ && batch_ < (epoch + 1) * batches_ && step_ < total_) {
    const std::int64_t first = batch_ % batches_;
    std::vector<std::vector<std::int64_t>> rows;
    for (std::int64_t b = first; b < std::min(first + group, batches_); ++b) {
      const auto begin = order.begin() + b * size;
      const std::int64_t left = static_cast<std::int64_t>(order.size()) - b * size;
      rows.emplace_back(begin, begin + std::min(size, left));
    }
    take_step(rows);
    batch_ += static_cast<std::int64_t>(rows.size());
    after_step();
    setting_.progress("train", step_, total_);
    if (step_ < total_ && setting_.asked_to_stop()) stopped_ = true;
  }
}

void Training::take_step(const std::vector<std::vector<std::int64_t>>& group) {
  nn::Module& model = *setting_.model.module;
  const double factor = schedule_(step_);
  if (plateau_)
    lr_ = optimizer_->lr();
  else
    optimizer_->set_lr(lr_ = arguments_.learning_rate * factor);
  optimizer_->zero_grad();
  Loss record;
  for (const auto& rows : group) {
    const Tensor logits = setting_.logits(train_.tokens, rows);
    Tensor loss = setting_.loss(logits, train_.sentences, rows);
    if (group.size() > 1) loss = loss / static_cast<double>(group.size());
    loss.backward();
    record.loss = record.loss.defined() ? record.loss + loss.detach() : loss.detach();
    // One batch after the other, or all of them would be in memory at once.
    if (group.size() > 1) record.loss.eval();
    const std::int64_t width = train_.tokens.width(rows, setting_.padding);
    const auto parameters =
        static_cast<double>(model.num_parameters() - setting_.model.num_embeddings);
    flops_ += 6 * static_cast<double>(width) * static_cast<double>(rows.size()) * parameters;
  }
  if (arguments_.max_grad_norm > 0)
    record.norm = nn::utils::clip_grad_norm_(model.parameters(), arguments_.max_grad_norm);
  optimizer_->step();
  ++step_;
  pending_.push_back(std::move(record));
  if (pending_.size() >= kMostPending) drain();
}

void Training::drain() {
  for (const Loss& record : std::exchange(pending_, {})) {
    const double loss = record.loss.item();
    ++pending_from_;
    if (!std::isfinite(loss))
      throw train::DivergedError(
          fmt::format("training diverged: the loss is {} in step {}; try a smaller learning rate",
                      std::isnan(loss) ? "not a number (NaN)" : "infinite", pending_from_));
    loss_sum_ += loss;
    total_loss_ += loss;
    ++loss_count_;
    if (!record.norm.defined()) continue;
    norm_ = record.norm.item();
    if (!std::isfinite(norm_))
      throw train::DivergedError(fmt::format(
          "training diverged: the gradient's norm is {} in step {}; try a smaller learning rate",
          std::isnan(norm_) ? "not a number (NaN)" : "infinite", pending_from_));
  }
}

void Training::check_weights() const {
  const NoGradGuard no_grad;
  Tensor finite;
  for (const Tensor& parameter : setting_.model.module->parameters()) {
    // No infinity and no NaN leaves a sum finite.
    const Tensor sum = parameter.detach().sum();
    finite = finite.defined() ? finite + sum : sum;
  }
  if (finite.defined() && !std::isfinite(finite.item()))
    throw train::DivergedError(fmt::format(
        "training diverged: weights are not finite after step {}; try a smaller learning rate",
        step_));
}

void Training::after_step() {
  const TrainingArguments& a = arguments_;
  const auto due = [&](double every) { return step_ % steps_of(every) == 0; };
  const bool ends_epoch = batch_ % batches_ == 0;
  if ((step_ == 1 && a.logging_first_step) ||
      (a.logging_strategy == "steps" && due(a.logging_steps)))
    log_loss();
  if (a.eval_strategy == "steps" && due(a.eval_steps.value_or(a.logging_steps)) &&
      a.eval_delay <= static_cast<double>(step_))
    evaluate_now();
  if (ends_epoch && a.logging_strategy == "epoch") log_loss();
  if (ends_epoch && a.eval_strategy == "epoch" &&
      a.eval_delay <= static_cast<double>(batch_ / batches_))
    evaluate_now();
  // After everything else of this step, or who goes on from there would miss it. An interrupted
  // evaluation is left to them.
  const bool saves = (a.save_strategy == "steps" && (due(a.save_steps) || step_ == total_)) ||
                     (ends_epoch && a.save_strategy == "epoch");
  if (saves && !stopped_ && checkpointed_ != step_) save_checkpoint();
}

void Training::log(std::map<std::string, double> values, bool print) {
  values["epoch"] = static_cast<double>(batch_) / static_cast<double>(batches_);
  if (print) setting_.line(log_line(values));
  Json row = values;
  row["step"] = step_;
  history_.push_back(std::move(row));
}

void Training::log_loss() {
  drain();
  if (loss_count_ == 0 || logged_ == step_) return;
  logged_ = step_;
  std::map<std::string, double> values{{"loss", loss_sum_ / static_cast<double>(loss_count_)},
                                       {"learning_rate", lr_}};
  if (!std::isnan(norm_)) values["grad_norm"] = norm_;
  loss_sum_ = 0;
  loss_count_ = 0;
  log(std::move(values));
}

void Training::evaluate_now() {
  drain();
  if (validation_ == nullptr || evaluated_ == step_ || stopped_) return;
  const Evaluation result = evaluate(setting_, *validation_, "eval");
  if (result.stopped) {
    stopped_ = true;
    return;
  }
  evaluated_ = step_;
  checkpointed_ = -1;  // a checkpoint of this step does not know of it
  std::map<std::string, double> values;
  for (const auto& [name, value] : result.metrics) values["eval_" + name] = value;
  const bool better = note_best(values);
  // One before the first step neither counts as the best nor moves the learning rate.
  if (plateau_ && step_ > 0) plateau_->step(value_);
  log(values);
  if (better && arguments_.save_strategy == "best") save_checkpoint();
}

bool Training::is_better(double value, const std::optional<double>& than) const {
  if (std::isnan(value)) return false;
  return !than || (greater_ ? value > *than : value < *than);
}

bool Training::note_best(const std::map<std::string, double>& metrics) {
  value_ = metrics.at(metric_);
  if (step_ == 0 || !is_better(value_, best_)) return false;
  best_ = value_;
  best_step_ = step_;
  return true;
}

/// What decides which sentences a step is of.
Json Training::identity() const {
  const TrainingArguments& a = arguments_;
  const auto bytes = []<class T>(const std::vector<T>& list) {
    return text::hash_bytes({reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T)});
  };
  return {{"per_device_train_batch_size", a.per_device_train_batch_size},
          {"gradient_accumulation_steps", a.gradient_accumulation_steps},
          {"dataloader_drop_last", a.dataloader_drop_last},
          {"group_by_length", a.group_by_length},
          {"train_sampling_strategy", a.train_sampling_strategy},
          {"seed", a.seed},
          {"data_seed", a.data_seed.value_or(a.seed)},
          {"tokens", train_.tokens.hash()},
          {"labels", bytes(train_.sentences.labels) ^ bytes(train_.sentences.scores)}};
}

void Training::check_identity(const fs::path& path, const Json& before) const {
  const Json now = identity();
  for (const char* name :
       {"per_device_train_batch_size", "gradient_accumulation_steps", "dataloader_drop_last",
        "group_by_length", "train_sampling_strategy", "seed", "data_seed"})
    if (before.at(name) != now.at(name))
      throw ValueError(fmt::format("{}: --{} was {} and is {} now; who goes on needs the same",
                                   path.string(), name, before.at(name).dump(),
                                   now.at(name).dump()));
  for (const char* name : {"tokens", "labels"})
    if (before.at(name) != now.at(name))
      throw ValueError(
          fmt::format("{}: is of other training data: the {} of the sentences are not the same",
                      path.string(), name));
}

Json Training::progress() const {
  return {{"step", step_},
          {"identity", identity()},
          {"batch", batch_},
          {"batches", batches_},
          {"loss_sum", loss_sum_},
          {"total_loss", total_loss_},
          {"loss_count", loss_count_},
          {"grad_norm", std::isnan(norm_) ? Json() : Json(norm_)},
          {"learning_rate", lr_},
          {"total_flos", flops_},
          {"logged", logged_},
          {"evaluated", evaluated_},
          {"best", best_ ? Json(*best_) : Json()},
          {"best_step", best_step_},
          {"kept", kept_ ? Json(*kept_) : Json()},
          {"kept_step", kept_step_},
          {"kept_folder", kept_folder_},
          {"random", {default_generator().state().seed, default_generator().state().offset}},
          {"history", history_}};
}

void Training::save_checkpoint(bool to_go_on) {
  drain();
  check_weights();
  checkpointed_ = step_;
  const fs::path output = arguments_.output_dir;
  const fs::path folder = output / fmt::format("{}{}", kPrefix, step_);
  // One that is there because of a stop must not change how the training ends.
  if (!to_go_on && step_ > 0 && evaluated_ == step_ && is_better(value_, kept_)) {
    kept_ = value_;
    kept_step_ = step_;
    kept_folder_ = folder.string();
  }
  // Complete before it has its name: whoever resumes never finds half of one.
  const fs::path making = output / fmt::format("{}{}{}", kMaking, kPrefix, step_);
  std::error_code error;
  fs::remove_all(making, error);
  save_model_(making);
  write_file(making / "trainer_state.json", state());
  if (to_go_on || !arguments_.save_only_model) {
    StateDict tensors;
    for (const auto& [name, tensor] : optimizer_->state_dict())
      tensors.insert("optimizer." + name, tensor);
    if (plateau_)
      for (const auto& [name, tensor] : plateau_->state_dict())
        tensors.insert("plateau." + name, tensor);
    save(tensors, making / kStateFile, {{kStateKey, progress().dump()}}, {.checksums = true});
  }
  // At every moment one of the two is there: recover_checkpoints() finds it.
  const fs::path old = output / fmt::format("{}{}{}", kReplaced, kPrefix, step_);
  fs::remove_all(old, error);
  const bool replaces = fs::exists(folder, error);
  error.clear();
  if (replaces) fs::rename(folder, old, error);
  if (!error) fs::rename(making, folder, error);
  if (error)
    throw IoError(fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  if (replaces) fs::remove_all(old, error);
  saved_ = folder.string();
  remove_old_checkpoints();
}

void Training::remove_old_checkpoints() const {
  if (!arguments_.save_total_limit) return;
  auto found = checkpoints_in(arguments_.output_dir);
  const bool keeps_best = arguments_.load_best_model_at_end || arguments_.save_strategy == "best";
  auto left = static_cast<std::int64_t>(found.size());
  for (const auto& [number, folder] : found) {
    if (left <= *arguments_.save_total_limit) break;
    const bool best = keeps_best && kept_ && number == kept_step_;
    if (best || number == step_) continue;  // perhaps one more than asked for
    std::error_code error;
    fs::remove_all(folder, error);
    --left;
  }
}

void Training::load_best() {
  if (!kept_) return;
  const fs::path folder = kept_folder_;
  if (!fs::exists(folder)) {
    setting_.line(fmt::format("{} is not there: the last weights are kept", folder.string()));
    return;
  }
  setting_.line(fmt::format("loading the best model, {} ({} {})", folder.string(), metric_,
                            short_number(*kept_)));
  setting_.model.module->load_state_dict(load(folder / "model.safetensors", setting_.device));
}

void Training::resume(const fs::path& checkpoint) {
  const fs::path path = checkpoint / kStateFile;
  if (!fs::exists(path))
    throw IoError(
        fmt::format("{}: cannot be resumed: there is no {}", checkpoint.string(), kStateFile));
  const SafetensorsFile file = load_safetensors(path, setting_.device);
  const auto entry = file.metadata.find(kStateKey);
  if (entry == file.metadata.end())
    throw IoError(fmt::format("{}: is no state of a training", path.string()));
  try {
    const Json json = Json::parse(entry->second);
    if (json.at("batches").get<std::int64_t>() != batches_)
      throw ValueError(fmt::format(
          "{}: an epoch had {} batches and has {} now: data and batch size must be the same",
          path.string(), json.at("batches").get<std::int64_t>(), batches_));
    check_identity(path, json.at("identity"));
    const auto step = json.at("step").get<std::int64_t>();
    const auto batch = json.at("batch").get<std::int64_t>();
    if (step < 0 || batch < step)
      throw IoError(fmt::format("{}: step {}, batch {}", path.string(), step, batch));
    setting_.model.module->load_state_dict(load(checkpoint / "model.safetensors", setting_.device));
    optimizer_->load_state_dict(file.tensors.with_prefix_removed("optimizer."));
    if (plateau_) plateau_->load_state_dict(file.tensors.with_prefix_removed("plateau."));
    step_ = pending_from_ = step;
    checkpointed_ = step;
    batch_ = batch;
    json.at("loss_sum").get_to(loss_sum_);
    json.at("total_loss").get_to(total_loss_);
    json.at("loss_count").get_to(loss_count_);
    if (!json.at("grad_norm").is_null()) json.at("grad_norm").get_to(norm_);
    json.at("learning_rate").get_to(lr_);
    json.at("total_flos").get_to(flops_);
    json.at("logged").get_to(logged_);
    json.at("evaluated").get_to(evaluated_);
    if (!json.at("best").is_null()) best_ = json.at("best").get<double>();
    json.at("best_step").get_to(best_step_);
    if (!json.at("kept").is_null()) kept_ = json.at("kept").get<double>();
    json.at("kept_step").get_to(kept_step_);
    json.at("kept_folder").get_to(kept_folder_);
    history_ = json.at("history");
    if (!history_.is_array()) throw IoError(fmt::format("{}: has no history", path.string()));
    default_generator().set_state({json.at("random").at(0).get<std::uint64_t>(),
                                   json.at("random").at(1).get<std::uint64_t>()});
  } catch (const Json::exception& error) {
    throw IoError(fmt::format("{}: is damaged: {}", path.string(), error.what()));
  }
  setting_.line(fmt::format("going on from {} after step {}", checkpoint.string(), step_));
}

std::string Training::state() const {
  const TrainingArguments& a = arguments_;
  const Json json = {{"best_global_step", best_ ? Json(best_step_) : Json()},
                     {"best_metric", best_ ? Json(*best_) : Json()},
                     {"best_model_checkpoint", kept_ ? Json(kept_folder_) : Json()},
                     {"epoch", static_cast<double>(batch_) / static_cast<double>(batches_)},
                     {"eval_steps", a.eval_steps.value_or(a.logging_steps)},
                     {"global_step", step_},
                     {"is_hyper_param_search", false},
                     {"is_local_process_zero", true},
                     {"is_world_process_zero", true},
                     {"log_history", history_},
                     {"logging_steps", a.logging_steps},
                     {"max_steps", total_},
                     {"num_input_tokens_seen", 0},
                     {"num_train_epochs", epochs_},
                     {"save_steps", a.save_steps},
                     {"stateful_callbacks", Json::object()},
                     {"total_flos", flops_},
                     {"train_batch_size", a.per_device_train_batch_size},
                     {"trial_name", nullptr},
                     {"trial_params", nullptr}};
  return json.dump(2) + "\n";
}

}  // namespace ingot::glue
