// The table of a command's options: one row each, from which everything about it comes: how it is
// parsed, what a run saves of it and what a resumed run may change, what a shell completes, and its
// line in docs/options.md.
//
// A row is bound to a variable, which holds the usual value when the row is added. The variables
// must outlive the table.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cli/output.h"

namespace ingot::cli {

/// What becomes of an option when a run is saved and resumed.
enum class OnResume {
  Forgotten,  ///< belongs to this call alone
  Kept,       ///< the run's value holds unless it is given anew
  Fixed,      ///< decides the weights that a run arrives at: it cannot be changed
};

struct OptionRow {
  std::string flag;  ///< "--batch-size"; without dashes: a word at its place, "RUN"
  std::string type;  ///< what stands behind the flag, "N"; empty: a switch
  std::string help;
  Json usual;                        ///< the value unless it is given; null: the help tells it
  std::vector<std::string> choices;  ///< what may be typed, where it is a short list
  std::vector<std::string> aliases;  ///< other spellings of the flag, which `bind` adds
  std::string opposite;              ///< a switch that says no, which `bind` adds: "--no_x"
  OnResume on_resume = OnResume::Forgotten;
  bool is_required = false;
  bool value_may_lack = false;  ///< the flag alone means "-"
  bool is_list = false;         ///< several values, with commas between them
  bool shows_usual = false;     ///< in the help; else the text tells what is usual
  std::vector<CLI::Validator> rules;
  std::function<Json()> value;
  std::function<void(const Json&)> assign;  ///< throws Json::exception for another type
  std::function<CLI::Option*(CLI::App&, const OptionRow&)> bind;
  CLI::Option* option = nullptr;  ///< once it is bound

  OptionRow& required() { return is_required = true, *this; }
  OptionRow& kept() { return on_resume = OnResume::Kept, *this; }
  OptionRow& fixed() { return on_resume = OnResume::Fixed, *this; }
  /// Checks a value, and may change its spelling.
  OptionRow& check(CLI::Validator rule) { return rules.push_back(std::move(rule)), *this; }
  /// What a shell offers; says nothing about other values.
  OptionRow& offers(std::vector<std::string> words) { return choices = std::move(words), *this; }
  /// One of these words, in any case; `what` they are, for the message.
  OptionRow& one_of(const char* what, std::vector<std::string> words);
  OptionRow& show_usual() { return shows_usual = true, *this; }
  OptionRow& describe(std::string text) { return help = std::move(text), *this; }
  bool is_positional() const { return !flag.starts_with("-"); }
};

/// The usual value as it would be typed; empty when there is none.
std::string usual_text(const OptionRow& row);

class OptionTable {
 public:
  /// A switch for a bool, else an option with a value. The row is good until the next is added.
  template <class T>
  OptionRow& add(const std::string& flag, T& target, const std::string& type,
                 const std::string& help);

  /// A row that binds itself in a way of its own: `bind` is set, `value` and `assign` need not be
  /// for one that is Forgotten.
  OptionRow& add(OptionRow row) { return rows_.emplace_back(std::move(row)); }

  const std::vector<OptionRow>& rows() const { return rows_; }
  /// Null when there is none.
  const OptionRow* find(std::string_view flag) const;
  /// Adds the rows to the command, which then parses into the variables.
  void bind(CLI::App& command);
  /// Whether the command line, or the file of --config, had it.
  bool given(std::string_view flag) const;

  /// The values of all rows that a run saves, by their flags without dashes.
  Json saved() const;
  /// Fills the options that were not given from those a run was started with. One that the run does
  /// not have is as new as this Ingot: it has its usual value; but `needed` ones must be there.
  /// Returns the run's options that this Ingot does not know. Throws UsageError when what was given
  /// contradicts what a run must keep, unless `same` says that it means the same; IoError, naming
  /// `file`, for values that are none.
  std::vector<std::string> take_over(
      const Json& run, const std::string& file, const std::vector<std::string_view>& needed,
      const std::function<bool(const std::string& flag, const Json& now, const Json& saved)>& same)
      const;

 private:
  std::vector<OptionRow> rows_;
};

namespace detail {

template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {};

template <class T>
Json to_json(const T& value) {
  return value;
}
template <class T>
Json to_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

template <class T>
void from_json(T& target, const Json& json) {
  target = json.get<T>();
}
template <class T>
void from_json(std::optional<T>& target, const Json& json) {
  target = json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

}  // namespace detail

template <class T>
OptionRow& OptionTable::add(const std::string& flag, T& target, const std::string& type,
                            const std::string& help) {
  OptionRow row;
  row.flag = flag;
  row.type = type;
  row.help = help;
  row.usual = detail::to_json(target);
  row.is_list = detail::IsList<T>::value;
  row.value = [&target] { return detail::to_json(target); };
  row.assign = [&target](const Json& json) { detail::from_json(target, json); };
  row.bind = [&target](CLI::App& command, const OptionRow& self) -> CLI::Option* {
    if constexpr (std::is_same_v<T, bool>) {
      return command.add_flag(self.flag, target, self.help);
    } else {
      CLI::Option* option = command.add_option(self.flag, target, self.help);
      // What CLI11 does not assign where a value may lack.
      if constexpr (std::is_same_v<T, std::string>)
        if (self.value_may_lack)
          option->each([&target](const std::string& value) { target = value; });
      return option;
    }
  };
  rows_.push_back(std::move(row));
  return rows_.back();
}

}  // namespace ingot::cli
