#include "search/python/src/command_text.hpp"

#include <nanobind/nanobind.h>

#include <atomic>
#include <iostream>
#include <sstream>

#include "core/input/error.hpp"
#include "search/cli/command.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

thread_local std::streambuf* text_of_this_thread = nullptr;

// What std::cout writes to, for good: a thread that runs a command writes to its text, any other where it did before.
class ByThread final : public std::streambuf {
 public:
  ByThread() : before_(std::cout.rdbuf(this)) {}
  static void install() {
    static auto* const once = new ByThread();
    (void)once;
  }  // std::cout flushes it at the very end

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override { return here().sputn(text, size); }
  int_type overflow(int_type one) override {
    if (traits_type::eq_int_type(one, traits_type::eof())) return traits_type::not_eof(one);
    return here().sputc(traits_type::to_char_type(one));
  }
  int sync() override { return here().pubsync(); }

 private:
  std::streambuf& here() { return text_of_this_thread ? *text_of_this_thread : *before_; }

  std::streambuf* before_;
};

// How many commands want what is said on stderr in Python.
std::atomic<int> errors_wanted = 0;

// What std::cerr writes to, for good: to Python's sys.stderr while a command wants that, else where it did before.
// Never taken out again, as other threads may be writing to it.
class ErrorsByWish final : public std::streambuf {
 public:
  ErrorsByWish() : before_(std::cerr.rdbuf(this)) {}
  static void install() {
    static auto* const once = new ErrorsByWish();
    (void)once;
  }

 protected:
  // Writes a line, or what was flushed, at once.
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    if (errors_wanted == 0) return before_->sputn(text, size);
    in_python([&](const nb::object& stream) { stream.attr("write")(nb::str(text, static_cast<std::size_t>(size))); });
    return size;
  }
  int_type overflow(int_type one) override {
    const char character = traits_type::to_char_type(one);
    if (!traits_type::eq_int_type(one, traits_type::eof())) xsputn(&character, 1);
    return traits_type::not_eof(one);
  }
  int sync() override {
    if (errors_wanted == 0) return before_->pubsync();
    in_python([](const nb::object& stream) { stream.attr("flush")(); });
    return 0;
  }

 private:
  // What a stream's write() raises is dropped, as std::cerr would not say it, but for Ctrl-C: that is put off to where
  // the command looks for it.
  template <class Body>
  static void in_python(const Body& body) {
    const nb::gil_scoped_acquire held;
    try {
      const nb::object stream = nb::module_::import_("sys").attr("stderr");
      if (!stream.is_none()) body(stream);
    } catch (const nb::python_error& error) {
      if (error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();
    }
  }

  std::streambuf* before_;
};

}  // namespace

std::string run_command(const std::string& name, const std::vector<std::string>& words) {
  ByThread::install();
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (command.name != name) continue;
    std::ostringstream text;
    text_of_this_thread = text.rdbuf();
    const struct Restored {
      ~Restored() { text_of_this_thread = nullptr; }
    } restored;
    Options options = command.declare();
    if (options.parse(words)) command.run(options);
    return text.str();
  }
  throw unknown_name("", "command", name, names);
}

ErrorsToPython::ErrorsToPython() {
  ErrorsByWish::install();
  ++errors_wanted;
}

ErrorsToPython::~ErrorsToPython() { --errors_wanted; }

}  // namespace switchyard::python
