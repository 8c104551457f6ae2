#include "tests/config/parsed.hpp"
#include "tests/config/temporary_folder.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;

namespace {

/// What [mqtt] has as its password, or the problems.
std::string password(const std::string& text, Variables variables = {}) {
  ConfigFile file = parse("[mqtt]\n" + text, std::move(variables));
  Params root = file.root();
  const auto secret = root.table("mqtt").secret("password");
  root.finish();
  if (!file.problems().empty()) return file.problems().text();
  return secret.value_or("(none)");
}

}  // namespace

TEST_CASE("a secret is a value, the first line of a file, or a credential of systemd") {
  const TemporaryFolder folder;
  const std::string path = folder.write("secret", "hunter2\nsecond line\n");
  folder.write("credentials/mqtt.password", "hunter3");
  const Variables credentials = {{"CREDENTIALS_DIRECTORY", folder.path("credentials")}};

  CHECK(password("password = 'hunter1'") == "hunter1");
  CHECK(password("password_file = '" + path + "'") == "hunter2");
  CHECK(password("", credentials) == "hunter3");
  CHECK(password("") == "(none)");
  CHECK(password("password = 'hunter1'", credentials) == "hunter1");
  CHECK(password("password_file = '" + path + "'", credentials) == "hunter2");
  CHECK(password("password = '${P}'", {{"P", "hunter4"}}) == "hunter4");
  CHECK(password("password_file = '${P}'", {{"P", path}}) == "hunter2");
}

TEST_CASE("the default of a secret, written out, is as if it were absent") {
  const TemporaryFolder folder;
  folder.write("mqtt.password", "hunter3");
  CHECK(password("password = ''") == "(none)");
  CHECK(password("password = ''\npassword_file = ''", {{"CREDENTIALS_DIRECTORY", folder.path("")}})
            .find("give one of the two") != std::string::npos);
  CHECK(password("password = ''", {{"CREDENTIALS_DIRECTORY", folder.path("")}}) == "hunter3");
  CHECK(password("password_file = ''", {{"CREDENTIALS_DIRECTORY", folder.path("")}}) == "hunter3");
}

TEST_CASE("credentials of another name, or of no directory, are none") {
  const TemporaryFolder folder;
  folder.write("kafka.password", "hunter3");
  CHECK(password("", {{"CREDENTIALS_DIRECTORY", folder.path("")}}) == "(none)");
  CHECK(password("", {{"CREDENTIALS_DIRECTORY", ""}}) == "(none)");
  CHECK(password("", {{"CREDENTIALS_DIRECTORY", "/nowhere/at/all"}}) == "(none)");
}

TEST_CASE("a line may end as on Windows, and blanks belong to the secret") {
  const TemporaryFolder folder;
  CHECK(password("password_file = '" + folder.write("a", " hunter2 \r\nx") + "'") == " hunter2 ");
  CHECK(password("password_file = '" + folder.write("b", "hunter2") + "'") == "hunter2");
}

TEST_CASE("a value and a file together are a problem that shows neither") {
  CHECK(password("password = 'hunter1'\npassword_file = '/etc/hunter2'") ==
        "weir.toml:3:17: mqtt.password_file: stands beside password; give one of the two\n");
}

TEST_CASE("a file that can't be read is a problem that names its path") {
  const TemporaryFolder folder;
  const std::string absent = folder.path("absent");
  CHECK(password("password_file = '" + absent + "'") ==
        "weir.toml:2:17: mqtt.password_file: " + absent +
            " can't be read: No such file or directory\n");
  CHECK(password("password_file = '" + folder.path("") + "'").find("Is a directory") !=
        std::string::npos);
  const std::string empty = folder.write("empty", "\nhunter2");
  CHECK(password("password_file = '" + empty + "'") ==
        "weir.toml:2:17: mqtt.password_file: " + empty +
            " has no text in its first line, where it should be\n");
  const std::string large = folder.write("large", std::string(65'537, 'x'));
  CHECK(password("password_file = '" + large + "'") ==
        "weir.toml:2:17: mqtt.password_file: " + large + " is larger than 64KiB\n");
}

TEST_CASE("a path that came from a variable is shown as it is written") {
  CHECK(password("password_file = '${P}/x'", {{"P", "/nowhere/hunter2"}}) ==
        "weir.toml:2:17: mqtt.password_file: ${P}/x can't be read: No such file or directory\n");
}

TEST_CASE("a credential that is empty is a problem that names its path") {
  const TemporaryFolder folder;
  const std::string path = folder.write("mqtt.password", "");
  CHECK(password("", {{"CREDENTIALS_DIRECTORY", folder.path("")}})
            .find("mqtt.password has no text in its first line") != std::string::npos);
}

TEST_CASE("a secret of the wrong type is a problem that doesn't show it") {
  CHECK(password("password = 12345") ==
        "weir.toml:2:12: mqtt.password: found a number, expected a text: put it in \"quotes\"\n");
  CHECK(password("password = 1987-06-05") ==
        "weir.toml:2:12: mqtt.password: found a date or time, expected a text: put it in "
        "\"quotes\"\n");
  CHECK(password("password_file = 5") ==
        "weir.toml:2:17: mqtt.password_file: found the number 5, expected a text: put it in "
        "\"quotes\"\n");
}

TEST_CASE("a problem that a reader finds with a secret doesn't show it") {
  ConfigFile file = parse("password = 'hunter2'");
  Params root = file.root();
  root.problem("password", "'" + root.secret("password").value() + "' is too easy");
  CHECK(file.problems().text() == "weir.toml:1:12: password: '(a secret)' is too easy\n");
}

TEST_CASE("a missing variable in a secret is the only problem there") {
  CHECK(password("password = '${P:?set P in /etc/default/weir}'") ==
        "weir.toml:2:12: mqtt.password: P: set P in /etc/default/weir\n");
}

TEST_CASE("a syntax error in the line of a secret shows nothing of it") {
  for (const char* value :
       {"hunter2", "tomato", "99999999999999999999", "1e999", "12.34.56", "2026-99-01",
        "\"hunter2\" hunter2", "\"hunter2", "0xhunter2", "{ hunter2 }", "[hunter2]"}) {
    INFO(value);
    const std::string text = password("Password = " + std::string(value));
    CHECK(text.starts_with("weir.toml:2:"));
    CHECK(text.find("it may be a secret") != std::string::npos);
    for (const char* part : {"hunter", "'to", "9999", "1e9", "34", "saw"}) {
      CHECK(text.find(part) == std::string::npos);
    }
  }
}
