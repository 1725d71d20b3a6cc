-- input: nation
-- tables: lineitem_sf1
SELECT count(*) AS n FROM input JOIN lineitem_sf1 ON n_nationkey = l_suppkey
