#include "inventory/yaml_tree.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/yaml.h"

namespace fleetsync::inventory {
namespace {

constexpr size_t kDeepest = 16;

// yaml-cpp counts lines and columns from 0, and columns in bytes.
class Places {
 public:
  Places(std::string_view text, std::string file)
      : file_(std::move(file)), lines_(Split(text, '\n')) {}

  Origin At(int line, int byte) {
    const auto index = static_cast<size_t>(std::max(line, 0));
    auto bytes = static_cast<size_t>(std::max(byte, 0));
    if (index < lines_.size()) bytes = std::min(bytes, lines_[index].size());
    if (index != line_ || bytes < bytes_) {
      line_ = index;
      bytes_ = characters_ = 0;
    }
    // Goes on from the last place: one long line would otherwise be read once for each value.
    if (index < lines_.size())
      characters_ += DisplayWidth(lines_[index].substr(bytes_, bytes - bytes_));
    bytes_ = bytes;
    return {file_, static_cast<int>(index) + 1, static_cast<int>(characters_) + 1};
  }
  Origin At(const YAML::Mark& mark) { return At(mark.line, mark.column); }

 private:
  std::string file_;
  std::vector<std::string_view> lines_;
  size_t line_ = 0, bytes_ = 0, characters_ = 0;
};

// Builds the tree. Aliases are not followed: a few lines of them can stand for billions of values.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Places& places, Diagnostics& diagnostics, YamlFile whose)
      : places_(places), diagnostics_(diagnostics), shared_(whose == YamlFile::kShared) {}

  YamlNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    Add({.origin = places_.At(mark)});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    if (!shared_)
      AddError(diagnostics_, places_.At(mark), "aliases are not supported",
               "write the value out, or set it in a group; quote text that begins with '*'");
    Add({.kind = YamlNode::Kind::kOpaque, .origin = places_.At(mark)});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    if (CheckTag(mark, tag))
      Add({.kind = YamlNode::Kind::kScalar, .origin = places_.At(mark), .text = value});
    else
      Add({.kind = YamlNode::Kind::kOpaque, .origin = places_.At(mark)});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, YamlNode::Kind::kMapping);
  }
  void OnMapEnd() override { Close(); }

 private:
  bool CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return true;
    if (!shared_)
      AddError(diagnostics_, places_.At(mark), "tags are not supported",
               "write the value without the word that begins with '!'");
    return false;
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YamlNode::Kind kind) {
    if (!CheckTag(mark, tag)) kind = YamlNode::Kind::kOpaque;
    if (depth_ == kDeepest) {
      if (!shared_)
        AddError(diagnostics_, places_.At(mark), fmt::format("more than {} levels", kDeepest),
                 "an inventory has no such depth; check the brackets and the indentation");
      Add({.kind = YamlNode::Kind::kOpaque, .origin = places_.At(mark)});
    }
    if (++depth_ > kDeepest) return;
    if (YamlNode* node = Add({.kind = kind, .origin = places_.At(mark)}); node != nullptr)
      open_.push_back(node);
  }

  void Close() {
    if (depth_-- > kDeepest) return;
    open_.pop_back();
  }

  // The pointers in `open_` hold: only the innermost vector grows.
  YamlNode* Add(YamlNode node) {
    if (depth_ > kDeepest) return nullptr;
    if (open_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    return &open_.back()->items.emplace_back(std::move(node));
  }

  Places& places_;
  Diagnostics& diagnostics_;
  bool shared_;
  YamlNode root_;
  std::vector<YamlNode*> open_;
  size_t depth_ = 0;
};

// yaml-cpp quotes from the file behind some of its messages: that could be part of a password.
std::string Reason(const YAML::Exception& error) {
  const std::string_view reason(error.msg);
  return std::string(reason.substr(0, reason.find(": ")));
}

void AddYamlError(const YAML::Exception& error, Places& places, Diagnostics& diagnostics) {
  const std::string reason = Reason(error);
  std::string hint = "check brackets, quotes and indentation (no tabs) here and on the line above";
  if (reason.find("anchor") != std::string::npos || reason.find("alias") != std::string::npos)
    hint = "quote text that begins with '*' or '&', such as \"web*\"";
  if (error.mark.is_null())
    AddError(diagnostics, places.At(0, 0), "this is not YAML: " + reason, hint);
  else
    AddError(diagnostics, places.At(error.mark), "this is not YAML: " + reason, hint);
}

// Control characters, or bytes that are no UTF-8. False: an error was added.
bool CheckBytes(std::string_view text, Places& places, Diagnostics& diagnostics) {
  int line = 0;
  for (std::string_view raw : Split(text, '\n')) {
    if (raw.ends_with('\r')) raw.remove_suffix(1);
    const std::string clean = Printable(raw);
    if (clean != raw) {
      const auto differ = std::mismatch(raw.begin(), raw.end(), clean.begin(), clean.end());
      AddError(diagnostics, places.At(line, static_cast<int>(differ.first - raw.begin())),
               "a control character, or a byte that is not UTF-8",
               "save the file as plain UTF-8 text");
      return false;
    }
    ++line;
  }
  return true;
}

bool KeysAreText(const YamlNode& node, Diagnostics& diagnostics) {
  if (node.kind == YamlNode::Kind::kOpaque) return true;
  bool ok = true;
  const bool mapping = node.kind == YamlNode::Kind::kMapping;
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (mapping && i % 2 == 0 && node.items[i].kind != YamlNode::Kind::kScalar) {
      AddError(diagnostics, node.items[i].origin, "a key that is not text",
               "write KEY: VALUE; quote text that begins with '[', '{' or '*'");
      ok = false;
    }
    ok = KeysAreText(node.items[i], diagnostics) && ok;
  }
  return ok;
}

}  // namespace

std::optional<YamlNode> ParseYaml(std::string_view text, const std::string& file,
                                  Diagnostics& diagnostics, YamlFile whose) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Places places(text, file);
  if (!CheckBytes(text, places, diagnostics)) return std::nullopt;
  const size_t errors_before = diagnostics.size();
  TreeBuilder builder(places, diagnostics, whose);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    YamlNode root = builder.TakeRoot();
    if (parser.HandleNextDocument(builder)) {
      AddError(diagnostics, root.origin, "more than one YAML document",
               "keep everything in one, without '---' between");
      return std::nullopt;
    }
    const bool keys_ok = whose == YamlFile::kShared || KeysAreText(root, diagnostics);
    if (!keys_ok || diagnostics.size() > errors_before) return std::nullopt;
    return root;
  } catch (const YAML::Exception& error) {
    AddYamlError(error, places, diagnostics);
  }
  return std::nullopt;
}

}  // namespace fleetsync::inventory
