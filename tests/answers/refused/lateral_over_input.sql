-- input: lineitem
-- tables: nation
SELECT n_name, x.n FROM nation CROSS JOIN LATERAL (SELECT count(*) AS n FROM input WHERE l_suppkey = n_nationkey) x
