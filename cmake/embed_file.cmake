# Writes a file's bytes as a C++ array:  cmake -DINPUT=… -DOUTPUT=… -DSYMBOL=… -P embed_file.cmake
# The array is `extern const unsigned char ingot::embedded::SYMBOL[]`, its length SYMBOL_nbytes.
file(READ "${INPUT}" hex HEX)
file(SIZE "${INPUT}" nbytes)
# Long lines keep the number of lines, and so the compiler's work, small.
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],)"
       "\\1\n" bytes "${bytes}")
get_filename_component(name "${INPUT}" NAME)
file(WRITE "${OUTPUT}" "// Generated from ${name}; do not edit.
namespace ingot::embedded {
extern const unsigned char ${SYMBOL}[];
extern const unsigned long ${SYMBOL}_nbytes;
const unsigned char ${SYMBOL}[] = {
${bytes}};
const unsigned long ${SYMBOL}_nbytes = ${nbytes};
}  // namespace ingot::embedded
")
