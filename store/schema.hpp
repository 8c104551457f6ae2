#pragma once

// The on-disk format of weir.db
//
// A SQLite database in WAL mode; application_id 0x57454952 ("WEIR"), PRAGMA user_version = schema
// version. Every body is a blob of explicit little-endian encodings (config/bytes.hpp):
//
//   body := crc32 (4 bytes) , content
//
// The CRC-32 (that of zlib) is over the content, the kind of the row and its id, so that neither a
// flipped bit nor a page that comes up in another place passes for a row. It is checked at every
// read. All ids are rowids: appending touches the end of a tree.
//
//   table              id                    content
//   meta               key                   uuid: 36 characters, made with the database;
//                                            runs: ("first-last ")*, the seqs that each start of
//                                            weir gave out; of the newest the last is not known
//   journal            slot, from 0 on       block
//   checkpoint         generation << 20 | n  header (n = 0, written last) or part n of the state
//   outbox_0 … _3      seq                   zigzag inserted (wall time, us) , output
//   dead_letters       id, without a gap     dead letter
//   gaps               0, 1, 2 …             gap: results given up, not announced yet
//
//   block  := fixed64 number , fixed64 first seq , u16 first at , 958 bytes of the stream
//   stream := (varint size , tail , record)*
//   tail   := version 1 , next outbox seq , rows in outbox_0 … outbox_3            (varints)
//   header := version 1 , journal seq , size of the state , parts , tail           (varints)
//   record := version 1 , varint seq , zigzag wall , zigzag elapsed , u8 synchronised , section*
//             sections: 1 dictionary (SeriesTable::write_since), 2 readings, 3 ledger,
//             4 begin anew := zigzag time , 5 configuration := its text ,
//             128 deliveries := u8 new session , count , (zigzag packet id less the one before ,
//             fixed32 hash)*
//   output := version 1 , u8 kind , text name , text topic , tags , text metric , window ,
//             varint revision , u8 quality , varint count , varint late , first , last , fields ,
//             section*                                          (see output_codec.cpp)
//             sections: 1 merged := varint windows, 128 expected := varint readings
//   gap    := version 1 , u8 lane , text reason , first seq , last seq , results (varints) ,
//             window , zigzag since (elapsed, us)
//   dead letter := version 1 , zigzag time , texts source, topic, reason, message, payload ,
//             varint payload_size , section*
//   section := u8 tag , text body.  An unknown tag from 128 on is skipped: a later weir may add
//             what an older one can do without. An unknown tag below is an error.
//   readings: columns, see reading_codec.hpp.
//
// The tail says in each record what the outbox holds after it: so opening counts nothing, and a seq
// is never used twice, even when the outbox is empty.
//
// A checkpoint is written in parts, each in a transaction of its own, and counts from the moment
// its header is there: the write-ahead log stays small whatever the state's size. The one before is
// kept, and the journal behind *that* one, in case the newer can't be read. That costs as much room
// again as the journal takes between two checkpoints, and no further writing.
//
// The journal is one stream of records, cut into blocks that are numbered without a gap. A block
// says which record is the first to begin in it and where; 0 stands for none. Zeros fill what was
// the last block at a stop; the stream goes on in the next. A block fills its page, and slots are
// written in place: a commit then changes the pages its record fills and no others, where rows that
// come and go would change inner pages and the list of free pages, and cost their page once more
// when they are deleted. A slot is written again when the older of the two checkpoints no longer
// needs it. Behind damage the numbers leave a gap.
//
// Writing is what wears a memory card, so that pages are small (1 KiB): a commit writes few pages,
// each with 24 bytes of header into the log, and each changed page once more when the log is moved
// into the database. Pages that become free are used again; auto_vacuum is off, as its pointer
// pages would have to be written, too, with each page that is taken or freed.
//
// Beside weir.db: weir.lock (held by the running weir), weir.check (present: something damaged was
// met, the next start looks at every page), weir.db.damaged-N (set aside; the newest two are kept).

#include <cstdint>
#include <string>

#include "config/result.hpp"
#include "store/sqlite.hpp"

namespace weir {

constexpr std::uint64_t page_size = 1024;
constexpr std::int64_t schema_version = 2;

/// A random UUID, version 4 of RFC 9562.
std::string make_uuid();

/// From 1 to `most`, not to be foreseen.
std::uint64_t random_jump(std::uint64_t most);

/// Brings the database to the schema of this weir: makes the tables in an empty one, migrates an
/// older one, each step in a transaction of its own.
/// # Errors
/// `unsupported`: a newer weir wrote it; `corrupt`: it is no database of weir, or damaged.
Result<void> migrate(Database& database);

}  // namespace weir
