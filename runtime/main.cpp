#include "runtime/cli.hpp"

int main(int argc, char** argv) {
  return weir::command_line(argc, argv);
}
