#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "base/status.h"
#include "controller/ca/certificate_maker.h"
#include "controller/ca/register.h"

namespace fleetsync::ca {

// The files of an authority, in a folder that its owner alone may enter:
//   authority.pem    key and certificate of the authority     0600
//   controller.pem   key and certificate of the server        0600
//   register         what was issued and revoked              0600
//   lock             held while one of these is changed
// A key and its certificate are one file, so that there is never one without the other.
class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string AuthorityFile() const { return path_ + "/authority.pem"; }
  std::string ControllerFile() const { return path_ + "/controller.pem"; }
  std::string RegisterFile() const { return path_ + "/register"; }

  // Makes the folder and those above it; what was there keeps its mode.
  Status Make() const;

  // NotFound: there is no such file. FailedPrecondition: others may read it.
  StatusOr<Issuer> ReadIssuer(const std::string& file) const;
  Status WriteIssuer(const std::string& file, const Issuer& issuer) const;

  // A register that is not there is an empty one.
  StatusOr<std::vector<Issued>> ReadRegister() const;
  // The lines are on disk when it returns. With the lock held.
  Status Append(std::string_view lines) const;
  Status WriteRegister(const std::vector<Issued>& all) const;

 private:
  std::string path_;
};

// Exclusive among threads and processes, until it goes.
class FolderLock {
 public:
  // Waits for whoever holds it.
  static StatusOr<FolderLock> Take(const Folder& folder);

 private:
  explicit FolderLock(Descriptor fd) : fd_(std::move(fd)) {}

  Descriptor fd_;
};

}  // namespace fleetsync::ca
