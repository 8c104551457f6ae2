#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/bytes.hpp"
#include "operators/reading.hpp"

namespace weir {

// Readings as columns, two to three bytes each in the usual mix.
//
//   readings   := varint n , qualities , groups , values
//   qualities  := (u8 quality , varint run)*                         runs add up to n
//   groups     := (varint length , varint repeats)*                  lengths add up to n
//                 (zigzag series)*                                   one a group
//                 zigzag first time , u8 k , (zigzag step)*          a step for each further group
//   values     := varint count , (varint gap , u8 exponent)*         changes of exponent
//                 (zigzag difference | f64)*                         one a reading
//
// A group is a run of readings of one time whose series count up by one: the metrics of one
// message. Its series is stored as the distance from the one behind the group before, its time as
// the distance from the group before in units of 10^k us.
//
// A value is stored as m / 10^exponent (m a whole number, exponent at most 15) where that gives the
// same bits back, as the difference of m from the value expected: the one before of the same series
// in this record, else the one at the same place in the group before, else 0. The exponent is that
// of the value expected unless a change is listed, in which case m itself is stored; exponent 16
// means the plain bits of the double.

/// Any readings, also such as a pipeline would not take: NaN, extremes, unordered.
void write_readings(std::span<const Reading> readings, std::string& out);

/// Replaces `out` by what write_readings wrote. False, with `out` in any state, if the bytes are
/// not that. Asks for no more memory than a small multiple of the bytes handed in.
bool read_readings(ByteReader& in, std::vector<Reading>& out);

}  // namespace weir
