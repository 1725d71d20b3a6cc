-- input: lineitem
-- tables: nation
SELECT n_name, (SELECT count(*) FROM input WHERE l_suppkey = n_nationkey) AS n FROM nation
