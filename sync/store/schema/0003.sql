-- Schema 3: the ledger of what the iPhone served, and each day's totals.

ALTER TABLE type ADD COLUMN late INTEGER NOT NULL DEFAULT 0;      -- samples that came after their time had been read
ALTER TABLE type ADD COLUMN longest INTEGER NOT NULL DEFAULT 0;   -- seconds: no row was ever longer
ALTER TABLE type ADD COLUMN zoned INTEGER NOT NULL DEFAULT 0;     -- 1: a sample said where it was measured

CREATE TABLE ledger (
  -- What the iPhone served of each type and day, written with the page that
  -- proves it. A row of sample that is changed by anyone else no longer adds
  -- up: `healthsync types --local --check` finds it.
  type  INTEGER NOT NULL,                 -- type.id
  day   INTEGER NOT NULL,                 -- days since 1970-01-01 in UTC
  count INTEGER NOT NULL,                 -- live samples that start in it
  hash  INTEGER NOT NULL,                 -- sum of their hashes, modulo 2^64
  PRIMARY KEY (type, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE day_total (
  -- One figure for each type and day, kept in step with every change. The
  -- view daily_totals has it in readable form.
  type    INTEGER NOT NULL,               -- type.id
  day     TEXT NOT NULL,                  -- '2026-07-07' where it was measured
  unit    TEXT NOT NULL,
  samples INTEGER NOT NULL,
  total   REAL,                           -- each moment counted once
  naive   REAL,                           -- everything added up; NULL: the same as total
  average REAL,
  minimum REAL,
  maximum REAL,
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
    d.day AS day,
    d.unit AS unit,
    d.samples AS samples,
    d.total AS total,
    d.average AS average,
    d.minimum AS minimum,
    d.maximum AS maximum,
    coalesce(d.naive, d.total) AS uncorrected
  FROM type t
  CROSS JOIN day_total d ON d.type = t.id;

DROP VIEW daily;
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
