#include <gtest/gtest.h>
#include <ingot/core/version.h>

#include <fstream>
#include <sstream>
#include <string>

namespace {

// The version has one source, the project() line of CMakeLists.txt.
TEST(Version, IsTheProjects) {
  std::ifstream file(std::string(INGOT_SOURCE_DIR) + "/CMakeLists.txt");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(std::string("project(ingot VERSION ") + ingot::version() + " "),
            std::string::npos);
}

}  // namespace
