#include <gtest/gtest.h>
#include <ingot/core/version.h>

#include <fstream>
#include <sstream>
#include <string>

#include "support/source_dir.h"

namespace {

// The version has one source, the project() line of CMakeLists.txt.
TEST(Version, IsTheProjects) {
  std::ifstream file(ingot::testing::source_dir() + "/CMakeLists.txt");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(std::string("project(ingot VERSION ") + ingot::version() + " "),
            std::string::npos);
}

}  // namespace
