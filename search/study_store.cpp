#include "search/study_store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr int kFormat = 2;        // of the tables
constexpr int kOldestFormat = 1;  // that can be read: replays of one experiment, whose digest is not known

}  // namespace

// SQLite's handles, with errors thrown as InputError: a study that cannot be read or written is the user's to mend.
class StudyStore::Database {
 public:
  Database(std::string name, int flags) : name_(std::move(name)) {
    const int code = sqlite3_open_v2(name_.c_str(), &handle_, flags, nullptr);
    if (code == SQLITE_OK) return;
    const std::string why = handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    sqlite3_close(handle_);
    throw InputError(fmt::format("{}: cannot open the study: {}", name_, why));
  }
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[noreturn]] void fail(int code) const {
    if ((code & 0xff) == SQLITE_BUSY) {
      throw InputError(fmt::format("{}: the study is in use by another process", name_));
    }
    throw InputError(fmt::format("{}: the study cannot be read or written: {}", name_, sqlite3_errmsg(handle_)));
  }

  void execute(const std::string& sql) {
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code);
  }

  // All that `write` does, or nothing.
  template <class Write>
  void transact(const Write& write) {
    execute("BEGIN");
    try {
      write();
      execute("COMMIT");
    } catch (...) {
      sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
      throw;
    }
  }

  // Whether the file can be read as it lies: not if a killed process has left what only a writer may settle.
  bool readable() const {
    const int code = sqlite3_exec(handle_, "SELECT count(*) FROM sqlite_master", nullptr, nullptr, nullptr) & 0xff;
    return code != SQLITE_READONLY && code != SQLITE_CANTOPEN;
  }

  sqlite3* handle() const { return handle_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  sqlite3* handle_ = nullptr;
};

// A study and what SQLite keeps beside it, in a folder of their own: there it may finish what a killed process began.
class StudyStore::Copy {
 public:
  explicit Copy(const std::filesystem::path& file) {
    namespace fs = std::filesystem;
    std::error_code fault;
    std::string pattern = (fs::temp_directory_path(fault) / "switchyard-study-XXXXXX").string();
    const auto refuse = [&](const std::string& why) {
      throw InputError(fmt::format(
          "{}: the study was left unfinished by a process that was killed, and cannot be copied to be read: {}",
          file.string(), why));
    };
    if (fault || !mkdtemp(pattern.data())) refuse("no folder for temporary files (TMPDIR)");
    folder_ = pattern;
    for (const char* end : {"", "-journal", "-wal"}) {
      fs::path from = file, to = this->file();
      from += end, to += end;
      if (!fs::exists(from, fault)) continue;
      fs::copy_file(from, to, fault);
      if (!fault) fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, fault);
      if (fault) {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
        refuse(fault.message());
      }
    }
  }
  ~Copy() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  std::filesystem::path file() const { return folder_ / "study.db"; }

 private:
  std::filesystem::path folder_;
};

namespace {

// One statement, run for one row after another.
template <class Database>
class Statement {
 public:
  Statement(Database& database, const std::string& sql) : database_(database) {
    const int code = sqlite3_prepare_v2(database.handle(), sql.c_str(), -1, &handle_, nullptr);
    if (code != SQLITE_OK) database.fail(code);
  }
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::int64_t value) { return check(sqlite3_bind_int64(handle_, ++bound_, value)); }
  Statement& bind(double value) { return check(sqlite3_bind_double(handle_, ++bound_, value)); }
  Statement& bind(const std::string& text) {
    return check(sqlite3_bind_text(handle_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
  }

  bool next() {  // false: no more rows
    const int code = sqlite3_step(handle_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail(code);
    return code == SQLITE_ROW;
  }
  void run() {
    next();
    sqlite3_reset(handle_);
    bound_ = 0;
  }

  bool null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  std::int64_t whole(int column) const { return sqlite3_column_int64(handle_, column); }
  double real(int column) const {  // what is not there is NULL
    return sqlite3_column_type(handle_, column) == SQLITE_NULL ? kAbsent : sqlite3_column_double(handle_, column);
  }
  std::string text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    return text ? std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))) : "";
  }

 private:
  Statement& check(int code) {
    if (code != SQLITE_OK) database_.fail(code);
    return *this;
  }

  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
  int bound_ = 0;
};

