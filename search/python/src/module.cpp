#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "core/cluster/simulation.hpp"
#include "core/input/error.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/command_text.hpp"
#include "search/python/src/stop.hpp"

NB_MODULE(_core, module) {
  using namespace switchyard;
  namespace nb = nanobind;
  nb::set_leak_warnings(false);  // a daemon thread that the end of the program has stopped keeps what it held
  module.attr("__version__") = SWITCHYARD_VERSION;
  nb::exception<InputError>(module, "InputError", PyExc_ValueError);
  nb::exception<StalledError>(module, "StalledError", PyExc_RuntimeError);
  python::bind_scenario(module);
  python::bind_view(module);
  python::bind_policy(module);
  python::bind_result(module);
  python::bind_search(module);
  python::bind_study(module);
  module.def(
      "command",
      [](const std::string& name, const std::vector<std::string>& words, bool errors_to_python) {
        const python::Unlocked unlocked;
        python::StopWatch watch;
        const Watched watched(&watch);
        std::optional<python::ErrorsToPython> errors;
        if (errors_to_python) errors.emplace();
        return python::run_command(name, words);
      },
      nb::arg("name"), nb::arg("words"), nb::arg("errors_to_python") = false,
      "Runs a command of the command line in this process and returns what it prints. Not for two threads at once. "
      "Raises InputError.");
}
