#include "glue/folder.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/version.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "glue/format.h"
#include "glue/training.h"
#include "text/read_tokenizer.h"

namespace ingot::glue {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// The special tokens of the two families, by role.
Json special_tokens(const text::Tokenizer& tokenizer) {
  constexpr const char* kRoles[][3] = {
      {"unk_token", "[UNK]", "<unk>"},    {"sep_token", "[SEP]", "</s>"},
      {"pad_token", "[PAD]", "<pad>"},    {"cls_token", "[CLS]", "<s>"},
      {"mask_token", "[MASK]", "<mask>"}, {"bos_token", nullptr, "<s>"},
      {"eos_token", nullptr, "</s>"}};
  const bool word_piece = tokenizer.token_to_id("[CLS]").has_value();
  Json json = Json::object();
  for (const auto& [role, bert, roberta] : kRoles) {
    const char* token = word_piece ? bert : roberta;
    if (token != nullptr && tokenizer.token_to_id(token)) json[role] = token;
  }
  return json;
}

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.4f}", value) : std::string("nan");
}

/// A row of a table.
std::string row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) text += " " + cell + " |";
  return text + "\n";
}

/// The evaluations that happened while it was trained.
std::string history_table(const nlohmann::json& state) {
  std::vector<std::string> names;
  std::string loss = "no log", rows;
  for (const auto& entry : state.at("log_history")) {
    if (entry.contains("loss")) loss = number(entry.at("loss").get<double>());
    if (!entry.contains("eval_loss")) continue;
    if (names.empty())
      for (const auto& [name, value] : entry.items())
        if (name.starts_with("eval_") && name != "eval_loss" && !name.ends_with("_runtime") &&
            !name.ends_with("_per_second"))
          names.push_back(name);
    std::vector<std::string> cells{loss, short_number(entry.at("epoch").get<double>()),
                                   entry.at("step").dump(),
                                   number(entry.at("eval_loss").get<double>())};
    for (const std::string& name : names)
      cells.push_back(entry.contains(name) && entry.at(name).is_number()
                          ? number(entry.at(name).get<double>())
                          : "");
    rows += row(cells);
  }
  if (rows.empty()) return "It was not evaluated while it was trained.\n";
  std::vector<std::string> head{"Training loss", "Epoch", "Step", "Validation loss"};
  for (const std::string& name : names) head.push_back(name.substr(5));
  return row(head) + row(std::vector<std::string>(head.size(), "---")) + rows;
}

}  // namespace

void save_tokenizer(const text::Tokenizer& tokenizer, const fs::path& source,
                    const fs::path& folder) {
  tokenizer.save(folder / "tokenizer.json");
  tokenizer.save_vocabulary(folder);
  const auto write = [&](const char* name, const Json& otherwise) {
    const fs::path from = source / name;
    write_file(folder / name,
               fs::exists(from) ? text::read_text_file(from) : otherwise.dump(2) + "\n");
  };
  Json config = special_tokens(tokenizer);
  if (const auto longest = tokenizer.model_max_length()) config["model_max_length"] = *longest;
  write("tokenizer_config.json", config);
  write("special_tokens_map.json", special_tokens(tokenizer));
}

std::string config_fields(const SentenceTask& task) {
  Json json = Json::object();
  if (!task.name.empty()) json["finetuning_task"] = task.name;
  json["problem_type"] = task.is_regression() ? "regression" : "single_label_classification";
  Json names = Json::object(), numbers = Json::object();
  for (std::size_t i = 0; i < task.labels.size(); ++i) {
    names[std::to_string(i)] = task.labels[i];
    numbers[task.labels[i]] = i;
  }
  if (task.is_regression()) {
    names["0"] = "LABEL_0";
    numbers["LABEL_0"] = 0;
  }
  json["id2label"] = names;
  json["label2id"] = numbers;
  return json.dump();
}

