-- input: lineitem
-- tables: orders
SELECT count(*) AS n FROM input JOIN order ON l_orderkey = o_orderkey
