// The whole of switchyard's command line, with one policy more.
#include "search/cli/command_line.hpp"

switchyard::PolicyInfo headroom_policy();

int main(int argc, char** argv) { return switchyard::switchyard_main(argc, argv, {headroom_policy()}); }
