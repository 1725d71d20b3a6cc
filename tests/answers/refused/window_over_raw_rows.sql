-- input: lineitem
SELECT l_orderkey, row_number() OVER (PARTITION BY l_shipmode ORDER BY l_shipdate) AS r FROM input
