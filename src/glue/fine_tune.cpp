#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/data/samplers.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/glue/metrics.h>
#include <ingot/models/sequence_classifier.h>

#include <algorithm>

#include "core/printable.h"
#include "glue/evaluation.h"
#include "glue/fine_tune_on.h"
#include "glue/folder.h"
#include "glue/format.h"
#include "glue/tokens.h"
#include "glue/training.h"
#include "train/folder_lock.h"

namespace ingot::glue {
namespace {

namespace fs = std::filesystem;
using data::Split;

/// Batches of their own length are this or a multiple of it: a plan is made for each length.
constexpr std::int64_t kLengths = 8;

/// An evaluation while it trains means one at the end, too: as transformers has it.
bool evaluates(const TrainingArguments& t) { return t.do_eval || t.eval_strategy != "no"; }

/// The sentences of all phases.
struct AllSentences {
  SentenceTask task;
  std::optional<Sentences> train, validation, validation_mm, test, test_mm;
};

AllSentences read_all(const Arguments& a) {
  const TrainingArguments& t = a.training;
  const bool validate = evaluates(t) || t.eval_on_start;
  AllSentences out;
  if (!a.data.task_name.empty()) {
    out.task = glue_task(a.data.task_name);
    const auto read = [&](Split split, bool mm = false) {
      return read_glue(a.data.data_dir, out.task, split, mm);
    };
    const bool mnli = out.task.name == "mnli";
    if (t.do_train) out.train = read(Split::Train);
    if (validate) out.validation = read(Split::Val);
    if (evaluates(t) && mnli) out.validation_mm = read(Split::Val, true);
    if (t.do_predict) out.test = read(Split::Test);
    if (t.do_predict && mnli) out.test_mm = read(Split::Test, true);
  } else {
    std::optional<std::vector<std::string>> labels;
    if (a.data.train_file.empty()) {
      const auto known = models::label_names(a.model.model_name_or_path);
      if (known.problem_type == "regression")
        labels.emplace();
      else if (!known.names.empty())
        labels = known.names;
    }
    SentenceFiles files{.train = a.data.train_file, .validation = {}, .test = {}};
    if (validate) files.validation = a.data.validation_file;
    if (t.do_predict) files.test = a.data.test_file;
    OwnSentences own = read_sentences(files, labels);
    out.task = own.task;
    if (t.do_train) out.train = std::move(own.train);
    if (validate) out.validation = std::move(own.validation);
    if (t.do_predict) out.test = std::move(own.test);
  }
  const auto limit = [](std::optional<Sentences>& part, std::optional<std::int64_t> most) {
    if (part && most) part->keep_first(*most);
  };
  limit(out.train, a.data.max_train_samples);
  limit(out.validation, a.data.max_eval_samples);
  limit(out.validation_mm, a.data.max_eval_samples);
  limit(out.test, a.data.max_predict_samples);
  limit(out.test_mm, a.data.max_predict_samples);
  return out;
}

std::int64_t pad_id(const text::Tokenizer& tokenizer) {
  if (const auto token = tokenizer.pad_token())
    if (const auto id = tokenizer.token_to_id(*token)) return *id;
  throw ValueError("the tokenizer has no token to pad with");
}

/// Tokens at most, of a sentence or a pair.
std::int64_t longest(std::int64_t wanted, const text::Tokenizer& tokenizer,
                     const models::SequenceClassifier& model, std::vector<std::string>& notes) {
  std::int64_t most = wanted;
  const auto cut = [&](std::int64_t to, const char* what) {
    if (most <= to) return;
    notes.push_back(fmt::format("--max_seq_length {} is more than the {} of the {}: cut to that",
                                most, to, what));
    most = to;
  };
  if (const auto tokens = tokenizer.model_max_length()) cut(*tokens, "tokenizer");
  cut(model.max_length, "model's positions");
  return most;
}

/// Where to go on; empty to begin anew. Throws ValueError for a folder that holds something else.
fs::path find_checkpoint(const TrainingArguments& t) {
  if (!t.do_train) return {};
  std::string wanted = t.resume_from_checkpoint;
  for (const char* yes : {"true", "True"})
    if (wanted == yes) {
      const fs::path newest = newest_checkpoint(t.output_dir);
      if (newest.empty())
        throw ValueError(
            fmt::format("--resume_from_checkpoint: {} has no checkpoint", printable(t.output_dir)));
      return newest;
    }
  if (wanted == "False" || wanted == "false") wanted.clear();
  if (!wanted.empty()) return wanted;
  std::error_code ignored;
  if (t.overwrite_output_dir || !fs::exists(t.output_dir) || fs::is_empty(t.output_dir, ignored))
    return {};
  const fs::path newest = newest_checkpoint(t.output_dir);
  if (newest.empty())
    throw ValueError(fmt::format(
        "--output_dir {} has files already; --overwrite_output_dir replaces what they are",
        printable(t.output_dir)));
  return newest;
}

std::map<std::string, double> with_prefix(const std::map<std::string, double>& metrics,
                                          const std::string& prefix,
                                          const std::string& suffix = {}) {
  std::map<std::string, double> out;
  for (const auto& [name, value] : metrics) out[prefix + name + suffix] = value;
  return out;
}

/// Everything a run holds.
class Run {
 public:
  Run(Device device, const Arguments& arguments, const Output& output)
      : arguments_(arguments),
        output_(output),
        output_dir_(arguments.training.output_dir),
        lock_(lock_output()),
        checkpoint_(find_checkpoint(arguments.training)),
        sentences_(read_all(arguments)),
        device_(device),
        tokenizer_(text::Tokenizer::from_pretrained(tokenizer_folder())),
        model_(make_model()),
        setting_{arguments_, sentences_.task, model_, device_, padding(), output_} {}