std::string model_card(const Arguments& arguments, const SentenceTask& task,
                       const std::map<std::string, double>& evaluation, const std::string& state) {
  const TrainingArguments& t = arguments.training;
  const std::string name = fs::path(t.output_dir).filename().string();
  const std::string base = fs::path(arguments.model.model_name_or_path).filename().string();
  std::string upper = task.name;
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  const auto quoted = [](const std::string& text) { return Json(text).dump(); };
  // JSON strings are YAML strings.
  std::string text =
      "---\nlibrary_name: ingot\nbase_model: " + quoted(base) + "\ntags:\n- text-classification\n";
  std::string results;
  for (const std::string& metric : task.metrics) {
    const auto at = evaluation.find("eval_" + metric);
    if (at == evaluation.end()) continue;
    results += fmt::format("    - name: {}\n      type: {}\n      value: {}\n", metric, metric,
                           at->second);
  }
  if (!task.name.empty()) text += "datasets:\n- glue\n";
  text += "metrics:\n";
  for (const std::string& metric : task.metrics) text += fmt::format("- {}\n", metric);
  text += fmt::format("model-index:\n- name: {}\n  results:\n", quoted(name));
  if (results.empty())
    text += "  []\n";
  else
    text += fmt::format(
        "  - task:\n      name: Text Classification\n      type: text-classification\n"
        "    dataset:\n      name: {}\n      type: {}\n    metrics:\n{}",
        task.name.empty() ? "own files" : "GLUE " + upper, task.name.empty() ? "own" : "glue",
        results);
  text += fmt::format("---\n\n# {}\n\n{} fine-tuned on {}.\n", name, base,
                      task.name.empty() ? "files of sentences" : "GLUE's " + upper);
  if (!evaluation.empty()) {
    text += "\nOn the validation data:\n\n";
    for (const auto& [metric, value] : evaluation)
      if (metric.starts_with("eval_") && !metric.ends_with("_samples") &&
          !metric.ends_with("_runtime") && !metric.ends_with("_per_second"))
        text += fmt::format("- {}: {}\n", metric.substr(5), number(value));
  }
  const std::pair<const char*, std::string> hyper[] = {
      {"learning_rate", fmt::format("{}", t.learning_rate)},
      {"train_batch_size", std::to_string(t.per_device_train_batch_size)},
      {"eval_batch_size", std::to_string(t.per_device_eval_batch_size)},
      {"gradient_accumulation_steps", std::to_string(t.gradient_accumulation_steps)},
      {"seed", std::to_string(t.seed)},
      {"optimizer", fmt::format("{}, betas ({}, {}), epsilon {}, weight decay {}", t.optim,
                                t.adam_beta1, t.adam_beta2, t.adam_epsilon, t.weight_decay)},
      {"lr_scheduler_type", t.lr_scheduler_type},
      {t.max_steps > 0 ? "max_steps" : "num_epochs",
       t.max_steps > 0 ? std::to_string(t.max_steps) : fmt::format("{}", t.num_train_epochs)},
      {"max_seq_length", std::to_string(arguments.data.max_seq_length)}};
  text += "\n## Training\n\n";
  for (const auto& [key, value] : hyper) text += fmt::format("- {}: {}\n", key, value);
  text += "\n" + history_table(nlohmann::json::parse(state));
  text += fmt::format("\n## Versions\n\n- Ingot {}\n", version());
  return text;
}

void save_metrics(const fs::path& folder, const std::string& part,
                  const std::map<std::string, double>& metrics) {
  const std::string own = metrics_json(metrics);
  write_file(folder / (part + "_results.json"), own);
  nlohmann::json all = nlohmann::json::object();
  const fs::path path = folder / "all_results.json";
  if (fs::exists(path)) {
    try {
      all = nlohmann::json::parse(text::read_text_file(path));
    } catch (const nlohmann::json::exception& error) {
      throw IoError(fmt::format("{}: is no JSON: {}", path.string(), error.what()));
    }
    if (!all.is_object()) throw IoError(fmt::format("{}: is no JSON object", path.string()));
  }
  all.update(nlohmann::json::parse(own));
  write_file(path, all.dump(4) + "\n");
}

}  // namespace ingot::glue
