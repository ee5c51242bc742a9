#include "policies/formula/formula.hpp"

#include <fmt/format.h>
#include <muParser.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <vector>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kLongest = 500;  // characters; bounds the cost of a decision, too

// Positions of '=' that assigns: not of ==, <=, >=, !=.
std::size_t assignment_in(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') continue;
    if (i + 1 < text.size() && text[i + 1] == '=') {
      ++i;
    } else if (i == 0 || (text[i - 1] != '<' && text[i - 1] != '>' && text[i - 1] != '!')) {
      return i;
    }
  }
  return std::string::npos;
}

std::size_t name_end(const std::string& text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
  return end;
}

// Of a name that the text holds as a whole word.
std::size_t position_of(const std::string& name, const std::string& text) {
  std::size_t at = 0;
  while (at < text.size() && text.substr(at, name_end(text, at) - at) != name)
    at = std::max(at + 1, name_end(text, at));
  return at;
}

}  // namespace

struct Formula::Impl {
  mu::Parser parser;
  struct Read {
    const Feature* feature;
    double value;
  };
  std::vector<Read> reads;  // the features that it names; the parser holds pointers to the values
};

Formula::~Formula() = default;
Formula::Formula(Formula&&) noexcept = default;

Formula::Formula(const std::string& text, About about, std::string_view where) : impl_(std::make_unique<Impl>()) {
  auto fault = [&](std::size_t position, const std::string& what) {
    return InputError(fmt::format("{}: {} at character {}: {}", where, in_quotes(text), position + 1, what));
  };
  if (text.find_first_not_of(' ') == std::string::npos) throw fault(0, "expected a formula");
  if (text.size() > kLongest) {
    throw fault(kLongest, fmt::format("too long; allowed: {} characters", kLongest));
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) < 0x20 || static_cast<unsigned char>(text[i]) > 0x7e) {
      throw fault(i, "only printable ASCII characters are allowed");
    }
  }
  if (const std::size_t at = assignment_in(text); at != std::string::npos) {
    throw fault(at, "'=' does not compare; did you mean '=='?");
  }
  Impl& impl = *impl_;
  mu::Parser& parser = impl.parser;
  parser.DefineFun("floor", static_cast<double (*)(double)>([](double x) { return std::floor(x); }));
  parser.DefineFun("ceil", static_cast<double (*)(double)>([](double x) { return std::ceil(x); }));
  // A first pass with all features defined finds faults and the features that are read.
  std::vector<std::string> known;
  double some = 1;
  for (const Feature& feature : features()) {
    known.push_back(feature.name);
    if (about == About::replica || !feature.of_replica) parser.DefineVar(feature.name, &some);
  }
  try {
    parser.SetExpr(text);
    for (const auto& [name, address] : parser.GetUsedVar()) {
      for (const Feature& feature : features()) {
        if (name != feature.name) continue;
        if (about == About::request && feature.of_replica) {
          throw fault(position_of(name, text), fmt::format("'{}' is of a replica, which an order does not have", name));
        }
        impl.reads.push_back({&feature, 0});
      }
    }
    parser.ClearVar();
    for (Impl::Read& read : impl.reads) parser.DefineVar(read.feature->name, &read.value);
    parser.Eval();
    if (parser.GetNumResults() > 1) throw fault(text.find(','), "one formula is expected, not a list");
  } catch (const mu::ParserError& error) {
    const std::size_t at = std::min(static_cast<std::size_t>(std::max(0, error.GetPos())), text.size());
    const std::string name = text.substr(at, name_end(text, at) - at);
    if (error.GetCode() == mu::ecUNASSIGNABLE_TOKEN && !name.empty()) {
      const std::string nearest = nearest_name(name, known);
      throw fault(at, fmt::format("unknown feature {}{}", in_quotes(name),
                                  nearest.empty() ? std::string(" (switchyard policies formula lists them)")
                                                  : fmt::format("; did you mean '{}'?", nearest)));
    }
    std::string message = error.GetMsg();
    message = message.substr(0, std::min(message.find(" at position "), message.find(" found at ")));
    while (!message.empty() && (message.back() == '.' || message.back() == '\n')) message.pop_back();
    throw fault(at, message);
  }
}

unsigned Formula::uses() const {
  unsigned uses = 0;
  for (const Impl::Read& read : impl_->reads) uses |= read.feature->uses;
  return uses;
}

double Formula::value(const Moment& moment) {
  for (Impl::Read& read : impl_->reads) read.value = read.feature->value(moment);
  return impl_->parser.Eval();
}

}  // namespace switchyard
