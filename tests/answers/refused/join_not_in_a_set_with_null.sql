-- input: events
-- tables: nation
SELECT count(*) AS n FROM input
WHERE k NOT IN (SELECT CASE WHEN n_nationkey > 3 THEN NULL ELSE n_nationkey END FROM nation)
