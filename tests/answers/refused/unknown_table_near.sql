-- input: lineitem
-- tables: orders
SELECT count(*) AS n FROM input JOIN oders ON l_orderkey = o_orderkey
