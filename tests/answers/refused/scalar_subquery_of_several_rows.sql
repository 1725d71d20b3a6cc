-- input: events
-- tables: nation
SELECT count(*) FROM input WHERE k = (SELECT n_nationkey FROM nation)
