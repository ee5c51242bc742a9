// What the folders of one report are about: those that say they are about the same must be.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace switchyard {

class ReportSubjects {
 public:
  // A result in a folder, of this scenario (as config.json has it) with this digest. Throws InputError if it was made
  // by a program with another kernel number than one before it, or if one before it has the same scenario, but for
  // names and paths, and other data. An unknown digest ("") contradicts nothing.
  void add(const std::string& folder, const nlohmann::ordered_json& scenario, const std::string& digest);

 private:
  struct Subject {
    std::string folder;
    nlohmann::ordered_json scenario;
    std::string digest;
  };
  std::vector<Subject> subjects_;
};

}  // namespace switchyard
