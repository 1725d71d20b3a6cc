-- input: events
-- tables: nation
SELECT k IN (SELECT n_nationkey FROM nation) AS known, count(*) AS n FROM input GROUP BY known
