// Feeds arbitrary bytes to the readers of sentences. The first byte chooses: the rest is one of
// GLUE's tsv files, a csv or a json file. Any input gives sentences that agree with themselves, or
// an IoError.
#include <ingot/core/error.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "glue/read_sentences.h"

namespace {

using ingot::data::Split;

void check(const ingot::glue::Sentences& s, const ingot::glue::SentenceTask& task, bool test) {
  const std::size_t n = s.first.size();
  const bool right = s.second.size() == (task.has_pairs() ? n : 0) &&
                     s.labels.size() == (test || task.is_regression() ? 0 : n) &&
                     s.scores.size() == (test || !task.is_regression() ? 0 : n);
  if (!right) std::abort();
  for (const std::int64_t label : s.labels)
    if (label < 0 || label >= task.num_outputs()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using namespace ingot::glue;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] == 'c' || data[0] == 'j') {
      OwnReader reader({});
      const auto rows = read_rows(text, "f", data[0] == 'c' ? Format::Csv : Format::Json);
      check(reader.read(*rows, Split::Train), reader.task(), false);
      return 0;
    }
    const SentenceTask& task = glue_tasks()[data[0] % glue_tasks().size()];
    const bool test = data[0] >= 128;
    const bool bare = task.name == "cola" && !test;
    const auto rows = read_rows(text, "f", bare ? Format::BareTsv : Format::Tsv);
    check(read_glue_rows(*rows, task, test ? Split::Test : Split::Train), task, test);
  } catch (const ingot::IoError&) {
  }
  return 0;
}
