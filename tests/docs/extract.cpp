// Turns a page of docs/ into a program that runs the page's code and compares what it prints.
//
//   docs_extract PAGE.md NAME OUT.cpp      NAME stands for the page in messages: docs/tensors.md
//
// Fences of a page:
//   ```cpp          statements; blocks under one heading share their variables
//   ```cpp global   declarations, visible in the rest of the page
//   ```cpp throws   statements that must end in an ingot::Error, whose text is what they print
//   ```cpp compiled statements that are compiled but not run: they need files that a test has not
//   ```text         directly after one of these: the output that is expected, where "…" stands for
//                   anything
// Other fences are left alone. Code sees <ingot/ingot.h>, common standard headers and
// `namespace nn = ingot::nn;`, and prints to std::cout.
#include <cstddef>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Block {
  std::string kind;      ///< "cpp", "cpp global", …, or "text"
  std::string text;      ///< with its line ends
  std::size_t line = 0;  ///< of the first line of text, from 1
  std::size_t section = 0;
  bool follows = false;  ///< nothing but empty lines since the block before
};

std::vector<Block> blocks_of(std::istream& page, const std::string& name) {
  std::vector<Block> blocks;
  std::size_t number = 0, section = 0;
  bool inside = false, ignored = false, gap = true;
  Block block;
  for (std::string line; std::getline(page, line);) {
    ++number;
    if (inside) {
      if (line == "```") {
        inside = false;
        if (!ignored) blocks.push_back(block);
        gap = ignored;
      } else {
        block.text += line + "\n";
      }
    } else if (line.rfind("```", 0) == 0) {
      const std::string kind = line.substr(3);
      ignored = kind != "cpp" && kind != "cpp global" && kind != "cpp throws" &&
                kind != "cpp compiled" && kind != "text";
      if (ignored && kind.rfind("cpp", 0) == 0)
        throw std::runtime_error(name + ":" + std::to_string(number) + ": unknown kind " + kind);
      block = {kind, "", number + 1, section, !gap};
      inside = true;
    } else if (line.rfind("#", 0) == 0) {
      ++section;
      gap = true;
    } else if (!line.empty()) {
      gap = true;
    }
  }
  if (inside) throw std::runtime_error(name + ": the last block has no end");
  return blocks;
}

std::string quoted(const std::string& text) { return "R\"~~~(" + text + ")~~~\""; }

std::string place(const Block& b, const std::string& name) {
  return "#line " + std::to_string(b.line) + " \"" + name + "\"\n";
}

std::string program(const std::vector<Block>& blocks, const std::string& name) {
  std::ostringstream global, sections, calls;
  std::size_t count = 0, open = 0;
  bool is_open = false;
  const auto close = [&] {
    if (is_open) sections << "}\n";
    is_open = false;
  };
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& b = blocks[i];
    if (b.kind == "text") continue;
    ++count;
    if (b.kind == "cpp global") {
      // It may use what the sections before it do not: order is kept by emitting it in place.
      close();
      sections << place(b, name) << b.text;
      continue;
    }
    if (!is_open || open != b.section) {
      close();
      sections << "static void section_" << count << "() {\n";
      calls << "  section_" << count << "();\n";
      is_open = true;
      open = b.section;
    }
    sections << "docs::begin(" << b.line << ");\n";
    if (b.kind == "cpp throws") {
      sections << "try {\n"
               << place(b, name) << b.text
               << "docs::did_not_throw();\n} catch (const ingot::Error& e) {\n"
                  "std::cout << e.what() << '\\n';\n}\n";
    } else if (b.kind == "cpp compiled") {
      sections << "if (docs::state.run_everything) {\n" << place(b, name) << b.text << "}\n";
    } else {
      sections << place(b, name) << b.text;
    }
    const bool expects =
        i + 1 < blocks.size() && blocks[i + 1].kind == "text" && blocks[i + 1].follows;
    sections << "docs::end(" << (expects ? quoted(blocks[i + 1].text) : "nullptr") << ");\n";
  }
  close();
  if (count == 0) throw std::runtime_error(name + " has no code");
  global << "#include \"page.h\"\n\nnamespace nn = ingot::nn;\n";
  global << sections.str() << "int main() {\n  docs::open(" << quoted(name) << ");\n"
         << calls.str() << "  return docs::close();\n}\n";
  return global.str();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::runtime_error("usage: docs_extract PAGE.md NAME OUT.cpp");
  std::ifstream page(argv[1]);
  if (!page) throw std::runtime_error(std::string("cannot read ") + argv[1]);
  std::ofstream out(argv[3]);
  out << "// Generated from " << argv[2] << ".\n" << program(blocks_of(page, argv[2]), argv[2]);
  if (!out.flush()) throw std::runtime_error(std::string("cannot write ") + argv[3]);
  return 0;
} catch (const std::exception& e) {
  std::cerr << "docs_extract: " << e.what() << "\n";
  return 1;
}
