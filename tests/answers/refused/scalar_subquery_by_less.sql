-- input: events
-- tables: nation
SELECT k, (SELECT count(*) FROM nation WHERE n_nationkey < k) AS n FROM input
