#include <algorithm>
#include <fstream>

#include "firmware-bridge/mqtt_publisher.hpp"
#include "tests/firmware-bridge/mqtt_packets.hpp"
#include "tests/firmware-bridge/mqtt_rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mosquitto.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

namespace {

struct Note {
  std::string topic, payload;
  int qos = 1;
  bool retained = false;
};

/// Publishes as another client and waits until the broker has all of it.
void publish_all(MqttOptions options, const std::vector<Note>& notes) {
  options.client_id = "publisher";
  auto publisher = MqttPublisher::connect(options);
  REQUIRE(publisher);
  for (const auto& note : notes) {
    const auto published = publisher->publish(note.topic, note.payload, note.qos, note.retained);
    INFO((published ? "" : published.error().message));
    REQUIRE(published);
  }
  REQUIRE(publisher->close(10s));
}

/// A certificate authority, a server and a client certificate, made with openssl.
struct Authority {
  TempDir directory;

  std::string file(const std::string& name) const { return directory.path() + "/" + name; }
  void openssl(const std::string& arguments) const {
    REQUIRE(test::run("cd " + directory.path() + " && openssl " + arguments + " 2>>openssl.log") ==
            0);
  }
  Authority() {
    make_root("ca");
    make_root("other");
    issue("server", "subjectAltName=DNS:localhost");
    issue("client", "subjectAltName=DNS:client");
  }
  void make_root(const std::string& name) const {
    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
            name + " -keyout " + name + ".key -out " + name + ".pem");
  }
  void issue(const std::string& name, const std::string& extension) const {
    std::ofstream(file(name + ".ext")) << extension << "\n";
    openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
            " -keyout " + name + ".key -out " + name + ".csr");
    openssl("x509 -req -in " + name +
            ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile " + name +
            ".ext -out " + name + ".pem");
  }
  std::string listener(bool client_certificates) const {
    return "allow_anonymous true\ncafile " + file("ca.pem") + "\ncertfile " + file("server.pem") +
           "\nkeyfile " + file("server.key") + "\nrequire_certificate " +
           (client_certificates ? "true" : "false") + "\n";
  }
  MqttOptions options(const Mosquitto& broker) const {
    auto options = options_for(broker.port());
    options.url = {true, "localhost", broker.port()};
    options.ca_file = file("ca.pem");
    return options;
  }
};

}  // namespace

TEST_CASE("messages of every QoS come through mosquitto, in both versions") {
  Mosquitto broker;
  for (const auto version : {v3, v5}) {
    for (const int qos : {0, 1, 2}) {
      auto options = options_for(broker.port(), version, qos);
      options.client_id += std::to_string(qos) + (version == v5 ? "v5" : "");
      Rig rig(options, {"t/+/state", "other"});
      REQUIRE(rig.connected());
      std::vector<Note> notes;
      Texts expected;
      for (int i = 0; i < 1200; ++i) {
        notes.push_back({"t/d" + std::to_string(i % 7) + "/state", std::to_string(i), qos});
        expected.push_back(notes.back().topic + "=" + notes.back().payload);
      }
      notes.push_back({"elsewhere", "not subscribed", qos});
      notes.push_back({"other", "last", qos});
      expected.push_back("other=last");
      publish_all(options_for(broker.port(), version), notes);
      // More than mosquitto's window, so it takes acknowledgements to get them all.
      REQUIRE(eventually([&] {
        rig.receive(rig.messages().size() + 1, 100ms);
        rig.acknowledge();
        return rig.messages().size() >= expected.size();
      }));
      CHECK(rig.messages() == expected);
      CHECK(eventually([&] { return rig.status().unacknowledged == 0; }));
      CHECK(rig.status().connects == 1);
    }
  }
}

TEST_CASE("what is not acknowledged comes again, to the next connection and the next process") {
  for (const auto version : {v3, v5}) {
    Mosquitto broker;
    {
      Rig rig(options_for(broker.port(), version));
      REQUIRE(rig.connected());
      publish_all(options_for(broker.port()), {{"t/1", "a"}, {"t/2", "b"}, {"t/3", "c"}});
      REQUIRE(rig.receive(3));
      rig.source().acknowledge(std::vector{rig.acks()[0]});
      REQUIRE(eventually([&] { return rig.status().unacknowledged == 2; }));
    }
    Rig rig(options_for(broker.port(), version));
    REQUIRE(rig.receive(2));
    CHECK(rig.messages() == Texts{"t/2=b duplicate", "t/3=c duplicate"});
    rig.acknowledge();
    rig.source().stop(5s);

    Rig last(options_for(broker.port(), version));
    REQUIRE(last.connected());
    publish_all(options_for(broker.port()), {{"t/4", "d"}});
    REQUIRE(last.receive(1));
    CHECK(last.messages() == Texts{"t/4=d"});
  }
}

TEST_CASE("the session keeps messages while the source is away") {
  for (const auto version : {v3, v5}) {
    Mosquitto broker;
    {
      Rig rig(options_for(broker.port(), version));
      REQUIRE(rig.connected());
      rig.source().stop(5s);
    }
    publish_all(options_for(broker.port()), {{"t/x", "while away", 1}, {"t/y", "too", 2}});
    Rig rig(options_for(broker.port(), version));
    REQUIRE(rig.receive(2));
    CHECK(rig.messages() == Texts{"t/x=while away", "t/y=too"});
  }
}

