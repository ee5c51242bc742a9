#include "search/study_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr int kFormat = 1;  // of the tables

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

  sqlite3* handle() const { return handle_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  sqlite3* handle_ = nullptr;
};

// Held to the end, so that two searches never write one study. SQLite's own lock would do, but a file that it keeps
// locked counts its changes otherwise: the bytes would depend on how often the study was resumed.
class StudyStore::FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& file) {
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
    descriptor_ = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ >= 0 && flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    const bool in_use = descriptor_ >= 0 && errno == EWOULDBLOCK;
    if (descriptor_ >= 0) close(descriptor_);
    throw InputError(fmt::format("{}: {}", file.string(),
                                 in_use ? "the study is in use by another process" : "the folder cannot be locked"));
  }
  ~FolderLock() { close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
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

  std::int64_t whole(int column) const { return sqlite3_column_int64(handle_, column); }
  double real(int column) const { return sqlite3_column_double(handle_, column); }
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

std::string replay_columns() {
  std::string columns = "trial, seed, failure";
  for (const SummaryField& field : summary_fields()) columns += ", " + field.name;
  return columns;
}

// Rows of these tables are never changed: the triggers refuse it.
std::string schema() {
  std::string sql = fmt::format(
      "PRAGMA user_version = {};\n"
      "CREATE TABLE config (json TEXT NOT NULL);\n"
      "CREATE TABLE trials (number INTEGER PRIMARY KEY, policy TEXT NOT NULL UNIQUE);\n"
      "CREATE TABLE replays (position INTEGER PRIMARY KEY, trial INTEGER NOT NULL REFERENCES trials, seed INTEGER NOT "
      "NULL, failure TEXT NOT NULL",
      kFormat);
  for (const SummaryField& field : summary_fields()) {
    sql += fmt::format(", {} {} NOT NULL", field.name, field.whole() ? "INTEGER" : "REAL");
  }
  sql += ", UNIQUE (trial, seed));\n";
  for (const char* table : {"config", "trials", "replays"}) {
    for (const char* change : {"UPDATE", "DELETE"}) {
      sql += fmt::format("CREATE TRIGGER {0}_no_{1} BEFORE {1} ON {0} BEGIN SELECT RAISE(ABORT, 'append-only'); END;\n",
                         table, change);
    }
  }
  return sql;
}

}  // namespace

StudyStore::StudyStore(const std::filesystem::path& file, Mode mode) {
  if (mode != Mode::read) lock_ = std::make_unique<FolderLock>(file);
  const bool exists = std::filesystem::exists(file);
  if (mode == Mode::create && exists) {
    throw InputError(fmt::format("{}: a study is there already; --resume continues it", file.string()));
  }
  if (mode == Mode::read && !exists) throw InputError(fmt::format("{}: there is no such study", file.string()));
  database_ = std::make_unique<Database>(
      file.string(), mode == Mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (mode == Mode::read) {
    sqlite3_busy_timeout(database_->handle(), 10'000);
  } else {
    // A killed process leaves its last transaction out, and the file as it was before.
    database_->execute("PRAGMA synchronous = NORMAL");
  }
  if (mode != Mode::read) {
    database_->execute("BEGIN EXCLUSIVE");
    bool empty = false;  // new, or left by a process that was killed before its first transaction
    {
      Statement tables(*database_, "SELECT count(*) FROM sqlite_master");
      empty = tables.next() && tables.whole(0) == 0;
    }
    if (empty) database_->execute(schema());
    database_->execute("COMMIT");
  }
  Statement version(*database_, "PRAGMA user_version");
  if (!version.next() || version.whole(0) != kFormat) {
    throw InputError(fmt::format("{}: not a study of this version", file.string()));
  }
  Statement columns(*database_, "SELECT group_concat(name, ', ') FROM pragma_table_info('replays')");
  if (!columns.next() || columns.text(0) != "position, " + replay_columns()) {
    throw InputError(fmt::format("{}: the study was written by another version, with other figures", file.string()));
  }
}

StudyStore::~StudyStore() = default;

std::string StudyStore::config() const {
  Statement rows(*database_, "SELECT json FROM config");
  return rows.next() ? rows.text(0) : "";
}

void StudyStore::set_config(const std::string& config) {
  Statement(*database_, "INSERT INTO config VALUES (?)").bind(config).run();
}

std::vector<StoredTrial> StudyStore::trials() const {
  std::vector<StoredTrial> all;
  Statement rows(*database_, "SELECT number, policy FROM trials ORDER BY number");
  while (rows.next()) all.push_back({static_cast<std::size_t>(rows.whole(0)), rows.text(1)});
  return all;
}

std::vector<StoredReplay> StudyStore::replays() const {
  std::vector<StoredReplay> all;
  Statement rows(*database_, "SELECT " + replay_columns() + " FROM replays ORDER BY position");
  while (rows.next()) {
    StoredReplay& replay = all.emplace_back();
    replay.trial = static_cast<std::size_t>(rows.whole(0));
    replay.seed = static_cast<std::uint64_t>(rows.whole(1));
    replay.result.failure = rows.text(2);
    int column = 3;
    for (const SummaryField& field : summary_fields()) field.set(replay.result.summary, rows.real(column++));
  }
  return all;
}

void StudyStore::append(const std::vector<StoredTrial>& trials, const std::vector<StoredReplay>& replays) {
  std::string marks = "?,?,?";
  for (std::size_t i = 0; i < summary_fields().size(); ++i) marks += ",?";
  Statement add_trial(*database_, "INSERT INTO trials VALUES (?,?)");
  Statement add_replay(*database_, "INSERT INTO replays (" + replay_columns() + ") VALUES (" + marks + ")");
  database_->execute("BEGIN");
  for (const StoredTrial& trial : trials) {
    add_trial.bind(static_cast<std::int64_t>(trial.number)).bind(trial.policy).run();
  }
  for (const StoredReplay& replay : replays) {
    add_replay.bind(static_cast<std::int64_t>(replay.trial))
        .bind(static_cast<std::int64_t>(replay.seed))
        .bind(replay.result.failure);
    for (const SummaryField& field : summary_fields()) {
      const double value = field.get(replay.result.summary);
      field.whole() ? add_replay.bind(static_cast<std::int64_t>(value)) : add_replay.bind(value);
    }
    add_replay.run();
  }
  database_->execute("COMMIT");
}

}  // namespace switchyard
