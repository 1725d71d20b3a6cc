-- input: events
-- tables: nation
SELECT count(*) FROM input WHERE EXISTS (SELECT 1 FROM nation WHERE n_regionkey = k OFFSET 1)
