#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock_read.h"
#include "base/status.h"
#include "base/time.h"
#include "controller/ca/certificate_maker.h"
#include "controller/ca/folder.h"
#include "controller/ca/identity.h"
#include "controller/ca/register.h"
#include "controller/ca/verifier.h"

namespace fleetsync::ca {

struct AuthorityOptions {
  Duration host_life = std::chrono::hours(24 * 30);
  Duration operator_life = std::chrono::hours(24 * 365);
  std::function<SystemTime()> now = ReadSystemClock;
};

// The fleet's certificate authority: keys, certificates and the register of what was issued, in a
// folder. Several processes may use one folder at a time. Thread-safe.
class Authority {
 public:
  // NotFound: there is none in `folder`, and what makes one.
  static StatusOr<std::unique_ptr<Authority>> Open(const std::string& folder,
                                                   AuthorityOptions options = {});
  // Makes one where none is; of two that try at once one does.
  static StatusOr<std::unique_ptr<Authority>> OpenOrCreate(const std::string& folder,
                                                           AuthorityOptions options = {});

  // PEM of the fleet's certificate, which is no secret.
  const std::string& certificate() const { return certificate_; }
  const Folder& folder() const { return folder_; }

  // What the controller's server proves itself with.
  StatusOr<Identity> ServerIdentity() const;

  // With a new key. The register has the certificate before it is returned. FailedPrecondition: the
  // controller's clock is wrong for certain.
  StatusOr<Identity> IssueHost(std::string_view name) const;
  StatusOr<Identity> IssueOperator(std::string_view name) const;

  // For the key in `request_der` (PKCS #10, anything), made out to host `name`, whomever the
  // request names: the host that is connected. PEM of the certificate, then the authority's.
  // InvalidArgument: the request is not one.
  StatusOr<std::string> SignRequest(std::string_view request_der, std::string_view name) const;

  StatusOr<std::vector<Issued>> Register() const { return folder_.ReadRegister(); }

  // Revokes what is valid of the host or operator called `what`, or the one certificate with this
  // serial. Those that were revoked by this call. NotFound: there is none.
  StatusOr<std::vector<Issued>> Revoke(std::string_view what) const;

  StatusOr<std::unique_ptr<Verifier>> MakeVerifier() const {
    return Verifier::Make(folder_, certificate_);
  }

 private:
  Authority(Folder folder, AuthorityOptions options, Issuer issuer);

  StatusOr<Identity> Issue(const tls::Holder& holder) const;
  StatusOr<std::string> Sign(const tls::Holder& holder, EVP_PKEY* public_key) const;
  Status CheckClock(const std::vector<Issued>& all, SystemTime now) const;
  Status Record(const Issued& issued) const;

  const Folder folder_;
  const AuthorityOptions options_;
  const Issuer issuer_;
  const std::string certificate_;
};

}  // namespace fleetsync::ca
