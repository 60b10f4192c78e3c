-- Schema 5: what the table type says of the samples that were stored before it
-- said anything, and a bound to the time that one sample lasts.

UPDATE type SET
  -- The lengths that count: of ten years at most.
  longest = coalesce((SELECT max(s.duration) FROM sample s WHERE s.type = type.id AND s.duration <= 316224000), 0),
  zoned = EXISTS (SELECT 1 FROM sample s WHERE s.type = type.id AND s.metadata IN (
    SELECT m.id FROM metadata m WHERE CASE WHEN m.json LIKE '%imeZone%' AND json_valid(m.json)
      THEN coalesce(m.json ->> '$.HKTimeZone', '') || coalesce(m.json ->> '$.timeZone', '') <> '' END));
