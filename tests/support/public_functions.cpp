#include "support/public_functions.h"

#include <filesystem>
#include <fstream>
#include <regex>

#include "support/source_dir.h"

namespace ingot::optest {

// Declarations of one function per line start, as in all headers of this folder.
std::set<std::string> public_functions() {
  const std::regex declaration(
      R"(^(?:Tensor|std::vector<Tensor>|ValuesAndIndices|\w+Result|bool(?= \w+\(const Tensor)) (\w+)\()");
  std::set<std::string> names;
  const std::filesystem::path folder = ingot::testing::source_dir() + "/include/ingot/ops";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path());
    std::smatch match;
    for (std::string line; std::getline(file, line);)
      if (std::regex_search(line, match, declaration)) names.insert(match[1]);
  }
  return names;
}

}  // namespace ingot::optest
