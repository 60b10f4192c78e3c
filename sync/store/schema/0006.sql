-- Schema 6: the ledger and the daily totals in less room. day_total has numbers
-- where it had texts, and a sum where it had an average; the ledger keeps 48 bits
-- of 64, and what is written together, a day, lies together.

DROP VIEW daily_totals;
ALTER TABLE ledger RENAME TO ledger_5;
DROP TABLE day_total;                     -- made anew of the samples

CREATE TABLE ledger (
  -- What the iPhone served of each type and day, written with the page that
  -- proves it. A row of sample that is changed by anyone else no longer adds
  -- up: `healthsync types --local --check` finds it. By days, because a day's
  -- types come and are written together.
  day   INTEGER NOT NULL,                 -- days since 1970-01-01 in UTC
  type  INTEGER NOT NULL,                 -- type.id
  count INTEGER NOT NULL,                 -- live samples that start in it
  hash  INTEGER NOT NULL,                 -- sum of their hashes, modulo 2^48
  PRIMARY KEY (day, type)
) STRICT, WITHOUT ROWID;

INSERT INTO ledger (day, type, count, hash) SELECT day, type, count, (hash << 16) >> 16 FROM ledger_5 ORDER BY day, type;
DROP TABLE ledger_5;

CREATE TABLE unit (
  -- The units of the daily totals.
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE               -- 'count', 'count/min', 'm', ...; 's' for sleep
) STRICT;

CREATE TABLE day_total (
  -- One figure for each type and day, kept in step with every change. The
  -- view daily_totals has it in readable form.
  type    INTEGER NOT NULL,               -- type.id
  day     INTEGER NOT NULL,               -- days since 1970-01-01, where it was measured
  unit    INTEGER NOT NULL,               -- unit.id
  samples INTEGER NOT NULL,
  sum     REAL NOT NULL,                  -- each moment counted once; of what is measured at a moment, all values added up
  naive   REAL,                           -- everything added up; NULL: the same as sum
  minimum REAL,                           -- of what is measured at a moment; NULL: it is of what adds up
  maximum REAL,                           -- NULL: the same as minimum
  PRIMARY KEY (type, day, unit)
) STRICT, WITHOUT ROWID;

CREATE VIEW daily_totals AS
  -- Each day and type as the Health app shows it: what two devices measured at
  -- the same time counts once. total is for what adds up (steps, energy,
  -- distance, workouts, sleep in seconds asleep), the other three for what is
  -- measured at a moment. uncorrected is the plain sum. The order of the
  -- devices: `healthsync config get sources.priority`; a day taken apart:
  -- `healthsync why steps 2026-07-07`.
  SELECT
    t.name AS type,
    date(d.day * 86400, 'unixepoch') AS day,
    (SELECT u.name FROM unit u WHERE u.id = d.unit) AS unit,
    d.samples AS samples,
    CASE WHEN d.minimum IS NULL THEN d.sum END AS total,
    CASE WHEN d.minimum IS NOT NULL THEN d.sum / d.samples END AS average,
    d.minimum AS minimum,
    coalesce(d.maximum, d.minimum) AS maximum,
    CASE WHEN d.minimum IS NULL THEN coalesce(d.naive, d.sum) END AS uncorrected
  FROM type t
  CROSS JOIN day_total d ON d.type = t.id;
