#include "controller/cli/fleet.h"

#include <cstdlib>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/text.h"
#include "controller/serve/fleet_reading.h"
#include "controller/serve/operator_client.h"
#include "controller/serve/operator_credentials.h"
#include "controller/status/stored_fleet.h"
#include "inventory/select.h"

namespace fleetsync::cli {
namespace {

constexpr Duration kPatience = std::chrono::seconds(10);

SystemTime Instant(uint64_t microseconds) {
  return SystemTime(std::chrono::microseconds(static_cast<int64_t>(microseconds)));
}

std::vector<status::HostInput> Expected(std::span<const inventory::Host* const> hosts) {
  std::vector<status::HostInput> expected;
  expected.reserve(hosts.size());
  for (const inventory::Host* host : hosts) expected.push_back(status::InputOf(*host));
  return expected;
}

// A controller elsewhere, over TLS.
class RemoteFleetSource final : public status::FleetSource {
 public:
  RemoteFleetSource(std::unique_ptr<serve::OperatorClient> client,
                    std::vector<status::HostInput> expected)
      : client_(std::move(client)), expected_(std::move(expected)) {}

  StatusOr<status::FleetSnapshot> Read() override {
    FS_ASSIGN_OR_RETURN(const v1::GetFleetResponse fleet, client_->GetFleet());
    std::vector<db::HostRecord> records;
    for (const v1::FleetHost& host : fleet.hosts()) records.push_back(serve::RecordOf(host));
    return status::FleetSnapshot{.now = Instant(fleet.now_us()),
                                 .hosts = status::InputsOf(expected_, records)};
  }

  StatusOr<std::vector<db::HostHistory>> History(std::span<const std::string> hosts,
                                                 SystemTime since, SystemTime until,
                                                 size_t points) override {
    v1::GetHistoryRequest request;
    for (const std::string& host : hosts) request.add_hosts(host);
    request.set_since_us(Microseconds(since));
    request.set_until_us(Microseconds(until));
    request.set_points(static_cast<uint32_t>(points));
    FS_ASSIGN_OR_RETURN(const v1::GetHistoryResponse response, client_->GetHistory(request));
    return serve::HistoriesOf(response);
  }

 private:
  static uint64_t Microseconds(SystemTime t) {
    return static_cast<uint64_t>(
        std::chrono::floor<std::chrono::microseconds>(t.time_since_epoch()).count());
  }

  std::unique_ptr<serve::OperatorClient> client_;
  std::vector<status::HostInput> expected_;
};

// What the controller's inventory says of its hosts, as far as a view needs it.
inventory::Inventory InventoryOf(const v1::GetFleetResponse& fleet, const std::string& controller) {
  inventory::Inventory inventory;
  inventory.path = controller;
  std::map<std::string, inventory::Group> groups;
  for (const v1::FleetHost& told : fleet.hosts()) {
    inventory::Host& host = inventory.hosts.emplace_back();
    host.name = told.host();
    host.time.tolerance = Duration(static_cast<int64_t>(told.tolerance_ns()));
    for (const std::string& group : told.groups()) {
      host.groups.push_back(group);
      groups[group].name = group;
      groups[group].hosts.push_back(told.host());
    }
  }
  for (auto& [name, group] : groups) inventory.groups.push_back(std::move(group));
  return inventory;
}

std::string IdentityFolder(const FleetFlags& flags) {
  if (!flags.identity.empty()) return flags.identity;
  const char* home = getenv("HOME");  // NOLINT(concurrency-mt-unsafe): before any thread
  return std::string(home == nullptr ? "" : home) + "/.config/fleetsync";
}

ExitCode Told(const Status& status, const std::string& then = "") {
  PrintError(Message(status) + then);
  const bool usage = absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status);
  return usage ? kUsage : kHostFailed;
}

std::variant<Fleet, ExitCode> OpenRemote(const Context& context, const FleetFlags& flags) {
  auto credentials = serve::ReadOperatorCredentials(IdentityFolder(flags));
  if (!credentials.ok()) return Told(credentials.status());
  auto client = serve::OperatorClient::Remote(flags.controller, *credentials, kPatience);
  const auto fleet = client->GetFleet();
  if (!fleet.ok()) return Told(fleet.status());
  Fleet opened{.chosen = {.inventory = InventoryOf(*fleet, flags.controller), .hosts = {}},
               .source = nullptr};
  auto hosts = inventory::Select(opened.chosen.inventory, context.options.selection);
  if (!hosts.ok()) {
    PrintError(Message(hosts.status()));
    return kUsage;
  }
  opened.chosen.hosts = *std::move(hosts);
  opened.source =
      std::make_unique<RemoteFleetSource>(std::move(client), Expected(opened.chosen.hosts));
  return opened;
}

}  // namespace

void AddFleetFlags(CLI::App& command, FleetFlags& flags) {
  command
      .add_option("--controller", flags.controller,
                  "Ask the 'fleetsync serve' there instead of reading this machine's store; no "
                  "inventory is needed here")
      ->type_name("HOST:PORT");
  command
      .add_option("--identity", flags.identity,
                  "With --controller: the folder with operator.pem, operator.key and ca.pem of "
                  "'fleetsync ca issue --operator' [~/.config/fleetsync]")
      ->type_name("DIR");
}

std::variant<Fleet, ExitCode> OpenFleet(const Context& context, const FleetFlags& flags) {
  if (!flags.controller.empty()) return OpenRemote(context, flags);
  std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  auto reader = db::Reader::Open(DbPath(context.options));
  if (!reader.ok()) return Told(reader.status(), "; 'fleetsync status --live' needs none");
  auto source =
      std::make_unique<status::StoredFleetSource>(*std::move(reader), Expected(chosen->hosts));
  return Fleet{.chosen = *std::move(chosen), .source = std::move(source)};
}

}  // namespace fleetsync::cli