  FineTuneResults run() {
    std::error_code error;
    fs::create_directories(output_dir_, error);
    if (error)
      throw IoError(
          fmt::format("cannot make the folder {}: {}", output_dir_.string(), error.message()));
    if (!lock_) {  // the folder was not there, nobody else's either
      lock_ = lock_output();
      if (find_checkpoint(arguments_.training) != checkpoint_)
        throw IoError(
            fmt::format("{}: another run has written into this folder", output_dir_.string()));
    }
    describe();
    std::optional<Part> train = part(sentences_.train), validation = part(sentences_.validation);
    if (results_.stopped) return std::move(results_);
    std::string state = R"({"log_history": []})";
    if (train) {
      describe_training(*train);
      Training training(setting_, *train, validation ? &*validation : nullptr,
                        [&](const fs::path& folder) { save(folder); });
      if (!checkpoint_.empty())
        training.resume(checkpoint_);
      else
        remove_checkpoints(output_dir_, {arguments_.model.model_name_or_path, tokenizer_folder()});
      training.announce();
      results_.train = training.run();
      results_.steps = training.steps();
      if (training.stopped()) {
        results_.stopped = true;
        results_.checkpoint = training.saved();
        return std::move(results_);
      }
      training.check_weights();
      training.log(results_.train);
      results_.train["epoch"] = nlohmann::json::parse(training.state()).at("epoch").get<double>();
      results_.train["train_samples"] = static_cast<double>(train->sentences.size());
      save(output_dir_);
      report("train", results_.train);
      state = training.state();
      write_file(output_dir_ / "trainer_state.json", state);
    }
    if (evaluates(arguments_.training)) evaluate_all(*validation);
    if (arguments_.training.do_predict && !results_.stopped) predict_all();
    if (train && !results_.stopped)
      write_file(output_dir_ / "README.md",
                 model_card(arguments_, sentences_.task, results_.eval, state));
    return std::move(results_);
  }

 private:
  fs::path tokenizer_folder() const {
    const std::string& other = arguments_.model.tokenizer_name;
    return other.empty() ? arguments_.model.model_name_or_path : other;
  }

  /// Nobody else writes into the output folder until the end; null where there is none yet.
  std::shared_ptr<void> lock_output() const {
    auto lock = train::lock_folder(output_dir_);
    if (arguments_.training.do_train) recover_checkpoints(output_dir_);
    return lock;
  }

