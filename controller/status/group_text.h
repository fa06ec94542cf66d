#pragma once

#include <string>
#include <vector>

#include "controller/status/group_view.h"
#include "controller/ui/table.h"

namespace fleetsync::status {

std::vector<ui::Column> GroupColumns(By by);
std::vector<std::string> GroupRow(const GroupView& group, bool color);

}  // namespace fleetsync::status
