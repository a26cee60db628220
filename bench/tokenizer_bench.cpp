// Tokenizers on one core. $INGOT_BENCH_TEXT names a file with a text a line, or a pair with a tab
// between; without it, the lines of the manual. $INGOT_BENCH_BPE names a folder with a byte-level
// BPE. scripts/bench_tokenizer.py compares them with Hugging Face's.
#include <benchmark/benchmark.h>
#include <ingot/core/parallel.h>
#include <ingot/text/tokenizer.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace ingot::text {
namespace {

namespace fs = std::filesystem;

struct Texts {
  std::vector<std::string> first, second;
  std::int64_t nbytes = 0;
};

const fs::path& root() {
  static const fs::path found = [] {
    fs::path folder = fs::absolute(__FILE__).parent_path().parent_path();
    return fs::exists(folder / "docs") ? folder : fs::current_path();
  }();
  return found;
}

const Texts& texts() {
  static const Texts read = [] {
    Texts out;
    const char* name = std::getenv("INGOT_BENCH_TEXT");
    std::ifstream file(name != nullptr ? fs::path(name) : root() / "docs/tensors.md");
    for (std::string line; std::getline(file, line);) {
      const std::size_t tab = std::min(line.find('\t'), line.size());
      out.first.push_back(line.substr(0, tab));
      out.second.push_back(line.substr(std::min(tab + 1, line.size())));
      out.nbytes += static_cast<std::int64_t>(line.size());
    }
    return out;
  }();
  return read;
}

void encode(benchmark::State& state, const Tokenizer& tokenizer) {
  set_num_threads(1);
  const Texts& all = texts();
  std::int64_t tokens = 0;
  for (auto _ : state) {
    const auto encodings = tokenizer.encode_batch(
        all.first, all.second, {.truncation = Truncation::LongestFirst, .max_length = 128});
    for (const Encoding& e : encodings) tokens += e.size();
    benchmark::DoNotOptimize(encodings.data());
  }
  state.SetBytesProcessed(state.iterations() * all.nbytes);
  state.counters["tokens"] =
      benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
}

void BM_BertUncased(benchmark::State& state) {
  encode(state, Tokenizer::word_piece(root() / "tests/fixtures/text/bert-base-uncased-vocab.txt"));
}
BENCHMARK(BM_BertUncased)->Unit(benchmark::kMillisecond);

void BM_ByteLevelBpe(benchmark::State& state) {
  const char* folder = std::getenv("INGOT_BENCH_BPE");
  encode(state, folder != nullptr ? Tokenizer::from_pretrained(folder)
                                  : Tokenizer::from_file(root() / "tests/fixtures/text/gpt2.json"));
}
BENCHMARK(BM_ByteLevelBpe)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ingot::text
