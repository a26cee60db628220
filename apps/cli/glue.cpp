// ingot glue: fine-tunes a model of texts on GLUE's tasks, or on files of one's own, with the flags
// of run_glue.py.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/glue/fine_tune.h>

#include <chrono>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/stop_signal.h"

namespace ingot::cli {
namespace {

/// What the command line says, in its order.
struct GlueOptions {
  std::string file;  ///< a JSON file of flags, in place of all others
  std::vector<std::pair<std::string, std::string>> given;
};

glue::Arguments arguments_of(const GlueOptions& options) {
  glue::Arguments arguments;
  try {
    if (!options.file.empty()) {
      if (!options.given.empty())
        throw UsageError(fmt::format("{} holds all flags; --{} cannot be added", options.file,
                                     options.given.front().first));
      glue::read_arguments(options.file, arguments);
    }
    const auto all = glue::flags(arguments);
    for (const auto& [name, text] : options.given)
      for (const glue::Flag& flag : all)
        if (flag.name == name) glue::set(flag, text, arguments);
    arguments.check();
  } catch (const ValueError& error) {
    throw UsageError(error.what());
  }
  return arguments;
}

/// How far it has come, on a terminal: one line that is written over.
class Bar {
 public:
  Bar(const Console& console, bool on) : console_(console), on_(on && console.is_terminal()) {}
  ~Bar() { clear(); }

  void show(std::string_view phase, std::int64_t done, std::int64_t of) {
    const auto now = std::chrono::steady_clock::now();
    if (!on_ || (done != of && now - last_ < std::chrono::milliseconds(100))) return;
    last_ = now;
    console_.raw(fmt::format("\r\x1b[K{} {}/{}", phase, grouped(done), grouped(of)));
    shown_ = true;
  }
  void clear() {
    if (shown_) console_.raw("\r\x1b[K");
    shown_ = false;
  }

 private:
  const Console& console_;
  bool on_, shown_ = false;
  std::chrono::steady_clock::time_point last_;
};

int run_glue(const GlueOptions& options) {
  const glue::Arguments arguments = arguments_of(options);
  const Console console(false);
  Bar bar(console, !arguments.training.disable_tqdm);
  catch_stop_signals();
  const glue::FineTuneResults results =
      glue::fine_tune(arguments, {.line =
                                      [&](const std::string& text) {
                                        bar.clear();
                                        console.line(text);
                                      },
                                  .progress = [&](std::string_view phase, std::int64_t done,
                                                  std::int64_t of) { bar.show(phase, done, of); },
                                  .stop = [] { return stop_signal() != 0; }});
  bar.clear();
  if (!results.stopped) return kOk;
  if (!results.checkpoint.empty() && !options.file.empty())
    console.line(fmt::format(
        "stopped after step {}; saved {}; \"resume_from_checkpoint\": \"{}\" in {} goes on from "
        "there",
        results.steps, results.checkpoint, results.checkpoint, options.file));
  else if (!results.checkpoint.empty())
    console.line(fmt::format(
        "stopped after step {}; saved {}; the same command with --resume_from_checkpoint {} goes "
        "on from there",
        results.steps, results.checkpoint, results.checkpoint));
  else if (!results.train.empty())
    console.line(fmt::format("stopped after the training; the model is in {}",
                             arguments.training.output_dir));
  else
    console.line("stopped before the end");
  return 128 + stop_signal();
}

/// The row of one of run_glue's flags. Booleans may stand alone, and --no_x turns off what is on.
OptionRow row_of(const glue::Flag& flag, const std::shared_ptr<GlueOptions>& options) {
  OptionRow row;
  row.flag = "--" + flag.name;
  row.type = flag.is_boolean() ? "[BOOL]" : "VALUE";
  const auto* unsupported = std::get_if<glue::Flag::Unsupported>(&flag.target);
  row.help = unsupported == nullptr
                 ? flag.help
                 : fmt::format("{}: {}", unsupported->refuse ? "Refused" : "No effect", flag.help);
  const std::string usual = flag.value();
  if (!usual.empty() && usual != "False") row.usual = usual;
  for (const std::string& alias : flag.aliases) row.aliases.push_back("--" + alias);
  if (usual == "True") row.opposite = "--no_" + flag.name;
  const bool is_list = unsupported != nullptr && unsupported->is_list;
  if (is_list) row.type = "VALUE...";
  row.bind = [flag, options, usual, is_list](CLI::App& command, const OptionRow& self) {
    std::string names = self.flag;
    for (const std::string& alias : self.aliases) names += "," + alias;
    const auto take = [options, name = flag.name,
                       alone = flag.is_boolean() ? "True" : ""](const std::string& text) {
      options->given.emplace_back(name, text.empty() ? alone : text);
    };
    const std::string help =
        self.usual.is_null() ? self.help : fmt::format("{} [{}]", self.help, usual);
    if (is_list)
      return command
          .add_option_function<std::vector<std::string>>(
              names,
              [take](const std::vector<std::string>& all) {
                take(fmt::format("{}", fmt::join(all, ",")));
              },
              help)
          ->expected(1, CLI::detail::expected_max_vector_size);
    CLI::Option* option = command.add_option_function<std::string>(names, take, help);
    option->trigger_on_parse();
    if (flag.is_boolean()) option->expected(0, 1);
    if (!self.opposite.empty())
      command.add_flag_callback(
          self.opposite, [take] { take("False"); }, "The same as " + self.flag + " False");
    return option;
  };
  return row;
}

}  // namespace

INGOT_EXPORT_COMMAND(glue) {
  auto options = std::make_shared<GlueOptions>();
  Command command{"glue",
                  "Fine-tune a BERT, RoBERTa or DistilBERT on GLUE or on files of sentences, with "
                  "run_glue.py's flags",
                  25};
  command.options.add("file", options->file, "FILE.json", "A JSON file that holds all flags");
  glue::Arguments defaults;
  for (const glue::Flag& flag : glue::flags(defaults)) command.options.add(row_of(flag, options));
  command.footer =
      "Lists are written with commas, or as several values. The best device of the machine is "
      "taken.\n"
      "Examples:\n"
      "  ingot glue --model_name_or_path all-MiniLM-L6-v2 --task_name mrpc --data_dir MRPC \\\n"
      "    --do_train --do_eval --max_seq_length 128 --per_device_train_batch_size 32 \\\n"
      "    --learning_rate 5e-5 --num_train_epochs 3 --output_dir out\n"
      "  ingot glue --model_name_or_path out --validation_file mine.csv --do_eval --output_dir "
      "out2";
  command.run = [options](const OptionTable&) { return run_glue(*options); };
  return command;
}

}  // namespace ingot::cli
