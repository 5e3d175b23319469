// The limit of the database: inserts the server's report row in groups, one durable commit each,
// from one thread without a server. Usage: group_commit FILE ROWS_PER_COMMIT SECONDS
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void check(sqlite3 *database, int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE) return;
  fprintf(stderr, "group_commit: %s\n", sqlite3_errmsg(database));
  exit(1);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  long group = atol(words[2]);
  double limit = atof(words[3]);
  sqlite3 *database;
  check(NULL, sqlite3_open(words[1], &database));
  check(database, sqlite3_exec(database,
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 20000;"
    "CREATE TABLE report (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, device TEXT NOT NULL,"
    " rollout INTEGER, action INTEGER, at INTEGER NOT NULL, kind TEXT NOT NULL,"
    " text TEXT NOT NULL, code INTEGER) STRICT", NULL, NULL, NULL));
  sqlite3_stmt *insert;
  check(database, sqlite3_prepare_v2(database,
    "INSERT INTO report (tenant, device, rollout, action, at, kind, text, code)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", -1, &insert, NULL));
  // As long as the details of the bench's report.
  char text[192];
  memset(text, 'x', sizeof text);
  long rows = 0;
  double start = seconds();
  while (seconds() - start < limit) {
    check(database, sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    for (long row = 0; row < group; row++, rows++) {
      char device[32];
      int length = snprintf(device, sizeof device, "bench-%06ld", rows % 20000);
      sqlite3_bind_text(insert, 1, "DEFAULT", 7, SQLITE_STATIC);
      sqlite3_bind_text(insert, 2, device, length, SQLITE_TRANSIENT);
      sqlite3_bind_int64(insert, 3, 1);
      sqlite3_bind_int64(insert, 4, rows % 20000);
      sqlite3_bind_int64(insert, 5, 1790000000000 + rows);
      sqlite3_bind_text(insert, 6, "proceeding", 10, SQLITE_STATIC);
      sqlite3_bind_text(insert, 7, text, sizeof text, SQLITE_TRANSIENT);
      sqlite3_bind_int64(insert, 8, 200);
      check(database, sqlite3_step(insert));
      check(database, sqlite3_reset(insert));
    }
    check(database, sqlite3_exec(database, "COMMIT", NULL, NULL, NULL));
  }
  printf("%ld %f\n", rows, seconds() - start);
  return 0;
}