  models::SequenceClassifier make_model() {
    manual_seed(static_cast<std::uint64_t>(arguments_.training.seed));
    auto model = models::load_sequence_classifier(
        arguments_.model.model_name_or_path, sentences_.task.num_outputs(),
        arguments_.model.ignore_mismatched_sizes, arguments_.model.config_name);
    model.module->to(device_);
    max_length_ = longest(arguments_.data.max_seq_length, tokenizer_, model, notes_);
    check_room();
    return model;
  }

  /// Throws ValueError when the tokens that every sentence has leave no room for others.
  void check_room() const {
    const bool pairs = sentences_.task.has_pairs();
    const auto always =
        static_cast<std::int64_t>((pairs ? tokenizer_.encode_pair("", "", text::EncodeOptions{})
                                         : tokenizer_.encode("", text::EncodeOptions{}))
                                      .ids.size());
    if (max_length_ <= always)
      throw ValueError(fmt::format("--max_seq_length {} leaves no room: {} has {} special tokens",
                                   max_length_, pairs ? "a pair of sentences" : "a sentence",
                                   always));
  }

  Padding padding() const {
    return {.id = pad_id(tokenizer_),
            .length = arguments_.data.pad_to_max_length ? max_length_ : 0,
            .multiple = kLengths,
            .most = max_length_};
  }

  /// The sentences with their tokens; none when Output::stop ended that.
  std::optional<Part> part(std::optional<Sentences>& sentences) {
    if (!sentences || results_.stopped) return {};
    Tokens tokens(tokenizer_, *sentences, max_length_, model_.vocab_size, output_.stop);
    results_.stopped = tokens.stopped();
    if (results_.stopped) return {};
    return Part{std::move(*sentences), std::move(tokens)};
  }

  void describe() const {
    setting_.line(
        fmt::format("Process rank: 0, device: {}, n_gpu: {}, distributed training: False, "
                    "16-bits training: False",
                    device_.str(), device_.str() == "cpu" ? 0 : 1));
    for (const auto* notes : {&arguments_.notes, &notes_})
      for (const std::string& note : *notes) setting_.line(note);
    for (const auto* part : {&sentences_.train, &sentences_.validation, &sentences_.validation_mm,
                             &sentences_.test, &sentences_.test_mm})
      if (*part)
        for (const std::string& row : (*part)->left_out) setting_.line("left out: " + row);
    const auto list = [&](const char* what, const std::vector<std::string>& keys) {
      if (keys.empty()) return;
      setting_.line(what);
      for (const std::string& key : keys) setting_.line("  " + printable(key));
    };
    list("Parameters that are not in the file, and are drawn:", model_.drawn);
    list("Tensors of the file that the model has no place for:", model_.left_out);
  }

  void describe_training(const Part& train) const {
    const SentenceTask& task = sentences_.task;
    if (!task.is_regression()) {
      std::vector<std::int64_t> counts(task.labels.size());
      for (const std::int64_t label : train.sentences.labels)
        ++counts[static_cast<std::size_t>(label)];
      setting_.line("Classes of the training data:");
      for (std::size_t i = 0; i < counts.size(); ++i)
        setting_.line(fmt::format(
            "  {} ({}): {} ({:.1f} %)", printable(task.labels[i]), i, with_commas(counts[i]),
            100.0 * static_cast<double>(counts[i]) / static_cast<double>(train.sentences.size())));
    }
    auto order = data::RandomSampler(train.tokens.size())
                     .order(static_cast<std::uint64_t>(arguments_.training.seed), 0);
    order.resize(std::min<std::size_t>(order.size(), 3));
    for (const std::int64_t i : order) {
      const auto row = static_cast<std::size_t>(i);
      std::string text = fmt::format("Sample {}: {}", i, printable(train.sentences.first[row]));
      if (!train.sentences.second.empty()) text += " | " + printable(train.sentences.second[row]);
      text +=
          task.is_regression()
              ? fmt::format(" -> {}", train.sentences.scores[row])
              : " -> " +
                    printable(task.labels[static_cast<std::size_t>(train.sentences.labels[row])]);
      text += fmt::format(" ({} tokens)", train.tokens.ids(i).size());
      setting_.line(text);
    }
  }

