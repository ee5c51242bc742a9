#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <iostream>
#include <sstream>

#include "core/cluster/simulation.hpp"
#include "core/input/error.hpp"
#include "search/cli/command.hpp"
#include "search/python/src/bind.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

// What a command prints goes to a text while this lives.
class Captured {
 public:
  Captured() : before_(std::cout.rdbuf(text_.rdbuf())) {}
  ~Captured() { std::cout.rdbuf(before_); }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

std::string run_command(const std::string& name, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (command.name != name) continue;
    const nb::gil_scoped_release released;
    const Captured out;
    Options options = command.declare();
    if (options.parse(words)) command.run(options);
    return out.text();
  }
  throw unknown_name("", "command", name, names);
}

}  // namespace

}  // namespace switchyard::python

NB_MODULE(_core, module) {
  using namespace switchyard;
  module.attr("__version__") = SWITCHYARD_VERSION;
  nb::exception<InputError>(module, "InputError", PyExc_ValueError);
  nb::exception<StalledError>(module, "StalledError", PyExc_RuntimeError);
  python::bind_scenario(module);
  python::bind_view(module);
  python::bind_policy(module);
  python::bind_result(module);
  python::bind_search(module);
  module.def("command", &python::run_command, nb::arg("name"), nb::arg("words"),
             "Runs a command of the command line in this process and returns what it prints. Not for two threads at "
             "once. Raises InputError.");
}
