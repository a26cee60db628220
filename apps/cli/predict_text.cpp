#include "cli/predict_text.h"

#include <fmt/format.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/glue/sentences.h>

#include <algorithm>
#include <numeric>

#include "cli/command.h"
#include "cli/options.h"

namespace ingot::cli {
namespace {

struct Texts {
  std::vector<std::string> first, second;  ///< as many second ones, or none
};

Texts texts_of(const PredictTextOptions& options, const glue::SentencePredictor& predictor) {
  Texts out;
  if (options.text) {
    out.first.push_back(*options.text);
    if (options.pair) out.second.push_back(*options.pair);
    return out;
  }
  for (const std::string& file : options.files) {
    const std::vector<std::string> labels =
        predictor.is_regression() ? std::vector<std::string>() : predictor.labels();
    glue::SentenceFiles files;
    files.test = file;
    const glue::OwnSentences read = glue::read_sentences(files, labels);
    if (!out.first.empty() && read.test.second.empty() != out.second.empty())
      throw UsageError(fmt::format("{} has {} sentences a row, the files before it have {}", file,
                                   read.test.second.empty() ? 1 : 2, out.second.empty() ? 1 : 2));
    out.first.insert(out.first.end(), read.test.first.begin(), read.test.first.end());
    out.second.insert(out.second.end(), read.test.second.begin(), read.test.second.end());
  }
  return out;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// Numbers of the classes, the likeliest first.
std::vector<std::size_t> by_probability(const glue::Prediction& p, std::int64_t top) {
  std::vector<std::size_t> order(p.outputs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t i) { return p.outputs[i]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
  return order;
}

}  // namespace

int predict_text(const PredictTextOptions& options) {
  if (options.text.has_value() == !options.files.empty())
    throw UsageError(
        fmt::format("{} is a model of sentences: give it --text, or csv or json files of sentences",
                    options.folder));
  if (options.pair && !options.text) throw UsageError("--text-pair needs --text");
  const JsonOutput json_output(options.json), csv_output(options.csv, "--csv");
  if (json_output.takes_stdout() && csv_output.takes_stdout())
    throw UsageError("--json and --csv cannot both go to stdout");
  for (const std::string& file : options.files) {
    json_output.must_not_be(file, "the sentences");
    csv_output.must_not_be(file, "the sentences");
  }
  json_output.check_writable();
  csv_output.check_writable();
  const Console console(json_output.takes_stdout() || csv_output.takes_stdout());

  const glue::SentencePredictor predictor(options.folder, usable_device(options.device));
  const Texts texts = texts_of(options, predictor);
  const std::vector<glue::Prediction> predictions = predictor.predict(texts.first, texts.second);
  const bool regression = predictor.is_regression(), pairs = !texts.second.empty();

  std::vector<std::vector<std::string>> rows{{"text"}};
  if (pairs) rows[0].emplace_back("second text");
  const std::vector<std::string> shown = regression
                                             ? std::vector<std::string>{"value"}
                                             : std::vector<std::string>{"probability", "class"};
  rows[0].insert(rows[0].end(), shown.begin(), shown.end());
  std::string csv = fmt::format("text,{}{}\n", pairs ? "text_pair," : "",
                                regression ? "value" : "rank,class,index,probability");
  Json json;
  json["model"] = options.folder;
  json["texts"] = Json::array();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const glue::Prediction& p = predictions[i];
    Json entry;
    entry["text"] = texts.first[i];
    std::vector<std::string> begin{visible(texts.first[i])};
    std::string cells = csv_cell(texts.first[i]) + ",";
    if (pairs) {
      entry["text_pair"] = texts.second[i];
      begin.push_back(visible(texts.second[i]));
      cells += csv_cell(texts.second[i]) + ",";
    }
    if (regression) {
      entry["value"] = p.score;
      begin.push_back(p.label);
      rows.push_back(begin);
      csv += fmt::format("{}{:.6g}\n", cells, p.score);
    } else {
      entry["predictions"] = Json::array();
      std::size_t rank = 0;
      for (const std::size_t c : by_probability(p, options.top)) {
        const std::string& name = predictor.labels()[c];
        std::vector<std::string> row = rank == 0 ? begin : std::vector<std::string>(begin.size());
        row.push_back(fmt::format("{:.2f} %", 100 * p.outputs[c]));
        row.push_back(visible(name));
        rows.push_back(std::move(row));
        csv += fmt::format("{}{},{},{},{:.6g}\n", cells, ++rank, csv_cell(name), c, p.outputs[c]);
        entry["predictions"].push_back(
            {{"class", name}, {"index", c}, {"probability", p.outputs[c]}});
      }
    }
    json["texts"].push_back(std::move(entry));
  }
  console.raw(table(rows));
  json_output.write(json);
  csv_output.write_text(csv);
  return kOk;
}

}  // namespace ingot::cli
