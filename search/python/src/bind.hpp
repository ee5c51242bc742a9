// The parts of the extension module, each in a file of its own.
#pragma once

#include <nanobind/nanobind.h>

namespace switchyard::python {

void bind_scenario(nanobind::module_& module);
void bind_view(nanobind::module_& module);
void bind_policy(nanobind::module_& module);
void bind_search(nanobind::module_& module);
void bind_study(nanobind::module_& module);
void bind_result(nanobind::module_& module);

}  // namespace switchyard::python
