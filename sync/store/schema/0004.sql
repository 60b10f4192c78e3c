-- Schema 4: more than one iPhone in a database.

CREATE TABLE foreign_sample (
  -- Live samples that came from another iPhone than the one that is synced now,
  -- and that this one has not served: that it does not have them is no
  -- deletion. Empty unless a second iPhone was added (`healthsync sync --merge`).
  type  INTEGER NOT NULL,                 -- type.id
  start INTEGER NOT NULL,                 -- Unix seconds, as in sample
  id    BLOB NOT NULL,
  PRIMARY KEY (type, start, id)
) STRICT, WITHOUT ROWID;
