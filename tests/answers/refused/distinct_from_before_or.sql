-- input: events
SELECT count(*) FROM input WHERE b IS DISTINCT FROM true OR k = 2
