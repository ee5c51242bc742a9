#include "search/cli/command_line.hpp"

int main(int argc, char** argv) { return switchyard::switchyard_main(argc, argv); }