  void save(const fs::path& folder) const {
    models::save_pretrained(*model_.module, folder, config_fields(sentences_.task));
    save_tokenizer(tokenizer_, tokenizer_folder(), folder);
    write_file(folder / "training_args.json", arguments_.to_json());
  }

  void report(const std::string& name, const std::map<std::string, double>& metrics) const {
    setting_.line(metrics_block(name, metrics));
    save_metrics(output_dir_, name, metrics);
  }

  void evaluate_all(const Part& validation) {
    const auto one = [&](const Part& part, const std::string& suffix) {
      setting_.line(fmt::format("***** Evaluation *****\n  Examples = {}\n  Batch size = {}",
                                with_commas(part.tokens.size()),
                                arguments_.training.per_device_eval_batch_size));
      const Evaluation result = evaluate(setting_, part, "eval");
      results_.stopped = result.stopped;
      if (result.stopped) return;
      auto metrics = with_prefix(result.metrics, "eval_", suffix);
      metrics["eval_samples" + suffix] = static_cast<double>(part.tokens.size());
      const auto epoch = results_.train.find("epoch");
      if (suffix.empty() && epoch != results_.train.end()) metrics["epoch"] = epoch->second;
      results_.eval.insert(metrics.begin(), metrics.end());
    };
    one(validation, "");
    if (!results_.stopped)
      if (const std::optional<Part> mm = part(sentences_.validation_mm)) one(*mm, "_mm");
    if (results_.stopped)
      results_.eval.clear();
    else
      report("eval", results_.eval);
  }

  void predict_all() {
    const std::string task = sentences_.task.name;
    const auto one = [&](std::optional<Sentences>& sentences, const std::string& suffix) {
      const std::optional<Part> test = part(sentences);
      if (!test) return;
      setting_.line(fmt::format("***** Prediction *****\n  Examples = {}\n  Batch size = {}",
                                with_commas(test->tokens.size()),
                                arguments_.training.per_device_eval_batch_size));
      const Evaluation result = evaluate(setting_, *test, "predict");
      results_.stopped = result.stopped;
      if (result.stopped) return;
      const std::string name =
          "predict_results" + (task.empty() ? "" : "_" + task) + suffix + ".txt";
      write_file(output_dir_ / name, predictions(result.outputs));
      auto metrics = with_prefix(result.metrics, "predict_", suffix);
      metrics["predict_samples" + suffix] = static_cast<double>(test->tokens.size());
      results_.predict.insert(metrics.begin(), metrics.end());
    };
    one(sentences_.test, "");
    if (!results_.stopped) one(sentences_.test_mm, "-mm");
    if (results_.stopped)
      results_.predict.clear();
    else
      report("predict", results_.predict);
  }

  std::string predictions(const std::vector<float>& outputs) const {
    const SentenceTask& task = sentences_.task;
    std::string text = "index\tprediction\n";
    if (task.is_regression()) {
      for (std::size_t i = 0; i < outputs.size(); ++i)
        text += fmt::format("{}\t{:.3f}\n", i, outputs[i]);
      return text;
    }
    const auto classes = largest(outputs, task.num_outputs());
    for (std::size_t i = 0; i < classes.size(); ++i)
      text += fmt::format("{}\t{}\n", i, task.labels[static_cast<std::size_t>(classes[i])]);
    return text;
  }

  const Arguments& arguments_;
  const Output& output_;
  fs::path output_dir_;
  std::shared_ptr<void> lock_;
  fs::path checkpoint_;
  AllSentences sentences_;
  Device device_;
  text::Tokenizer tokenizer_;
  std::int64_t max_length_ = 0;
  std::vector<std::string> notes_;
  models::SequenceClassifier model_;
  Setting setting_;
  FineTuneResults results_;
};

}  // namespace

FineTuneResults fine_tune(const Arguments& arguments, const Output& output) {
  return fine_tune_on(Device(arguments.training.use_cpu ? "cpu" : "best"), arguments, output);
}

FineTuneResults fine_tune_on(Device device, const Arguments& arguments, const Output& output) {
  arguments.check();
  return Run(device, arguments, output).run();
}

}  // namespace ingot::glue
