-- input: events
-- tables: nation
SELECT count(*) FROM input WHERE EXISTS (SELECT count(*) FROM nation WHERE n_nationkey = k)
