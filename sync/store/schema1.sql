-- HealthSync's database, schema 1. The comments inside the statements stay in
-- the file: `sqlite3 health.db .schema` shows them. docs/database.md explains
-- the same with examples.
--
-- A form that was released is never edited: a change is a file of its own, which
-- turns the form before into the next.

CREATE TABLE type (
  -- The kinds of samples, by the iPhone app's names.
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,           -- 'heartRate', 'steps', 'sleepAnalysis', ...
  live    INTEGER NOT NULL DEFAULT 0,     -- rows of this type in sample
  deleted INTEGER NOT NULL DEFAULT 0,     -- rows of this type in deleted_sample
  late    INTEGER NOT NULL DEFAULT 0,     -- samples that came after their time had been read
  longest INTEGER NOT NULL DEFAULT 0,     -- seconds: no sample was longer, but for those of more than ten years
  zoned   INTEGER NOT NULL DEFAULT 0      -- 1: a sample said in which time zone it was measured
) STRICT;

CREATE TABLE origin (
  -- Who measured, and in which unit.
  id     INTEGER PRIMARY KEY,
  source TEXT NOT NULL,                   -- 'Ana''s Apple Watch', as the iPhone names it
  unit   TEXT NOT NULL,                   -- 'count/min', 'kcal', 'm', ...; 'category' for sleep
  UNIQUE (source, unit)
) STRICT;

CREATE TABLE metadata (
  -- What else a sample says of itself; samples that say the same share a row.
  id   INTEGER PRIMARY KEY,
  json TEXT NOT NULL UNIQUE               -- an object of text to text with sorted keys
) STRICT;