std::vector<std::string> figure_names() {
  std::vector<std::string> names;
  for (const SummaryField& field : summary_fields()) names.push_back(field.name);
  return names;
}

// Rows of these tables are never changed: the triggers refuse it. Figures may be NULL: what does not exist is not 0.
std::string tables_sql() {
  std::string sql = fmt::format(
      "PRAGMA user_version = {};\n"
      "CREATE TABLE config (json TEXT NOT NULL);\n"
      "CREATE TABLE experiments (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);\n"
      "CREATE TABLE trials (number INTEGER PRIMARY KEY, policy TEXT NOT NULL UNIQUE);\n"
      "CREATE TABLE leaders (config INTEGER NOT NULL, policy TEXT NOT NULL);\n"
      "CREATE TABLE replays (position INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiments, trial "
      "INTEGER NOT NULL REFERENCES trials, seed INTEGER NOT NULL, failure TEXT NOT NULL",
      kFormat);
  for (const SummaryField& field : summary_fields()) {
    sql += fmt::format(", {} {}", field.name, field.whole() ? "INTEGER" : "REAL");
  }
  sql += ", UNIQUE (experiment, trial, seed));\n";
  for (const char* table : {"config", "experiments", "trials", "leaders", "replays"}) {
    for (const char* change : {"UPDATE", "DELETE"}) {
      sql += fmt::format("CREATE TRIGGER {0}_no_{1} BEFORE {1} ON {0} BEGIN SELECT RAISE(ABORT, 'append-only'); END;\n",
                         table, change);
    }
  }
  return sql;
}

constexpr const char* kOtherFigures =
    "{}: the study was written by another version, with other figures: it can be looked at (switchyard study), but not "
    "continued; search anew in another folder";

}  // namespace

