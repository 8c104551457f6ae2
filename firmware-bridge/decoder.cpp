#include "firmware-bridge/decoder.hpp"

namespace weir {

void Decoded::clear() {
  records.clear();
  values.clear();
  tags.clear();
  not_numeric = not_finite = 0;
  bad_time = bad_tag = bad_name = 0;
  well_formed = false;
}

}  // namespace weir
