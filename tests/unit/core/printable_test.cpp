#include "core/printable.h"

#include <gtest/gtest.h>

#include <string>

namespace ingot {
namespace {

TEST(Printable, KeepsTextAndEscapesWhatSteersATerminal) {
  EXPECT_EQ(printable("features.0.weight"), "features.0.weight");
  EXPECT_EQ(printable("Zürich ✓ 𝄞"), "Zürich ✓ 𝄞");
  EXPECT_EQ(printable("a\x1b[2J\n\t\x7f"), "a\\x1b[2J\\x0a\\x09\\x7f");
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");  // CSI as one character
}

TEST(Printable, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(printable("\xff\x80"), "\\xff\\x80");
  EXPECT_EQ(printable("\xe2\x9c"), "\\xe2\\x9c");           // cut off
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
}

TEST(Printable, IsNeverAScreenful) {
  EXPECT_EQ(printable(std::string(120, 'x')), std::string(120, 'x'));
  EXPECT_EQ(printable(std::string(121, 'x')), std::string(120, 'x') + "… (121 bytes)");
  // No character is cut in two.
  EXPECT_EQ(printable(std::string(119, 'x') + "ü!"), std::string(119, 'x') + "ü… (122 bytes)");
}

}  // namespace
}  // namespace ingot
