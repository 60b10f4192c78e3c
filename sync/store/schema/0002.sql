-- Schema 2: the address book.

CREATE TABLE trusted (
  -- Where, and by which certificate, the paired iPhone has proved to be itself:
  -- an audit trail of who was trusted when. One row for each place and
  -- certificate of a pairing. Rows are added and stay, also when the pairing
  -- ends; phone, last and count alone move on. No secret is in it.
  pairing     TEXT NOT NULL,              -- each pairing has a name of its own
  host        TEXT NOT NULL,              -- the address that was dialled, IPv6 link-local with its zone
  port        INTEGER NOT NULL,
  certificate TEXT NOT NULL,              -- SHA-256 of the iPhone's certificate (DER), hex
  protocol    INTEGER NOT NULL,           -- 1: that certificate was pinned; 2: it led to the pairing's CA
  phone       TEXT NOT NULL,              -- the iPhone's name when it was last seen here; '' before it gave one
  first       INTEGER NOT NULL,           -- Unix seconds
  last        INTEGER NOT NULL,           -- Unix seconds
  count       INTEGER NOT NULL,           -- connections on which it was verified
  PRIMARY KEY (pairing, host, port, certificate)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER trusted_stays BEFORE DELETE ON trusted
BEGIN
  SELECT RAISE(ABORT, 'the address book is append-only');
END;

CREATE TRIGGER trusted_is_written_once BEFORE UPDATE ON trusted
WHEN new.pairing <> old.pairing OR new.host <> old.host OR new.port <> old.port OR new.certificate <> old.certificate
  OR new.protocol <> old.protocol OR new.first <> old.first OR new.last < old.last OR new.count < old.count
BEGIN
  SELECT RAISE(ABORT, 'the address book is append-only');
END;

CREATE VIEW trust_log AS
  -- The address book in readable form, the latest first.
  SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', first, 'unixepoch') AS first_date,     -- ISO 8601, UTC
    strftime('%Y-%m-%dT%H:%M:%SZ', last, 'unixepoch') AS last_date,
    phone, host, port, certificate, protocol, pairing, count
  FROM trusted
  ORDER BY last DESC, first DESC, host, port;
