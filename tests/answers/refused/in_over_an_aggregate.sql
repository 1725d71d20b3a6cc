-- input: events
-- tables: nation
SELECT count(*) FROM input WHERE k IN (SELECT count(*) FROM nation WHERE n_nationkey = k)
