-- input: events
-- tables: nation
SELECT count(*) FROM input JOIN nation ON k = n_nationkey OR n_regionkey NOT IN (SELECT n_nationkey FROM nation)