StudyStore::StudyStore(const std::filesystem::path& file, Mode mode, bool folder_is_kept) {
  // SQLite's own lock would do, but a file that it keeps locked counts its changes otherwise: the bytes would depend on
  // how often the study was resumed.
  if (mode != Mode::read && !folder_is_kept) {
    lock_ = std::make_unique<FolderLock>(file.has_parent_path() ? file.parent_path() : ".", file.string());
  }
  const bool exists = std::filesystem::exists(file);
  if (mode == Mode::create && exists) {
    throw InputError(fmt::format("{}: a study is there already; --resume continues it", file.string()));
  }
  if (mode == Mode::read && !exists) throw InputError(fmt::format("{}: there is no such study", file.string()));
  if (mode == Mode::read) {
    database_ = std::make_unique<Database>(file.string(), SQLITE_OPEN_READONLY);
    sqlite3_busy_timeout(database_->handle(), 10'000);
    if (!database_->readable()) {
      database_.reset();
      copy_ = std::make_unique<Copy>(file);
      database_ = std::make_unique<Database>(copy_->file().string(), SQLITE_OPEN_READWRITE);
    }
  } else {
    database_ = std::make_unique<Database>(file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3_busy_timeout(database_->handle(), 60'000);  // whoever looks at a study that is running must not end it
    // A killed process leaves its last transaction out, and the file as it was before.
    database_->execute("PRAGMA synchronous = NORMAL");
    database_->execute("BEGIN EXCLUSIVE");
    bool empty = false;  // new, or left by a process that was killed before its first transaction
    {
      Statement tables(*database_, "SELECT count(*) FROM sqlite_master");
      empty = tables.next() && tables.whole(0) == 0;
    }
    if (empty) database_->execute(tables_sql());
    database_->execute("COMMIT");
  }
  Statement version(*database_, "PRAGMA user_version");
  if (version.next()) format_ = static_cast<int>(version.whole(0));
  if (mode == Mode::read && format_ == 0) {
    Statement tables(*database_, "SELECT count(*) FROM sqlite_master");
    if (tables.next() && tables.whole(0) == 0) return;  // killed before its first transaction: a study without anything
  }
  if (format_ < kOldestFormat || format_ > kFormat) {
    throw InputError(fmt::format("{}: not a study of this version", file.string()));
  }
  Statement columns(*database_, "SELECT name FROM pragma_table_info('replays')");
  std::vector<std::string> found;
  while (columns.next()) found.push_back(columns.text(0));
  for (const std::string& name : figure_names()) {
    if (std::find(found.begin(), found.end(), name) != found.end()) figures_.push_back(name);
  }
  const std::size_t others = format_ == 1 ? 4 : 5;  // columns that are no figures
  const bool same = format_ == kFormat && figures_ == figure_names() && found.size() == figures_.size() + others;
  if (mode != Mode::read && !same) throw InputError(fmt::format(kOtherFigures, file.string()));
}

StudyStore::~StudyStore() = default;

std::string StudyStore::config() const {
  if (format_ == 0) return "";
  Statement rows(*database_, "SELECT json FROM config ORDER BY rowid DESC");
  return rows.next() ? rows.text(0) : "";
}

void StudyStore::set_config(const std::string& config) {
  Statement(*database_, "INSERT INTO config VALUES (?)").bind(config).run();
}

std::vector<StoredReplay> StudyStore::replays() const {
  std::vector<StoredReplay> all;
  if (format_ == 0) return all;
  Statement rows(*database_,
                 fmt::format("SELECT {}, policy, seed, failure{}{} FROM replays JOIN trials ON trial = "
                             "trials.number {} ORDER BY position",
                             format_ == 1 ? "''" : "key", figures_.empty() ? "" : ", ", fmt::join(figures_, ", "),
                             format_ == 1 ? "" : "JOIN experiments ON experiment = experiments.number"));
  while (rows.next()) {
    StoredReplay& replay = all.emplace_back();
    replay.experiment = rows.text(0);
    replay.policy = rows.text(1);
    replay.seed = static_cast<std::uint64_t>(rows.whole(2));
    replay.result.failure = rows.text(3);
    std::size_t at = 0;
    for (const SummaryField& field : summary_fields()) {
      const bool recorded = at < figures_.size() && figures_[at] == field.name;
      const int column = 4 + static_cast<int>(at);
      if (recorded) ++at;
      if (recorded && !rows.null(column)) {
        field.set(replay.result.summary, rows.real(column));
      } else if (!field.whole()) {
        field.set(replay.result.summary, std::numeric_limits<double>::quiet_NaN());
      }
    }
  }
  return all;
}

void StudyStore::append(const std::vector<StoredReplay>& replays) {
  std::string marks;
  for (std::size_t i = 0; i < summary_fields().size(); ++i) marks += ",?";
  Statement add_experiment(*database_, "INSERT OR IGNORE INTO experiments (key) VALUES (?)");
  Statement add_trial(*database_, "INSERT OR IGNORE INTO trials (policy) VALUES (?)");
  Statement add_replay(
      *database_,
      fmt::format("INSERT INTO replays (experiment, trial, seed, failure, {}) VALUES ((SELECT number FROM experiments "
                  "WHERE key = ?), (SELECT number FROM trials WHERE policy = ?), ?, ?{})",
                  fmt::join(figure_names(), ", "), marks));
  database_->transact([&] {
    for (const StoredReplay& replay : replays) {
      add_experiment.bind(replay.experiment).run();
      add_trial.bind(replay.policy).run();
      add_replay.bind(replay.experiment)
          .bind(replay.policy)
          .bind(static_cast<std::int64_t>(replay.seed))
          .bind(replay.result.failure);
      for (const SummaryField& field : summary_fields()) {
        const double value = field.get(replay.result.summary);
        field.whole() ? add_replay.bind(static_cast<std::int64_t>(value)) : add_replay.bind(value);  // NaN becomes NULL
      }
      add_replay.run();
    }
  });
}

std::vector<std::string> StudyStore::leaders() const {
  std::vector<std::string> specs;
  if (format_ < 2) return specs;
  Statement rows(*database_, "SELECT policy FROM leaders WHERE config = (SELECT count(*) FROM config) ORDER BY rowid");
  while (rows.next()) specs.push_back(rows.text(0));
  return specs;
}

void StudyStore::set_leaders(const std::vector<std::string>& specs) {
  if (leaders() == specs) return;
  Statement add(*database_, "INSERT INTO leaders VALUES ((SELECT count(*) FROM config), ?)");
  database_->transact([&] {
    for (const std::string& spec : specs) add.bind(spec).run();
  });
}

}  // namespace switchyard
