#include "cli/predict_text.h"

#include <fmt/format.h>
#include <ingot/glue/fine_tune.h>

#include <algorithm>
#include <numeric>

#include "cli/command.h"
#include "cli/options.h"

namespace ingot::cli {

int predict_text(const std::string& folder, const std::vector<std::string>& sentences,
                 const std::string& device, const JsonOutput& json_output, const Console& console) {
  if (sentences.empty() || sentences.size() > 2)
    throw UsageError(
        fmt::format("{} is a model of sentences: give it one, or two, each in quotes; "
                    "there are {}",
                    folder, sentences.size()));
  json_output.check_writable();
  const glue::SentencePredictor predictor(folder, usable_device(device));
  const glue::Prediction p = sentences.size() == 1 ? predictor.predict(sentences[0])
                                                   : predictor.predict(sentences[0], sentences[1]);
  Json json;
  json["model"] = folder;
  json["sentences"] = sentences;
  json["label"] = p.label;
  if (predictor.is_regression()) {
    json["value"] = p.score;
    console.line(p.label);
  } else {
    std::vector<std::size_t> order(p.outputs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&](std::size_t i) { return p.outputs[i]; });
    std::vector<std::vector<std::string>> rows{{"class", "probability"}};
    for (const std::size_t i : order) {
      rows.push_back({visible(predictor.labels()[i]), four_digits(p.outputs[i])});
      json["probabilities"][predictor.labels()[i]] = p.outputs[i];
    }
    console.raw(table(rows));
  }
  json_output.write(json);
  return kOk;
}

}  // namespace ingot::cli
