// The small bitmap font of the charts: printable ASCII in two sizes, with grey edges.
#pragma once

namespace ingot::train {

/// One character. Positions are pixels relative to the pen on the base line, y downwards.
struct Glyph {
  int advance;        // how far the pen moves, in 1/64 pixel
  int left, top;      // upper left corner of the bitmap
  int width, height;  // of the bitmap
  const char* ink;    // width * height hexadecimal digits, '0' = empty, 'f' = full
};

struct Font {
  const Glyph* glyphs;  // of the characters 32 to 126
  int cap_height;       // of a capital letter, in pixels

  /// Characters outside printable ASCII look like '?'.
  const Glyph& glyph(char c) const { return glyphs[(c < 32 || c > 126 ? '?' : c) - 32]; }
};

extern const Font kSmallFont;
extern const Font kLargeFont;

}  // namespace ingot::train