TEST_CASE("a broker that starts late, and one that restarts, are found") {
  Mosquitto broker("allow_anonymous true\n", false);
  Rig rig(options_for(broker.port()));
  CHECK(rig.state_has("next try in "));
  broker.start();
  REQUIRE(rig.connected());
  publish_all(options_for(broker.port()), {{"t/x", "1"}});
  REQUIRE(rig.receive(1));

  broker.stop();
  CHECK(rig.state_has("next try in "));
  CHECK_FALSE(rig.status().connected);
  broker.start();
  REQUIRE(rig.connected());
  REQUIRE(rig.receive(2));  // it was not acknowledged
  CHECK(rig.messages() == Texts{"t/x=1", "t/x=1 duplicate"});
  rig.acknowledge();
  publish_all(options_for(broker.port()), {{"t/x", "2"}});
  REQUIRE(rig.receive(3));
  CHECK(rig.messages().back() == "t/x=2");
  CHECK(rig.status().connects == 2);
}

TEST_CASE("retained messages are marked") {
  Mosquitto broker;
  publish_all(options_for(broker.port()), {{"t/x", "old", 1, true}});
  Rig rig(options_for(broker.port()));
  REQUIRE(rig.receive(1));
  publish_all(options_for(broker.port()), {{"t/x", "new", 1, true}});
  REQUIRE(rig.receive(2));
  CHECK(rig.messages() == Texts{"t/x=old retained", "t/x=new"});
}

TEST_CASE("user and password are shown, and a wrong one is refused until it is right") {
  TempDir directory;
  const auto passwords = directory.path() + "/passwords";
  REQUIRE(test::run("mosquitto_passwd -b -c " + passwords + " weir right") == 0);
  Mosquitto broker("allow_anonymous false\npassword_file " + passwords + "\n");
  auto options = options_for(broker.port());
  options.username = "weir";
  options.password = "wrong";
  Rig refused(options);
  CHECK(refused.state_has("refused: not authorised, next try in "));
  CHECK(refused.status().state.find("wrong") == std::string::npos);
  auto publisher = MqttPublisher::connect(options);
  CHECK_FALSE(publisher);

  options.password = "right";
  options.client_id = "other";
  Rig rig(options);
  CHECK(rig.connected());
}

TEST_CASE("TLS: messages come, the host and its issuer are checked") {
  const Authority authority;
  Mosquitto broker(authority.listener(false));
  const auto options = authority.options(broker);
  {
    Rig rig(options);
    REQUIRE(rig.connected());
    std::vector<Note> notes(500, {"t/x", std::string(300, 'x'), 1});
    notes.push_back({"t/x", std::string(500'000, 'y'), 1});
    publish_all(options, notes);
    REQUIRE(rig.receive(501));
    rig.acknowledge();
    CHECK(eventually([&] { return rig.status().unacknowledged == 0; }));
  }
  auto wrong_host = options;
  wrong_host.url.host = "127.0.0.1";
  CHECK(Rig(wrong_host).state_has("IP address mismatch"));
  auto unverified = wrong_host;
  unverified.verify = false;
  CHECK(Rig(unverified).connected());
  auto wrong_issuer = options;
  wrong_issuer.ca_file = authority.file("other.pem");
  CHECK(Rig(wrong_issuer).state_has("signed certificate in"));
  auto system_issuers = options;
  system_issuers.ca_file.clear();
  CHECK(Rig(system_issuers).state_has("no TLS with mqtts://localhost"));
  auto no_file = options;
  no_file.ca_file = authority.file("absent.pem");
  CHECK(Rig(no_file).state_has("can't read ca_file " + no_file.ca_file));
  auto plain = options;
  plain.url.tls = false;
  CHECK(Rig(plain).state_has("next try in "));
}

TEST_CASE("TLS: a broker that asks for a client certificate gets it") {
  const Authority authority;
  Mosquitto broker(authority.listener(true));
  auto options = authority.options(broker);
  CHECK(Rig(options).state_has("next try in "));
  options.cert_file = authority.file("client.pem");
  options.key_file = authority.file("server.key");
  CHECK(Rig(options).state_has("can't use key_file"));
  options.key_file = authority.file("client.key");
  Rig rig(options);
  REQUIRE(rig.connected());
  publish_all(options, {{"t/x", "with certificate"}});
  REQUIRE(rig.receive(1));
}

TEST_CASE("the publisher tells when the broker is gone") {
  Mosquitto broker;
  auto publisher = MqttPublisher::connect(options_for(broker.port()));
  REQUIRE(publisher);
  REQUIRE(publisher->publish("t/x", "y", 1, false));
  REQUIRE(publisher->flush(10s));
  broker.stop();
  CHECK(eventually(
      [&] { return !publisher->publish("t/x", "y", 1, false) || !publisher->flush(100ms); }));
  CHECK_FALSE(MqttPublisher::connect(options_for(broker.port())));
}
