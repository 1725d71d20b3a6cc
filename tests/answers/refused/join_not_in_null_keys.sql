-- input: events
-- tables: nation
SELECT k, count(*) AS n FROM input WHERE k NOT IN (SELECT n_nationkey FROM nation WHERE n_regionkey = 1) GROUP BY k