CREATE TABLE sample (
  -- What the iPhone holds, one row for each sample. The view samples has it in
  -- readable form. The key keeps one type's samples together in the order of
  -- time, so that a type over a range is one contiguous read; no other index
  -- is needed, and a row takes some 43 bytes in the file.
  type     INTEGER NOT NULL,              -- type.id
  start    INTEGER NOT NULL,              -- Unix seconds, UTC
  id       BLOB NOT NULL,                 -- HealthKit's UUID, 16 bytes
  duration INTEGER NOT NULL,              -- seconds from start to end
  value    REAL NOT NULL,                 -- in origin.unit; sleep: the stage; workouts: seconds
  origin   INTEGER NOT NULL,              -- origin.id
  metadata INTEGER,                       -- metadata.id, or NULL for none
  PRIMARY KEY (type, start, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE deleted_sample (
  -- Samples that the iPhone held once and no longer returns. Nothing is
  -- erased: a sample that comes back moves back.
  type       INTEGER NOT NULL,
  id         BLOB NOT NULL,
  start      INTEGER NOT NULL,
  duration   INTEGER NOT NULL,
  value      REAL NOT NULL,
  origin     INTEGER NOT NULL,
  metadata   INTEGER,
  deleted_at INTEGER NOT NULL,            -- Unix seconds: when its absence was seen
  PRIMARY KEY (type, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE foreign_sample (
  -- Live samples that came from another iPhone than the one that is synced now,
  -- and that this one has not served: that it does not have them is no
  -- deletion. Empty unless a second iPhone was added (`healthsync sync --merge`).
  type  INTEGER NOT NULL,                 -- type.id
  start INTEGER NOT NULL,                 -- Unix seconds, as in sample
  id    BLOB NOT NULL,
  PRIMARY KEY (type, start, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE covered (
  -- The spans of time that were read whole from the iPhone. Where no span is,
  -- samples may be missing.
  type  INTEGER NOT NULL,                 -- type.id
  start INTEGER NOT NULL,                 -- Unix seconds, the first second of the span
  stop  INTEGER NOT NULL,                 -- Unix seconds, the first second after it
  at    INTEGER NOT NULL,                 -- Unix seconds: when it was last read into
  PRIMARY KEY (type, start)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE run (
  -- The log of synchronisations, the latest 1000.
  id       INTEGER PRIMARY KEY,
  started  INTEGER NOT NULL,              -- Unix seconds
  ended    INTEGER NOT NULL,              -- Unix seconds; 0: under way, or died
  outcome  TEXT NOT NULL,                 -- 'ok' or the code of what went wrong
  phone    TEXT NOT NULL,
  requests INTEGER NOT NULL,
  added    INTEGER NOT NULL,
  known    INTEGER NOT NULL,
  changed  INTEGER NOT NULL,
  revived  INTEGER NOT NULL,
  deleted  INTEGER NOT NULL,
  late     INTEGER NOT NULL
) STRICT;

CREATE TABLE trusted (
  -- Where, when and by which certificate the paired iPhone first proved to be
  -- itself: an audit trail. One row for each place and certificate of a pairing.
  -- Rows are added and stay, also when the pairing ends. No secret is in it.
  pairing     TEXT NOT NULL,              -- each pairing has a name of its own
  host        TEXT NOT NULL,              -- the address that was dialled, IPv6 link-local with its zone
  port        INTEGER NOT NULL,
  certificate TEXT NOT NULL,              -- SHA-256 of the iPhone's certificate (DER), hex
  protocol    INTEGER NOT NULL,           -- 1: that certificate was pinned; 2: it led to the pairing's CA
  phone       TEXT NOT NULL,              -- the iPhone's name
  at          INTEGER NOT NULL,           -- Unix seconds
  PRIMARY KEY (pairing, host, port, certificate)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER trusted_is_not_deleted BEFORE DELETE ON trusted
BEGIN
  SELECT RAISE(ABORT, 'the trust log is append-only');
END;

CREATE TRIGGER trusted_is_not_changed BEFORE UPDATE ON trusted
BEGIN
  SELECT RAISE(ABORT, 'the trust log is append-only');
END;

CREATE TABLE state (
  -- The synchronisation's own notes. Of no use to anyone else, and of no
  -- lasting form.
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW samples AS
  -- The samples in readable form, one row per (id, type). This view is a
  -- promise: its name, columns and meanings stay.
  SELECT
    substr(hex(s.id), 1, 8) || '-' || substr(hex(s.id), 9, 4) || '-' || substr(hex(s.id), 13, 4) || '-' ||
      substr(hex(s.id), 17, 4) || '-' || substr(hex(s.id), 21) AS id,       -- HealthKit's UUID, upper case
    t.name AS type,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.start, 'unixepoch') AS start_date,     -- ISO 8601, UTC
    strftime('%Y-%m-%dT%H:%M:%SZ', s.start + s.duration, 'unixepoch') AS end_date,
    s.value AS value,
    (SELECT o.unit FROM origin o WHERE o.id = s.origin) AS unit,
    (SELECT o.source FROM origin o WHERE o.id = s.origin) AS source,
    (SELECT m.json FROM metadata m WHERE m.id = s.metadata) AS metadata  -- JSON or NULL
  FROM type t
  CROSS JOIN sample s ON s.type = t.id;

CREATE VIEW samples_unix AS
  -- The same samples with times as numbers. Quick for a type over a range:
  -- WHERE type = 'heartRate' AND start >= unixepoch('2026-07-01') reads only
  -- those rows.
  SELECT
    substr(hex(s.id), 1, 8) || '-' || substr(hex(s.id), 9, 4) || '-' || substr(hex(s.id), 13, 4) || '-' ||
      substr(hex(s.id), 17, 4) || '-' || substr(hex(s.id), 21) AS id,
    t.name AS type,
    s.start AS start,                     -- Unix seconds, UTC
    s.start + s.duration AS stop,         -- Unix seconds, UTC
    s.duration AS duration,               -- seconds
    s.value AS value,
    (SELECT o.unit FROM origin o WHERE o.id = s.origin) AS unit,
    (SELECT o.source FROM origin o WHERE o.id = s.origin) AS source,
    (SELECT m.json FROM metadata m WHERE m.id = s.metadata) AS metadata
  FROM type t
  CROSS JOIN sample s ON s.type = t.id;

CREATE VIEW types AS
  -- What is stored: one row per type.
  SELECT
    t.name AS type,
    t.live AS samples,
    t.deleted AS deleted,
    (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', min(s.start), 'unixepoch') FROM sample s WHERE s.type = t.id) AS first_date,
    (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', max(s.start), 'unixepoch') FROM sample s WHERE s.type = t.id) AS last_date,
    (SELECT o.unit FROM sample s JOIN origin o ON o.id = s.origin WHERE s.type = t.id
       ORDER BY s.start DESC, s.id DESC LIMIT 1) AS unit
  FROM type t
  ORDER BY t.name;

CREATE VIEW latest AS
  -- The newest sample of each type.
  SELECT
    t.name AS type,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.start, 'unixepoch') AS start_date,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.start + s.duration, 'unixepoch') AS end_date,
    s.value AS value,
    (SELECT o.unit FROM origin o WHERE o.id = s.origin) AS unit,
    (SELECT o.source FROM origin o WHERE o.id = s.origin) AS source,
    (SELECT m.json FROM metadata m WHERE m.id = s.metadata) AS metadata
  FROM type t
  CROSS JOIN sample s ON s.type = t.id
    AND s.start = (SELECT max(x.start) FROM sample x WHERE x.type = t.id)
    AND s.id = (SELECT max(x.id) FROM sample x WHERE x.type = t.id AND x.start = s.start);

CREATE VIEW daily_by_source AS
  -- Each day, type and source. A day begins at midnight where the reader is
  -- ('localtime'); a sample belongs to the day in which it starts. total adds
  -- up values: it means something for steps, energy, distance and the like.
  SELECT
    t.name AS type,
    date(s.start, 'unixepoch', 'localtime') AS day,
    o.source AS source,
    o.unit AS unit,
    count(*) AS samples,
    sum(s.value) AS total,
    avg(s.value) AS average,
    min(s.value) AS minimum,
    max(s.value) AS maximum,
    sum(s.duration) AS seconds
  FROM type t
  CROSS JOIN sample s ON s.type = t.id
  JOIN origin o ON o.id = s.origin
  GROUP BY t.name, 2, o.source, o.unit;

CREATE VIEW daily AS
  -- Each day and type, all sources together. Where two devices counted the
  -- same minutes (an iPhone in the pocket, a Watch on the wrist) total has
  -- them twice: daily_totals has them once, daily_by_source apart.
  SELECT
    t.name AS type,
    date(s.start, 'unixepoch', 'localtime') AS day,
    o.unit AS unit,
    count(*) AS samples,
    sum(s.value) AS total,
    avg(s.value) AS average,
    min(s.value) AS minimum,
    max(s.value) AS maximum,
    sum(s.duration) AS seconds
  FROM type t
  CROSS JOIN sample s ON s.type = t.id
  JOIN origin o ON o.id = s.origin
  GROUP BY t.name, 2, o.unit;

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

CREATE VIEW sleep AS
  -- Each stretch of sleep, times where the reader is. night is the day of
  -- waking: what starts from noon to noon belongs to the day that it ends in.
  SELECT
    date(s.start, 'unixepoch', 'localtime', '+12 hours') AS night,
    CASE s.value WHEN 0 THEN 'inBed' WHEN 1 THEN 'asleep' WHEN 2 THEN 'awake'
                 WHEN 3 THEN 'core' WHEN 4 THEN 'deep' WHEN 5 THEN 'rem' ELSE 'unknown' END AS stage,
    datetime(s.start, 'unixepoch', 'localtime') AS start_local,
    datetime(s.start + s.duration, 'unixepoch', 'localtime') AS end_local,
    s.duration / 60.0 AS minutes,
    o.source AS source
  FROM type t
  CROSS JOIN sample s ON s.type = t.id
  JOIN origin o ON o.id = s.origin
  WHERE t.name = 'sleepAnalysis';

CREATE VIEW nights AS
  -- Each night and source in minutes. asleep is all sleep: of the stages and
  -- of no known stage.
  SELECT
    night,
    source,
    min(start_local) AS start_local,
    max(end_local) AS end_local,
    sum(CASE WHEN stage IN ('asleep', 'core', 'deep', 'rem') THEN minutes ELSE 0.0 END) AS asleep,
    sum(CASE stage WHEN 'core' THEN minutes ELSE 0.0 END) AS core,
    sum(CASE stage WHEN 'deep' THEN minutes ELSE 0.0 END) AS deep,
    sum(CASE stage WHEN 'rem' THEN minutes ELSE 0.0 END) AS rem,
    sum(CASE stage WHEN 'awake' THEN minutes ELSE 0.0 END) AS awake,
    sum(CASE stage WHEN 'inBed' THEN minutes ELSE 0.0 END) AS in_bed
  FROM sleep
  GROUP BY night, source;

CREATE VIEW workouts AS
  -- Each workout, times where the reader is. A figure that the iPhone did not
  -- give is NULL.
  SELECT
    datetime(s.start, 'unixepoch', 'localtime') AS start_local,
    datetime(s.start + s.duration, 'unixepoch', 'localtime') AS end_local,
    json_extract(m.json, '$.activityType') AS activity,
    s.value / 60.0 AS minutes,            -- without pauses
    CAST(json_extract(m.json, '$.totalEnergyKilocalories') AS REAL) AS kilocalories,
    CAST(json_extract(m.json, '$.totalDistanceMeters') AS REAL) AS meters,
    o.source AS source
  FROM type t
  CROSS JOIN sample s ON s.type = t.id
  JOIN origin o ON o.id = s.origin
  LEFT JOIN metadata m ON m.id = s.metadata
  WHERE t.name = 'workouts';

CREATE VIEW deleted_samples AS
  -- What the iPhone held once and no longer returns, in the form of samples.
  SELECT
    substr(hex(s.id), 1, 8) || '-' || substr(hex(s.id), 9, 4) || '-' || substr(hex(s.id), 13, 4) || '-' ||
      substr(hex(s.id), 17, 4) || '-' || substr(hex(s.id), 21) AS id,
    t.name AS type,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.start, 'unixepoch') AS start_date,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.start + s.duration, 'unixepoch') AS end_date,
    s.value AS value,
    (SELECT o.unit FROM origin o WHERE o.id = s.origin) AS unit,
    (SELECT o.source FROM origin o WHERE o.id = s.origin) AS source,
    (SELECT m.json FROM metadata m WHERE m.id = s.metadata) AS metadata,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.deleted_at, 'unixepoch') AS deleted_date
  FROM type t
  CROSS JOIN deleted_sample s ON s.type = t.id;

CREATE VIEW coverage AS
  -- Which spans of time were read whole, by type.
  SELECT
    t.name AS type,
    strftime('%Y-%m-%dT%H:%M:%SZ', c.start, 'unixepoch') AS start_date,
    strftime('%Y-%m-%dT%H:%M:%SZ', c.stop, 'unixepoch') AS end_date,        -- the first moment after it
    strftime('%Y-%m-%dT%H:%M:%SZ', c.at, 'unixepoch') AS read_date
  FROM covered c
  JOIN type t ON t.id = c.type;

CREATE VIEW runs AS
  -- The log of synchronisations, newest first.
  SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', started, 'unixepoch') AS start_date,
    CASE WHEN ended > 0 THEN strftime('%Y-%m-%dT%H:%M:%SZ', ended, 'unixepoch') END AS end_date,
    outcome, phone, requests, added, changed, revived, deleted, late
  FROM run
  ORDER BY id DESC;

CREATE VIEW trust_log AS
  -- The table trusted in readable form, the latest first.
  SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at, 'unixepoch') AS date, phone, host, port, certificate, protocol, pairing
  FROM trusted
  ORDER BY at DESC, pairing, host, port, certificate;
