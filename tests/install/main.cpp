#include <ingot/ingot.h>

#include <cstdio>

int main() {
  std::printf("ingot %s\n", ingot::version());
  return 0;
}
